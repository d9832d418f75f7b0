//! Starting, stopping and retrying runs by hand.

use domain::detail::DetailFilter;
use domain::id::{RecordId, TaskKey};
use domain::record::{RetryOf, RunPlan};
use domain::task::{Task, TaskStatus};
use storage::records::{NewRecord, Overlap, StartOutcome, StopOutcome, TaskNext};

use crate::Engine;
use crate::error::{EngineError, EngineResult, Why};

impl Engine {
    /// Starts a run of the task `key` for `user`, now.
    ///
    /// Refused when the task is unknown or switched off, and when a run of it is going on: then nothing is
    /// queued either.
    pub async fn start_task(&self, key: &TaskKey, user: &str) -> EngineResult<RecordId> {
        let task = self.task(key).await?;
        if !task.enabled {
            return Err(EngineError::TaskDisabled);
        }
        let plan = self.run_plan(&task, None).await?;
        self.start(&task, plan, user).await
    }

    /// Starts a run that does the details of `record` selected by `filter` again.
    ///
    /// Selecting the failed ones, and nothing else, also takes what the record never attempted.
    pub async fn retry_record(
        &self,
        record: RecordId,
        filter: DetailFilter,
        user: &str,
    ) -> EngineResult<RecordId> {
        let parent = self.inner.store.records().get(record).await?;
        let parent = parent.ok_or_else(|| EngineError::RecordUnknown(record.to_string()))?;
        if parent.status.end().is_none() {
            return Err(EngineError::RunGoingOn);
        }
        let task = self.task(&parent.task_key).await?;
        let Some(parent_plan) = parent.plan else {
            return Err(EngineError::Invalid {
                member: "recordId".into(),
                value: record.to_string(),
                reason: Why::RecordSaysNothing,
            });
        };
        // The root's objects and targets, so that unit numbers mean the same; the task's settings of today.
        let plan = RunPlan {
            settings: task.settings.clone(),
            by_events: false,
            retry_of: Some(RetryOf {
                parent: record,
                filter,
            }),
            ..parent_plan
        };
        self.start(&task, plan, user).await
    }

    /// Asks the run `record` to stop; what is in flight is settled first.
    ///
    /// Answers `false` when it had ended already.
    pub async fn stop_record(&self, record: RecordId, user: &str) -> EngineResult<bool> {
        let now_ms = self.inner.clock.now_ms();
        match self
            .inner
            .store
            .records()
            .request_stop(record, user, now_ms)
            .await?
        {
            StopOutcome::Unknown => Err(EngineError::RecordUnknown(record.to_string())),
            StopOutcome::AlreadyEnded => Ok(false),
            StopOutcome::Stopped => {
                // A trigger may be queued behind it.
                self.nudge();
                Ok(true)
            }
            StopOutcome::Stopping => {
                let active = self
                    .inner
                    .active
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                if let Some(run) = active.get(&record) {
                    run.stop.cancel();
                }
                Ok(true)
            }
        }
    }

    /// Returns what a run of `task` would be carried out with.
    pub async fn run_plan(&self, task: &Task, retry_of: Option<RetryOf>) -> EngineResult<RunPlan> {
        let mut targets = Vec::with_capacity(task.targets.len());
        for id in &task.targets {
            let cluster = self.inner.store.clusters().get(*id).await?;
            targets.push(
                cluster
                    .ok_or_else(|| EngineError::ClusterUnknown(id.to_string()))?
                    .name,
            );
        }
        Ok(RunPlan {
            project: task.project.clone(),
            objects: task.objects.clone(),
            targets,
            settings: task.settings.clone(),
            keeps_details: task.keeps_details,
            by_events: false,
            retry_of,
        })
    }

    async fn start(&self, task: &Task, plan: RunPlan, user: &str) -> EngineResult<RecordId> {
        let created_ms = self.inner.clock.now_ms();
        let record = NewRecord {
            id: self.inner.store.ids().next(created_ms),
            task_key: task.key.clone(),
            created_ms,
            triggered_by: user.into(),
            plan,
        };
        let id = record.id;
        let next = TaskNext {
            status: TaskStatus::Replicating,
            next_run_ms: task.next_run_ms,
        };
        match self
            .inner
            .store
            .records()
            .start(record, Overlap::Refuse, next)
            .await?
        {
            StartOutcome::Started => {
                self.nudge();
                Ok(id)
            }
            StartOutcome::Busy | StartOutcome::Queued => Err(EngineError::RunGoingOn),
            StartOutcome::TaskGone => Err(EngineError::TaskUnknown(task.key.to_string())),
        }
    }
}
