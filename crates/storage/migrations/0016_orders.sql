-- Details in the order of their sizes and of how often they were tried, lane by lane.
CREATE INDEX detail_by_size ON detail (record_no, lane, COALESCE(size_bytes, 0), start_ms, id);
CREATE INDEX detail_by_attempts ON detail (record_no, lane, attempts, start_ms, id);

-- What the planner has to know, as in 0001: how many rows share a value, per index and leading columns.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('detail', 'detail_by_size', '10000000 100000 25000 20 1 1'),
    ('detail', 'detail_by_attempts', '10000000 100000 25000 20000 1 1');
ANALYZE sqlite_schema;
