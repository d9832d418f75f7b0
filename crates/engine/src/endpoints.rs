//! Where a run reads from and writes to: the one thing that differs between `serve` and `copy`.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::peer::Peers;
use connectors::url::ForeignLocation;
use domain::cluster::ClusterType;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Source, Target};
use domain::repository::{RepositoryRef, RepositoryType};
use domain::task::TaskObject;
use hosted::{Hosted, HostedError};
use storage::Store;

/// Finds the two ends of a run.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// Returns the repository of this cluster that `object` of a task of `project` reads from.
    async fn source(&self, project: &str, object: &TaskObject) -> ConnectorResult<Arc<dyn Source>>;

    /// Returns the repository of the cluster named `cluster` that `object` of a task of `project` writes to. Does not
    /// connect yet.
    async fn target(
        &self,
        cluster: &str,
        project: &str,
        object: &TaskObject,
    ) -> ConnectorResult<Arc<dyn Target>>;
}

/// The two ends of a served run: a repository this node keeps or stands for, and one of a registered cluster.
pub struct ClusterEndpoints {
    /// What the node keeps; knows the clusters.
    pub store: Store,
    /// The repositories this node keeps.
    pub hosted: Hosted,
    /// The way to other nodes.
    pub peers: Peers,
}

#[async_trait]
impl Endpoints for ClusterEndpoints {
    async fn source(&self, project: &str, object: &TaskObject) -> ConnectorResult<Arc<dyn Source>> {
        let repository = RepositoryRef::new(project, &object.local_repository);
        let failed = |error: HostedError| error.to_connector(Stage::List, repository.to_string());
        let refused =
            |kind, words: String| ConnectorError::new(kind, Stage::List, repository.to_string()).words(words);
        let found = self.hosted.repository(&repository).await.map_err(failed)?;
        let Some(found) = found else {
            let words = format!("there is no repository {repository} here");
            return Err(refused(ErrorKind::NotFound, words));
        };
        let held = &found.info().repository_type;
        if *held != object.repository_type {
            let words = format!(
                "it is of type {held}, the task expects {}",
                object.repository_type
            );
            return Err(refused(ErrorKind::Protocol, words));
        }
        match found.foreign().await.map_err(failed)? {
            Some(place) => {
                let location = located(&place.url, held, Stage::List, &repository.to_string())?;
                let opened = location.open_some(&self.peers, &place.credentials(), object.choice.clone())?;
                Ok(opened.source)
            }
            None if object.choice.platforms.is_empty() => Ok(found.source_of(object.choice.versions.clone())),
            None => {
                let words = "only images of registries elsewhere are replicated platform by platform";
                Err(refused(ErrorKind::Protocol, words.into()))
            }
        }
    }

    async fn target(
        &self,
        cluster: &str,
        project: &str,
        object: &TaskObject,
    ) -> ConnectorResult<Arc<dyn Target>> {
        let registered = self.store.clusters().by_name(cluster).await.map_err(|error| {
            ConnectorError::new(ErrorKind::Disk, Stage::Describe, cluster).words(error.to_string())
        })?;
        let Some(registered) = registered else {
            return Err(ConnectorError::new(ErrorKind::NotFound, Stage::Describe, cluster)
                .words(format!("there is no cluster {cluster} any more")));
        };
        if registered.cluster_type == ClusterType::Remote {
            let location = located(&registered.url, &object.repository_type, Stage::Describe, cluster)?;
            let opened = location
                .below(named_below(object))
                .open(&self.peers, &registered.credentials)?;
            return Ok(opened.target);
        }
        let node = self.peers.node(&registered.url, &registered.credentials)?;
        let target = node.target(object.remote(project));
        Ok(Arc::new(target.of_type(object.repository_type.clone())))
    }
}

fn located(
    url: &str,
    repository_type: &RepositoryType,
    stage: Stage,
    subject: &str,
) -> ConnectorResult<ForeignLocation> {
    ForeignLocation::of(url, repository_type)
        .map_err(|error| ConnectorError::new(ErrorKind::Protocol, stage, subject).words(error.to_string()))
}

/// Returns the names below a foreign registry's URL that lead to where `object` goes: only those the task names. A
/// registry knows nothing of this node's projects.
pub(crate) fn named_below(object: &TaskObject) -> impl Iterator<Item = &str> {
    let names = [&object.remote_project, &object.remote_repository];
    names.into_iter().flatten().map(String::as_str)
}
