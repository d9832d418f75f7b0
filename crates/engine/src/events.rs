//! Changes that REAL_TIME tasks have still to carry, for those who look after them.

use domain::id::{EventId, TaskKey};
use storage::undelivered::{EventFilter, Undelivered};
use storage::{Page, PageRequest};

use crate::Engine;
use crate::error::EngineResult;

/// Which undelivered events something is done about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Events {
    /// One.
    One(EventId),
    /// All of a task.
    OfTask(TaskKey),
}

impl Engine {
    /// Returns one page of the undelivered events `filter` selects.
    pub async fn event_page(
        &self,
        filter: &EventFilter,
        page: PageRequest,
    ) -> EngineResult<Page<Undelivered>> {
        Ok(self.store().events().page(filter, page).await?)
    }

    /// Returns an undelivered event.
    pub async fn event(&self, id: EventId) -> EngineResult<Option<Undelivered>> {
        Ok(self.store().events().get(id).await?)
    }

    /// Lets `events` be carried now, as soon as no run of their task goes on; `false` when the one named is unknown.
    pub async fn retry_events(&self, events: &Events) -> EngineResult<bool> {
        let (store, now_ms) = (self.store().events(), self.clock().now_ms());
        match events {
            Events::One(id) => Ok(store.retry(*id, now_ms).await?),
            Events::OfTask(task) => {
                store.retry_all(task, now_ms).await?;
                Ok(true)
            }
        }
    }

    /// Forgets `events`: what changed is not carried, unless a run has it in hand.
    pub async fn remove_events(&self, events: &Events) -> EngineResult<()> {
        let store = self.store().events();
        match events {
            Events::One(id) => store.remove(*id).await?,
            Events::OfTask(task) => store.remove_all(task).await?,
        }
        Ok(())
    }
}
