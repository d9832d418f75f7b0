-- What each look at a cluster found, for a day.
CREATE TABLE cluster_check (
    cluster_id BLOB NOT NULL,
    at_ms      INTEGER NOT NULL, -- Unix milliseconds
    latency_ms INTEGER, -- null: it did not answer
    PRIMARY KEY (cluster_id, at_ms)
) WITHOUT ROWID;
CREATE INDEX cluster_check_by_time ON cluster_check (at_ms);
