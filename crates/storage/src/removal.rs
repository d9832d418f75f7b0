//! Removing nodes: what they referred to is kept for the grace time, then the collector takes it.

use domain::path::FilePath;

use crate::changes::NodeChanges;
use crate::db::{Row, StoreResult, Write, int, text};
use crate::hosted::HostedData;
use crate::nodes::PathRange;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Files and folders.
    pub nodes: u64,
    /// Bytes of the files.
    pub size_bytes: u64,
}

/// What became of removing one file or empty folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovedOne {
    /// It is gone.
    Removed,
    /// There was nothing.
    Unknown,
    /// It is a folder that holds something.
    NotEmpty,
}

const RANGE: &str = "SELECT repository_no, path, size_bytes, blob_no, expires_ms FROM nodes \
     WHERE repository_no = $1 AND path >= $2 AND path < $3 ORDER BY path DESC LIMIT $4";
const OF_REPOSITORY: &str = "SELECT repository_no, path, size_bytes, blob_no, expires_ms FROM nodes \
     WHERE repository_no = $1 LIMIT $2";
const EXPIRED: &str = "SELECT repository_no, path, size_bytes, blob_no, expires_ms FROM nodes \
     WHERE expires_ms IS NOT NULL AND expires_ms <= $1 ORDER BY repository_no LIMIT $2";
const ONE: &str = "SELECT repository_no, path, size_bytes, blob_no, expires_ms FROM nodes \
     WHERE repository_no = $1 AND path = $2 AND (expires_ms IS NULL OR expires_ms > $3)";
const ANY_BELOW: &str = "SELECT 1 AS one FROM nodes WHERE repository_no = $1 AND path >= $2 AND path < $3 \
     AND (expires_ms IS NULL OR expires_ms > $4) LIMIT 1";
const HIDDEN: &str = "SELECT no FROM repositories WHERE deleted_ms IS NOT NULL LIMIT 1";
const DROP_PACKAGES: [&str; 4] = [
    "DELETE FROM packages WHERE repository_no = $1",
    "DELETE FROM package_versions WHERE repository_no = $1",
    "DELETE FROM manifests WHERE repository_no = $1",
    "DELETE FROM manifest_blobs WHERE repository_no = $1",
];
const DROP_FOREIGN: &str = "DELETE FROM foreign_repositories WHERE repository_no = $1";
const DROP_REPOSITORY: &str = "DELETE FROM repositories WHERE no = $1 AND deleted_ms IS NOT NULL";

impl HostedData {
    /// Removes a file, or a folder that holds nothing.
    pub async fn remove_one(&self, repository_no: i64, path: &FilePath) -> StoreResult<RemovedOne> {
        let now_ms = self.now_ms();
        let mut write = self.db().begin().await?;
        let Some(row) = write
            .fetch_optional(ONE, vec![int(repository_no), text(path.as_str()), int(now_ms)])
            .await?
        else {
            return Ok(RemovedOne::Unknown);
        };
        if row.maybe_int("blob_no")?.is_none() {
            let below = PathRange::below(path);
            let values = vec![
                int(repository_no),
                text(below.from),
                text(below.until.unwrap_or_default()),
                int(now_ms),
            ];
            if write.fetch_optional(ANY_BELOW, values).await?.is_some() {
                return Ok(RemovedOne::NotEmpty);
            }
        }
        self.remove_rows(&mut write, &[row]).await?;
        write.commit().await?;
        Ok(RemovedOne::Removed)
    }

    /// Removes `path` and everything below it, batch by batch.
    ///
    /// Backwards by path: what a folder holds goes before itself, so that at no moment a file stands without
    /// the folders above it, and what arrives meanwhile goes too. Repeating the call finishes one that broke off.
    pub async fn remove_tree(&self, repository_no: i64, path: &FilePath) -> StoreResult<Removed> {
        let mut removed = Removed::default();
        let below = PathRange::below(path);
        let until = below.until.unwrap_or_else(|| "0".into());
        loop {
            let values = vec![
                int(repository_no),
                text(&below.from),
                text(&until),
                int(self.batch_nodes),
            ];
            let mut write = self.db().begin().await?;
            let mut rows = write.fetch_all(RANGE, values).await?;
            let last = i64::try_from(rows.len()).unwrap_or(i64::MAX) < self.batch_nodes;
            if last {
                rows.extend(
                    write
                        .fetch_optional(
                            ONE,
                            vec![int(repository_no), text(path.as_str()), int(self.now_ms())],
                        )
                        .await?,
                );
            }
            let some = self.remove_rows(&mut write, &rows).await?;
            write.commit().await?;
            removed.nodes += some.nodes;
            removed.size_bytes += some.size_bytes;
            if last {
                return Ok(removed);
            }
        }
    }

    /// Removes what hidden repositories still hold, then themselves.
    pub async fn purge_repositories(&self) -> StoreResult<u64> {
        let mut purged = 0;
        while let Some(row) = self.db().fetch_optional(HIDDEN, vec![]).await? {
            let no = row.int("no")?;
            loop {
                let mut write = self.db().begin().await?;
                let rows = write
                    .fetch_all(OF_REPOSITORY, vec![int(no), int(self.batch_nodes)])
                    .await?;
                if rows.is_empty() {
                    for drop in DROP_PACKAGES {
                        write.execute(drop, vec![int(no)]).await?;
                    }
                    write.execute(DROP_FOREIGN, vec![int(no)]).await?;
                    write.execute(DROP_REPOSITORY, vec![int(no)]).await?;
                    write.commit().await?;
                    break;
                }
                self.remove_rows(&mut write, &rows).await?;
                write.commit().await?;
            }
            purged += 1;
        }
        Ok(purged)
    }

    /// Removes the files whose time is over.
    pub async fn remove_expired(&self) -> StoreResult<u64> {
        let mut removed = 0;
        loop {
            let mut write = self.db().begin().await?;
            let rows = write
                .fetch_all(EXPIRED, vec![int(self.now_ms()), int(self.batch_nodes)])
                .await?;
            if rows.is_empty() {
                return Ok(removed);
            }
            self.remove_rows(&mut write, &rows).await?;
            write.commit().await?;
            removed += rows.len() as u64;
        }
    }

    /// Removes rows, which are ordered by repository; says how much of that was not past its time.
    pub(crate) async fn remove_rows(&self, write: &mut Write, rows: &[Row]) -> StoreResult<Removed> {
        let now_ms = self.now_ms();
        let mut removed = Removed::default();
        let mut by_repository: Vec<NodeChanges> = Vec::new();
        for row in rows {
            let (no, size_bytes) = (row.int("repository_no")?, row.size("size_bytes")?);
            if by_repository
                .last()
                .is_none_or(|changes| changes.repository_no != no)
            {
                by_repository.push(NodeChanges::of(no));
            }
            if let Some(changes) = by_repository.last_mut() {
                changes.removed.push(row.text("path")?);
                changes.released.extend(row.maybe_int("blob_no")?);
                changes.more_bytes -= i64::try_from(size_bytes).unwrap_or(i64::MAX);
            }
            if row.maybe_int("expires_ms")?.is_none_or(|at_ms| at_ms > now_ms) {
                removed.nodes += 1;
                removed.size_bytes += size_bytes;
            }
        }
        for changes in by_repository {
            changes.apply(write, self).await?;
        }
        Ok(removed)
    }
}
