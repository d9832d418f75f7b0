-- Which parts of an upload are there is remembered in its file. Sessions that were open before begin anew;
-- what they brought is removed with the files no row names.
DELETE FROM upload_sessions;
DROP TABLE upload_parts;
