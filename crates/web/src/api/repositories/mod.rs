//! Projects and the repositories of this node: `/api/v1/projects` and `/api/v1/repositories`.
//!
//! The same use cases and refusals as the artifact API; what may be read and written is what the caller may.

mod files;
mod nodes;
mod packages;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hosted::{NewProject, Project, Repository, RepositoryFilter};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, limit, ok, time};
use crate::app::App;
use crate::artifacts::{RepositoryBody, known_to, new_repository};
use crate::auth::{Caller, MaybeCaller};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::{Params, Segments};

/// Rows of a page unless `limit` says otherwise, and at most.
const ROWS: usize = 100;
const MOST_ROWS: usize = 1_000;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(projects, create_project))
        .routes(routes!(repositories))
        .routes(routes!(create))
        .routes(routes!(show))
        .merge(nodes::router())
        .merge(files::router())
        .merge(packages::router())
}

/// A project.
#[derive(Serialize, ToSchema)]
#[schema(as = Project)]
#[serde(rename_all = "camelCase")]
struct ProjectView {
    name: String,
    display_name: String,
    description: String,
    created_by: String,
    created_at: String,
    modified_by: String,
    modified_at: String,
}

impl ProjectView {
    fn of(project: Project) -> Self {
        Self {
            name: project.name,
            display_name: project.display_name,
            description: project.description,
            created_by: project.created_by,
            created_at: time(project.created_ms),
            modified_by: project.modified_by,
            modified_at: time(project.modified_ms),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Projects {
    projects: Vec<ProjectView>,
}

/// A project that is to be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct ProjectBody {
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_-]{1,99}$")]
    name: String,
    /// Its name for people; its name unless said otherwise.
    #[schema(min_length = 2, max_length = 100)]
    display_name: Option<String>,
    description: Option<String>,
}

/// A repository.
#[derive(Serialize, ToSchema)]
#[schema(as = Repository)]
#[serde(rename_all = "camelCase")]
struct RepositoryView {
    project: String,
    name: String,
    /// What it holds: `GENERIC`, `DOCKER`, `NPM`, ...
    #[serde(rename = "type")]
    repository_type: String,
    /// Whether it stands for a registry elsewhere.
    foreign: bool,
    /// Whether anybody may read it.
    public: bool,
    description: Option<String>,
    /// Bytes it may hold.
    quota_bytes: Option<u64>,
    /// Bytes it holds.
    used_bytes: u64,
    created_by: String,
    created_at: String,
    modified_by: String,
    modified_at: String,
}

impl RepositoryView {
    fn of(repository: Repository) -> Self {
        Self {
            foreign: repository.is_foreign(),
            project: repository.name.project,
            name: repository.name.name,
            repository_type: repository.repository_type.into(),
            public: repository.public,
            description: repository.description,
            quota_bytes: repository.quota_bytes,
            used_bytes: repository.used_bytes,
            created_by: repository.created_by,
            created_at: time(repository.created_ms),
            modified_by: repository.modified_by,
            modified_at: time(repository.modified_ms),
        }
    }
}

/// A page of repositories.
#[derive(Serialize, ToSchema)]
struct Repositories {
    repositories: Vec<RepositoryView>,
    /// How many are selected in all.
    total: u64,
    /// Where the next page begins; null after the last one.
    next: Option<String>,
}

/// Which repositories are listed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct RepositoryParams {
    /// Beginning of the name, whatever the case.
    name: Option<String>,
    /// Most rows; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Lists the projects the caller may read, by name.
#[utoipa::path(get, path = "/api/v1/projects", responses((status = 200, body = Projects)))]
async fn projects(caller: Caller, State(app): State<App>) -> ApiResult<Response> {
    let mut projects = app.hosted().projects().await?;
    projects.retain(|project| caller.may_read(&project.name));
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    ok(Projects {
        projects: projects.into_iter().map(ProjectView::of).collect(),
    })
}

/// Makes a project, which its maker may manage.
#[utoipa::path(post, path = "/api/v1/projects", request_body = ProjectBody, responses((status = 201, body = ProjectView)))]
async fn create_project(caller: Caller, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let mut new = NewProject::named(body.required_text("name")?);
    if let Some(display_name) = body.text("displayName")? {
        new.display_name = display_name;
    }
    new.description = body.text("description")?.unwrap_or_default();
    app.hosted().create_project(&new, &caller.name).await?;
    let made = app.hosted().project(&new.name).await?;
    let made = made.ok_or_else(|| ApiError::new(Code::ProjectUnknown, [&new.name]))?;
    answer(StatusCode::CREATED, ProjectView::of(made))
}

/// Lists the repositories of a project, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{project}/repositories", params(RepositoryParams), responses((status = 200, body = Repositories)))]
async fn repositories(
    caller: Caller,
    State(app): State<App>,
    Segments(project): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    caller.need_read(&project)?;
    let limit = limit(&params, ROWS, MOST_ROWS)? as u64;
    let skip = params.parsed::<u32>("cursor")?.map_or(0, u64::from);
    let filter = RepositoryFilter {
        name_prefix: params.text("name"),
        ..RepositoryFilter::default()
    };
    let hosted = app.hosted();
    if hosted.project(&project).await?.is_none() {
        return Err(ApiError::new(Code::ProjectUnknown, [&project]));
    }
    let total = hosted.repository_count(&project, &filter).await?;
    let found = hosted.repositories(&project, &filter, skip, limit).await?;
    let end = skip + found.len() as u64;
    ok(Repositories {
        next: (end < total && !found.is_empty()).then(|| end.to_string()),
        repositories: found.into_iter().map(RepositoryView::of).collect(),
        total,
    })
}

/// Makes a repository from the contract's body.
#[utoipa::path(post, path = "/api/v1/repositories", request_body = RepositoryBody, responses((status = 201, body = RepositoryView)))]
async fn create(caller: Caller, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let new = new_repository(&body)?;
    caller.need_manage(&new.name.project)?;
    let made = app.hosted().create_repository(&new, &caller.name).await?;
    answer(StatusCode::CREATED, RepositoryView::of(made))
}

/// Answers a repository.
#[utoipa::path(get, path = "/api/v1/repositories/{project}/{repository}", responses((status = 200, body = RepositoryView)))]
async fn show(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
) -> ApiResult<Response> {
    let found = known_to(&app, &MaybeCaller::User(caller), &project, &name).await?;
    ok(RepositoryView::of(found))
}
