//! Rows of append sessions: blobs that arrive piece after piece, in order, over many connections and restarts.

use domain::digest::Digest;

use crate::db::{Row, StoreResult, blob, int, maybe, size, text};
use crate::hosted::HostedData;
use crate::publish::NewBlob;

/// An append session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendRow {
    /// Its id.
    pub id: String,
    /// Who opened it.
    pub owner: String,
    /// Digest of the whole, as announced; `None` where it is said last.
    pub digest: Option<Digest>,
    /// How many bytes are there, from the beginning and without a gap.
    pub arrived_bytes: u64,
    /// The blob file they are in.
    pub file_no: i64,
    /// When it is given up, in Unix milliseconds.
    pub expires_ms: i64,
}

const INSERT: &str = "INSERT INTO append_sessions (id, owner, digest, arrived_bytes, file_no, expires_ms) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const BY_BLOB: &str = "SELECT * FROM append_sessions WHERE owner = $1 AND digest = $2";
const BY_ID: &str = "SELECT * FROM append_sessions WHERE id = $1 AND owner = $2";
const EXPIRED: &str = "SELECT * FROM append_sessions WHERE expires_ms < $1";
const EXTEND: &str = "UPDATE append_sessions SET expires_ms = $2 WHERE id = $1";
const ARRIVED: &str = "UPDATE append_sessions SET arrived_bytes = $2, expires_ms = $3 WHERE id = $1";
const DROP: &str = "DELETE FROM append_sessions WHERE id = $1";

impl HostedData {
    /// Stores a new session; `false` when its owner has one for the same blob.
    pub async fn insert_append(&self, row: &AppendRow) -> StoreResult<bool> {
        let values = vec![
            text(&row.id),
            text(&row.owner),
            maybe(row.digest, |digest| blob(*digest.as_bytes())),
            size(row.arrived_bytes),
            int(row.file_no),
            int(row.expires_ms),
        ];
        Ok(self.db().execute(INSERT, values).await? > 0)
    }

    /// Returns the session of `owner` for a blob.
    pub async fn append_of(&self, owner: &str, digest: &Digest) -> StoreResult<Option<AppendRow>> {
        let values = vec![text(owner), blob(*digest.as_bytes())];
        let row = self.db().fetch_optional(BY_BLOB, values).await?;
        row.map(|row| append_of(&row)).transpose()
    }

    /// Returns the session `id` of `owner`.
    pub async fn append(&self, id: &str, owner: &str) -> StoreResult<Option<AppendRow>> {
        let values = vec![text(id), text(owner)];
        let row = self.db().fetch_optional(BY_ID, values).await?;
        row.map(|row| append_of(&row)).transpose()
    }

    /// Returns the sessions that ended before now.
    pub async fn expired_appends(&self) -> StoreResult<Vec<AppendRow>> {
        let rows = self.db().fetch_all(EXPIRED, vec![int(self.now_ms())]).await?;
        rows.iter().map(append_of).collect()
    }

    /// Puts off the end of a session to `expires_ms`.
    pub async fn extend_append(&self, id: &str, expires_ms: i64) -> StoreResult<()> {
        self.db().execute(EXTEND, vec![text(id), int(expires_ms)]).await?;
        Ok(())
    }

    /// Remembers how many bytes are there, for whoever has the turn to write; the session then lives until
    /// `expires_ms`.
    pub async fn note_arrived(&self, id: &str, arrived_bytes: u64, expires_ms: i64) -> StoreResult<()> {
        let values = vec![text(id), size(arrived_bytes), int(expires_ms)];
        self.db().execute(ARRIVED, values).await?;
        Ok(())
    }

    /// Ends a session by making its file a live blob of `owner`; says whether the file is used. `None`: the session
    /// is gone.
    pub async fn finish_append(&self, id: &str, new: &NewBlob, owner: &str) -> StoreResult<Option<bool>> {
        self.end_session(DROP, id, new, owner).await
    }

    /// Forgets a session; its file may be removed if this says so.
    pub async fn drop_append(&self, id: &str) -> StoreResult<bool> {
        Ok(self.db().execute(DROP, vec![text(id)]).await? > 0)
    }
}

fn append_of(row: &Row) -> StoreResult<AppendRow> {
    Ok(AppendRow {
        id: row.text("id")?,
        owner: row.text("owner")?,
        digest: digest_of(row)?,
        arrived_bytes: row.size("arrived_bytes")?,
        file_no: row.int("file_no")?,
        expires_ms: row.int("expires_ms")?,
    })
}

fn digest_of(row: &Row) -> StoreResult<Option<Digest>> {
    match row.maybe_blob("digest")? {
        Some(_) => Ok(Some(Digest::from_bytes(row.bytes("digest")?))),
        None => Ok(None),
    }
}
