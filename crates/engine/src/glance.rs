//! What a first look needs: what goes on, what ended last, what should have started and did not.

use std::collections::HashMap;

use domain::id::{ClusterId, TaskKey};
use domain::record::Record;
use domain::task::Task;
use storage::cluster_checks::Check;

use crate::Engine;
use crate::error::EngineResult;

/// How late a start may be before its schedule counts as silent, in milliseconds.
const LATE_MS: i64 = 2 * 60 * 1000;

impl Engine {
    /// Returns at most `limit` records that have not ended, the oldest first.
    pub async fn open_records(&self, limit: usize) -> EngineResult<Vec<Record>> {
        Ok(self.store().records().open(limit).await?)
    }

    /// Returns at most `limit` records of all tasks, the latest start first.
    pub async fn recent_records(&self, limit: usize) -> EngineResult<Vec<Record>> {
        Ok(self.store().records().recent(limit).await?)
    }

    /// Returns the latest record of each of `tasks`, as far as they have had one.
    pub async fn latest_records(&self, tasks: &[TaskKey]) -> EngineResult<HashMap<TaskKey, Record>> {
        Ok(self.store().records().latest_of(tasks).await?)
    }

    /// Returns how many artifacts the latest run of each of `tasks` that succeeded settled: about as many as the
    /// next one will.
    pub async fn usual_artifacts(&self, tasks: &[TaskKey]) -> EngineResult<HashMap<TaskKey, u64>> {
        let found = self.store().records().latest_success_of(tasks).await?;
        let settled = |record: Record| Some((record.task_key, record.counts?.settled()));
        Ok(found.into_values().filter_map(settled).collect())
    }

    /// Returns the names of those of `tasks` that there are.
    pub async fn task_names(&self, tasks: &[TaskKey]) -> EngineResult<HashMap<TaskKey, String>> {
        Ok(self.store().tasks().names(tasks).await?)
    }

    /// Returns the tasks that write to a cluster, by name.
    pub async fn tasks_to(&self, cluster: ClusterId) -> EngineResult<Vec<Task>> {
        Ok(self.store().tasks().of_cluster(cluster).await?)
    }

    /// Returns what a day of looks at a cluster found, the oldest one first.
    pub async fn cluster_checks(&self, cluster: ClusterId) -> EngineResult<Vec<Check>> {
        Ok(self.store().clusters().checks(cluster).await?)
    }

    /// Returns the latest look at each cluster, as far as there was one within a day.
    pub async fn latest_checks(&self) -> EngineResult<Vec<Check>> {
        Ok(self.store().clusters().latest_checks().await?)
    }

    /// Returns at most `limit` tasks that should have started some minutes ago and did not, the longest due first.
    pub async fn silent_tasks(&self, limit: usize) -> EngineResult<Vec<Task>> {
        let before_ms = self.clock().now_ms() - LATE_MS;
        Ok(self.store().tasks().due(before_ms, limit).await?)
    }
}
