-- Moving, copying and searching nodes; what projects carry along.

-- A move or copy of a folder that takes more than one transaction. The row tells a repeated call that the
-- folder it finds at the target is its own work; it goes in the transaction that finishes.
CREATE TABLE node_moves (
    kind TEXT NOT NULL, -- move, copy, rename
    from_no BIGINT NOT NULL,
    from_path TEXT NOT NULL,
    to_no BIGINT NOT NULL,
    to_path TEXT NOT NULL, -- as it was asked for
    into_path TEXT NOT NULL, -- where the nodes go
    started_ms BIGINT NOT NULL,
    PRIMARY KEY (kind, from_no, from_path, to_no, to_path)
) WITHOUT ROWID;

-- The last name of the path, computed. Without an index: names are searched by pattern, which no index helps,
-- and every upload would pay for it.
ALTER TABLE nodes ADD COLUMN name TEXT NOT NULL
    GENERATED ALWAYS AS (SUBSTR(path, LENGTH(RTRIM(path, REPLACE(path, '/', ''))) + 1)) VIRTUAL;

-- The contract's list of properties, as it was given (JSON).
ALTER TABLE projects ADD COLUMN metadata TEXT;
