-- Which record a record does a part of again: the page of that one says what became of it.
ALTER TABLE record ADD COLUMN retry_of BLOB;
UPDATE record SET retry_of =
    (SELECT unhex(json_extract(p.plan, '$.retry_of.parent')) FROM record_plan p WHERE p.record_no = record.no);
CREATE INDEX record_by_retry ON record (retry_of, start_ms, id) WHERE retry_of IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('record', 'record_by_retry', '1000 2 1 1');
ANALYZE sqlite_schema;
