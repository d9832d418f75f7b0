-- Real time: which repositories are watched, and what changed in them and has not been carried yet.

-- What enabled REAL_TIME tasks watch: one row per repository and target, numbered like the units of their
-- records. A task that is switched off watches nothing.
CREATE TABLE watch (
    task_no       BIGINT NOT NULL,
    unit_no       INTEGER NOT NULL,
    project       TEXT NOT NULL,
    repository    TEXT NOT NULL,
    paths         TEXT, -- JSON list it is limited to; null: everything
    misses        INTEGER NOT NULL DEFAULT 0, -- records in a row that did not come to the end of its events
    hold_until_ms BIGINT NOT NULL DEFAULT 0, -- its events wait until then
    PRIMARY KEY (task_no, unit_no)
) WITHOUT ROWID;
CREATE INDEX watch_by_repository ON watch (repository, project);

-- Changed artifacts that a unit has still to carry, each once, however often it changed.
CREATE TABLE event (
    task_no     BIGINT NOT NULL,
    unit_no     INTEGER NOT NULL,
    path        TEXT NOT NULL,
    id          BLOB NOT NULL, -- of the latest change
    user_name   TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL,
    due_ms      BIGINT, -- null: it failed for good, or was stopped, and waits for a retry or another change
    tries       INTEGER NOT NULL DEFAULT 0, -- how often it failed
    taken_id    BLOB, -- the change that an open page has in hand
    PRIMARY KEY (task_no, unit_no, path)
) WITHOUT ROWID;
CREATE UNIQUE INDEX event_by_id ON event (id);
CREATE INDEX event_by_due ON event (task_no, unit_no, due_ms);
CREATE INDEX event_taken ON event (task_no) WHERE taken_id IS NOT NULL;

-- The task whose events a record carries; null: it lists what its plan covers.
ALTER TABLE record ADD COLUMN events_of BIGINT;

-- What the planner has to know, as in 0001: how many rows share a value, per index and leading columns.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('watch', 'watch', '100 4 1'),
    ('watch', 'watch_by_repository', '100 3 3 1 1'),
    ('event', 'event', '100000 20000 10000 1'),
    ('event', 'event_by_id', '100000 1'),
    ('event', 'event_by_due', '100000 20000 10000 50 1'),
    ('event', 'event_taken', '1000 500 250 1');
ANALYZE sqlite_schema;
