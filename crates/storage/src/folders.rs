//! Making folders that hold nothing yet; they stay until somebody deletes them.

use domain::path::FilePath;

use crate::changes::{NodeChanges, NodeRow};
use crate::db::{Row, StoreResult, Write, int, list_of, text};
use crate::hosted::{HostedData, lists};
use crate::room::Room;

/// What became of a new folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MadeFolder {
    /// It is there now, with the folders above it.
    Made,
    /// A file or folder stands there.
    Exists,
    /// A file stands where a folder above it is needed.
    Blocked(FilePath),
    /// The repository is gone.
    RepositoryGone,
}

impl HostedData {
    /// Makes a folder, and those above it that are missing.
    pub async fn make_folder(
        &self,
        repository_no: i64,
        path: &FilePath,
        user: &str,
    ) -> StoreResult<MadeFolder> {
        let mut write = self.db().begin().await?;
        if Room::of(&mut write, repository_no).await?.is_none() {
            return Ok(MadeFolder::RepositoryGone);
        }
        let needed: Vec<FilePath> = std::iter::once(path.clone()).chain(path.ancestors()).collect();
        let standing = self.standing_at(&mut write, repository_no, &needed).await?;
        if path.is_root() || standing.iter().any(|(stands, _)| stands == path) {
            return Ok(MadeFolder::Exists);
        }
        if let Some((file, _)) = standing.iter().find(|(_, folder)| !folder) {
            return Ok(MadeFolder::Blocked(file.clone()));
        }
        let mut changes = NodeChanges::of(repository_no);
        changes.folders = needed
            .into_iter()
            .map(|folder| NodeRow::folder(folder, self.next_id(), user, self.now_ms()))
            .collect();
        changes.apply(&mut write, self).await?;
        write.commit().await?;
        Ok(MadeFolder::Made)
    }

    /// Returns which of `paths` stand, and whether as folders; what is past its time is removed.
    async fn standing_at(
        &self,
        write: &mut Write,
        repository_no: i64,
        paths: &[FilePath],
    ) -> StoreResult<Vec<(FilePath, bool)>> {
        let now_ms = self.now_ms();
        let mut standing = Vec::new();
        let mut expired: Vec<Row> = Vec::new();
        for list in lists(paths) {
            let sql = format!(
                "SELECT repository_no, path, folder, size_bytes, blob_no, expires_ms FROM nodes \
                 WHERE repository_no = ? AND path IN ({})",
                list_of(list.len())
            );
            let values = std::iter::once(int(repository_no))
                .chain(list.iter().map(|path| text(path.as_str())))
                .collect();
            for row in write.fetch_all(sql, values).await? {
                let found = row.text("path")?;
                if row.maybe_int("expires_ms")?.is_some_and(|at_ms| at_ms <= now_ms) {
                    expired.push(row);
                } else if let Some(path) = list.iter().find(|path| path.as_str() == found) {
                    standing.push((path.clone(), row.flag("folder")?));
                }
            }
        }
        self.remove_rows(write, &expired).await?;
        Ok(standing)
    }
}
