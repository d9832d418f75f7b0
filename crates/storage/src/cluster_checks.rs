//! What each look at a cluster found: a day of it, so that its health has a past.

use domain::id::ClusterId;

use crate::clusters::Clusters;
use crate::db::{StoreResult, blob, int, maybe};

/// How long a look is remembered, in milliseconds.
pub const CHECKS_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// One look at a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// The cluster.
    pub cluster: ClusterId,
    /// When it was asked (Unix milliseconds).
    pub at_ms: i64,
    /// How long it took to answer; `None` when it did not.
    pub latency_ms: Option<i64>,
}

const INSERT: &str = "INSERT INTO cluster_check (cluster_id, at_ms, latency_ms) VALUES ($1, $2, $3) \
    ON CONFLICT (cluster_id, at_ms) DO NOTHING";
const FORGET: &str = "DELETE FROM cluster_check WHERE at_ms < $1";
const OF: &str =
    "SELECT cluster_id, at_ms, latency_ms FROM cluster_check WHERE cluster_id = $1 ORDER BY at_ms";
const LATEST: &str = "SELECT c.cluster_id, c.at_ms, c.latency_ms FROM cluster_check c \
    WHERE c.at_ms = (SELECT MAX(l.at_ms) FROM cluster_check l WHERE l.cluster_id = c.cluster_id)";

impl Clusters<'_> {
    /// Notes what looks found, and forgets those of more than a day ago.
    pub async fn note_checks(&self, checks: &[Check]) -> StoreResult<()> {
        let mut write = self.0.db().begin().await?;
        for check in checks {
            let values = vec![
                blob(*check.cluster.as_bytes()),
                int(check.at_ms),
                maybe(check.latency_ms, int),
            ];
            write.execute(INSERT, values).await?;
        }
        let before_ms = self.0.now_ms() - CHECKS_KEPT_MS;
        write.execute(FORGET, vec![int(before_ms)]).await?;
        write.commit().await
    }

    /// Returns what is remembered of a cluster, the oldest look first: a day of it.
    pub async fn checks(&self, cluster: ClusterId) -> StoreResult<Vec<Check>> {
        let rows = self.0.db().fetch_all(OF, vec![blob(*cluster.as_bytes())]).await?;
        rows.iter().map(read).collect()
    }

    /// Returns the latest look at each cluster, as far as one is remembered.
    pub async fn latest_checks(&self) -> StoreResult<Vec<Check>> {
        let rows = self.0.db().fetch_all(LATEST, vec![]).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &crate::db::Row) -> StoreResult<Check> {
    Ok(Check {
        cluster: ClusterId::from(row.bytes("cluster_id")?),
        at_ms: row.int("at_ms")?,
        latency_ms: row.maybe_int("latency_ms")?,
    })
}
