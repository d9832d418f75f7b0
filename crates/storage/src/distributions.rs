//! Distributions: a task of one repository and, where its target is no registered cluster, a cluster of its
//! own. Both have the same name, and come and go together.

use domain::cluster::Cluster;
use domain::id::ClusterId;
use domain::task::Task;

use crate::Store;
use crate::db::{StoreResult, Write, blob, text};
use crate::live::Subject;
use crate::records::is_busy;
use crate::tasks;

/// A distribution that is to be.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// Its task: a new one, or one that replaces another with its key.
    pub task: Task,
    /// The cluster of its own that it writes to; `None`: it writes to a registered one.
    pub own_cluster: Option<Cluster>,
}

/// What became of removing a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// A run of it goes on; nothing changed.
    Busy,
    /// There was none.
    Unknown,
}

/// The distributions of this node.
pub struct Distributions<'a>(pub(crate) &'a Store);

const CLUSTER_NAMED: &str = "SELECT id FROM cluster WHERE name = $1";
const DELETE_UNUSED: &str = "DELETE FROM cluster WHERE id = $1 AND NOT EXISTS \
    (SELECT 1 FROM task WHERE deleted_ms IS NULL AND targets LIKE $2)";

impl Distributions<'_> {
    /// Saves all of `distributions` or none; [`crate::StoreError::Taken`] when a name is.
    pub async fn save(&self, distributions: &[Distribution]) -> StoreResult<()> {
        let mut write = self.0.db().begin().await?;
        for Distribution { task, own_cluster } in distributions {
            if let Some(cluster) = own_cluster {
                self.0.clusters().put(&mut write, cluster).await?;
            }
            match tasks::replace(&mut write, task).await? {
                Some(old) if own_cluster.is_none() => drop_own_cluster(&mut write, &old).await?,
                Some(_) => {}
                None => tasks::insert(&mut write, task).await?,
            }
        }
        write.commit().await
    }

    /// Hides a distribution and its log, and removes its cluster; with `only_idle`, not while a run of it goes on.
    pub async fn remove(&self, task: &Task, only_idle: bool) -> StoreResult<Removal> {
        let mut write = self.0.db().begin().await?;
        if only_idle && is_busy(&mut write, &task.key).await? {
            return Ok(Removal::Busy);
        }
        let Some(old) = tasks::hide(&mut write, &task.key, self.0.now_ms()).await? else {
            return Ok(Removal::Unknown);
        };
        drop_own_cluster(&mut write, &old).await?;
        write.commit().await?;
        Ok(Removal::Removed)
    }
}

/// Removes the cluster that `task` wrote to and that has its name, unless another task writes to it as well.
async fn drop_own_cluster(write: &mut Write, task: &Task) -> StoreResult<()> {
    let Some(row) = write
        .fetch_optional(CLUSTER_NAMED, vec![text(&task.name)])
        .await?
    else {
        return Ok(());
    };
    let id = ClusterId::from(row.bytes("id")?);
    if task.targets.contains(&id) {
        let values = vec![blob(*id.as_bytes()), text(format!("%{id}%"))];
        write.execute(DELETE_UNUSED, values).await?;
        write.changed(Subject::Cluster(id));
    }
    Ok(())
}
