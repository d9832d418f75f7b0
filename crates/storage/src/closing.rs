//! How records end: by their run, by a stop request, or because their node was lost while they stopped.
//!
//! Closing is one transaction: artifacts still in flight become failed details, what the journal says
//! about unattempted artifacts is kept for retries, and the task learns how its latest run ended.

use domain::detail::{Outcome, Settlement};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::id::{RecordId, TaskKey};
use domain::record::{ReasonLine, RecordEvent, RecordStatus, RunEnd};
use domain::task::TaskStatus;

use crate::db::{StoreResult, Write, blob, int, text};
use crate::events;
use crate::journal;
use crate::live::Subject;
use crate::notices;
use crate::records::{Records, read_counts, read_status};
use crate::rows::{json, unreadable, word};
use crate::settle::store_rows;
use crate::tasks;
use crate::writer::{self, DetailRow, RowState};

/// Where a task stands once its run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskAfter {
    /// Its status from now on.
    pub status: TaskStatus,
}

/// How a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Its last status.
    pub status: RecordStatus,
    /// Whether a trigger came meanwhile; it stays queued until the next run of the task starts.
    pub queued: bool,
}

/// What a stop request found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    /// The record waited; it has ended.
    Stopped,
    /// Its node has been told, or is being told.
    Stopping,
    /// It had ended already.
    AlreadyEnded,
    /// There is no such record.
    Unknown,
}

const HELD: &str = "SELECT * FROM record WHERE no = $1 AND fence = $2 AND status IN ('running', 'stopping')";
const BY_ID: &str = "SELECT no, task_key, status FROM record WHERE id = $1 AND purging = 0";
const STOP: &str = "UPDATE record SET status = $2, stop_by = $3 WHERE no = $1";
const CLOSE: &str = "UPDATE record SET status = $2, ended_ms = $3, reason = $4, lease_node = NULL, \
    lease_until_ms = NULL WHERE no = $1";
const TASK_OF: &str = "SELECT t.*, r.events_of, r.id AS record_id FROM task t JOIN record r ON r.task_key = t.key WHERE r.no = $1";
const TASK_ENDED: &str = "UPDATE task SET status = $2, last_end = $3 WHERE no = $1";

impl Records<'_> {
    /// Closes a run its node is done with; `None` when the lease is lost, then nothing changed.
    ///
    /// Details still running are failed as stopped, and count: a run that says it is complete is failed by them.
    pub async fn finish(
        &self,
        no: i64,
        fence: i64,
        end: RunEnd,
        mut reason: Vec<ReasonLine>,
        now_ms: i64,
        after: TaskAfter,
    ) -> StoreResult<Option<Finished>> {
        let mut write = self.0.db().begin().await?;
        let Some(row) = write.fetch_optional(HELD, vec![int(no), int(fence)]).await? else {
            return Ok(None);
        };
        let before = read_status(&row)?;
        let unsettled = settle_running(&mut write, no, now_ms).await?;
        let known = read_counts(&row)?.failed + unsettled;
        let end = match end {
            RunEnd::Complete { failed } => RunEnd::Complete {
                failed: failed.max(known),
            },
            RunEnd::Aborted => RunEnd::Aborted,
        };
        let Some(status) = before.after(RecordEvent::Finished(end)) else {
            return Ok(None);
        };
        if status == RecordStatus::Stopped {
            let user = row.maybe_text("stop_by")?.unwrap_or_default();
            reason.insert(0, ReasonLine::StoppedBy { user });
        }
        let queued = close(&mut write, no, status, reason, now_ms, Some(after)).await?;
        notices::of_end(&mut write, self.0, no, status, now_ms).await?;
        write.commit().await?;
        Ok(Some(Finished { status, queued }))
    }

    /// Asks a run to stop: a waiting one ends at once, a running one hears of it with its next heartbeat.
    pub async fn request_stop(&self, id: RecordId, user: &str, now_ms: i64) -> StoreResult<StopOutcome> {
        let mut write = self.0.db().begin().await?;
        let row = write.fetch_optional(BY_ID, vec![blob(*id.as_bytes())]).await?;
        let Some(row) = row else {
            return Ok(StopOutcome::Unknown);
        };
        let (no, before) = (row.int("no")?, read_status(&row)?);
        let outcome = match before.after(RecordEvent::StopRequested) {
            Some(RecordStatus::Stopped) => {
                let reason = vec![ReasonLine::StoppedBy { user: user.into() }];
                close(&mut write, no, RecordStatus::Stopped, reason, now_ms, None).await?;
                StopOutcome::Stopped
            }
            Some(status) => {
                write
                    .execute(STOP, vec![int(no), text(word(&status)), text(user)])
                    .await?;
                write.changed(Subject::Record {
                    id,
                    task: TaskKey(row.text("task_key")?),
                });
                StopOutcome::Stopping
            }
            None if before == RecordStatus::Stopping => return Ok(StopOutcome::Stopping),
            None => return Ok(StopOutcome::AlreadyEnded),
        };
        write.commit().await?;
        Ok(outcome)
    }
}

/// Ends record `no` as `status`; says whether a trigger of its task is queued.
///
/// Without `after` the task stands where its trigger says: waiting for the next firing, or completed.
pub(crate) async fn close(
    write: &mut Write,
    no: i64,
    status: RecordStatus,
    reason: Vec<ReasonLine>,
    now_ms: i64,
    after: Option<TaskAfter>,
) -> StoreResult<bool> {
    let Some(end) = status.end() else {
        return Err(unreadable("record", format!("an end as {}", word(&status))));
    };
    settle_running(write, no, now_ms).await?;
    journal::keep_rest(write, no).await?;
    let values = vec![int(no), text(word(&status)), int(now_ms), json(&reason)];
    write.execute(CLOSE, values).await?;
    let Some(task) = write.fetch_optional(TASK_OF, vec![int(no)]).await? else {
        return Ok(false);
    };
    if let Some(task_no) = task.maybe_int("events_of")? {
        events::lay_down(write, no, task_no, status, now_ms).await?;
    }
    let after = match after {
        Some(after) => after.status,
        None => tasks::read(&task)?.status_at_rest(),
    };
    let values = vec![int(task.int("no")?), text(word(&after)), text(word(&end))];
    write.execute(TASK_ENDED, values).await?;
    let key = TaskKey(task.text("key")?);
    write.changed(Subject::Record {
        id: RecordId::from(task.bytes("record_id")?),
        task: key.clone(),
    });
    write.changed(Subject::Task(key));
    task.flag("queued")
}

/// Turns details still running into failed ones; returns how many there were.
async fn settle_running(write: &mut Write, no: i64, now_ms: i64) -> StoreResult<u64> {
    let running = writer::running(write, no).await?;
    let count = running.len() as u64;
    let rows = running.into_iter().map(|(row, cluster)| DetailRow {
        unit_no: row.unit_no,
        id: row.id,
        key: row.key,
        package_name: row.package_name,
        size_bytes: row.size_bytes,
        digest: row.digest,
        state: RowState::Settled(Settlement {
            failure: Some(Failure {
                stage: Stage::Write,
                class: ErrorKind::Stopped,
                remote_status: None,
                words: None,
                attempts: 1,
                subject: cluster,
            }),
            ..Settlement::of(Outcome::Failed)
        }),
        started_ms: row.started_ms,
        ended_ms: Some(now_ms),
        was_running: true,
    });
    let rows: Vec<DetailRow> = rows.collect();
    if !rows.is_empty() {
        store_rows(write, no, true, rows.iter()).await?;
    }
    Ok(count)
}
