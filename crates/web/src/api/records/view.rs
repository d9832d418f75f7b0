//! A record as the native API shows it.

use domain::counts::Counts;
use domain::record::{ReasonLine, Record, RetryOf};
use messages::Render;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::answer::time;
use crate::api::failure::FailureView;
use crate::api::filter;
use crate::app::App;
use crate::reader::Reader;

/// A record, with what the contract leaves out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordView {
    id: String,
    task_key: String,
    status: &'static str,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    triggered_by: String,
    counts: Option<CountsView>,
    /// Bytes read so far by a run that goes on on this node.
    read_bytes: Option<u64>,
    reason: Vec<ReasonView>,
    retry_of: Option<RetryView>,
}

/// What the artifacts of a record ended as.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CountsView {
    copied: u64,
    overwritten: u64,
    unchanged: u64,
    skipped_conflict: u64,
    failed: u64,
    deleted: u64,
    conflicts: u64,
    /// Artifacts with a note.
    noted: u64,
    blobs_moved: u64,
    blobs_failed: u64,
    bytes_moved: u64,
    bytes_settled: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReasonView {
    text: String,
    cluster: Option<String>,
    failure: Option<FailureView>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RetryView {
    record_id: String,
    filter: filter::FilterView,
}

impl CountsView {
    fn of(counts: &Counts) -> Self {
        Self {
            copied: counts.copied,
            overwritten: counts.overwritten,
            unchanged: counts.unchanged,
            skipped_conflict: counts.skipped_conflict,
            failed: counts.failed,
            deleted: counts.deleted,
            conflicts: counts.conflicts,
            noted: counts.noted,
            blobs_moved: counts.blobs_moved,
            blobs_failed: counts.blobs_failed,
            bytes_moved: counts.bytes_moved,
            bytes_settled: counts.bytes_settled,
        }
    }
}

impl ReasonView {
    fn of(line: &ReasonLine, reader: &Reader) -> Self {
        let (cluster, failure) = match line {
            ReasonLine::ArtifactsFailed { cluster, first, .. } => (Some(cluster), Some(first)),
            ReasonLine::NotAttempted { cluster, failure, .. } => (Some(cluster), Some(failure)),
            ReasonLine::StoppedBy { .. }
            | ReasonLine::NoPlan
            | ReasonLine::BrokeOff { .. }
            | ReasonLine::Text { .. } => (None, None),
        };
        Self {
            text: line.render(reader.language),
            cluster: cluster.cloned(),
            failure: failure.cloned().map(FailureView::from),
        }
    }
}

impl RecordView {
    /// Shows `record` to `reader`.
    pub(crate) fn of(record: Record, app: &App, reader: &Reader) -> Self {
        let retry_of = record.plan.and_then(|plan| plan.retry_of);
        Self {
            id: record.id.to_string(),
            task_key: record.task_key.to_string(),
            status: record.status.as_str(),
            created_at: time(record.created_ms),
            started_at: record.started_ms.map(time),
            ended_at: record.ended_ms.map(time),
            triggered_by: record.triggered_by,
            read_bytes: app.engine().live_bytes(record.id),
            counts: record.counts.as_ref().map(CountsView::of),
            reason: record
                .reason
                .iter()
                .map(|line| ReasonView::of(line, reader))
                .collect(),
            retry_of: retry_of.map(|RetryOf { parent, filter }| RetryView {
                record_id: parent.to_string(),
                filter: filter::FilterView::of(filter),
            }),
        }
    }
}
