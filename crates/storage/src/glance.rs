//! What a first look needs: runs across tasks, and the latest run of each of some tasks, each in one query.

use std::collections::HashMap;

use domain::id::{ClusterId, RecordId, TaskKey};
use domain::record::Record;
use domain::task::Task;

use crate::db::{StoreResult, Value, blob, int, list_of, size, text};
use crate::records::{Records, SELECT, read};
use crate::tasks::Tasks;

const OF_CLUSTER: &str = "SELECT * FROM task WHERE targets LIKE $1 AND deleted_ms IS NULL ORDER BY name";

impl Records<'_> {
    /// Returns at most `limit` records of all tasks, the latest start first.
    pub async fn recent(&self, limit: usize) -> StoreResult<Vec<Record>> {
        let rest = "ORDER BY r.start_ms DESC LIMIT $1";
        self.some(rest, vec![size(limit as u64)]).await
    }

    /// Returns at most `limit` records that do a part of the record `parent` again, the latest start first, behind the
    /// one that started at `after.0` with id `after.1`.
    pub async fn retries_of(
        &self,
        parent: RecordId,
        after: Option<(i64, RecordId)>,
        limit: usize,
    ) -> StoreResult<Vec<Record>> {
        let mut values = vec![blob(*parent.as_bytes()), size(limit as u64)];
        let behind = match after {
            None => "",
            Some((start_ms, id)) => {
                values.extend([int(start_ms), blob(*id.as_bytes())]);
                "AND (r.start_ms, r.id) < ($3, $4)"
            }
        };
        let rest = format!("AND r.retry_of = $1 {behind} ORDER BY r.start_ms DESC, r.id DESC LIMIT $2");
        self.some(&rest, values).await
    }

    /// Returns the record that started last of each of `tasks`, as far as they have had one.
    pub async fn latest_of(&self, tasks: &[TaskKey]) -> StoreResult<HashMap<TaskKey, Record>> {
        self.last_of(tasks, "").await
    }

    /// Returns the record of each of `tasks` that succeeded last, as far as one did.
    pub async fn latest_success_of(&self, tasks: &[TaskKey]) -> StoreResult<HashMap<TaskKey, Record>> {
        self.last_of(tasks, "AND l.status = 'succeeded'").await
    }

    async fn last_of(&self, tasks: &[TaskKey], condition: &str) -> StoreResult<HashMap<TaskKey, Record>> {
        if tasks.is_empty() {
            return Ok(HashMap::new());
        }
        let rest = format!(
            "AND r.no = (SELECT l.no FROM record l WHERE l.task_key = t.key AND l.purging = 0 {condition} \
             ORDER BY l.start_ms DESC, l.id DESC LIMIT 1) AND t.key IN ({})",
            list_of(tasks.len())
        );
        let found = self.some(&rest, keys(tasks)).await?;
        Ok(found
            .into_iter()
            .map(|record| (record.task_key.clone(), record))
            .collect())
    }

    async fn some(&self, rest: &str, values: Vec<Value>) -> StoreResult<Vec<Record>> {
        let rows = self.0.db().fetch_all(format!("{SELECT} {rest}"), values).await?;
        rows.iter().map(read).collect()
    }
}

impl Tasks<'_> {
    /// Returns the tasks that write to a cluster, by name.
    pub async fn of_cluster(&self, cluster: ClusterId) -> StoreResult<Vec<Task>> {
        let rows = self
            .0
            .db()
            .fetch_all(OF_CLUSTER, vec![text(format!("%{cluster}%"))])
            .await?;
        rows.iter().map(crate::tasks::read).collect()
    }

    /// Returns the names of those of `tasks` that there are.
    pub async fn names(&self, tasks: &[TaskKey]) -> StoreResult<HashMap<TaskKey, String>> {
        if tasks.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT key, name FROM task WHERE deleted_ms IS NULL AND key IN ({})",
            list_of(tasks.len())
        );
        let rows = self.0.db().fetch_all(sql, keys(tasks)).await?;
        rows.iter()
            .map(|row| Ok((TaskKey(row.text("key")?), row.text("name")?)))
            .collect()
    }
}

fn keys(tasks: &[TaskKey]) -> Vec<Value> {
    tasks.iter().map(|key| text(&key.0)).collect()
}
