//! How much more open uploads may bring: of what is set aside for all of them, and of the disk.

use crate::Hosted;
use crate::error::{HostedError, HostedResult};
use crate::receive::blocking;

/// Bytes of the disk that uploads leave free.
const SPARE_BYTES: u64 = 64 * 1024 * 1024;

/// What was left when it was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadRoom {
    budget_bytes: u64,
    left_bytes: u64,
    disk_bytes: u64,
}

impl UploadRoom {
    /// Refuses `more_bytes` there is no room for.
    pub(crate) fn check(&self, more_bytes: u64) -> HostedResult<()> {
        if more_bytes > self.left_bytes {
            return Err(HostedError::UploadBudget(self.budget_bytes));
        }
        if more_bytes > self.disk_bytes {
            return Err(HostedError::Disk(std::io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }
}

impl Hosted {
    /// Returns the room that is left now.
    pub(crate) async fn upload_room(&self) -> HostedResult<UploadRoom> {
        let budget_bytes = self.upload_budget_bytes();
        let open_bytes = self.data().open_upload_bytes().await?;
        let files = self.data().files().clone();
        let free_bytes = blocking(move || files.free_bytes()).await?;
        Ok(UploadRoom {
            budget_bytes,
            left_bytes: budget_bytes.saturating_sub(open_bytes),
            disk_bytes: free_bytes.saturating_sub(SPARE_BYTES),
        })
    }
}
