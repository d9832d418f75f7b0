//! Tasks: making one with the native defaults, running one and learning its record, looking what a run
//! would do.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use domain::id::TaskKey;
use serde::Serialize;

use crate::api::answer::{answer, ok};
use crate::api::records::Started;
use crate::app::App;
use crate::auth::Admin;
use crate::contract::tasks::body::{self, Form};
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::{Params, Segments};

/// Artifacts a plan names unless `limit` says otherwise, and at most.
const NAMED: usize = 100;
const MOST_NAMED: usize = 10_000;

/// Returns the routes.
pub fn router() -> Router<App> {
    Router::new()
        .route("/api/v1/tasks", post(create))
        .route("/api/v1/tasks/{key}/run", post(run))
        .route("/api/v1/tasks/{key}/plan", post(plan))
}

#[derive(Serialize)]
struct Made {
    key: String,
    name: String,
}

/// Makes a task from the contract's body. The error strategy is CONTINUE unless the body says otherwise,
/// FAST_FAIL counts in whole repositories too, and `executeTime` may name its zone.
async fn create(admin: Admin, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let draft = body::task(&body, app.zone(), Form::Native)?;
    let task = app.engine().create_task(draft, admin.name()).await?;
    answer(
        StatusCode::CREATED,
        Made {
            key: task.key.to_string(),
            name: task.name,
        },
    )
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
