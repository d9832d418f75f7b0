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
