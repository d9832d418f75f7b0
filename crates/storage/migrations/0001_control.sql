-- What a node knows about clusters, tasks, records, users and tokens.
-- Times are Unix milliseconds, yes and no are 1 and 0, structures are JSON text.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
);

CREATE TABLE cluster (
    id             BLOB PRIMARY KEY NOT NULL,
    name           TEXT NOT NULL UNIQUE,
    cluster_type   TEXT NOT NULL,
    url            TEXT NOT NULL,
    username       TEXT,
    password       BLOB, -- sealed
    app_id         TEXT,
    access_key     TEXT,
    secret_key     BLOB, -- sealed
    certificate    TEXT,
    udp_port       INTEGER,
    detect_type    TEXT NOT NULL,
    status         TEXT NOT NULL,
    error_reason   TEXT,
    last_report_ms INTEGER,
    created_by     TEXT NOT NULL,
    created_ms     INTEGER NOT NULL,
    modified_by    TEXT NOT NULL,
    modified_ms    INTEGER NOT NULL
);

CREATE TABLE app_user (
    name          TEXT PRIMARY KEY NOT NULL,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL,
    created_ms    INTEGER NOT NULL,
    modified_ms   INTEGER NOT NULL
);

CREATE TABLE token (
    id           BLOB PRIMARY KEY NOT NULL,
    hash         BLOB NOT NULL UNIQUE, -- SHA-256 of the token
    user_name    TEXT NOT NULL,
    name         TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    last_used_ms INTEGER,
    expires_ms   INTEGER,
    UNIQUE (user_name, name)
);

CREATE TABLE task (
    no            INTEGER PRIMARY KEY,
    key           TEXT NOT NULL UNIQUE,
    id            BLOB NOT NULL,
    name          TEXT NOT NULL,
    project       TEXT NOT NULL,
    objects       TEXT NOT NULL,
    targets       TEXT NOT NULL,
    settings      TEXT NOT NULL,
    enabled       INTEGER NOT NULL,
    description   TEXT,
    keeps_details INTEGER NOT NULL,
    reserve_days  INTEGER NOT NULL,
    status        TEXT NOT NULL,
    last_end      TEXT, -- null: never ran; 'running' while a record is open
    last_run_ms   INTEGER,
    next_run_ms   INTEGER,
    runs          INTEGER NOT NULL,
    queued        INTEGER NOT NULL DEFAULT 0, -- a trigger came during a run
    created_by    TEXT NOT NULL,
    created_ms    INTEGER NOT NULL,
    modified_by   TEXT NOT NULL,
    modified_ms   INTEGER NOT NULL,
    deleted_ms    INTEGER -- set: nobody sees it any more, its rows are being removed
);
CREATE UNIQUE INDEX task_by_name ON task (name) WHERE deleted_ms IS NULL;
CREATE INDEX task_by_project ON task (project, created_ms) WHERE deleted_ms IS NULL;
CREATE INDEX task_by_next_run ON task (next_run_ms) WHERE next_run_ms IS NOT NULL AND deleted_ms IS NULL;
CREATE INDEX task_deleted ON task (deleted_ms) WHERE deleted_ms IS NOT NULL;

