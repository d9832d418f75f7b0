//! Where a run reads from and writes to: the one thing that differs between `serve` and `copy`.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::peer::Peers;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Source, Target};
use domain::repository::{RepositoryRef, RepositoryType};
use hosted::Hosted;
use storage::Store;

/// Finds the two ends of a run.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// Returns the repository of this cluster that is read from.
    async fn source(
        &self,
        repository: &RepositoryRef,
        repository_type: &RepositoryType,
    ) -> ConnectorResult<Arc<dyn Source>>;

    /// Returns the repository of the cluster named `cluster` that is written to. Does not connect yet.
    async fn target(
        &self,
        cluster: &str,
        repository: &RepositoryRef,
        repository_type: &RepositoryType,
    ) -> ConnectorResult<Arc<dyn Target>>;
}

/// The two ends of a served run: a repository this node keeps, and one of a registered cluster.
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
    async fn source(
        &self,
        repository: &RepositoryRef,
        repository_type: &RepositoryType,
    ) -> ConnectorResult<Arc<dyn Source>> {
        let found = self.hosted.repository(repository).await;
        let found = found.map_err(|error| error.to_connector(Stage::List, repository.to_string()))?;
        match found {
            Some(found) if found.info().repository_type == *repository_type => Ok(found.source()),
            Some(found) => Err(
                ConnectorError::new(ErrorKind::Protocol, Stage::List, repository.to_string()).words(format!(
                    "repository {repository} is of type {}, not {repository_type}",
                    found.info().repository_type
                )),
            ),
            None => Err(
                ConnectorError::new(ErrorKind::NotFound, Stage::List, repository.to_string())
                    .words(format!("there is no repository {repository} here")),
            ),
        }
    }

    async fn target(
        &self,
        cluster: &str,
        repository: &RepositoryRef,
        repository_type: &RepositoryType,
    ) -> ConnectorResult<Arc<dyn Target>> {
        let registered = self.store.clusters().by_name(cluster).await.map_err(|error| {
            ConnectorError::new(ErrorKind::Disk, Stage::Describe, cluster).words(error.to_string())
        })?;
        let Some(registered) = registered else {
            return Err(ConnectorError::new(ErrorKind::NotFound, Stage::Describe, cluster)
                .words(format!("there is no cluster {cluster} any more")));
        };
        let node = self.peers.node(&registered.url, &registered.credentials)?;
        let target = node.target(repository.clone());
        Ok(Arc::new(target.of_type(repository_type.clone())))
    }
}
