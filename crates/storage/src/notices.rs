//! What the end of a run tells, decided in the transaction that ends it.
//!
//! A task that fails again and again for the same reasons is told of once: until a whole run of it succeeds,
//! each set of root causes is one thing to tell. A recovery is told when a run succeeds after one that
//! failed and nothing is owed any more; a retry of a part is no recovery while the rest has not arrived.

use domain::cause::in_common;
use domain::id::RecordId;
use domain::notice::{Notice, NoticeKind, NoticeRun, NoticeTask};
use domain::record::{ReasonLine, RecordStatus, RunPlan};
use domain::task::Task;
use sha2::{Digest as _, Sha256};

use crate::Store;
use crate::db::{Row, StoreResult, Write, int, text};
use crate::records::read_counts;
use crate::rows::from_json;
use crate::tasks;
use crate::webhooks;

/// Most earlier runs that are looked at.
const EARLIER: i64 = 50;

const TASK: &str =
    "SELECT t.* FROM task t JOIN record r ON r.task_key = t.key WHERE r.no = $1 AND t.deleted_ms IS NULL";
const RECORD: &str = "SELECT * FROM record WHERE no = $1";
const EARLIER_RUNS: &str = "SELECT r.id, r.status, r.ended_ms, p.plan FROM record r \
    LEFT JOIN record_plan p ON p.record_no = r.no WHERE r.task_key = $1 AND r.no <> $2 AND r.historical = 0 \
    AND r.status IN ('succeeded', 'failed') ORDER BY r.start_ms DESC, r.id DESC LIMIT $3";
const CAUSES: &str = "SELECT key FROM record_cause WHERE record_no = $1 ORDER BY key";
const OWED: &str = "SELECT 1 AS owed FROM failure_scope WHERE task_key = $1 AND rows > 0 LIMIT 1";

/// What is known of the runs before one.
#[derive(Default)]
struct Past {
    /// The latest whole run that succeeded.
    success: Option<RecordId>,
    /// The latest run since then that failed.
    failure: Option<RecordId>,
    /// When the first run since then failed.
    failing_since_ms: Option<i64>,
}

/// Tells whoever wants to hear of it that record `no` ended as `status`.
pub(crate) async fn of_end(
    write: &mut Write,
    store: &Store,
    no: i64,
    status: RecordStatus,
    now_ms: i64,
) -> StoreResult<()> {
    if status == RecordStatus::Stopped {
        return Ok(());
    }
    let Some(task) = write.fetch_optional(TASK, vec![int(no)]).await? else {
        return Ok(());
    };
    let task = tasks::read(&task)?;
    if !webhooks::anybody(write, &task.key).await? {
        return Ok(());
    }
    let Some(record) = write.fetch_optional(RECORD, vec![int(no)]).await? else {
        return Ok(());
    };
    let past = past(write, &task, no).await?;
    let run = run(&record)?;
    let (kind, told, since_ms) = if status == RecordStatus::Failed {
        let causes = fingerprint(write, no, &run.reason).await?;
        let since = past.success.map_or_else(|| "-".into(), |id| id.to_string());
        let told = format!("run.failed {} {since} {causes}", task.key);
        (
            NoticeKind::RunFailed,
            told,
            past.failing_since_ms.or(Some(now_ms)),
        )
    } else {
        let owed = write.fetch_optional(OWED, vec![text(&task.key.0)]).await?;
        let Some(failure) = past.failure.filter(|_| owed.is_none()) else {
            return Ok(());
        };
        let told = format!("run.recovered {} {failure}", task.key);
        (NoticeKind::RunRecovered, told, past.failing_since_ms)
    };
    let notice = Notice {
        kind,
        at_ms: now_ms,
        task: Some(NoticeTask {
            key: task.key,
            name: task.name,
            project: task.project,
        }),
        run: Some(run),
        since_ms,
    };
    webhooks::tell(write, store, &notice, &told).await?;
    Ok(())
}

fn run(row: &Row) -> StoreResult<NoticeRun> {
    Ok(NoticeRun {
        record: RecordId::from(row.bytes("id")?).to_string(),
        triggered_by: row.text("triggered_by")?,
        started_ms: row.maybe_int("started_ms")?,
        counts: read_counts(row)?,
        reason: from_json("record", &row.text("reason")?)?,
    })
}

async fn past(write: &mut Write, task: &Task, no: i64) -> StoreResult<Past> {
    let values = vec![text(&task.key.0), int(no), int(EARLIER)];
    let mut past = Past::default();
    for row in write.fetch_all(EARLIER_RUNS, values).await? {
        let id = RecordId::from(row.bytes("id")?);
        if row.text("status")? == "failed" {
            past.failure.get_or_insert(id);
            past.failing_since_ms = row.maybe_int("ended_ms")?;
            continue;
        }
        let plan: Option<RunPlan> = row
            .maybe_text("plan")?
            .map(|plan| from_json("record_plan", &plan))
            .transpose()?;
        if plan.is_none_or(|plan| plan.retry_of.is_none()) {
            past.success = Some(id);
            break;
        }
    }
    Ok(past)
}

/// Returns a short text that is the same for runs that failed for the same reasons.
async fn fingerprint(write: &mut Write, no: i64, reason: &[ReasonLine]) -> StoreResult<String> {
    let mut hasher = Sha256::new();
    for row in write.fetch_all(CAUSES, vec![int(no)]).await? {
        hasher.update(row.blob("key")?);
    }
    for line in reason {
        if let ReasonLine::NotAttempted {
            cluster,
            repository,
            failure,
            ..
        } = line
        {
            let words = in_common(failure.words.as_deref().unwrap_or_default());
            hasher.update(format!("\n{cluster}\n{repository}\n{}\n{words}", failure.class));
        }
    }
    Ok(hex::encode(&hasher.finalize()[..8]))
}
