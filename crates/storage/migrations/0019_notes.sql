-- What a reader should know of artifacts that are there all the same.
ALTER TABLE detail ADD COLUMN note TEXT; -- JSON list; null: nothing
CREATE INDEX detail_by_note ON detail (record_no, lane, start_ms, id) WHERE note IS NOT NULL;

-- How many details of a record have one.
ALTER TABLE record ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;

-- What the planner has to know, as in 0001: how many rows share a value, per index and leading columns.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('detail', 'detail_by_note', '100000 5000 1000 10 1');
ANALYZE sqlite_schema;
