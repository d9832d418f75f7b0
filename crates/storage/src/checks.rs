//! What looks at clusters found: each of the latest day, and for longer those that found a change.

use domain::id::ClusterId;

use crate::clusters::Clusters;
use crate::db::{Row, StoreResult, blob, flag, int, maybe, size, text};
use crate::live::Subject;

const DAY_MS: i64 = 24 * 3_600_000;
/// How long looks that found a change are kept, in milliseconds.
const KEPT_MS: i64 = 90 * DAY_MS;

/// What one look at a cluster found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The cluster.
    pub cluster: ClusterId,
    /// When (Unix milliseconds).
    pub at_ms: i64,
    /// How long it took until it answered, or was known not to, in milliseconds.
    pub latency_ms: u64,
    /// Class of the failure; `None`: it is well.
    pub class: Option<String>,
    /// Whether the look before found otherwise.
    pub turned: bool,
}

const INSERT: &str = "INSERT INTO cluster_check (cluster_id, at_ms, latency_ms, class, turned) VALUES";
const COLUMNS: usize = 5;
const SINCE: &str =
    "SELECT * FROM cluster_check WHERE cluster_id = $1 AND at_ms >= $2 ORDER BY at_ms DESC LIMIT $3";
const LATEST: &str = "SELECT c.* FROM cluster n JOIN cluster_check c ON c.cluster_id = n.id AND c.at_ms = \
    (SELECT MAX(l.at_ms) FROM cluster_check l WHERE l.cluster_id = n.id)";
const FORGET: &str = "DELETE FROM cluster_check WHERE at_ms < $1 OR (at_ms < $2 AND turned = 0)";

impl Clusters<'_> {
    /// Notes what looks found; a second one within the same millisecond is left out.
    pub async fn note_checks(&self, checks: &[Check]) -> StoreResult<()> {
        let rows = checks.iter().map(|check| {
            vec![
                blob(*check.cluster.as_bytes()),
                int(check.at_ms),
                size(check.latency_ms),
                maybe(check.class.as_deref(), text),
                flag(check.turned),
            ]
        });
        let mut write = self.0.db().begin().await?;
        let once = "ON CONFLICT (cluster_id, at_ms) DO NOTHING";
        write.insert_all(INSERT, COLUMNS, once, rows.collect()).await?;
        for check in checks {
            write.changed(Subject::Cluster(check.cluster));
        }
        write.commit().await
    }

    /// Returns at most `limit` looks at a cluster since `since_ms`, the latest first.
    pub async fn checks(&self, cluster: ClusterId, since_ms: i64, limit: usize) -> StoreResult<Vec<Check>> {
        let values = vec![blob(*cluster.as_bytes()), int(since_ms), size(limit as u64)];
        let rows = self.0.db().fetch_all(SINCE, values).await?;
        rows.iter().map(read).collect()
    }

    /// Returns the latest look at each cluster, as far as one is kept.
    pub async fn latest_checks(&self) -> StoreResult<Vec<Check>> {
        let rows = self.0.db().fetch_all(LATEST, vec![]).await?;
        rows.iter().map(read).collect()
    }

    /// Forgets looks of long ago.
    pub async fn forget_checks(&self, now_ms: i64) -> StoreResult<()> {
        let values = vec![int(now_ms - KEPT_MS), int(now_ms - DAY_MS)];
        self.0.db().execute(FORGET, values).await?;
        Ok(())
    }
}

fn read(row: &Row) -> StoreResult<Check> {
    Ok(Check {
        cluster: ClusterId::from(row.bytes("cluster_id")?),
        at_ms: row.int("at_ms")?,
        latency_ms: row.size("latency_ms")?,
        class: row.maybe_text("class")?,
        turned: row.flag("turned")?,
    })
}
