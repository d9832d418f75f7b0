-- Control plane: clusters, tasks, records, details, users.
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);
