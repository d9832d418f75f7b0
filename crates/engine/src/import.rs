//! Taking over records of another system, or of an earlier life of this one.
//!
//! They keep their ids, have no overview, and importing them again changes nothing. A task that is not
//! known is made, switched off: it holds the log and says nothing of what to replicate.

use domain::cluster::Audit;
use domain::detail::RecordDetail;
use domain::id::{RecordId, TaskKey};
use domain::record::Record;
use domain::repository::RepositoryType;
use domain::task::{Scope, Settings, Task, TaskObject, TaskStatus, Trigger};
use storage::StoreError;

use crate::Engine;
use crate::error::{EngineError, EngineResult, Why};

/// Project of tasks that are made for imported records.
const PROJECT: &str = "imported";

/// One thing to take over.
#[derive(Debug, Clone)]
pub enum ImportItem {
    /// A record, with the name its task gets if it has to be made.
    Record {
        /// The record.
        record: Box<Record>,
        /// Name of its task.
        task_name: Option<String>,
    },
    /// A detail of a record that was taken over before.
    Detail(Box<RecordDetail>),
}

/// How much of what was to be taken over is new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// New records.
    pub records: u64,
    /// New details.
    pub details: u64,
}

/// Which item could not be taken over, and why; those before it are.
#[derive(Debug)]
pub struct NotImported {
    /// Its place among the items, from 0.
    pub index: usize,
    /// Why.
    pub error: EngineError,
}

impl Engine {
    /// Takes over `items` in their order, for `user`.
    pub async fn import(&self, items: Vec<ImportItem>, user: &str) -> Result<Imported, NotImported> {
        let mut imported = Imported::default();
        let mut details: Vec<RecordDetail> = Vec::new();
        let mut first_detail = 0;
        for (index, item) in items.into_iter().enumerate() {
            let record_of_batch = details.first().map(|detail| detail.record_id);
            match item {
                ImportItem::Detail(detail) => {
                    if record_of_batch.is_some_and(|record| record != detail.record_id) {
                        imported.details += self.import_details(&mut details, first_detail).await?;
                    }
                    if details.is_empty() {
                        first_detail = index;
                    }
                    details.push(*detail);
                }
                ImportItem::Record { record, task_name } => {
                    imported.details += self.import_details(&mut details, first_detail).await?;
                    let new = self.import_record(&record, task_name, user).await;
                    imported.records += u64::from(new.map_err(|error| NotImported { index, error })?);
                }
            }
        }
        imported.details += self.import_details(&mut details, first_detail).await?;
        Ok(imported)
    }

    async fn import_details(
        &self,
        details: &mut Vec<RecordDetail>,
        index: usize,
    ) -> Result<u64, NotImported> {
        let batch = std::mem::take(details);
        let Some(record) = batch.first().map(|detail| detail.record_id) else {
            return Ok(0);
        };
        let imported = self.store().details().import(record, &batch).await;
        imported.map_err(|error| NotImported {
            index,
            error: refused(error, record),
        })
    }

    async fn import_record(
        &self,
        record: &Record,
        task_name: Option<String>,
        user: &str,
    ) -> EngineResult<bool> {
        if self.store().tasks().by_key(&record.task_key).await?.is_none() {
            self.make_log_task(&record.task_key, task_name, user).await?;
        }
        let imported = self.store().records().import(record).await;
        imported.map_err(|error| refused(error, record.id))
    }

    async fn make_log_task(&self, key: &TaskKey, name: Option<String>, user: &str) -> EngineResult<()> {
        let fallback = format!("{PROJECT} {key}");
        let name = match name {
            Some(name) if self.store().tasks().by_name(&name).await?.is_none() => name,
            Some(_) | None => fallback,
        };
        let task = Task {
            id: self.store().next_id(),
            key: key.clone(),
            name,
            project: PROJECT.into(),
            objects: vec![TaskObject {
                local_repository: PROJECT.into(),
                remote_project: None,
                remote_repository: None,
                repository_type: RepositoryType::generic(),
                scope: Scope::Repository,
                choice: domain::versions::Choice::default(),
            }],
            targets: Vec::new(),
            settings: Settings {
                trigger: Trigger::Manual,
                ..Settings::default()
            },
            enabled: false,
            description: None,
            keeps_details: true,
            reserve_days: 60,
            status: TaskStatus::Completed,
            last_end: None,
            last_run_ms: None,
            next_run_ms: None,
            runs: 0,
            audit: Audit::new(user, self.clock().now_ms()),
        };
        match self.store().tasks().insert(&task).await {
            Err(StoreError::Taken(_)) => Err(EngineError::invalid(
                "taskKey",
                key.to_string(),
                Why::TaskBeingRemoved,
            )),
            inserted => Ok(inserted?),
        }
    }
}

fn refused(error: StoreError, record: RecordId) -> EngineError {
    match error {
        StoreError::Mismatch(words) => EngineError::invalid("id", record.to_string(), Why::Words(words)),
        other => other.into(),
    }
}
