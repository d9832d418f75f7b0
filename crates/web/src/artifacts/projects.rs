//! Projects: `/repository/api/project`.

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use hosted::{HostedError, NewProject, Project, ProjectChange};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::page::PageQuery;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Most properties of a project.
const MOST_PROPERTIES: usize = 100;

const BASE: &str = "/repository/api/project";

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create))
        .routes(routes!(list))
        .routes(routes!(exist_by_name))
        .routes(routes!(exist))
        .routes(routes!(update))
}

#[derive(Debug, Serialize, ToSchema)]
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
    metadata: Vec<ProjectProperty>,
    credentials_key: Option<String>,
    tenant_id: Option<String>,
}

/// A property of a project.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProjectProperty {
    key: String,
    /// A text, number or flag.
    value: Value,
    #[serde(default)]
    system: bool,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    color: Option<String>,
}

/// A new project.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct ProjectBody {
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_-]{1,99}$")]
    name: String,
    #[schema(min_length = 2, max_length = 100)]
    display_name: String,
    description: String,
    /// Whether its maker may manage it; true unless said otherwise.
    create_permission: Option<bool>,
    #[schema(max_items = 100)]
    metadata: Option<Vec<ProjectProperty>>,
}

/// What changes of a project.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct ProjectUpdateBody {
    #[schema(min_length = 2, max_length = 100)]
    display_name: Option<String>,
    description: Option<String>,
    #[schema(max_items = 100)]
    metadata: Option<Vec<ProjectProperty>>,
}

/// What projects are listed by.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct ProjectListParams {
    /// Names, with commas between them.
    names: Option<String>,
    /// Names for people, with commas between them.
    display_names: Option<String>,
    /// Number of the page, from 1; without it and `pageSize` all are listed.
    page_number: Option<i32>,
    /// Rows of a page.
    page_size: Option<i32>,
    /// `name`, `displayName`, `createdDate` or `lastModifiedDate`.
    sort_property: Option<String>,
    /// `ASC` or `DESC`.
    direction: Option<String>,
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
        metadata: project
            .metadata
            .and_then(|stored| serde_json::from_str(&stored).ok())
            .unwrap_or_default(),
        credentials_key: None,
        tenant_id: None,
    }
}

/// Makes a project; answers its name.
#[utoipa::path(post, context_path = BASE, path = "/create", request_body = ProjectBody, responses((status = 200, body = String)))]
async fn create(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    body: Members,
) -> ApiResult<Response> {
    let new = NewProject {
        name: body.required_text("name")?,
        display_name: body.required_text("displayName")?,
        description: body.required_text("description")?,
        metadata: metadata(&body)?,
        managed: body.flag("createPermission")?.unwrap_or(true),
    };
    app.hosted().create_project(&new, &caller.name).await?;
    reader.ok(new.name)
}

/// Reads the properties of a project, to be kept as they are.
fn metadata(body: &Members) -> ApiResult<Option<String>> {
    let Some(given) = body.get("metadata") else {
        return Ok(None);
    };
    let unreadable = || unreadable_member("metadata");
    let properties: Vec<ProjectProperty> = serde_json::from_value(given.clone()).map_err(|_| unreadable())?;
    if properties.len() > MOST_PROPERTIES {
        let count = properties.len().to_string();
        return Err(ApiError::new(Code::ListTooLarge, [&count]));
    }
    let written = |property: &ProjectProperty| {
        property.value.is_string() || property.value.is_number() || property.value.is_boolean()
    };
    if !properties.iter().all(written) {
        return Err(unreadable());
    }
    serde_json::to_string(&properties)
        .map(Some)
        .map_err(ApiError::internal)
}

/// Lists the projects the caller may read: all of them, or one page when numbers are given.
#[utoipa::path(get, context_path = BASE, path = "/list", params(ProjectListParams), responses((status = 200, body = Vec<ProjectView>)))]
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

/// Says whether there is a project of this name.
#[utoipa::path(get, context_path = BASE, path = "/exist/{name}", responses((status = 200, body = bool)))]
async fn exist(
    State(app): State<App>,
    reader: Reader,
    _: Caller,
    Segments(name): Segments<String>,
) -> ApiResult<Response> {
    reader.ok(app.hosted().project(&name).await?.is_some())
}

/// Says whether a project has this name, or this name for people.
#[utoipa::path(get, context_path = BASE, path = "/exist", params(("name" = Option<String>, Query, description = "Name of the project"), ("displayName" = Option<String>, Query, description = "Its name for people")), responses((status = 200, body = bool)))]
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
#[utoipa::path(put, context_path = BASE, path = "/{name}", request_body = ProjectUpdateBody, responses((status = 200, body = bool)))]
async fn update(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(name): Segments<String>,
    request: Request,
) -> ApiResult<Response> {
    caller.need_manage(&name)?;
    let body = Members::from_request(request, &app).await?;
    let change = ProjectChange {
        display_name: body.text("displayName")?,
        description: body.text("description")?,
        metadata: metadata(&body)?,
    };
    match app.hosted().update_project(&name, change, &caller.name).await {
        Ok(()) => reader.ok(true),
        Err(HostedError::ProjectUnknown(_)) => reader.ok(false),
        Err(error) => Err(error.into()),
    }
}
