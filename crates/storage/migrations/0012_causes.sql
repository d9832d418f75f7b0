-- What the console asks at a glance: why artifacts failed, how much was carried, how clusters answer; and
-- whom to tell. All of it is counted while it happens, so that no question looks through the log.

-- Why artifacts of a record failed: failures that differ only in what differs from artifact to artifact are one.
CREATE TABLE record_cause (
    record_no INTEGER NOT NULL,
    cause_no  INTEGER NOT NULL,
    key       BLOB NOT NULL, -- tells the causes of a record apart
    cluster   TEXT NOT NULL, -- target, by name; '': all that failed in this class and is not told apart any more
    class     TEXT NOT NULL,
    words     TEXT, -- without what differs from artifact to artifact
    rows      INTEGER NOT NULL,
    failure   TEXT NOT NULL, -- the first one
    name      TEXT NOT NULL, -- the artifact that failed so first
    version   TEXT,
    PRIMARY KEY (record_no, cause_no)
) WITHOUT ROWID;
CREATE UNIQUE INDEX record_cause_by_key ON record_cause (record_no, key);

-- The cause of a failed detail; null for the others, for imported ones, and for those of earlier versions.
ALTER TABLE detail ADD COLUMN cause_no INTEGER;
CREATE INDEX detail_by_cause ON detail (record_no, cause_no, lane) WHERE cause_no IS NOT NULL;

-- What was settled in each hour.
CREATE TABLE hour_total (
    hour_ms   BIGINT PRIMARY KEY NOT NULL, -- when it began
    artifacts INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    bytes     BIGINT NOT NULL -- that really moved
);

-- What looks at clusters found.
CREATE TABLE cluster_check (
    cluster_id BLOB NOT NULL,
    at_ms      BIGINT NOT NULL,
    latency_ms INTEGER NOT NULL, -- until it answered, or did not
    class      TEXT, -- of the failure; null: it is well
    turned     INTEGER NOT NULL, -- whether the look before found otherwise
    PRIMARY KEY (cluster_id, at_ms)
) WITHOUT ROWID;

-- Who is told what.
CREATE TABLE webhook (
    id          BLOB PRIMARY KEY NOT NULL,
    name        TEXT NOT NULL UNIQUE,
    url         TEXT NOT NULL,
    task_key    TEXT, -- null: every task
    events      TEXT NOT NULL, -- JSON list
    secret      BLOB NOT NULL, -- sealed
    enabled     INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    modified_by TEXT NOT NULL,
    modified_ms BIGINT NOT NULL
);

-- What was told, or is to be: each once for each webhook, however often it comes up.
CREATE TABLE webhook_delivery (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB NOT NULL UNIQUE,
    webhook_id  BLOB NOT NULL,
    told        TEXT NOT NULL, -- what it is about, as a key
    event       TEXT NOT NULL,
    notice      TEXT NOT NULL,
    state       TEXT NOT NULL, -- waiting, delivered, given_up
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_ms      BIGINT, -- when it is tried next; null: no more
    created_ms  BIGINT NOT NULL,
    answered_ms BIGINT,
    status      INTEGER,
    words       TEXT
);
CREATE UNIQUE INDEX webhook_delivery_once ON webhook_delivery (webhook_id, told);
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX webhook_delivery_by_webhook ON webhook_delivery (webhook_id, no);

-- What the planner has to know, as in 0001: how many rows share a value, per index and leading columns.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('record_cause', 'record_cause', '10000 10 1'),
    ('record_cause', 'record_cause_by_key', '10000 10 1'),
    ('detail', 'detail_by_cause', '1000000 50000 5000 500'),
    ('cluster_check', 'cluster_check', '100000 1000 1'),
    ('webhook_delivery', 'webhook_delivery_once', '10000 1000 1'),
    ('webhook_delivery', 'webhook_delivery_due', '10 1'),
    ('webhook_delivery', 'webhook_delivery_by_webhook', '10000 1000 1');
ANALYZE sqlite_schema;
