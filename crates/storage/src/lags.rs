//! What each task owes: artifacts whose latest detail failed, and changes that wait to be carried.

use std::collections::HashMap;

use domain::id::TaskKey;

use crate::db::{StoreResult, text};
use crate::tasks::Tasks;

/// What a task owes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Artifacts whose latest detail failed.
    pub open_failures: u64,
    /// Since when the change waits that waits longest and is due (Unix milliseconds).
    pub waiting_since_ms: Option<i64>,
}

const FAILURES: &str =
    "SELECT task_key, CAST(SUM(rows) AS BIGINT) AS rows FROM failure_scope GROUP BY task_key";
const FAILURES_OF: &str = "SELECT task_key, CAST(SUM(rows) AS BIGINT) AS rows FROM failure_scope WHERE task_key = $1 GROUP BY task_key";
const WAITING: &str = "SELECT t.key AS task_key, (SELECT MIN(e.due_ms) FROM event e WHERE e.task_no = w.task_no \
    AND e.unit_no = w.unit_no AND e.due_ms IS NOT NULL) AS since_ms FROM watch w \
    JOIN task t ON t.no = w.task_no AND t.deleted_ms IS NULL";

impl Tasks<'_> {
    /// Returns what tasks owe, by key; those that owe nothing may be left out. `None` asks for all of them.
    pub async fn lags(&self, of: Option<&TaskKey>) -> StoreResult<HashMap<TaskKey, Lag>> {
        let db = self.0.db();
        let mut lags: HashMap<TaskKey, Lag> = HashMap::new();
        let failing = match of {
            None => db.fetch_all(FAILURES, vec![]).await?,
            Some(key) => db.fetch_all(FAILURES_OF, vec![text(&key.0)]).await?,
        };
        for row in failing {
            let lag = lags.entry(TaskKey(row.text("task_key")?)).or_default();
            lag.open_failures = row.size("rows")?;
        }
        let waiting = match of {
            None => db.fetch_all(WAITING, vec![]).await?,
            Some(key) => {
                let sql = format!("{WAITING} AND t.key = $1");
                db.fetch_all(sql, vec![text(&key.0)]).await?
            }
        };
        for row in waiting {
            let Some(since_ms) = row.maybe_int("since_ms")? else {
                continue;
            };
            let lag = lags.entry(TaskKey(row.text("task_key")?)).or_default();
            let earlier = lag.waiting_since_ms.map_or(since_ms, |known| known.min(since_ms));
            lag.waiting_since_ms = Some(earlier);
        }
        Ok(lags)
    }
}
