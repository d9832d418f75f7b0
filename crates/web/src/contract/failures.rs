//! Failure endpoints: `/replication/api/replica/failure`, administrators only.
//!
//! A failure is an artifact of a task that did not arrive at a target when it was carried last: a view over
//! the log, kept up to date by the runs themselves.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{delete, get, post};
use domain::open_failure::OpenFailure;
use serde::Serialize;
use storage::PageRequest;
use storage::open_failures::{FailureFilter, FailureKind, FailureSort};

use crate::app::App;
use crate::auth::Admin;
use crate::contract::constraint::{PackageConstraint, PathConstraint};
use crate::contract::names::FLAGS;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::page::{PageQuery, PageView};
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

/// Returns the routes.
pub fn router() -> Router<App> {
    const BASE: &str = "/replication/api/replica/failure";
    Router::new()
        .route(&format!("{BASE}/page"), get(page))
        .route(&format!("{BASE}/{{id}}"), get(one))
        .route(&format!("{BASE}/delete"), delete(dismiss))
        .route(&format!("{BASE}/retry"), post(retry))
}

/// A failure.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureView {
    id: String,
    task_key: String,
    remote_cluster_id: Option<String>,
    project_id: String,
    repo_name: String,
    remote_project_id: String,
    remote_repo_name: String,
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

/// Pages failures by every filter of the contract, the latest first unless it is asked otherwise.
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
async fn dismiss(_: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let ids = body.texts("ids")?;
    let retries = body.number("maxRetryCount")?;
    if ids.is_none() && retries.is_none() {
        return Err(ApiError::missing("ids"));
    }
    reader.ok(app.engine().dismiss_failures(ids, retries).await?)
}

/// Does one failure again in a record of its own, and answers whether it is mended.
async fn retry(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let id = body.required_text("id")?;
    let record = app.engine().retry_failure(&id, admin.name()).await?;
    reader.ok(app.engine().is_mended(&id, record).await?)
}
