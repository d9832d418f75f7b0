//! Clears rows away in small batches, so that nobody waits for it.
//!
//! What is being cleared away is invisible from the first batch on, and a node that dies in the middle
//! goes on with it at its next start.

use crate::db::{StoreResult, int, size};
use crate::events;
use crate::failing;
use crate::records::Records;
use crate::tasks::Tasks;

const DAY_MS: i64 = 86_400_000;
/// Pages of the file given back after each batch: somewhat more than a batch of details fills.
const GIVEN_BACK_PAGES: u32 = 128;

const PURGING: &str = "SELECT no FROM record WHERE purging = 1 ORDER BY no LIMIT $1";
const EXPIRED: &str = "SELECT r.no FROM record r JOIN task t ON t.key = r.task_key \
    WHERE r.start_ms < $1 - $2 AND r.start_ms < $1 - t.reserve_days * $2 AND r.purging = 0 \
    AND r.historical = 0 AND r.status IN ('succeeded', 'failed', 'stopped') ORDER BY r.start_ms LIMIT $3";
const HIDE_RECORD: &str = "UPDATE record SET purging = 1 WHERE no = $1 AND purging = 0";
const BATCH_END: &str = "SELECT start_ms, id FROM detail WHERE record_no = $1 ORDER BY start_ms, id \
    LIMIT 1 OFFSET $2";
const DELETE_BATCH: &str = "DELETE FROM detail WHERE record_no = $1 AND (start_ms, id) <= ($2, $3)";
const DELETE_LAST: &str = "DELETE FROM detail WHERE record_no = $1";
const DELETE_IMPORTS: &str = "DELETE FROM detail_import WHERE id IN \
    (SELECT id FROM detail_import WHERE record_no = $1 LIMIT $2)";
const DELETE_REST: [&str; 8] = [
    "DELETE FROM record_cause WHERE record_no = $1",
    "DELETE FROM detail_stretch WHERE record_no = $1",
    "DELETE FROM detail_lane WHERE record_no = $1",
    "DELETE FROM journal_page WHERE record_no = $1",
    "DELETE FROM journal_settled WHERE record_no = $1",
    "DELETE FROM record_unit WHERE record_no = $1",
    "DELETE FROM record_plan WHERE record_no = $1",
    "DELETE FROM record WHERE no = $1",
];
const HIDDEN_RECORD: &str = "SELECT r.no FROM task t JOIN record r ON r.task_key = t.key \
    WHERE t.deleted_ms IS NOT NULL AND r.status NOT IN ('running', 'stopping') LIMIT 1";
const DELETE_TASKS: &str = "DELETE FROM task WHERE deleted_ms IS NOT NULL \
    AND NOT EXISTS (SELECT 1 FROM record r WHERE r.task_key = task.key) \
    AND NOT EXISTS (SELECT 1 FROM event e WHERE e.task_no = task.no)";

const DELETE_SCOPES: &str = "DELETE FROM failure_scope WHERE rows = 0 \
    AND NOT EXISTS (SELECT 1 FROM task t WHERE t.key = failure_scope.task_key)";

impl Records<'_> {
    /// Returns the numbers of at most `limit` records that are kept no longer: past their task's days, or
    /// half cleared away already. Imported ones stay as long as their task does: somebody wanted them here.
    pub async fn expired(&self, now_ms: i64, limit: usize) -> StoreResult<Vec<i64>> {
        let mut rows = self.0.db().fetch_all(PURGING, vec![size(limit as u64)]).await?;
        if rows.is_empty() {
            let values = vec![int(now_ms), int(DAY_MS), size(limit as u64)];
            rows = self.0.db().fetch_all(EXPIRED, values).await?;
        }
        rows.iter().map(|row| row.int("no")).collect()
    }

    /// Removes about `batch` rows of a record, its details first; says whether there are more.
    pub async fn purge(&self, no: i64, batch: usize) -> StoreResult<bool> {
        let mut write = self.0.db().begin().await?;
        write.execute(HIDE_RECORD, vec![int(no)]).await?;
        // First, so that nothing that is open refers to a record that is half gone.
        let forgotten = failing::forget(&mut write, no, batch).await?;
        if forgotten > 0 {
            write.commit().await?;
            return Ok(true);
        }
        let offset = size(batch.saturating_sub(1) as u64);
        let end = write.fetch_optional(BATCH_END, vec![int(no), offset]).await?;
        let more = match end {
            Some(end) => {
                let values = vec![
                    int(no),
                    int(end.int("start_ms")?),
                    crate::db::blob(end.blob("id")?),
                ];
                write.execute(DELETE_BATCH, values).await?;
                true
            }
            None => {
                write.execute(DELETE_LAST, vec![int(no)]).await?;
                let values = vec![int(no), size(batch as u64)];
                let imports = write.execute(DELETE_IMPORTS, values).await?;
                if imports < batch as u64 {
                    for sql in DELETE_REST {
                        write.execute(sql, vec![int(no)]).await?;
                    }
                }
                imports >= batch as u64
            }
        };
        write.commit().await?;
        self.0.db().give_back(GIVEN_BACK_PAGES).await?;
        Ok(more)
    }
}

impl Tasks<'_> {
    /// Removes about `batch` rows of hidden tasks; says whether there are more.
    ///
    /// A record that is still being carried out stays until its node is done with it.
    pub async fn purge_hidden(&self, batch: usize) -> StoreResult<bool> {
        if let Some(row) = self.0.db().fetch_optional(HIDDEN_RECORD, vec![]).await? {
            self.0.records().purge(row.int("no")?, batch).await?;
            return Ok(true);
        }
        if events::purge_hidden(self.0.db(), batch).await? {
            return Ok(true);
        }
        if self.0.db().execute(DELETE_TASKS, vec![]).await? > 0 {
            self.0.db().execute(DELETE_SCOPES, vec![]).await?;
        }
        Ok(false)
    }
}
