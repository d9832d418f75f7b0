//! Health: what the last look at each cluster found, kept up to date in the background.

use domain::cluster::{Cluster, ClusterStatus, ClusterType, DetectType};
use domain::failure::Failure;
use futures_util::{StreamExt, stream};
use storage::cluster_checks::Check;
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::clusters::greet::Greeting;
use crate::error::{EngineError, EngineResult};

/// How often every cluster is asked, in milliseconds.
const PROBE_EVERY_MS: u64 = 60_000;
/// Clusters asked at the same time.
const AT_ONCE: usize = 8;

impl Engine {
    /// Asks every registered cluster that is to be asked, and notes what was found.
    pub async fn probe_clusters(&self) -> EngineResult<()> {
        let mut clusters = self.clusters(None, None).await?;
        clusters.retain(|cluster| {
            cluster.detect_type == DetectType::Ping && cluster.cluster_type != ClusterType::Center
        });
        let mut notes = stream::iter(clusters)
            .map(|cluster| async move { self.look_at(&cluster).await.1 })
            .buffer_unordered(AT_ONCE);
        let mut checks = Vec::new();
        while let Some(noted) = notes.next().await {
            checks.extend(noted?);
        }
        if checks.is_empty() {
            return Ok(());
        }
        Ok(self.store().clusters().note_checks(&checks).await?)
    }

    /// Asks again and again until `shutdown`.
    pub(crate) async fn probe_until(&self, shutdown: CancellationToken) {
        loop {
            let probed = tokio::select! {
                () = shutdown.cancelled() => return,
                probed = self.probe_clusters() => probed,
            };
            if let Err(error) = probed {
                tracing::error!(%error, "cluster health could not be noted");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.clock().sleep_ms(PROBE_EVERY_MS) => {}
            }
        }
    }

    /// Asks `cluster`, notes what that found when it is news, and returns it with the look to remember.
    pub(crate) async fn look_at(
        &self,
        cluster: &Cluster,
    ) -> (EngineResult<Greeting>, EngineResult<Option<Check>>) {
        let greeted = self.timed_greet(cluster).await;
        let check = |latency_ms| Check {
            cluster: cluster.id,
            at_ms: self.clock().now_ms(),
            latency_ms,
        };
        let (found, check) = match &greeted {
            Ok((_, latency_ms)) => ((ClusterStatus::Healthy, None), check(Some(*latency_ms))),
            Err(EngineError::ClusterUnreachable { failure, .. }) => {
                ((ClusterStatus::Unhealthy, Some(&**failure)), check(None))
            }
            Err(_) => return (greeted.map(|(greeting, _)| greeting), Ok(None)),
        };
        let noted = self.note_health(cluster, found.0, found.1).await;
        (greeted.map(|(greeting, _)| greeting), noted.map(|()| Some(check)))
    }

    async fn note_health(
        &self,
        cluster: &Cluster,
        status: ClusterStatus,
        failure: Option<&Failure>,
    ) -> EngineResult<()> {
        if status == cluster.status && failure == cluster.error_reason.as_ref() {
            return Ok(());
        }
        tracing::info!(cluster.name = %cluster.name, cluster.status = ?status, ?failure, "cluster health changed");
        let clusters = self.store().clusters();
        Ok(clusters
            .set_status(cluster.id, status, failure, self.clock().now_ms())
            .await?)
    }
}
