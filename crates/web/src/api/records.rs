//! Records: everything the contract cannot say about them, and stopping and retrying them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::counts::Counts;
use domain::detail::DetailFilter;
use domain::failure::Failure;
use domain::id::RecordId;
use domain::record::{ReasonLine, Record, RetryOf};
use messages::{Render, text};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, ok, time};
use crate::api::failure::FailureSchema;
use crate::api::filter;
use crate::app::App;
use crate::auth::Admin;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::Segments;
use crate::reader::Reader;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(show))
        .routes(routes!(stop))
        .routes(routes!(retry))
}

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
    #[schema(value_type = Option<FailureSchema>)]
    failure: Option<Failure>,
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
            ReasonLine::StoppedBy { .. } | ReasonLine::NoPlan | ReasonLine::Text { .. } => (None, None),
        };
        Self {
            text: line.render(reader.language),
            cluster: cluster.cloned(),
            failure: failure.cloned(),
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

/// Returns the id a path names, refusing texts that are none as unknown.
pub fn record_id(text: &str) -> ApiResult<RecordId> {
    text.parse()
        .map_err(|_| ApiError::about(Code::NotFound, text!("a-record", id = text)))
}

/// Answers a record.
#[utoipa::path(get, path = "/api/v1/records/{id}", responses((status = 200, body = RecordView)))]
async fn show(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let record = app.engine().record(&id).await?;
    let record = record.ok_or_else(|| ApiError::about(Code::NotFound, text!("a-record", id = &id)))?;
    ok(RecordView::of(record, &app, &reader))
}

/// Whether a run was asked to stop.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stopped {
    pub(crate) stopped: bool,
}

/// Asks a run to stop; `stopped` is false when it had ended already.
#[utoipa::path(post, path = "/api/v1/records/{id}/stop", responses((status = 202, body = Stopped)))]
async fn stop(admin: Admin, State(app): State<App>, Segments(id): Segments<String>) -> ApiResult<Response> {
    let stopped = app.engine().stop_record(record_id(&id)?, admin.name()).await?;
    answer(StatusCode::ACCEPTED, Stopped { stopped })
}

/// A run that was started.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Its record.
    pub record_id: String,
}

/// Selects what is done again.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct RetryBody {
    /// Details every member of which holds; without it, what failed or was not attempted.
    filter: Option<filter::FilterView>,
}

/// Starts a run that does the selected details of a record again.
#[utoipa::path(post, path = "/api/v1/records/{id}/retry", request_body = RetryBody, responses((status = 202, body = Started)))]
async fn retry(
    admin: Admin,
    State(app): State<App>,
    Segments(id): Segments<String>,
    body: Members,
) -> ApiResult<Response> {
    body.only(&["filter"])?;
    let filter = match body.object("filter")? {
        Some(filter) => filter::of_body(&filter)?,
        None => DetailFilter {
            status: Some(domain::detail::DetailStatus::Failed),
            ..DetailFilter::default()
        },
    };
    let started = app
        .engine()
        .retry_record(record_id(&id)?, filter, admin.name())
        .await?;
    answer(
        StatusCode::ACCEPTED,
        Started {
            record_id: started.to_string(),
        },
    )
}
