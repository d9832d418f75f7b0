//! Health: what the last look at each cluster found, kept up to date in the background.

use domain::cluster::{Cluster, ClusterStatus, ClusterType, DetectType};
use futures_util::{StreamExt, stream};
use storage::checks::Check;
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
            .map(|cluster| async move {
                let (greeted, took_ms) = self.greet_timed(&cluster).await;
                self.note_health(&cluster, &greeted, took_ms).await
            })
            .buffer_unordered(AT_ONCE);
        let mut checks = Vec::new();
        while let Some(noted) = notes.next().await {
            checks.extend(noted?);
        }
        drop(notes);
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

    /// Notes what asking `cluster` found, when that is news; returns the look, to be noted with others.
    pub(crate) async fn note_health(
        &self,
        cluster: &Cluster,
        greeted: &EngineResult<Greeting>,
        latency_ms: u64,
    ) -> EngineResult<Option<Check>> {
        let (status, failure) = match greeted {
            Ok(_) => (ClusterStatus::Healthy, None),
            Err(EngineError::ClusterUnreachable { failure, .. }) => {
                (ClusterStatus::Unhealthy, Some(&**failure))
            }
            Err(_) => return Ok(None),
        };
        let now_ms = self.clock().now_ms();
        let check = Check {
            cluster: cluster.id,
            at_ms: now_ms,
            latency_ms,
            class: failure.map(|failure| failure.class.as_str().into()),
            turned: status != cluster.status,
        };
        if status == cluster.status && failure == cluster.error_reason.as_ref() {
            return Ok(Some(check));
        }
        tracing::info!(cluster.name = %cluster.name, cluster.status = ?status, ?failure, "cluster health changed");
        let clusters = self.store().clusters();
        clusters.set_status(cluster.id, status, failure, now_ms).await?;
        Ok(Some(check))
    }
}
