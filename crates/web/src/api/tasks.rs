//! Tasks: making one with the native defaults, running one and learning its record, looking what a run
//! would do.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::TaskKey;
use engine::freshness::{Freshness, StandingFilter};
use messages::text;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, limit, ok};
use crate::api::records::Started;
use crate::api::task_schema::{self, NativeTaskBody};
use crate::api::task_view::TaskView;
use crate::app::App;
use crate::auth::Admin;
use crate::contract::tasks::body::{self, Form};
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::{Params, Segments};

/// Artifacts a plan names unless `limit` says otherwise, and at most.
const NAMED: usize = 100;
/// Rows of a page unless `limit` says otherwise, and at most.
const ROWS: usize = 100;
const MOST_ROWS: usize = 1_000;
const MOST_NAMED: usize = 10_000;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(run))
        .routes(routes!(plan))
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
#[utoipa::path(post, path = "/api/v1/tasks/{key}/run", responses((status = 202, body = Started)))]
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
#[utoipa::path(post, path = "/api/v1/tasks/{key}/plan", params(("limit" = Option<usize>, Query, description = "Most artifacts that are named; 100 unless said otherwise")), responses((status = 200, body = task_schema::Plan)))]
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
