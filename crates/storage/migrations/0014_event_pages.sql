-- Pages of events in their two orders, of all tasks or of one: what comes before a page is passed over in the index.
CREATE INDEX event_by_created ON event (created_ms, id);
CREATE INDEX event_by_modified ON event (modified_ms, id);
CREATE INDEX event_of_task_by_created ON event (task_no, created_ms, id);
CREATE INDEX event_of_task_by_modified ON event (task_no, modified_ms, id);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('event', 'event_by_created', '100000 10 1 1 1 1'),
    ('event', 'event_by_modified', '100000 10 1 1 1 1'),
    ('event', 'event_of_task_by_created', '100000 20000 10 1 1 1'),
    ('event', 'event_of_task_by_modified', '100000 20000 10 1 1 1');
ANALYZE sqlite_schema;
