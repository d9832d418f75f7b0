//! What all kinds of open uploads share: the bytes they hold together, and how a session becomes a blob.

use crate::db::{StoreResult, Write, text};
use crate::hosted::HostedData;
use crate::publish::NewBlob;

const OPEN_BYTES: &str = "SELECT (SELECT COALESCE(SUM(size_bytes), 0) FROM upload_sessions) \
     + (SELECT COALESCE(SUM(arrived_bytes), 0) FROM append_sessions) \
     + (SELECT COALESCE(SUM(size_bytes), 0) FROM block_uploads) AS bytes";

impl HostedData {
    /// Returns the bytes of all open uploads: what sessions announced, what was appended, and what came in blocks.
    pub async fn open_upload_bytes(&self) -> StoreResult<u64> {
        let row = self.db().fetch_optional(OPEN_BYTES, vec![]).await?;
        row.map_or(Ok(0), |row| row.size("bytes"))
    }

    /// Ends the session `id`, which `drop` removes, by making its file a live blob of `owner`; says whether the
    /// file is used.
    ///
    /// When the same bytes were here already it is not, and may be removed. `None`: the session is gone, and its
    /// file is none of the caller's business any more.
    pub(crate) async fn end_session(
        &self,
        drop: &'static str,
        id: &str,
        new: &NewBlob,
        owner: &str,
    ) -> StoreResult<Option<bool>> {
        let mut write = self.db().begin().await?;
        if write.execute(drop, vec![text(id)]).await? == 0 {
            return Ok(None);
        }
        let used = self.adopt_in(&mut write, new, owner).await?;
        write.commit().await?;
        Ok(Some(used))
    }
}

/// Returns the bytes of all open uploads, within a transaction.
pub(crate) async fn open_bytes(write: &mut Write) -> StoreResult<u64> {
    let row = write.fetch_optional(OPEN_BYTES, vec![]).await?;
    row.map_or(Ok(0), |row| row.size("bytes"))
}
