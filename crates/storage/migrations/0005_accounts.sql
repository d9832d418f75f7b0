-- What users who are no administrators may do, project by project.
CREATE TABLE project_access (
    user_name TEXT NOT NULL,
    project   TEXT NOT NULL,
    access    TEXT NOT NULL, -- read, write (and read), manage (and write)
    PRIMARY KEY (user_name, project)
) WITHOUT ROWID;
CREATE INDEX project_access_by_project ON project_access (project, user_name);

-- Platforms: programs that act as any user they name.
CREATE TABLE platform_account (
    app_id       TEXT PRIMARY KEY NOT NULL,
    access_key   TEXT NOT NULL UNIQUE,
    secret_key   BLOB NOT NULL, -- sealed: a signature is checked with the key itself
    created_by   TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    last_used_ms INTEGER
);

-- Logins at the console that are still good: a ticket names one of these rows.
CREATE TABLE console_login (
    id         TEXT PRIMARY KEY NOT NULL,
    user_name  TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
);
CREATE INDEX console_login_by_user ON console_login (user_name);
CREATE INDEX console_login_by_expiry ON console_login (expires_ms);
