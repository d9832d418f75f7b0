//! Records: one run of one task each, from its trigger on.
//!
//! What happens to them while a node carries them out is in [`crate::leases`]; how they end and are
//! cleared away in [`crate::closing`] and [`crate::retain`].

use domain::counts::Counts;
use domain::detail::{DetailStatus, ExecuteType};
use domain::id::{RecordId, TaskKey};
use domain::ports::Cursor;
use domain::record::{Record, RecordStatus, RunPlan};
use domain::repository::RepositoryType;
use domain::task::TaskStatus;

use crate::Store;
use crate::db::{Row, StoreResult, Value, Write, blob, flag, int, maybe, size, text};
use crate::failing;
use crate::live::Subject;
use crate::page::{Page, PageRequest};
use crate::rows::{from_json, from_word, json, unreadable, word};

pub use crate::closing::{Finished, StopOutcome, TaskAfter};
pub use crate::leases::{Claimed, Lease};

/// A run that is to be.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// Its id.
    pub id: RecordId,
    /// Task it belongs to.
    pub task_key: TaskKey,
    /// When it was triggered (Unix milliseconds).
    pub created_ms: i64,
    /// Who or what triggered it.
    pub triggered_by: String,
    /// What it runs with.
    pub plan: RunPlan,
}

/// What a trigger means while a run of its task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Nothing: it is refused.
    Refuse,
    /// One run afterwards, however many triggers come.
    Queue,
}

/// Where a task stands once a run of it was triggered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskNext {
    /// Its status while the run goes on.
    pub status: TaskStatus,
    /// When it will start by itself next.
    pub next_run_ms: Option<i64>,
}

/// What became of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartOutcome {
    /// The record waits for a node.
    Started,
    /// A run of the task goes on; nothing changed.
    Busy,
    /// A run of the task goes on; another will follow it.
    Queued,
    /// There is no such task.
    TaskGone,
}

/// One repository to one target within a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its number within the record.
    pub unit_no: u16,
    /// Name of this cluster.
    pub local_cluster: String,
    /// Name of the target cluster.
    pub remote_cluster: String,
    /// Repository that is read.
    pub local_repository: String,
    /// What it holds.
    pub repository_type: RepositoryType,
    /// What makes artifacts part of the run; `None` for historical records.
    pub execute_type: Option<ExecuteType>,
}

/// A unit as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRow {
    /// The unit.
    pub unit: Unit,
    /// Whether its part ended before its plan did.
    pub rest: bool,
    /// Where the unattempted rest begins; `None`: at the very beginning.
    pub rest_cursor: Option<Cursor>,
}

/// The records of this node; those of hidden tasks are gone.
pub struct Records<'a>(pub(crate) &'a Store);

/// The columns of [`read`], visible records only.
pub(crate) const SELECT: &str = "SELECT r.*, p.plan FROM record r \
    JOIN task t ON t.key = r.task_key AND t.deleted_ms IS NULL \
    LEFT JOIN record_plan p ON p.record_no = r.no WHERE r.purging = 0";
pub(crate) const OPEN: &str = "status IN ('waiting', 'running', 'stopping')";

const TASK: &str = "SELECT no FROM task WHERE key = $1 AND deleted_ms IS NULL";
const QUEUE: &str = "UPDATE task SET queued = 1, next_run_ms = $2 WHERE key = $1";
const INSERT: &str = "INSERT INTO record (id, task_key, status, created_ms, start_ms, triggered_by, keeps_details, \
    events_of, retry_of) VALUES ($1, $2, 'waiting', $3, $3, $4, $5, $6, $7)";
const INSERT_PLAN: &str = "INSERT INTO record_plan (record_no, plan) SELECT no, $2 FROM record WHERE id = $1";
const TASK_RUNS: &str = "UPDATE task SET status = $2, last_end = 'running', last_run_ms = $3, next_run_ms = $4, \
    runs = runs + 1, queued = 0 WHERE key = $1";
const NO_OF: &str = "SELECT no FROM record WHERE id = $1";
const UNITS: &str = "SELECT * FROM record_unit WHERE record_no = $1 ORDER BY unit_no";

