//! Asking another cluster whether it answers, and who it is: the connection test.

use std::time::Duration;

use async_trait::async_trait;
use connectors::node::Who;
use connectors::peer::Peers;
use domain::cluster::{Cluster, ClusterType};
use domain::ports::ConnectorResult;
use domain::repository::RepositoryRef;

use crate::Engine;
use crate::distributions::RemoteUser;
use crate::error::{EngineError, EngineResult};

/// How long one try may last.
const TRY: Duration = Duration::from_secs(2);
/// Pause before the second try, in milliseconds. A test ends within 5 seconds.
const PAUSE_MS: u64 = 1_000;

/// Who answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Greeting {
    /// The random id its data folder got at its first start; empty for a bk-repo and a foreign registry.
    pub node_id: String,
}

/// The way to other clusters, as far as asking who is there.
#[async_trait]
pub trait Greeter: Send + Sync {
    /// Returns who answers at `cluster`, or why nobody does.
    async fn greet(&self, cluster: &Cluster) -> ConnectorResult<Greeting>;

    /// Says whether `user` of `cluster` may write to `repository` there.
    async fn may_write(
        &self,
        cluster: &Cluster,
        user: &RemoteUser,
        repository: &RepositoryRef,
    ) -> ConnectorResult<bool>;
}

#[async_trait]
impl Greeter for Peers {
    async fn greet(&self, cluster: &Cluster) -> ConnectorResult<Greeting> {
        if cluster.cluster_type == ClusterType::Remote {
            let answered = self
                .registry_answers(&cluster.url, &cluster.credentials, TRY)
                .await;
            return answered.map(|()| Greeting::default());
        }
        let answer = self.node(&cluster.url, &cluster.credentials)?.check(TRY).await;
        match answer {
            Ok(Who::Waybill(handshake)) => Ok(Greeting {
                node_id: handshake.node_id,
            }),
            Ok(Who::BkRepo) => Ok(Greeting::default()),
            Err(error) => Err(error),
        }
    }

    async fn may_write(
        &self,
        cluster: &Cluster,
        user: &RemoteUser,
        repository: &RepositoryRef,
    ) -> ConnectorResult<bool> {
        let node = self.bkrepo(&cluster.url, &cluster.credentials)?;
        node.may_write(&user.name, &user.password, repository, TRY).await
    }
}

impl Engine {
    /// Tests the connection to `cluster`: two tries, a second apart, 5 seconds at most.
    pub async fn greet(&self, cluster: &Cluster) -> EngineResult<Greeting> {
        self.greet_timed(cluster).await.0
    }

    /// Tests the connection to `cluster`; says too how long the last try took, in milliseconds.
    pub(crate) async fn greet_timed(&self, cluster: &Cluster) -> (EngineResult<Greeting>, u64) {
        let greeter = self.greeter();
        let mut begun_ms = self.clock().now_ms();
        let took_ms = |begun_ms: i64| u64::try_from(self.clock().now_ms() - begun_ms).unwrap_or(0);
        let error = match greeter.greet(cluster).await {
            Ok(greeting) => return (Ok(greeting), took_ms(begun_ms)),
            Err(error) if error.kind.is_transient() => {
                self.clock().sleep_ms(PAUSE_MS).await;
                begun_ms = self.clock().now_ms();
                match greeter.greet(cluster).await {
                    Ok(greeting) => return (Ok(greeting), took_ms(begun_ms)),
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        let refusal = EngineError::ClusterUnreachable {
            name: cluster.name.clone(),
            failure: Box::new(error.to_failure(&cluster.name, 2)),
        };
        (Err(refusal), took_ms(begun_ms))
    }
}
