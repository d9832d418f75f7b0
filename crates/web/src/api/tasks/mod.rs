//! Tasks: what they do and how they stand, making and changing them.

mod act;
mod plan;
mod schema;
mod view;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::id::TaskKey;
use domain::task::Task;
use engine::freshness::{Freshness, StandingFilter};
use messages::text;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, limit, ok};
use crate::app::App;
use crate::auth::Admin;
use crate::codes::Code;
use crate::contract::tasks::body::{self, Form};
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::{Params, Segments};
use schema::{CopyBody, NativeTaskBody, TaskChange};
pub(crate) use view::TaskView;

/// Rows of a page unless `limit` says otherwise, and at most.
const ROWS: usize = 100;
const MOST_ROWS: usize = 1_000;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(copy))
        .merge(act::router())
        .merge(plan::router())
}

/// A task that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskMade)]
struct Made {
    key: String,
    name: String,
}

/// A page of tasks.
#[derive(Serialize, ToSchema)]
struct Tasks {
    tasks: Vec<TaskView>,
    /// How many are selected in all.
    total: usize,
    /// Where the next page begins; null after the last one.
    next: Option<String>,
}

/// Which tasks are listed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct TaskParams {
    /// Some of `silent,failing,running,waiting,fresh,off`; all unless said otherwise.
    freshness: Option<String>,
    /// Part of the name, whatever the case.
    name: Option<String>,
    /// Project.
    project: Option<String>,
    /// Repository they read.
    repository: Option<String>,
    /// Most rows; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Lists tasks and how they stand, the worst first.
#[utoipa::path(get, path = "/api/v1/tasks", params(TaskParams), responses((status = 200, body = Tasks)))]
async fn list(_: Admin, State(app): State<App>, params: Params) -> ApiResult<Response> {
    let limit = limit(&params, ROWS, MOST_ROWS)?;
    let skip = params.parsed::<usize>("cursor")?.unwrap_or(0);
    let standings = app.engine().standings(&standing_filter(&params)?).await?;
    let total = standings.len();
    let end = skip.saturating_add(limit);
    ok(Tasks {
        tasks: standings
            .into_iter()
            .skip(skip)
            .take(limit)
            .map(TaskView::of)
            .collect(),
        total,
        next: (end < total).then(|| end.to_string()),
    })
}

fn standing_filter(params: &Params) -> ApiResult<StandingFilter> {
    let mut freshness = Vec::new();
    for named in params
        .filled("freshness")
        .into_iter()
        .flat_map(|text| text.split(','))
    {
        let known = Freshness::ALL
            .into_iter()
            .find(|known| known.as_str() == named.trim());
        freshness.push(known.ok_or_else(|| {
            let choices = Freshness::ALL.map(Freshness::as_str).join(", ");
            ApiError::invalid("freshness", named).because(text!("choose-among", choices = choices))
        })?);
    }
    Ok(StandingFilter {
        freshness,
        name: params.text("name"),
        project: params.text("project"),
        repository: params.text("repository"),
    })
}

/// Answers one task and how it stands.
#[utoipa::path(get, path = "/api/v1/tasks/{key}", responses((status = 200, body = TaskView)))]
async fn show(_: Admin, State(app): State<App>, Segments(key): Segments<TaskKey>) -> ApiResult<Response> {
    ok(TaskView::of(app.engine().standing(&key).await?))
}

/// Makes a task from the contract's body. The error strategy is CONTINUE unless the body says otherwise,
/// FAST_FAIL counts in whole repositories too, and `executeTime` may name its zone.
#[utoipa::path(post, path = "/api/v1/tasks", request_body = NativeTaskBody, responses((status = 201, body = Made)))]
async fn create(admin: Admin, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let draft = body::task(&body, app.zone(), Form::Native)?;
    made(app.engine().create_task(draft, admin.name()).await?)
}

fn made(task: Task) -> ApiResult<Response> {
    let key = task.key.to_string();
    answer(StatusCode::CREATED, Made { key, name: task.name })
}

/// Replaces all that a task does; its key, its past and whether it is switched on stay.
///
/// A run that goes on keeps what it began with. A task that ran at its time does so again only when it gets another.
#[utoipa::path(put, path = "/api/v1/tasks/{key}", request_body = TaskChange, responses((status = 200, body = TaskView)))]
async fn change(
    admin: Admin,
    State(app): State<App>,
    Segments(key): Segments<TaskKey>,
    body: Members,
) -> ApiResult<Response> {
    if let Some(enabled) = body.get("enabled") {
        return Err(ApiError::invalid("enabled", &enabled.to_string()).because(text!("enable-apart")));
    }
    let draft = body::task(&body, app.zone(), Form::Native)?;
    app.engine().replace_task(&key, draft, None, admin.name()).await?;
    ok(TaskView::of(app.engine().standing(&key).await?))
}

/// Removes a task and its log at once; a run of it is stopped first.
#[utoipa::path(delete, path = "/api/v1/tasks/{key}", responses((status = 204)))]
async fn remove(
    admin: Admin,
    State(app): State<App>,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    if app.engine().delete_task(&key, admin.name()).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(ApiError::new(Code::TaskUnknown, [&key.0]))
}

/// Makes a task like another one, switched off.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/copy", request_body = CopyBody, responses((status = 201, body = Made)))]
async fn copy(
    admin: Admin,
    State(app): State<App>,
    Segments(key): Segments<TaskKey>,
    body: Members,
) -> ApiResult<Response> {
    let name = body.required_text("name")?;
    let description = match body.text("description")? {
        None => app.engine().task(&key).await?.description,
        sent => sent,
    };
    let copied = app.engine().copy_task(&key, &name, description, admin.name());
    made(copied.await?)
}