impl Records<'_> {
    /// Triggers a run of a task, unless one goes on: then `overlap` says what becomes of the trigger.
    ///
    /// One transaction, so that there are never two open records of a task. Whatever was queued is taken
    /// by the run that starts.
    pub async fn start(
        &self,
        record: NewRecord,
        overlap: Overlap,
        next: TaskNext,
    ) -> StoreResult<StartOutcome> {
        let mut write = self.0.db().begin().await?;
        let key = text(&record.task_key.0);
        let Some(task) = write.fetch_optional(TASK, vec![key.clone()]).await? else {
            return Ok(StartOutcome::TaskGone);
        };
        let events_of = record.plan.by_events.then(|| task.int("no")).transpose()?;
        if is_busy(&mut write, &record.task_key).await? {
            if overlap == Overlap::Refuse {
                return Ok(StartOutcome::Busy);
            }
            write
                .execute(QUEUE, vec![key, maybe(next.next_run_ms, int)])
                .await?;
            write.changed(Subject::Task(record.task_key));
            write.commit().await?;
            return Ok(StartOutcome::Queued);
        }
        let id = blob(*record.id.as_bytes());
        let values = vec![
            id.clone(),
            key.clone(),
            int(record.created_ms),
            text(&record.triggered_by),
            flag(record.plan.keeps_details),
            maybe(events_of, int),
            maybe(record.plan.retry_of.as_ref(), |retry| {
                blob(*retry.parent.as_bytes())
            }),
        ];
        write.execute(INSERT, values).await?;
        write
            .execute(INSERT_PLAN, vec![id.clone(), json(&record.plan)])
            .await?;
        if record.plan.retry_of.is_some()
            && let Some(row) = write.fetch_optional(NO_OF, vec![id]).await?
        {
            failing::note_retry(&mut write, row.int("no")?, &record.task_key.0, &record.plan).await?;
        }
        let values = vec![
            key,
            text(word(&next.status)),
            int(record.created_ms),
            maybe(next.next_run_ms, int),
        ];
        write.execute(TASK_RUNS, values).await?;
        write.changed(Subject::Record {
            id: record.id,
            task: record.task_key.clone(),
        });
        write.changed(Subject::Task(record.task_key));
        write.commit().await?;
        Ok(StartOutcome::Started)
    }

    /// Returns a record.
    pub async fn get(&self, id: RecordId) -> StoreResult<Option<Record>> {
        self.one("AND r.id = $1", vec![blob(*id.as_bytes())]).await
    }

    /// Returns the record of a task that started last.
    pub async fn latest(&self, task: &TaskKey) -> StoreResult<Option<Record>> {
        let condition = "AND r.task_key = $1 ORDER BY r.start_ms DESC, r.id DESC LIMIT 1";
        self.one(condition, vec![text(&task.0)]).await
    }

    /// Returns the record of a task that has not ended.
    pub async fn open_of(&self, task: &TaskKey) -> StoreResult<Option<Record>> {
        let condition = format!("AND r.task_key = $1 AND r.{OPEN} LIMIT 1");
        self.one(&condition, vec![text(&task.0)]).await
    }

    /// Returns at most `limit` records that have not ended, the newest first.
    pub async fn open(&self, limit: usize) -> StoreResult<Vec<Record>> {
        let sql = format!("{SELECT} AND r.{OPEN} ORDER BY r.no DESC LIMIT $1");
        let rows = self.0.db().fetch_all(sql, vec![size(limit as u64)]).await?;
        rows.iter().map(read).collect()
    }

    /// Returns the number the store gave a record, hidden or not.
    pub async fn no_of(&self, id: RecordId) -> StoreResult<Option<i64>> {
        let row = self
            .0
            .db()
            .fetch_optional(NO_OF, vec![blob(*id.as_bytes())])
            .await?;
        row.map(|row| row.int("no")).transpose()
    }

    /// Returns one page of a task's records, the latest start first; a waiting one starts when it is created.
    pub async fn page(
        &self,
        task: &TaskKey,
        status: Option<DetailStatus>,
        page: PageRequest,
    ) -> StoreResult<Page<Record>> {
        let statuses = match status {
            None => String::new(),
            Some(DetailStatus::Running) => format!(" AND r.{OPEN}"),
            Some(DetailStatus::Success) => " AND r.status = 'succeeded'".into(),
            Some(DetailStatus::Failed) => " AND r.status IN ('failed', 'stopped')".into(),
        };
        let count = format!(
            "SELECT COUNT(*) AS rows FROM record r JOIN task t ON t.key = r.task_key AND t.deleted_ms IS NULL \
            WHERE r.purging = 0 AND r.task_key = $1{statuses}"
        );
        let total = self.0.db().fetch_all(count, vec![text(&task.0)]).await?;
        let total = total.first().map_or(Ok(0), |row| row.size("rows"))?;
        let sql = format!(
            "{SELECT} AND r.task_key = $1{statuses} ORDER BY r.start_ms DESC, r.id DESC LIMIT $2 OFFSET $3"
        );
        let values = vec![text(&task.0), int(page.size.into()), size(page.offset())];
        let rows = self.0.db().fetch_all(sql, values).await?;
        Ok(Page {
            rows: rows.iter().map(read).collect::<StoreResult<_>>()?,
            total,
        })
    }

    /// Returns at most `limit` records of a task behind the one that started at `after.0` with id `after.1`.
    pub async fn list_after(
        &self,
        task: &TaskKey,
        after: Option<(i64, RecordId)>,
        limit: usize,
    ) -> StoreResult<Vec<Record>> {
        let mut values = vec![text(&task.0), size(limit as u64)];
        let behind = match after {
            None => "",
            Some((start_ms, id)) => {
                values.extend([int(start_ms), blob(*id.as_bytes())]);
                " AND (r.start_ms, r.id) < ($3, $4)"
            }
        };
        let sql =
            format!("{SELECT} AND r.task_key = $1{behind} ORDER BY r.start_ms DESC, r.id DESC LIMIT $2");
        let rows = self.0.db().fetch_all(sql, values).await?;
        rows.iter().map(read).collect()
    }

    /// Names the units of a record; what is known already stays as it is.
    pub async fn set_units(&self, no: i64, units: &[Unit]) -> StoreResult<()> {
        let mut write = self.0.db().begin().await?;
        insert_units(&mut write, no, units).await?;
        write.commit().await
    }

    /// Returns the units of a record, by number.
    pub async fn units(&self, no: i64) -> StoreResult<Vec<UnitRow>> {
        let rows = self.0.db().fetch_all(UNITS, vec![int(no)]).await?;
        rows.iter().map(read_unit).collect()
    }

    async fn one(&self, condition: &str, values: Vec<Value>) -> StoreResult<Option<Record>> {
        let row = self
            .0
            .db()
            .fetch_optional(format!("{SELECT} {condition}"), values)
            .await?;
        row.map(|row| read(&row)).transpose()
    }
}

