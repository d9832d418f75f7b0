//! Looking around in a repository and removing from it; and the collector's pass.

use domain::path::FilePath;
use storage::collect::Collected;
use storage::node_pages::{FolderSize, NodeFilter};
use storage::nodes::{Node, PathRange};
use storage::removal::{Removed, RemovedOne};

use crate::Hosted;
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;
use crate::repository::HostedRepository;

impl HostedRepository {
    /// Returns one page of what lies in `folder`, `offset` nodes in.
    pub async fn page(
        &self,
        folder: &FilePath,
        filter: &NodeFilter,
        offset: u64,
        limit: u64,
    ) -> HostedResult<Vec<Node>> {
        let (offset, limit) = (bounded(offset), bounded(limit));
        Ok(self
            .hosted()
            .data()
            .node_page(self.info().no, folder, filter, offset, limit)
            .await?)
    }

    /// Returns how many nodes all pages show together.
    pub async fn count(&self, folder: &FilePath, filter: &NodeFilter) -> HostedResult<u64> {
        Ok(self
            .hosted()
            .data()
            .node_count(self.info().no, folder, filter)
            .await?)
    }

    /// Returns at most `limit` files and folders of `range` by path, behind `after`.
    pub async fn nodes_in(
        &self,
        range: &PathRange,
        after: Option<&FilePath>,
        limit: u32,
    ) -> HostedResult<Vec<Node>> {
        let data = self.hosted().data();
        Ok(data.nodes_in(self.info().no, range, after, limit).await?)
    }

    /// Returns at most `limit` folders (or files) that lie directly in `folder`, by path, behind `after`.
    pub async fn children(
        &self,
        folder: &FilePath,
        folders: bool,
        after: Option<&FilePath>,
        limit: u32,
    ) -> HostedResult<Vec<Node>> {
        let data = self.hosted().data();
        Ok(data
            .children(self.info().no, folder, folders, after, limit)
            .await?)
    }

    /// Returns what lies below `folder`, all in all.
    pub async fn folder_size(&self, folder: &FilePath) -> HostedResult<FolderSize> {
        Ok(self.hosted().data().folder_size(self.info().no, folder).await?)
    }

    /// Deletes a file, or a folder that holds nothing.
    pub async fn delete(&self, path: &FilePath) -> HostedResult<()> {
        if path.is_root() {
            return Err(HostedError::RootDeleted);
        }
        match self.hosted().data().remove_one(self.info().no, path).await? {
            RemovedOne::Removed => Ok(()),
            RemovedOne::Unknown => Err(HostedError::NodeUnknown(path.clone())),
            RemovedOne::NotEmpty => Err(HostedError::FolderNotEmpty(path.clone())),
        }
    }

    /// Deletes `path` and all below it, and says how much that was.
    ///
    /// In batches of a thousand, what a folder holds before itself; seen through even if the caller does not wait.
    pub async fn delete_tree(&self, path: &FilePath) -> HostedResult<Removed> {
        if path.is_root() {
            return Err(HostedError::RootDeleted);
        }
        let (data, no, path) = (self.hosted().data().clone(), self.info().no, path.clone());
        Ok(seen_through(async move { data.remove_tree(no, &path).await }).await??)
    }
}

impl Hosted {
    /// Removes files, upload sessions and block uploads whose time is over; returns how many.
    ///
    /// They count as absent from that moment on, whenever this is called; it gives their room back.
    pub async fn expire(&self) -> HostedResult<u64> {
        let uploads =
            self.expire_uploads().await? + self.expire_appends().await? + self.expire_blocks().await?;
        Ok(uploads + self.data().remove_expired().await?)
    }

    /// Makes one pass of the collector: expired files and uploads, deleted repositories, blobs without reference.
    ///
    /// Takes nothing that somebody refers to, was told is present, or wrote less than an hour ago.
    pub async fn collect(&self) -> HostedResult<Collected> {
        self.expire().await?;
        self.data().purge_repositories().await?;
        self.data().forget_moves().await?;
        Ok(self.data().collect().await?)
    }
}

fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
