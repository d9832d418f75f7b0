//! What can be done with a task, and what its runs were.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::TaskKey;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TaskView;
use crate::api::answer::{answer, ok};
use crate::api::records::{Page, PageParams, Records, Started, Stopped};
use crate::app::App;
use crate::auth::Admin;
use crate::error::ApiResult;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(run))
        .routes(routes!(stop))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(records))
}

/// Starts a run now, also of a task that would run by itself later.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/run", responses((status = 202, body = Started)))]
async fn run(admin: Admin, State(app): State<App>, Segments(key): Segments<TaskKey>) -> ApiResult<Response> {
    let record = app.engine().start_task(&key, admin.name()).await?;
    let record_id = record.to_string();
    answer(StatusCode::ACCEPTED, Started { record_id })
}

/// Asks the run of a task that goes on to stop; `stopped` is false when none does.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/stop", responses((status = 202, body = Stopped)))]
async fn stop(admin: Admin, State(app): State<App>, Segments(key): Segments<TaskKey>) -> ApiResult<Response> {
    app.engine().task(&key).await?;
    let stopped = app.engine().stop_run_of(&key, admin.name()).await?;
    answer(StatusCode::ACCEPTED, Stopped { stopped })
}

/// Switches a task on, if it is off.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/enable", responses((status = 200, body = TaskView)))]
async fn enable(
    admin: Admin,
    State(app): State<App>,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    app.engine().enable_task(&key, true, admin.name()).await?;
    ok(TaskView::of(app.engine().standing(&key).await?))
}

/// Switches a task off, if it is on; a run of it that goes on goes on.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/disable", responses((status = 200, body = TaskView)))]
async fn disable(
    admin: Admin,
    State(app): State<App>,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    app.engine().enable_task(&key, false, admin.name()).await?;
    ok(TaskView::of(app.engine().standing(&key).await?))
}

/// Lists the runs of a task, newest first.
#[utoipa::path(get, path = "/api/v1/tasks/{key}/records", params(PageParams), responses((status = 200, body = Records)))]
async fn records(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
    params: Params,
) -> ApiResult<Response> {
    let page = Page::of(&params)?;
    app.engine().task(&key).await?;
    let found = app.engine().records_after(&key, page.after, page.limit).await?;
    ok(Records::of(found, &page, &app, &reader))
}