/// Says whether a record of the task has not ended.
pub(crate) async fn is_busy(write: &mut Write, task: &TaskKey) -> StoreResult<bool> {
    let sql = format!("SELECT no FROM record WHERE task_key = $1 AND {OPEN} LIMIT 1");
    Ok(write.fetch_optional(sql, vec![text(&task.0)]).await?.is_some())
}

/// Adds units to a record; those it has stay as they are.
pub(crate) async fn insert_units(write: &mut Write, no: i64, units: &[Unit]) -> StoreResult<()> {
    let rows = units.iter().map(|unit| {
        vec![
            int(no),
            int(unit.unit_no.into()),
            text(&unit.local_cluster),
            text(&unit.remote_cluster),
            text(&unit.local_repository),
            text(unit.repository_type.as_str()),
            maybe(unit.execute_type.map(|execute_type| word(&execute_type)), text),
        ]
    });
    let head = "INSERT INTO record_unit (record_no, unit_no, local_cluster, remote_cluster, local_repository, \
        repository_type, execute_type) VALUES";
    write
        .insert_all(
            head,
            7,
            "ON CONFLICT (record_no, unit_no) DO NOTHING",
            rows.collect(),
        )
        .await?;
    Ok(())
}

pub(crate) fn read_unit(row: &Row) -> StoreResult<UnitRow> {
    let unit_no = row.int("unit_no")?;
    let execute_type = row.maybe_text("execute_type")?;
    Ok(UnitRow {
        unit: Unit {
            unit_no: u16::try_from(unit_no).map_err(|_| unreadable("record_unit", unit_no))?,
            local_cluster: row.text("local_cluster")?,
            remote_cluster: row.text("remote_cluster")?,
            local_repository: row.text("local_repository")?,
            repository_type: row
                .text("repository_type")?
                .parse()
                .map_err(|error| unreadable("record_unit", error))?,
            execute_type: execute_type
                .map(|word| from_word("record_unit", word))
                .transpose()?,
        },
        rest: row.flag("rest")?,
        rest_cursor: row.maybe_text("rest_cursor")?.map(Cursor),
    })
}

pub(crate) fn read_status(row: &Row) -> StoreResult<RecordStatus> {
    from_word("record", row.text("status")?)
}

pub(crate) fn read(row: &Row) -> StoreResult<Record> {
    let historical = row.flag("historical")?;
    Ok(Record {
        id: RecordId::from(row.bytes("id")?),
        task_key: TaskKey(row.text("task_key")?),
        status: read_status(row)?,
        created_ms: row.int("created_ms")?,
        started_ms: row.maybe_int("started_ms")?,
        ended_ms: row.maybe_int("ended_ms")?,
        counts: if historical { None } else { Some(read_counts(row)?) },
        reason: from_json("record", &row.text("reason")?)?,
        triggered_by: row.text("triggered_by")?,
        plan: row
            .maybe_text("plan")?
            .map(|plan| from_json("record_plan", &plan))
            .transpose()?,
    })
}

pub(crate) fn read_counts(row: &Row) -> StoreResult<Counts> {
    Ok(Counts {
        copied: row.size("copied")?,
        overwritten: row.size("overwritten")?,
        unchanged: row.size("unchanged")?,
        skipped_conflict: row.size("skipped_conflict")?,
        failed: row.size("failed")?,
        deleted: row.size("deleted")?,
        conflicts: row.size("conflicts")?,
        noted: row.size("noted")?,
        blobs_moved: row.size("blobs_moved")?,
        blobs_failed: row.size("blobs_failed")?,
        bytes_moved: row.size("bytes_moved")?,
        bytes_settled: row.size("bytes_settled")?,
    })
}
