-- Hosted repositories: what this node keeps itself.
--
-- A node (file or folder) names its blob by number; a blob says in which file it lies, and where in it.
-- Nothing is counted by reference: the collector asks for nodes by blob.

CREATE TABLE projects (
    name TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_by TEXT NOT NULL,
    modified_ms BIGINT NOT NULL
);

CREATE TABLE repositories (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    category TEXT NOT NULL,
    public INTEGER NOT NULL,
    display INTEGER NOT NULL,
    display_name TEXT,
    description TEXT,
    configuration TEXT NOT NULL,
    quota_bytes BIGINT,
    used_bytes BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_by TEXT NOT NULL,
    modified_ms BIGINT NOT NULL,
    deleted_ms BIGINT
);
CREATE UNIQUE INDEX repositories_by_name ON repositories (project, name) WHERE deleted_ms IS NULL;

-- One row per file that holds blobs: a pack of small ones, or one large one. A condemned file is unlinked.
CREATE TABLE blob_files (
    no INTEGER PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    live_bytes BIGINT NOT NULL,
    condemned_ms BIGINT
);
CREATE INDEX blob_files_condemned ON blob_files (condemned_ms) WHERE condemned_ms IS NOT NULL;

-- A row is a live blob; condemning it removes the row. It is kept until `keep_until_ms` even if nothing
-- refers to it: the grace time after it was written, pinned, or lost a reference.
CREATE TABLE blobs (
    no INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    size_bytes BIGINT NOT NULL,
    md5 BLOB,
    crc64 BIGINT,
    file_no BIGINT NOT NULL,
    offset_bytes BIGINT NOT NULL,
    keep_until_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX blobs_by_digest ON blobs (digest);
CREATE INDEX blobs_by_file ON blobs (file_no);

-- Who sent a blob that nothing refers to yet: only they may refer to it by digest alone.
CREATE TABLE blob_senders (
    blob_no BIGINT NOT NULL,
    sender TEXT NOT NULL,
    PRIMARY KEY (blob_no, sender)
) WITHOUT ROWID;

CREATE TABLE nodes (
    repository_no BIGINT NOT NULL,
    path TEXT NOT NULL,
    depth INTEGER NOT NULL,
    folder INTEGER NOT NULL,
    id BLOB NOT NULL,
    blob_no BIGINT,
    size_bytes BIGINT NOT NULL,
    metadata TEXT,
    expires_ms BIGINT,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_by TEXT NOT NULL,
    modified_ms BIGINT NOT NULL,
    PRIMARY KEY (repository_no, path)
) WITHOUT ROWID;
CREATE INDEX nodes_by_depth ON nodes (repository_no, depth, folder, path);
CREATE INDEX nodes_by_blob ON nodes (blob_no) WHERE blob_no IS NOT NULL;
CREATE INDEX nodes_by_expiry ON nodes (expires_ms) WHERE expires_ms IS NOT NULL;

-- Large blobs that arrive in parts, written straight into the file that becomes the blob.
CREATE TABLE upload_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    digest BLOB NOT NULL,
    size_bytes BIGINT NOT NULL,
    part_bytes BIGINT NOT NULL,
    file_no BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX upload_sessions_by_blob ON upload_sessions (owner, digest, size_bytes);

CREATE TABLE upload_parts (
    session TEXT NOT NULL,
    part_no INTEGER NOT NULL,
    PRIMARY KEY (session, part_no)
) WITHOUT ROWID;
