//! Tasks: running one and learning its record, and looking what a run would do.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use domain::id::TaskKey;

use crate::api::answer::{answer, ok};
use crate::api::records::Started;
use crate::app::App;
use crate::auth::Admin;
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};

/// Artifacts a plan names unless `limit` says otherwise, and at most.
const NAMED: usize = 100;
const MOST_NAMED: usize = 10_000;

/// Returns the routes.
pub fn router() -> Router<App> {
    Router::new()
        .route("/api/v1/tasks/{key}/run", post(run))
        .route("/api/v1/tasks/{key}/plan", post(plan))
}

/// Starts a run now, also of a task that would run by itself later.
async fn run(admin: Admin, State(app): State<App>, Segments(key): Segments<TaskKey>) -> ApiResult<Response> {
    let record = app.engine().start_task(&key, admin.name()).await?;
    answer(
        StatusCode::ACCEPTED,
        Started {
            record_id: record.to_string(),
        },
    )
}

/// Answers what a run would do, without doing any of it.
async fn plan(
    _: Admin,
    State(app): State<App>,
    Segments(key): Segments<TaskKey>,
    params: Params,
) -> ApiResult<Response> {
    let limit = params.parsed::<usize>("limit")?.unwrap_or(NAMED);
    if limit > MOST_NAMED {
        return Err(ApiError::invalid("limit", &limit.to_string()));
    }
    let task = app.engine().task(&key).await?;
    let plan = app.engine().run_plan(&task, None).await?;
    ok(app.engine().dry_run(&plan, limit).await)
}