CREATE TABLE record (
    no               INTEGER PRIMARY KEY AUTOINCREMENT,
    id               BLOB NOT NULL UNIQUE,
    task_key         TEXT NOT NULL,
    status           TEXT NOT NULL,
    created_ms       INTEGER NOT NULL,
    started_ms       INTEGER,
    ended_ms         INTEGER,
    start_ms         INTEGER NOT NULL, -- what lists are ordered by: started, before that created
    triggered_by     TEXT NOT NULL,
    reason           TEXT NOT NULL DEFAULT '[]',
    historical       INTEGER NOT NULL DEFAULT 0, -- imported: no overview, no plan
    keeps_details    INTEGER NOT NULL DEFAULT 1,
    purging          INTEGER NOT NULL DEFAULT 0, -- nobody sees it any more, its rows are being removed
    fence            INTEGER NOT NULL DEFAULT 0, -- grows with every claim; every write of a run carries it
    lease_node       TEXT,
    lease_until_ms   INTEGER,
    stop_by          TEXT,
    copied           INTEGER NOT NULL DEFAULT 0,
    overwritten      INTEGER NOT NULL DEFAULT 0,
    unchanged        INTEGER NOT NULL DEFAULT 0,
    skipped_conflict INTEGER NOT NULL DEFAULT 0,
    failed           INTEGER NOT NULL DEFAULT 0,
    deleted          INTEGER NOT NULL DEFAULT 0,
    conflicts        INTEGER NOT NULL DEFAULT 0,
    blobs_moved      INTEGER NOT NULL DEFAULT 0,
    blobs_failed     INTEGER NOT NULL DEFAULT 0,
    bytes_moved      INTEGER NOT NULL DEFAULT 0,
    bytes_settled    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX record_by_task ON record (task_key, start_ms, id, status);
CREATE INDEX record_purging ON record (no) WHERE purging = 1;
CREATE INDEX record_by_start ON record (start_ms);
CREATE INDEX record_open ON record (status, no) WHERE status IN ('waiting', 'running', 'stopping');
CREATE INDEX record_open_of_task ON record (task_key) WHERE status IN ('waiting', 'running', 'stopping');

-- What a record runs with; apart, so that counting does not write it again and again.
CREATE TABLE record_plan (
    record_no INTEGER PRIMARY KEY,
    plan      TEXT NOT NULL
);

-- One repository to one target within a record, and how far its plan has come.
CREATE TABLE record_unit (
    record_no        INTEGER NOT NULL,
    unit_no          INTEGER NOT NULL,
    local_cluster    TEXT NOT NULL,
    remote_cluster   TEXT NOT NULL,
    local_repository TEXT NOT NULL,
    repository_type  TEXT NOT NULL,
    execute_type     TEXT,
    next_page_no     INTEGER NOT NULL DEFAULT 0,
    cursor           TEXT,
    exhausted        INTEGER NOT NULL DEFAULT 0,
    rest             INTEGER NOT NULL DEFAULT 0, -- it ended before its plan did, behind rest_cursor
    rest_cursor      TEXT,
    PRIMARY KEY (record_no, unit_no)
) WITHOUT ROWID;

-- Pages whose artifacts are planned and not all settled.
CREATE TABLE journal_page (
    record_no     INTEGER NOT NULL,
    unit_no       INTEGER NOT NULL,
    page_no       INTEGER NOT NULL,
    cursor_before TEXT,
    cursor_after  TEXT,
    planned       TEXT NOT NULL,
    PRIMARY KEY (record_no, unit_no, page_no)
);

-- Settled artifacts of open pages that have no detail, because the record keeps only failed ones.
CREATE TABLE journal_settled (
    record_no INTEGER NOT NULL,
    unit_no   INTEGER NOT NULL,
    name      TEXT NOT NULL,
    version   TEXT NOT NULL, -- '' for files
    PRIMARY KEY (record_no, unit_no, name, version)
) WITHOUT ROWID;

-- Record details, lying in the order they are listed in. lane = unit_no * 16 + kind * 4 + status, and
-- lane_group is the same without the status (lane / 4):
-- kind 0 file, 1 package version, 2 historical path, 3 other historical; status 0 running, 1 success, 2 failed.
CREATE TABLE detail (
    record_no    INTEGER NOT NULL,
    start_ms     INTEGER NOT NULL,
    id           BLOB NOT NULL,
    lane         INTEGER NOT NULL,
    lane_group   INTEGER NOT NULL,
    name         TEXT, -- path of a file, key of a package
    version      TEXT,
    package_name TEXT,
    outcome      INTEGER NOT NULL, -- 0 running, then the outcomes in their order, 7 and 8 imported
    size_bytes   INTEGER,
    digest       BLOB,
    ended_ms     INTEGER,
    conflict     INTEGER NOT NULL DEFAULT 0,
    on_conflict  INTEGER, -- 0 skip, 1 overwrite, 2 fast fail
    moved_bytes  INTEGER NOT NULL DEFAULT 0,
    moved_blobs  INTEGER NOT NULL DEFAULT 0,
    failed_blobs INTEGER NOT NULL DEFAULT 0,
    attempts     INTEGER NOT NULL DEFAULT 1,
    class        TEXT,
    failure      TEXT,
    historical   TEXT,
    PRIMARY KEY (record_no, start_ms, id)
) WITHOUT ROWID;
CREATE INDEX detail_by_name ON detail (record_no, lane_group, name, version, lane);
CREATE INDEX detail_by_version ON detail (record_no, version, lane) WHERE version IS NOT NULL;
CREATE INDEX detail_by_package ON detail (record_no, package_name, name, lane) WHERE package_name IS NOT NULL;
CREATE INDEX detail_running ON detail (outcome, record_no) WHERE outcome = 0;

-- How many details of each lane a record has.
CREATE TABLE detail_lane (
    record_no INTEGER NOT NULL,
    lane      INTEGER NOT NULL,
    rows      INTEGER NOT NULL,
    PRIMARY KEY (record_no, lane)
) WITHOUT ROWID;

-- The same by stretches of about a thousand details: a stretch reaches from its first place to the next one's.
CREATE TABLE detail_stretch (
    record_no INTEGER NOT NULL,
    first_ms  INTEGER NOT NULL,
    first_id  BLOB NOT NULL,
    lane      INTEGER NOT NULL,
    rows      INTEGER NOT NULL,
    PRIMARY KEY (record_no, first_ms, first_id, lane)
) WITHOUT ROWID;

-- Details that were imported, so that importing them again changes nothing.
CREATE TABLE detail_import (
    id        BLOB PRIMARY KEY NOT NULL,
    record_no INTEGER NOT NULL
);
CREATE INDEX detail_import_by_record ON detail_import (record_no);

-- What the planner has to know: how many rows share a value, per index and leading columns. Written here
-- once and never measured, so that plans are the same on every node and at every size. Without it the
-- planner takes a record to have ten details.
ANALYZE meta;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('detail', 'detail', '10000000 100000 20 1'),
    ('detail', 'detail_by_name', '10000000 100000 25000 2 1 1'),
    ('detail', 'detail_by_version', '1000000 50000 1000 200'),
    ('detail', 'detail_by_package', '1000000 50000 100 50 20'),
    ('detail', 'detail_running', '100 100 20'),
    ('detail_stretch', 'detail_stretch', '100000 500 5 5 1'),
    ('task', 'sqlite_autoindex_task_1', '1000 1'),
    ('task', 'task_deleted', '10 1'),
    ('record', 'record_by_task', '100000 1000 1 1 1'),
    ('record', 'record_by_start', '100000 2'),
    ('record', 'record_open', '20 10 1'),
    ('record', 'record_open_of_task', '20 1'),
    ('record', 'record_purging', '10 1');
ANALYZE sqlite_schema;
