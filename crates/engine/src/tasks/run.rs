//! Starting and ending what a task does, by the contract's rules.

use domain::id::{RecordId, TaskKey};
use domain::task::{TaskStatus, Trigger};

use crate::Engine;
use crate::error::{EngineError, EngineResult};

impl Engine {
    /// Starts a run of a task now, by the contract's rules.
    ///
    /// A task that is about to run by itself is left to do so: refused with [`EngineError::TaskNotLoaded`].
    pub async fn execute_task(&self, key: &TaskKey, user: &str) -> EngineResult<RecordId> {
        let task = self.task(key).await?;
        if !task.enabled {
            return Err(EngineError::TaskDisabled);
        }
        let by_itself = match task.settings.trigger {
            Trigger::Immediately | Trigger::At(_) => task.next_run_ms.is_some(),
            Trigger::Cron(_) | Trigger::Manual | Trigger::RealTime => false,
        };
        if by_itself && task.status == TaskStatus::Waiting {
            return Err(EngineError::TaskNotLoaded(key.to_string()));
        }
        self.start_task(key, user).await
    }

    /// Removes a task and its log from sight at once; says whether there was one.
    ///
    /// A run of it is stopped first. The rows go in the background.
    pub async fn delete_task(&self, key: &TaskKey, user: &str) -> EngineResult<bool> {
        self.stop_run_of(key, user).await?;
        let hidden = self.store().tasks().hide(key).await?;
        self.nudge();
        Ok(hidden)
    }

    /// Asks the run of a task that goes on to stop; says whether there is one.
    pub async fn stop_run_of(&self, key: &TaskKey, user: &str) -> EngineResult<bool> {
        let Some(open) = self.store().records().open_of(key).await? else {
            return Ok(false);
        };
        match self.stop_record(open.id, user).await {
            Err(EngineError::RecordUnknown(_)) => Ok(false),
            stopped => stopped,
        }
    }
}
