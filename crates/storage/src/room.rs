//! How much a repository holds and may hold: the one place where bytes are counted against a quota.
//!
//! Whatever makes a repository hold more asks [`Room::take`] inside its own transaction; what it comes to is
//! written by [`hold_more`], together with the nodes it is about, and by nothing else.

use crate::db::{StoreResult, Write, int};
use crate::hosted::HostedData;

/// What a repository may still take, within one transaction.
pub(crate) struct Room {
    /// `None`: it has no quota.
    left_bytes: Option<i64>,
    more_bytes: i64,
}

const REPOSITORY: &str =
    "SELECT quota_bytes, used_bytes FROM repositories WHERE no = $1 AND deleted_ms IS NULL";
const MORE: &str = "UPDATE repositories SET used_bytes = used_bytes + $2 WHERE no = $1";

impl Room {
    /// Returns the room of a repository; `None` when it is gone.
    pub(crate) async fn of(write: &mut Write, repository_no: i64) -> StoreResult<Option<Self>> {
        let Some(row) = write.fetch_optional(REPOSITORY, vec![int(repository_no)]).await? else {
            return Ok(None);
        };
        let used_bytes = row.int("used_bytes")?;
        Ok(Some(Self {
            left_bytes: row.maybe_int("quota_bytes")?.map(|quota| quota - used_bytes),
            more_bytes: 0,
        }))
    }

    /// Takes `size_bytes` in place of `instead_of_bytes`; `false` (and nothing is taken) over the quota.
    ///
    /// What makes a repository hold less always fits, even one that holds too much already.
    pub(crate) fn take(&mut self, size_bytes: u64, instead_of_bytes: u64) -> bool {
        let more_bytes = signed(size_bytes) - signed(instead_of_bytes);
        let after_bytes = self.more_bytes + more_bytes;
        if more_bytes > 0 && self.left_bytes.is_some_and(|left| after_bytes > left) {
            return false;
        }
        self.more_bytes = after_bytes;
        true
    }

    /// Returns how many bytes more (or fewer) the repository is to hold.
    pub(crate) fn taken_bytes(self) -> i64 {
        self.more_bytes
    }
}

/// Writes down that a repository holds `more_bytes` more, or fewer.
pub(crate) async fn hold_more(write: &mut Write, repository_no: i64, more_bytes: i64) -> StoreResult<()> {
    if more_bytes != 0 {
        write
            .execute(MORE, vec![int(repository_no), int(more_bytes)])
            .await?;
    }
    Ok(())
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX / 4)
}

impl HostedData {
    /// Says whether a repository has room for `size_bytes` in place of `instead_of_bytes`, as it is now.
    ///
    /// For refusing early, before bytes travel: what counts is asked again when they are published.
    pub async fn has_room(
        &self,
        repository_no: i64,
        size_bytes: u64,
        instead_of_bytes: u64,
    ) -> StoreResult<bool> {
        let Some(row) = self
            .db()
            .fetch_optional(REPOSITORY, vec![int(repository_no)])
            .await?
        else {
            return Ok(true);
        };
        let Some(quota_bytes) = row.maybe_int("quota_bytes")? else {
            return Ok(true);
        };
        let more_bytes = signed(size_bytes) - signed(instead_of_bytes);
        Ok(more_bytes <= 0 || more_bytes <= quota_bytes - row.int("used_bytes")?)
    }
}
