-- What failed last: a row for each task, target and artifact whose latest detail failed. Written in the
-- transaction that settles details, so that no list of failures ever looks through the log.

-- What the rows of one repository to one target share, and how many there are.
CREATE TABLE failure_scope (
    no                INTEGER PRIMARY KEY,
    task_key          TEXT NOT NULL,
    cluster           TEXT NOT NULL, -- target, by name
    cluster_id        BLOB, -- its id when something failed last
    project           TEXT NOT NULL,
    repository        TEXT NOT NULL,
    remote_project    TEXT NOT NULL,
    remote_repository TEXT NOT NULL,
    kind              INTEGER NOT NULL, -- 0 files, 1 package versions
    rows              INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX failure_scope_by_unit ON failure_scope
    (task_key, cluster, project, repository, remote_project, remote_repository, kind);

CREATE TABLE open_failure (
    no          INTEGER PRIMARY KEY,
    scope_no    INTEGER NOT NULL,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL, -- '' for files
    id          BLOB NOT NULL, -- the detail it failed as first
    record_no   INTEGER NOT NULL, -- the record it failed in last
    why         TEXT,
    retries     INTEGER NOT NULL, -- how many retries of it failed
    retry_no    INTEGER, -- the latest record that does it alone again
    created_ms  INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX open_failure_by_name ON open_failure (scope_no, name, version);
CREATE INDEX open_failure_by_id ON open_failure (id);
CREATE INDEX open_failure_by_record ON open_failure (record_no);
CREATE INDEX open_failure_by_retry ON open_failure (retry_no) WHERE retry_no IS NOT NULL;
-- With everything a filter looks at, so that a page far back is found without a look at a row.
CREATE INDEX open_failure_by_created ON open_failure (created_ms, id, scope_no, retries, retry_no);
CREATE INDEX open_failure_by_modified ON open_failure (modified_ms, id, scope_no, retries, retry_no);
CREATE INDEX open_failure_by_retries ON open_failure (retries, id, scope_no, retry_no);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('failure_scope', 'failure_scope_by_unit', '1000 5 2 2 1 1 1 1'),
    ('open_failure', 'open_failure_by_name', '1000000 10000 1 1'),
    ('open_failure', 'open_failure_by_id', '1000000 1'),
    ('open_failure', 'open_failure_by_record', '1000000 10000'),
    ('open_failure', 'open_failure_by_retry', '100 1'),
    ('open_failure', 'open_failure_by_created', '1000000 10 1 1 1 1'),
    ('open_failure', 'open_failure_by_modified', '1000000 10 1 1 1 1'),
    ('open_failure', 'open_failure_by_retries', '1000000 100000 1 1 1');
ANALYZE sqlite_schema;
