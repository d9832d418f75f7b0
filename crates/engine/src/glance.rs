//! What a first look needs: what ran last, and what the latest run of each task came to.

use std::collections::HashMap;

use domain::id::{ClusterId, RecordId, TaskKey};
use domain::record::Record;
use domain::task::Task;
use storage::checks::Check;

use crate::Engine;
use crate::error::EngineResult;

impl Engine {
    /// Returns at most `limit` records of all tasks, the latest start first.
    pub async fn recent_records(&self, limit: usize) -> EngineResult<Vec<Record>> {
        Ok(self.store().records().recent(limit).await?)
    }

    /// Returns at most `limit` records that do a part of the record `parent` again, the latest start first, behind
    /// `after` (start and id of one).
    pub async fn retries_of(
        &self,
        parent: RecordId,
        after: Option<(i64, RecordId)>,
        limit: usize,
    ) -> EngineResult<Vec<Record>> {
        Ok(self.store().records().retries_of(parent, after, limit).await?)
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

    /// Returns the latest look at each cluster, as far as there was one.
    pub async fn latest_checks(&self) -> EngineResult<Vec<Check>> {
        Ok(self.store().clusters().latest_checks().await?)
    }
}
