-- Packages: what repositories hold that are not of files, and which versions of it there are. The bytes are files
-- in `nodes`, like any other; what is written here goes in the same transaction as those.

CREATE TABLE packages (
    repository_no BIGINT NOT NULL,
    key TEXT NOT NULL, -- docker://team/app
    name TEXT NOT NULL, -- team/app
    id BLOB NOT NULL,
    latest TEXT NOT NULL, -- the version written last
    versions BIGINT NOT NULL, -- how many there are; a package without any has no row
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_by TEXT NOT NULL,
    modified_ms BIGINT NOT NULL,
    PRIMARY KEY (repository_no, key)
) WITHOUT ROWID;

CREATE TABLE package_versions (
    repository_no BIGINT NOT NULL,
    package_key TEXT NOT NULL,
    version TEXT NOT NULL, -- tag of an image
    digest BLOB NOT NULL, -- SHA-256 of the whole: of the manifest of an image
    size_bytes BIGINT NOT NULL, -- with everything it consists of
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_by TEXT NOT NULL,
    modified_ms BIGINT NOT NULL,
    PRIMARY KEY (repository_no, package_key, version)
) WITHOUT ROWID;
CREATE INDEX package_versions_by_digest ON package_versions (repository_no, package_key, digest);

-- Manifests of images: what the protocol asks about them beside their bytes.
CREATE TABLE manifests (
    repository_no BIGINT NOT NULL,
    image TEXT NOT NULL,
    digest BLOB NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL, -- of the manifest alone
    total_bytes BIGINT NOT NULL, -- with everything it consists of
    subject BLOB, -- digest of the manifest it is about
    artifact_type TEXT,
    annotations TEXT, -- JSON object
    PRIMARY KEY (repository_no, image, digest)
) WITHOUT ROWID;
CREATE INDEX manifests_by_subject ON manifests (repository_no, image, subject, digest) WHERE subject IS NOT NULL;

-- Which blobs a manifest consists of: one that no manifest names any more goes away after a while.
CREATE TABLE manifest_blobs (
    repository_no BIGINT NOT NULL,
    image TEXT NOT NULL,
    manifest BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (repository_no, image, manifest, digest)
) WITHOUT ROWID;
CREATE INDEX manifest_blobs_by_digest ON manifest_blobs (repository_no, image, digest);

-- A blob that comes piece by piece may say its digest last.
CREATE TABLE append_sessions_anew (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    digest BLOB,
    arrived_bytes BIGINT NOT NULL,
    file_no BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
INSERT INTO append_sessions_anew (id, owner, digest, arrived_bytes, file_no, expires_ms)
    SELECT id, owner, digest, arrived_bytes, file_no, expires_ms FROM append_sessions;
DROP TABLE append_sessions;
ALTER TABLE append_sessions_anew RENAME TO append_sessions;
CREATE UNIQUE INDEX append_sessions_by_blob ON append_sessions (owner, digest) WHERE digest IS NOT NULL;
