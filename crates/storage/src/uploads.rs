//! Rows of upload sessions: large blobs that arrive in parts, over many connections and restarts.

use domain::digest::Digest;

use crate::db::{Row, StoreResult, blob, int, size, text};
use crate::hosted::HostedData;
use crate::open_uploads::open_bytes;
use crate::publish::NewBlob;

/// An upload session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id.
    pub id: String,
    /// Who opened it.
    pub owner: String,
    /// Digest of the whole.
    pub digest: Digest,
    /// Size of the whole.
    pub size_bytes: u64,
    /// Size of every part but the last.
    pub part_bytes: u64,
    /// The blob file the parts are written into.
    pub file_no: i64,
    /// When it is given up, in Unix milliseconds.
    pub expires_ms: i64,
}

/// What became of a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It is there.
    Opened,
    /// Its owner has one for the same blob.
    Exists,
    /// Open uploads would take more than is set aside for them.
    OverBudget,
}

const INSERT: &str = "INSERT INTO upload_sessions (id, owner, digest, size_bytes, part_bytes, file_no, expires_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
const BY_BLOB: &str = "SELECT * FROM upload_sessions WHERE owner = $1 AND digest = $2 AND size_bytes = $3";
const BY_ID: &str = "SELECT * FROM upload_sessions WHERE id = $1 AND owner = $2";
const EXPIRED: &str = "SELECT * FROM upload_sessions WHERE expires_ms < $1";
const EXTEND: &str = "UPDATE upload_sessions SET expires_ms = $2 WHERE id = $1";
const DROP: &str = "DELETE FROM upload_sessions WHERE id = $1";

impl HostedData {
    /// Stores a new session, as long as all open uploads of this node announce at most `budget_bytes` together.
    pub async fn insert_upload(&self, row: &UploadRow, budget_bytes: u64) -> StoreResult<Opened> {
        let mut write = self.db().begin().await?;
        if open_bytes(&mut write).await?.saturating_add(row.size_bytes) > budget_bytes {
            return Ok(Opened::OverBudget);
        }
        let values = vec![
            text(&row.id),
            text(&row.owner),
            blob(*row.digest.as_bytes()),
            size(row.size_bytes),
            size(row.part_bytes),
            int(row.file_no),
            int(row.expires_ms),
        ];
        if write.execute(INSERT, values).await? == 0 {
            return Ok(Opened::Exists);
        }
        write.commit().await?;
        Ok(Opened::Opened)
    }

    /// Returns the session of `owner` for a blob.
    pub async fn upload_of(
        &self,
        owner: &str,
        digest: &Digest,
        size_bytes: u64,
    ) -> StoreResult<Option<UploadRow>> {
        let values = vec![text(owner), blob(*digest.as_bytes()), size(size_bytes)];
        let row = self.db().fetch_optional(BY_BLOB, values).await?;
        row.map(|row| upload_of(&row)).transpose()
    }

    /// Returns the session `id` of `owner`.
    pub async fn upload(&self, id: &str, owner: &str) -> StoreResult<Option<UploadRow>> {
        let row = self
            .db()
            .fetch_optional(BY_ID, vec![text(id), text(owner)])
            .await?;
        row.map(|row| upload_of(&row)).transpose()
    }

    /// Returns the sessions that ended before now.
    pub async fn expired_uploads(&self) -> StoreResult<Vec<UploadRow>> {
        let rows = self.db().fetch_all(EXPIRED, vec![int(self.now_ms())]).await?;
        rows.iter().map(upload_of).collect()
    }

    /// Puts off the end of a session to `expires_ms`.
    pub async fn extend_upload(&self, id: &str, expires_ms: i64) -> StoreResult<()> {
        self.db().execute(EXTEND, vec![text(id), int(expires_ms)]).await?;
        Ok(())
    }

    /// Ends a session by making its file a live blob of `owner`; says whether the file is used.
    ///
    /// When the same bytes were here already it is not, and may be removed. `None`: the session is gone, and its
    /// file is none of the caller's business any more.
    pub async fn finish_upload(&self, id: &str, new: &NewBlob, owner: &str) -> StoreResult<Option<bool>> {
        self.end_session(DROP, id, new, owner).await
    }

    /// Forgets a session; its file may be removed if this says so.
    pub async fn drop_upload(&self, id: &str) -> StoreResult<bool> {
        Ok(self.db().execute(DROP, vec![text(id)]).await? > 0)
    }
}

fn upload_of(row: &Row) -> StoreResult<UploadRow> {
    Ok(UploadRow {
        id: row.text("id")?,
        owner: row.text("owner")?,
        digest: Digest::from_bytes(row.bytes("digest")?),
        size_bytes: row.size("size_bytes")?,
        part_bytes: row.size("part_bytes")?,
        file_no: row.int("file_no")?,
        expires_ms: row.int("expires_ms")?,
    })
}
