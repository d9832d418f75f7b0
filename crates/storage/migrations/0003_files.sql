-- Files that go away by themselves, and files that arrive in blocks.

-- Pages of a folder leave out what is past its time, without a look at every row.
DROP INDEX nodes_by_depth;
CREATE INDEX nodes_by_depth ON nodes (repository_no, depth, folder, path, expires_ms);

-- Uploads whose bytes come in numbered blocks of any size, and are joined when all are there. The revision
-- grows with every block, so that joining can tell whether anything came meanwhile.
CREATE TABLE block_uploads (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    repository_no BIGINT NOT NULL,
    path TEXT NOT NULL,
    overwrite INTEGER NOT NULL,
    size_bytes BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX block_uploads_by_expiry ON block_uploads (expires_ms);

-- Each block lies in a file of its own, which becomes part of no blob.
CREATE TABLE upload_blocks (
    upload TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    file_no BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (upload, sequence)
) WITHOUT ROWID;
