-- Blobs that arrive piece after piece, in order, written straight into the file that becomes the blob.
CREATE TABLE append_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    digest BLOB NOT NULL,
    arrived_bytes BIGINT NOT NULL,
    file_no BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX append_sessions_by_blob ON append_sessions (owner, digest);
