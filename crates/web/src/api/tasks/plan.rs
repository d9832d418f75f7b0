//! What a run would do: of a task, and of one that is not saved yet.

use axum::extract::State;
use axum::response::Response;
use domain::id::TaskKey;
use engine::DryBounds;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schema::{NativeTaskBody, Plan};
use crate::api::answer::{limit, ok};
use crate::app::App;
use crate::auth::Admin;
use crate::contract::tasks::body::{self, Form};
use crate::error::ApiResult;
use crate::json::Members;
use crate::params::{Params, Segments};

/// Artifacts a plan names unless `limit` says otherwise, and at most.
const NAMED: usize = 100;
const MOST_NAMED: usize = 10_000;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(plan))
        .routes(routes!(preview))
}

/// Answers what a run would do, without doing any of it.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/plan", params(("limit" = Option<usize>, Query, minimum = 1, maximum = 10000, description = "Most artifacts that are named; 100 unless said otherwise")), responses((status = 200, body = Plan)))]
async fn plan(
    _: Admin,
    State(app): State<App>,
    Segments(key): Segments<TaskKey>,
    params: Params,
) -> ApiResult<Response> {
    let bounds = DryBounds::naming(limit(&params, NAMED, MOST_NAMED)?);
    let task = app.engine().task(&key).await?;
    let plan = app.engine().run_plan(&task, None).await?;
    ok(app.engine().dry_run(&plan, &bounds).await)
}

/// Answers what a task would do that is not saved: looks at no more than 10,000 artifacts of each repository for each
/// target, and for 20 seconds; `more` says that there is more. Every target has to answer.
#[utoipa::path(post, path = "/api/v1/tasks/preview", request_body = NativeTaskBody, responses((status = 200, body = Plan)))]
async fn preview(admin: Admin, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let draft = body::task(&body, app.zone(), Form::Native)?;
    let looked = app
        .engine()
        .preview_task(draft, admin.name(), &DryBounds::PREVIEW);
    ok(looked.await?)
}
