//! Records: everything the contract cannot say about them, and stopping and retrying them.

mod page;
mod retry;
mod view;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::RecordId;
use domain::record::Record;
use messages::text;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, ok};
use crate::app::App;
use crate::auth::Admin;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Segments;
use crate::reader::Reader;
pub(crate) use page::{Page, PageParams, Records};
pub(crate) use view::RecordView;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(show))
        .routes(routes!(stop))
        .merge(retry::router())
}

/// Returns the id a path names, refusing texts that are none as unknown.
pub fn record_id(text: &str) -> ApiResult<RecordId> {
    text.parse()
        .map_err(|_| ApiError::about(Code::NotFound, text!("a-record", id = text)))
}

/// Returns the record with this id.
pub(crate) async fn known(app: &App, id: &str) -> ApiResult<Record> {
    let record = app.engine().record(id).await?;
    record.ok_or_else(|| ApiError::about(Code::NotFound, text!("a-record", id = id)))
}

/// Answers a record.
#[utoipa::path(get, path = "/api/v1/records/{id}", responses((status = 200, body = RecordView)))]
async fn show(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    ok(RecordView::of(known(&app, &id).await?, &app, &reader))
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
