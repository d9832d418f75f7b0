//! Records and their details, read.
//!
//! Ids come as texts: one of another shape is simply unknown. A record whose task is gone is gone too.

use domain::detail::{DetailFilter, DetailStatus, RecordDetail};
use domain::id::{DetailId, RecordId, TaskKey};
use domain::record::Record;
use domain::task::Task;
use storage::orders::{DetailOrder, Sorted};
use storage::{Page, PageRequest};

use crate::Engine;
use crate::error::{EngineError, EngineResult};

impl Engine {
    /// Returns a record and its task.
    pub async fn record_with_task(&self, id: &str) -> EngineResult<(Record, Task)> {
        let record = self.record(id).await?;
        let record = record.ok_or_else(|| EngineError::RecordUnknown(id.into()))?;
        let task = self.task(&record.task_key).await?;
        Ok((record, task))
    }

    /// Returns a record, if there is one with this id.
    pub async fn record(&self, id: &str) -> EngineResult<Option<Record>> {
        match id.parse::<RecordId>() {
            Ok(id) => Ok(self.store().records().get(id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Returns one page of a task's records, newest first.
    pub async fn record_page(
        &self,
        task: &TaskKey,
        status: Option<DetailStatus>,
        page: PageRequest,
    ) -> EngineResult<Page<Record>> {
        Ok(self.store().records().page(task, status, page).await?)
    }

    /// Returns at most `limit` records of a task behind `after` (start and id of one), newest first.
    pub async fn records_after(
        &self,
        task: &TaskKey,
        after: Option<(i64, RecordId)>,
        limit: usize,
    ) -> EngineResult<Vec<Record>> {
        Ok(self.store().records().list_after(task, after, limit).await?)
    }

    /// Returns one page of the details of a record that `filter` selects, newest first.
    pub async fn detail_page(
        &self,
        record: &str,
        filter: &DetailFilter,
        page: PageRequest,
    ) -> EngineResult<Page<RecordDetail>> {
        match record.parse::<RecordId>() {
            Ok(id) => Ok(self.store().details().page(id, filter, page).await?),
            Err(_) => Ok(Page::empty(0)),
        }
    }

    /// Returns at most `limit` details of a record in another order, behind the one that started at `behind.0` with id
    /// `behind.1`.
    pub async fn details_sorted(
        &self,
        record: &str,
        filter: &DetailFilter,
        order: (DetailOrder, bool),
        behind: Option<(i64, DetailId)>,
        limit: usize,
    ) -> EngineResult<Sorted> {
        let details = self.store().details();
        match record.parse::<RecordId>() {
            Ok(id) => Ok(details.sorted(id, filter, order, behind, limit).await?),
            Err(_) => Ok(Sorted::Rows(Vec::new())),
        }
    }

    /// Returns at most `limit` details of a record behind `after` (start and id of one), newest first.
    pub async fn details_after(
        &self,
        record: &str,
        filter: &DetailFilter,
        after: Option<(i64, DetailId)>,
        limit: usize,
    ) -> EngineResult<Vec<RecordDetail>> {
        match record.parse::<RecordId>() {
            Ok(id) => Ok(self.store().details().after(id, filter, after, limit).await?),
            Err(_) => Ok(Vec::new()),
        }
    }
}
