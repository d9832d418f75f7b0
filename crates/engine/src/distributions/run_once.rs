//! Distributions that run when somebody asks for it.

use domain::id::RecordId;
use domain::record::Record;
use domain::task::{Task, Trigger};
use storage::distributions::Removal;

use super::Local;
use crate::Engine;
use crate::error::{EngineError, EngineResult, Why};

impl Engine {
    /// Starts a run of the RUN_ONCE distribution `name`.
    pub async fn execute_distribution(
        &self,
        local: &Local,
        name: &str,
        user: &str,
    ) -> EngineResult<RecordId> {
        let task = self.run_once(local, name).await?;
        if task.settings.trigger != Trigger::Manual {
            return Err(EngineError::NotRunOnce(task.name));
        }
        self.execute_task(&task.key, user).await
    }

    /// Returns the latest record of the distribution `name` and its task; `None`: it never ran.
    pub async fn latest_run(&self, local: &Local, name: &str) -> EngineResult<Option<(Record, Task)>> {
        let task = self.run_once(local, name).await?;
        let record = self.store().records().latest(&task.key).await?;
        Ok(record.map(|record| (record, task)))
    }

    /// Removes the RUN_ONCE distribution `name`, but not while it runs; an unknown one is removed already.
    pub async fn delete_run_once(&self, local: &Local, name: &str) -> EngineResult<()> {
        let Some(task) = self.distribution(local, name).await? else {
            return Ok(());
        };
        if task.settings.trigger != Trigger::Manual {
            return Err(EngineError::forbidden(task.name, Why::NotRunOnce));
        }
        match self.store().distributions().remove(&task, true).await? {
            Removal::Busy => Err(EngineError::forbidden(task.name, Why::RunGoesOn)),
            Removal::Removed | Removal::Unknown => {
                self.nudge();
                Ok(())
            }
        }
    }

    async fn run_once(&self, local: &Local, name: &str) -> EngineResult<Task> {
        let found = self.distribution(local, name).await?;
        found.ok_or_else(|| EngineError::NotFound(local.full_name(name)))
    }
}
