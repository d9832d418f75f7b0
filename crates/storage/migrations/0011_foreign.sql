-- Foreign repositories: registries elsewhere that a project names as its own, to read from.
CREATE TABLE foreign_repositories (
    repository_no BIGINT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    username TEXT,
    password BLOB -- sealed
);
