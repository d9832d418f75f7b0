//! The body of a webhook's call: what `docs/webhooks.md` promises to those who read it.

use domain::counts::Counts;
use domain::failure::Failure;
use domain::id::NodeId;
use domain::notice::{Notice, NoticeRun};
use domain::record::ReasonLine;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Returns the body that tells `notice` under the id of its delivery.
pub(super) fn of(notice: &Notice, delivery: NodeId, node: &str) -> String {
    let task = notice
        .task
        .as_ref()
        .map(|task| json!({ "key": task.key.to_string(), "name": task.name, "project": task.project }));
    let body = json!({
        "id": delivery.to_string(),
        "event": notice.kind.as_str(),
        "at": time(notice.at_ms),
        "since": notice.since_ms.map(time),
        "node": node,
        "task": task,
        "record": notice.run.as_ref().map(run),
    });
    body.to_string()
}

fn run(run: &NoticeRun) -> Value {
    json!({
        "id": run.record,
        "triggeredBy": run.triggered_by,
        "startedAt": run.started_ms.map(time),
        "counts": counts(&run.counts),
        "reasons": run.reason.iter().map(reason).collect::<Vec<_>>(),
    })
}

fn counts(counts: &Counts) -> Value {
    json!({
        "copied": counts.copied,
        "overwritten": counts.overwritten,
        "unchanged": counts.unchanged,
        "skippedConflict": counts.skipped_conflict,
        "failed": counts.failed,
        "deleted": counts.deleted,
        "conflicts": counts.conflicts,
        "bytesMoved": counts.bytes_moved,
    })
}

fn reason(line: &ReasonLine) -> Value {
    match line {
        ReasonLine::ArtifactsFailed {
            cluster,
            failed,
            artifact,
            first,
        } => json!({ "kind": "artifacts_failed", "cluster": cluster, "failed": failed, "artifact": artifact,
            "failure": failure(first) }),
        ReasonLine::NotAttempted {
            cluster,
            repository,
            from_key,
            failure: why,
        } => json!({ "kind": "not_attempted", "cluster": cluster, "repository": repository, "from": from_key,
            "failure": failure(why) }),
        ReasonLine::StoppedBy { user } => json!({ "kind": "stopped", "user": user }),
        ReasonLine::NoPlan => json!({ "kind": "no_plan" }),
        ReasonLine::BrokeOff { words } => json!({ "kind": "broke_off", "words": words }),
        ReasonLine::Text { text } => json!({ "kind": "text", "text": text }),
    }
}

fn failure(failure: &Failure) -> Value {
    json!({
        "stage": failure.stage.as_str(),
        "class": failure.class.as_str(),
        "status": failure.remote_status,
        "words": failure.words,
        "attempts": failure.attempts,
        "subject": failure.subject,
    })
}

fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |instant| instant.to_string())
}
