//! Failure endpoints: `/replication/api/replica/failure`, administrators only.
//!
//! A failure is an artifact of a task that did not arrive at a target when it was carried last: a view over
//! the log, kept up to date by the runs themselves.

use axum::extract::State;
use axum::response::Response;
use domain::open_failure::OpenFailure;
use messages::Render;
use serde::Serialize;
use storage::PageRequest;
use storage::open_failures::{FailureFilter, FailureKind, FailureSort};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Admin;
use crate::contract::constraint::{PackageConstraint, PathConstraint};
use crate::contract::names::{FLAGS, ObjectTypeName, one_of};
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::page::{PageParams, PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

const KINDS: &[(&str, FailureKind)] = &[
    ("PATH", FailureKind::Path),
    ("PACKAGE", FailureKind::Package),
    ("REPOSITORY", FailureKind::Repository),
];

const SORTS: &[(&str, FailureSort)] = &[
    ("createdDate", FailureSort::Created),
    ("lastModifiedDate", FailureSort::Modified),
    ("retryCount", FailureSort::Retries),
];

const BASE: &str = "/replication/api/replica/failure";

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(page))
        .routes(routes!(one))
        .routes(routes!(dismiss))
        .routes(routes!(retry))
}

/// A failure.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureView {
    id: String,
    task_key: String,
    remote_cluster_id: Option<String>,
    project_id: String,
    repo_name: String,
    remote_project_id: String,
    remote_repo_name: String,
    #[schema(value_type = ObjectTypeName)]
    failure_type: &'static str,
    package_constraint: Option<PackageConstraint>,
    path_constraint: Option<PathConstraint>,
    failure_reason: Option<String>,
    retry_count: u32,
    retrying: bool,
    created_date: String,
    last_modified_date: String,
}

impl FailureView {
    /// Shows `failure` to `reader`.
    pub fn of(failure: OpenFailure, reader: &Reader) -> Self {
        let key = &failure.artifact;
        let package = key.version.as_ref();
        Self {
            id: failure.id.to_string(),
            task_key: failure.task_key.to_string(),
            remote_cluster_id: failure.cluster_id.map(|id| id.to_string()),
            project_id: failure.local.project,
            repo_name: failure.local.name,
            remote_project_id: failure.remote.project,
            remote_repo_name: failure.remote.name,
            failure_type: if package.is_some() { "PACKAGE" } else { "PATH" },
            package_constraint: package.map(|version| PackageConstraint::named(&key.name, version)),
            path_constraint: package.is_none().then(|| PathConstraint::named(&key.name)),
            failure_reason: failure.failure.map(|failure| failure.render(reader.language)),
            retry_count: failure.retries,
            retrying: failure.retrying,
            created_date: reader.date(failure.created_ms),
            last_modified_date: reader.date(failure.modified_ms),
        }
    }
}

/// What failures are paged by.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct FailurePageParams {
    /// Key of the task.
    task_key: Option<String>,
    /// Id of the target cluster.
    remote_cluster_id: Option<String>,
    /// Project that was read.
    project_id: Option<String>,
    /// Repository that was read.
    repo_name: Option<String>,
    /// Project at the target.
    remote_project_id: Option<String>,
    /// Repository at the target.
    remote_repo_name: Option<String>,
    /// What failed.
    #[param(inline)]
    failure_type: Option<ObjectTypeName>,
    /// Whether it is being retried.
    retrying: Option<bool>,
    /// Only those of which more retries failed than this.
    max_retry_count: Option<i32>,
    /// `lastModifiedDate` unless said otherwise.
    #[param(schema_with = sorts)]
    sort_field: Option<String>,
    /// `ASC` or `DESC` in any case; everything else is `DESC`.
    sort_direction: Option<String>,
}

fn sorts() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    one_of(SORTS.iter().map(|(name, _)| *name))
}

/// Which failures are dismissed: those that fit both members, as far as they are given; one must be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct FailureSelection {
    ids: Option<Vec<String>>,
    /// Only those of which more retries failed than this.
    max_retry_count: Option<i64>,
}

/// The failure that is retried.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct FailureRetryBody {
    id: String,
}

/// Pages failures by every filter of the contract, the latest first unless it is asked otherwise.
#[utoipa::path(get, context_path = BASE, path = "/page", params(PageParams, FailurePageParams), responses((status = 200, body = PageView<FailureView>)))]
async fn page(_: Admin, State(app): State<App>, reader: Reader, params: Params) -> ApiResult<Response> {
    let page = PageQuery::of(&params)?;
    let direction = params.filled("sortDirection").unwrap_or_default();
    let filter = FailureFilter {
        task_key: params.text("taskKey"),
        cluster_id: params.text("remoteClusterId"),
        project: params.text("projectId"),
        repository: params.text("repoName"),
        remote_project: params.text("remoteProjectId"),
        remote_repository: params.text("remoteRepoName"),
        kind: params.filter("failureType", KINDS)?,
        more_retries_than: retries(&params)?,
        retrying: params.filter("retrying", FLAGS)?,
        sort: params.filter("sortField", SORTS)?.unwrap_or_default(),
        ascending: direction.eq_ignore_ascii_case("ASC"),
    };
    let request = PageRequest::new(page.number, page.size);
    let found = app.engine().failure_page(&filter, request).await?;
    let rows = found.rows.into_iter().map(|row| FailureView::of(row, &reader));
    reader.ok(PageView::new(page, found.total, rows.collect()))
}

fn retries(params: &Params) -> ApiResult<Option<i64>> {
    const NAME: &str = "maxRetryCount";
    let Some(value) = params.filled(NAME) else {
        return Ok(None);
    };
    let parsed = value.trim().parse::<i32>();
    parsed
        .map(|retries| Some(retries.into()))
        .map_err(|_| ApiError::validation(NAME, value))
}

/// Answers the failure with an id, or null.
#[utoipa::path(get, context_path = BASE, path = "/{id}", responses((status = 200, body = Option<FailureView>)))]
async fn one(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let failure = app.engine().failure(&id).await?;
    reader.ok(failure.map(|failure| FailureView::of(failure, &reader)))
}

/// Dismisses failures and answers how many; the log keeps their details.
#[utoipa::path(delete, context_path = BASE, path = "/delete", request_body = FailureSelection, responses((status = 200, body = u64)))]
async fn dismiss(_: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let ids = body.texts("ids")?;
    let retries = body.number("maxRetryCount")?;
    if ids.is_none() && retries.is_none() {
        return Err(ApiError::missing("ids"));
    }
    reader.ok(app.engine().dismiss_failures(ids, retries).await?)
}

/// Does one failure again in a record of its own, and answers whether it is mended.
#[utoipa::path(post, context_path = BASE, path = "/retry", request_body = FailureRetryBody, responses((status = 200, body = bool)))]
async fn retry(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let id = body.required_text("id")?;
    let record = app.engine().retry_failure(&id, admin.name()).await?;
    reader.ok(app.engine().is_mended(&id, record).await?)
}
