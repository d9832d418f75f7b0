//! What a run would do: of a task, and of one that is not saved yet.

use axum::extract::State;
use axum::response::Response;
use domain::decide::Action;
use domain::id::TaskKey;
use engine::{DryBounds, DryItem, DryRun};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schema::NativeTaskBody;
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

/// What a run would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Plan {
    counts: PlanCounts,
    /// Whether there is more that was not looked at, because of the bounds.
    more: bool,
    /// The first artifacts that are not equal.
    items: Vec<PlanItem>,
    /// What could not be looked at; empty when the counts are complete.
    problems: Vec<String>,
    /// How many there are in all; the first hundred are told.
    problem_count: u64,
}

/// What would happen to the artifacts that were looked at, counted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PlanCounts {
    copy: u64,
    overwrite: u64,
    keep: u64,
    skip_conflict: u64,
    refuse: u64,
    /// Bytes that would be written at most.
    bytes: u64,
}

/// What would happen to one artifact.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PlanItem {
    cluster: String,
    repository: String,
    artifact: PlanArtifact,
    /// `copy`, `overwrite`, `overwrite_metadata`, `skip_conflict` or `refuse`.
    #[schema(value_type = String)]
    action: Action,
    size_bytes: u64,
}

/// An artifact by its name.
#[derive(Serialize, ToSchema)]
struct PlanArtifact {
    name: String,
    version: Option<String>,
}

impl Plan {
    fn of(dry: DryRun) -> Self {
        let counts = dry.counts;
        Self {
            counts: PlanCounts {
                copy: counts.copy,
                overwrite: counts.overwrite,
                keep: counts.keep,
                skip_conflict: counts.skip_conflict,
                refuse: counts.refuse,
                bytes: counts.bytes,
            },
            more: dry.more,
            items: dry.items.into_iter().map(PlanItem::of).collect(),
            problems: dry.problems,
            problem_count: dry.problem_count,
        }
    }
}

impl PlanItem {
    fn of(item: DryItem) -> Self {
        Self {
            cluster: item.cluster,
            repository: item.repository,
            artifact: PlanArtifact {
                name: item.artifact.name,
                version: item.artifact.version,
            },
            action: item.action,
            size_bytes: item.size_bytes,
        }
    }
}

/// How much of it is told.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct PlanParams {
    /// Most artifacts that are named; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<usize>,
}

fn bounds(params: &Params) -> ApiResult<DryBounds> {
    Ok(DryBounds::PREVIEW.naming(limit(params, NAMED, MOST_NAMED)?))
}

/// Answers what a run would do, without doing any of it: looks at no more than 10,000 artifacts of each repository for
/// each target, and for 20 seconds; `more` says that there is more.
#[utoipa::path(post, path = "/api/v1/tasks/{key}/plan", params(PlanParams), responses((status = 200, body = Plan)))]
async fn plan(
    _: Admin,
    State(app): State<App>,
    Segments(key): Segments<TaskKey>,
    params: Params,
) -> ApiResult<Response> {
    let bounds = bounds(&params)?;
    let task = app.engine().task(&key).await?;
    let plan = app.engine().run_plan(&task, None).await?;
    ok(Plan::of(app.engine().dry_run(&plan, &bounds).await))
}

/// Answers what a task would do that is not saved, as far as a plan looks. Every target has to answer.
#[utoipa::path(post, path = "/api/v1/tasks/preview", params(PlanParams), request_body = NativeTaskBody, responses((status = 200, body = Plan)))]
async fn preview(admin: Admin, State(app): State<App>, params: Params, body: Members) -> ApiResult<Response> {
    let bounds = bounds(&params)?;
    let draft = body::task(&body, app.zone(), Form::Native)?;
    let looked = app.engine().preview_task(draft, admin.name(), &bounds);
    ok(Plan::of(looked.await?))
}
