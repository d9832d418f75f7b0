//! Records and their totals as the contract shows them.

use domain::counts::Counts;
use domain::detail::DetailStatus;
use domain::record::Record;
use messages::Render;
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::names::{STATUSES, StatusName, name_of, record_status};
use crate::reader::Reader;

/// A record.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    id: String,
    task_key: String,
    #[schema(value_type = StatusName)]
    status: &'static str,
    start_time: String,
    end_time: Option<String>,
    error_reason: Option<String>,
    replicated_bytes: Option<u64>,
    total_bytes: Option<u64>,
    replica_overview: Option<OverviewView>,
}

/// The totals of a run; historical records have none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewView {
    success: u64,
    failed: u64,
    conflict: u64,
    file_success: u64,
    file_failed: u64,
}

impl RecordView {
    /// Shows `record` to `reader`.
    pub fn of(record: &Record, reader: &Reader) -> Self {
        let status = record_status(record.status);
        Self {
            id: record.id.to_string(),
            task_key: record.task_key.to_string(),
            status: name_of(STATUSES, &status),
            start_time: reader.date(start_ms(record)),
            end_time: record.ended_ms.map(|ms| reader.date(ms)),
            error_reason: (status == DetailStatus::Failed)
                .then(|| reason(record, reader))
                .flatten(),
            replicated_bytes: record.counts.map(|counts| counts.bytes_moved),
            total_bytes: record.counts.map(|counts| counts.bytes_settled),
            replica_overview: record.counts.as_ref().map(OverviewView::of),
        }
    }

    /// Shows how many bytes moved and how many there are to move.
    #[must_use]
    pub fn with_bytes(mut self, moved: u64, total: u64) -> Self {
        self.replicated_bytes = Some(moved);
        self.total_bytes = Some(total);
        self
    }
}

impl OverviewView {
    /// Shows `counts`.
    pub fn of(counts: &Counts) -> Self {
        Self {
            success: counts.succeeded(),
            failed: counts.failed,
            conflict: counts.conflicts,
            file_success: counts.blobs_moved,
            file_failed: counts.blobs_failed,
        }
    }
}

/// Returns when a record started; one that still waits starts when it was triggered.
pub fn start_ms(record: &Record) -> i64 {
    record.started_ms.unwrap_or(record.created_ms)
}

/// Returns why a record failed in the reader's words, one line per failing target.
pub fn reason(record: &Record, reader: &Reader) -> Option<String> {
    let lines: Vec<String> = record
        .reason
        .iter()
        .map(|line| line.render(reader.language).trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
