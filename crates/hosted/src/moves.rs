//! Making folders, moving, copying, renaming and searching; bytes stay where they are.

use domain::path::FilePath;
use storage::folders::MadeFolder;
use storage::moves::{MoveKind, MoveRefusal, MoveRequest, NodePlace};
use storage::search::{FoundNode, NodeSearch};

use crate::Hosted;
use crate::error::{HostedError, HostedResult};
use crate::repository::HostedRepository;

impl HostedRepository {
    /// Makes a folder, and those above it that are missing; it stays though it holds nothing.
    pub async fn make_folder(&self, path: &FilePath, user: &str) -> HostedResult<()> {
        let made = self
            .hosted()
            .data()
            .make_folder(self.info().no, path, user)
            .await?;
        match made {
            MadeFolder::Made => Ok(()),
            MadeFolder::Exists => Err(HostedError::NodeExists(path.clone())),
            MadeFolder::Blocked(by) => Err(HostedError::NodeConflict(by)),
            MadeFolder::RepositoryGone => Err(HostedError::RepositoryUnknown(self.info().name.clone())),
        }
    }

    /// Says when a file goes away by itself, in Unix milliseconds; `None`: never. Folders stay.
    pub async fn set_expiry(&self, path: &FilePath, expires_ms: Option<i64>, user: &str) -> HostedResult<()> {
        let data = self.hosted().data();
        if data.set_expiry(self.info().no, path, expires_ms, user).await? {
            return Ok(());
        }
        Err(self.no_file(path).await?)
    }

    /// Returns why no file is found at `path`: a folder stands there, or nothing.
    pub(crate) async fn no_file(&self, path: &FilePath) -> HostedResult<HostedError> {
        let folder = path.is_root() || self.node(path).await?.is_some();
        Ok(if folder {
            HostedError::NodeConflict(path.clone())
        } else {
            HostedError::NodeUnknown(path.clone())
        })
    }

    /// Moves, copies or renames the file or folder at `from` to `path` of `to`, and returns how many nodes went.
    ///
    /// Up to a thousand nodes go at once or not at all, more in batches (`docs/nodes.md`). It is seen through
    /// even if the caller does not wait.
    pub async fn move_to(
        &self,
        kind: MoveKind,
        from: &FilePath,
        (to, path): (&Self, &FilePath),
        overwrite: bool,
        user: &str,
    ) -> HostedResult<u64> {
        let request = MoveRequest {
            kind,
            from: NodePlace {
                repository_no: self.info().no,
                path: from.clone(),
            },
            to: NodePlace {
                repository_no: to.info().no,
                path: path.clone(),
            },
            overwrite,
            user: user.into(),
        };
        let data = self.hosted().data().clone();
        let moved = seen_through(async move { data.move_nodes(&request).await }).await??;
        moved.map_err(|refusal| match refusal {
            MoveRefusal::Unknown => HostedError::NodeUnknown(from.clone()),
            MoveRefusal::Exists(path) => HostedError::NodeExists(path),
            MoveRefusal::InTheWay(path) => HostedError::NodeInTheWay(path),
            MoveRefusal::Mismatch(path) => HostedError::NodeConflict(path),
            MoveRefusal::WithinItself => HostedError::WithinItself(from.clone()),
            MoveRefusal::TooLong(path) => HostedError::PathTooLong(path),
            MoveRefusal::OverQuota => HostedError::OverQuota(to.info().name.clone()),
            MoveRefusal::RepositoryGone => HostedError::RepositoryUnknown(to.info().name.clone()),
        })
    }
}

impl Hosted {
    /// Returns one page of the nodes that a search finds.
    pub async fn search(&self, search: &NodeSearch) -> HostedResult<Vec<FoundNode>> {
        Ok(self.data().search(search).await?)
    }

    /// Returns how many nodes a search finds.
    pub async fn search_count(&self, search: &NodeSearch) -> HostedResult<u64> {
        Ok(self.data().search_count(search).await?)
    }
}

/// Runs `work` to its end, whether or not somebody waits for it.
pub(crate) async fn seen_through<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> HostedResult<T> {
    tokio::spawn(work)
        .await
        .map_err(|error| HostedError::Disk(std::io::Error::other(error)))
}
