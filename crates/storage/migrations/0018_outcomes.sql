-- Details by what became of them: the few that moved among many that were there already, or the other way round.
CREATE INDEX detail_by_outcome ON detail (record_no, outcome, lane);

-- What the planner has to know, as in 0001: how many rows share a value, per index and leading columns.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('detail', 'detail_by_outcome', '10000000 100000 33000 25000');
ANALYZE sqlite_schema;
