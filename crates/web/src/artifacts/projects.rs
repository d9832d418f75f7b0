//! Projects: `/repository/api/project`.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post, put};
use hosted::{HostedError, Project};
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::page::PageQuery;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    const BASE: &str = "/repository/api/project";
    Router::new()
        .route(&format!("{BASE}/create"), post(create))
        .route(&format!("{BASE}/list"), get(list))
        .route(&format!("{BASE}/exist"), get(exist_by_name))
        .route(&format!("{BASE}/exist/{{name}}"), get(exist))
        .route(&format!("{BASE}/{{name}}"), put(update))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectView {
    name: String,
    display_name: String,
    description: String,
    created_by: String,
    created_date: String,
    last_modified_by: String,
    last_modified_date: String,
    rbac_flag: bool,
    metadata: [(); 0],
    credentials_key: Option<String>,
    tenant_id: Option<String>,
}

pub(crate) fn view(project: Project, reader: &Reader) -> ProjectView {
    ProjectView {
        name: project.name,
        display_name: project.display_name,
        description: project.description,
        created_by: project.created_by,
        created_date: reader.date(project.created_ms),
        last_modified_by: project.modified_by,
        last_modified_date: reader.date(project.modified_ms),
        rbac_flag: false,
        metadata: [],
        credentials_key: None,
        tenant_id: None,
    }
}

async fn create(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    body: Members,
) -> ApiResult<Response> {
    let name = body.required_text("name")?;
    let display_name = body.required_text("displayName")?;
    let description = body.required_text("description")?;
    app.hosted()
        .create_project(&name, &display_name, &description, &caller.name)
        .await?;
    reader.ok(name)
}

/// Lists the projects the caller may read: all of them, or one page when numbers are given.
async fn list(State(app): State<App>, reader: Reader, caller: Caller, params: Params) -> ApiResult<Response> {
    let named = |filter: Option<&str>, value: &str| {
        filter.is_none_or(|names| names.split(',').any(|name| name == value))
    };
    let mut projects = app.hosted().projects().await?;
    projects.retain(|project| {
        caller.may_read(&project.name)
            && named(params.filled("names"), &project.name)
            && named(params.filled("displayNames"), &project.display_name)
    });
    sort(&mut projects, &params)?;
    if params.filled("pageNumber").is_some() || params.filled("pageSize").is_some() {
        let page = PageQuery::of(&params)?;
        let before = usize::try_from(page.rows_before()).unwrap_or(usize::MAX);
        projects = projects
            .into_iter()
            .skip(before)
            .take(page.size as usize)
            .collect();
    }
    reader.ok(projects
        .into_iter()
        .map(|project| view(project, &reader))
        .collect::<Vec<_>>())
}

fn sort(projects: &mut [Project], params: &Params) -> ApiResult<()> {
    match params.filled("sortProperty") {
        None => return Ok(()),
        Some("name") => projects.sort_by(|a, b| a.name.cmp(&b.name)),
        Some("displayName") => projects.sort_by(|a, b| a.display_name.cmp(&b.display_name)),
        Some("createdDate") => projects.sort_by_key(|project| project.created_ms),
        Some("lastModifiedDate") => projects.sort_by_key(|project| project.modified_ms),
        Some(other) => return Err(ApiError::invalid("sortProperty", other)),
    }
    match params.filled("direction") {
        None | Some("ASC") => {}
        Some("DESC") => projects.reverse(),
        Some(other) => return Err(ApiError::invalid("direction", other)),
    }
    Ok(())
}

async fn exist(
    State(app): State<App>,
    reader: Reader,
    _: Caller,
    Segments(name): Segments<String>,
) -> ApiResult<Response> {
    reader.ok(app.hosted().project(&name).await?.is_some())
}

/// Says whether a project has this name, or this name for people.
async fn exist_by_name(
    State(app): State<App>,
    reader: Reader,
    _: Caller,
    params: Params,
) -> ApiResult<Response> {
    let (name, display_name) = (params.filled("name"), params.filled("displayName"));
    let projects = app.hosted().projects().await?;
    let exists = projects.iter().any(|project| {
        name == Some(project.name.as_str()) || display_name == Some(project.display_name.as_str())
    });
    reader.ok(exists)
}

/// Changes a project; `false` when there is none.
async fn update(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(name): Segments<String>,
    request: Request,
) -> ApiResult<Response> {
    caller.need_write(&name)?;
    let body = <Members as axum::extract::FromRequest<App>>::from_request(request, &app).await?;
    let (display_name, description) = (body.text("displayName")?, body.text("description")?);
    match app
        .hosted()
        .update_project(&name, display_name, description, &caller.name)
        .await
    {
        Ok(()) => reader.ok(true),
        Err(HostedError::ProjectUnknown(_)) => reader.ok(false),
        Err(error) => Err(error.into()),
    }
}
