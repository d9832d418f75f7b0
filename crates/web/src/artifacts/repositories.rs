//! Repositories: `/repository/api/repo`.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::repository::{RepositoryRef, RepositoryType};
use hosted::{NewRepository, Repository, RepositoryChange, RepositoryFilter};
use messages::text;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::unknown;
use crate::app::App;
use crate::auth::Caller;
use crate::contract::names::RepositoryTypeName;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::openapi::reshaped;
use crate::page::{MOST_ROWS, PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Names of types the contract knows; only files are kept here so far.
const TYPES: [&str; 24] = [
    "NONE",
    "GENERIC",
    "DOCKER",
    "MAVEN",
    "PYPI",
    "NPM",
    "HELM",
    "RDS",
    "COMPOSER",
    "RPM",
    "NUGET",
    "GIT",
    "OCI",
    "CONAN",
    "LFS",
    "DDC",
    "SVN",
    "S3",
    "MEDIA",
    "OHPM",
    "CARGO",
    "HUGGINGFACE",
    "DRIVE",
    "SKILL",
];
/// Categories the contract knows.
const CATEGORIES: [&str; 5] = ["LOCAL", "REMOTE", "VIRTUAL", "COMPOSITE", "PROXY"];

const BASE: &str = "/repository/api/repo";

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create))
        .routes(routes!(list))
        .routes(routes!(page))
        .routes(routes!(info))
        .routes(routes!(info_of_type))
        .routes(routes!(exist))
        .routes(routes!(update))
        .routes(routes!(delete))
}

/// A repository as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RepositoryView {
    id: String,
    project_id: String,
    name: String,
    #[serde(rename = "type")]
    repository_type: String,
    category: String,
    public: bool,
    description: Option<String>,
    configuration: Value,
    storage_credentials_key: Option<String>,
    created_by: String,
    created_date: String,
    last_modified_by: String,
    last_modified_date: String,
    quota: Option<u64>,
    used: u64,
    display: bool,
    display_name: Option<String>,
    visibility: Option<String>,
    owner: Option<String>,
}

/// A new repository.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
pub(crate) struct RepositoryBody {
    project_id: String,
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9._-]{1,63}$")]
    name: String,
    #[schema(rename = "type")]
    repository_type: RepositoryTypeName,
    /// `COMPOSITE` unless said otherwise.
    category: Option<String>,
    /// Whether anybody may read it; false unless said otherwise.
    public: Option<bool>,
    #[schema(max_length = 200)]
    description: Option<String>,
    /// What the contract keeps about it, by `type`.
    #[schema(value_type = Option<Object>)]
    configuration: Option<Value>,
    /// Bytes it may hold.
    #[schema(minimum = 0)]
    quota: Option<i64>,
    /// Whether lists show it; true unless said otherwise.
    display: Option<bool>,
    display_name: Option<String>,
}

/// What changes of a repository.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct RepositoryUpdateBody {
    public: Option<bool>,
    #[schema(max_length = 200)]
    description: Option<String>,
    #[schema(value_type = Option<Object>)]
    configuration: Option<Value>,
    #[schema(minimum = 0)]
    quota: Option<i64>,
    display: Option<bool>,
}

/// What repositories are listed by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct RepositoryFilterParams {
    /// Beginning of the name, in any case.
    name: Option<String>,
    #[param(rename = "type", inline)]
    repository_type: Option<RepositoryTypeName>,
    /// `LOCAL`, `REMOTE`, `VIRTUAL`, `COMPOSITE` or `PROXY`.
    category: Option<String>,
    /// Whether lists show it; true unless said otherwise.
    display: Option<bool>,
}

fn view(repository: &Repository, reader: &Reader) -> RepositoryView {
    RepositoryView {
        id: repository.id.to_string(),
        project_id: repository.name.project.clone(),
        name: repository.name.name.clone(),
        repository_type: repository.repository_type.to_string(),
        category: repository.category.clone(),
        public: repository.public,
        description: repository.description.clone(),
        configuration: serde_json::from_str(&repository.configuration).unwrap_or_default(),
        storage_credentials_key: None,
        created_by: repository.created_by.clone(),
        created_date: reader.date(repository.created_ms),
        last_modified_by: repository.modified_by.clone(),
        last_modified_date: reader.date(repository.modified_ms),
        quota: repository.quota_bytes,
        used: repository.used_bytes,
        display: repository.display,
        display_name: repository.display_name.clone(),
        visibility: None,
        owner: None,
    }
}

/// A repository in detail, in the document of the API.
pub(crate) enum RepositoryDetail {}

impl PartialSchema for RepositoryDetail {
    fn schema() -> RefOr<Schema> {
        let nothing = || Object::with_type(Type::Null);
        let more = [
            ("storageCredentials", nothing()),
            ("oldCredentialsKey", nothing()),
        ];
        reshaped::<RepositoryView>(&["id", "storageCredentialsKey", "display"], more)
    }
}

impl ToSchema for RepositoryDetail {}

/// Shows a repository in detail: other members than in lists, the contract has it so.
pub(crate) fn detail(repository: &Repository, reader: &Reader) -> ApiResult<Value> {
    let mut shown = serde_json::to_value(view(repository, reader)).map_err(ApiError::internal)?;
    if let Some(members) = shown.as_object_mut() {
        for left_out in ["id", "storageCredentialsKey", "display"] {
            members.remove(left_out);
        }
        members.insert("storageCredentials".into(), Value::Null);
        members.insert("oldCredentialsKey".into(), Value::Null);
    }
    Ok(shown)
}

/// Makes a repository.
#[utoipa::path(post, context_path = BASE, path = "/create", request_body = RepositoryBody, responses((status = 200, body = RepositoryDetail)))]
async fn create(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    body: Members,
) -> ApiResult<Response> {
    let new = new_repository(&body)?;
    caller.need_manage(&new.name.project)?;
    let made = app.hosted().create_repository(&new, &caller.name).await?;
    reader.ok(detail(&made, &reader)?)
}

pub(crate) fn new_repository(body: &Members) -> ApiResult<NewRepository> {
    let name = RepositoryRef::new(body.required_text("projectId")?, body.required_text("name")?);
    let repository_type = body.required_text("type")?;
    if !TYPES.contains(&repository_type.as_str()) {
        return Err(unreadable_member("type"));
    }
    if repository_type != "GENERIC" {
        return Err(not_supported("type", &repository_type));
    }
    let category = body.text("category")?.unwrap_or_else(|| "COMPOSITE".into());
    match category.as_str() {
        "LOCAL" | "COMPOSITE" => {}
        other if CATEGORIES.contains(&other) => return Err(not_supported("category", other)),
        _ => return Err(unreadable_member("category")),
    }
    if let Some(key) = body.text("storageCredentialsKey")?.filter(|key| !key.is_empty()) {
        return Err(not_supported("storageCredentialsKey", &key));
    }
    Ok(NewRepository {
        repository_type: RepositoryType::generic(),
        public: body.flag("public")?.unwrap_or(false),
        display: body.flag("display")?.unwrap_or(true),
        display_name: body.text("displayName")?,
        description: body.text("description")?,
        configuration: match configuration(body)? {
            Some(given) => given,
            None => default_configuration(&category),
        },
        quota_bytes: quota(body)?,
        category,
        name,
    })
}

fn not_supported(member: &str, value: &str) -> ApiError {
    ApiError::invalid(member, value).because(text!("not-supported"))
}

fn default_configuration(category: &str) -> String {
    let web_hook = json!({ "webHookList": [] });
    if category == "LOCAL" {
        json!({ "type": "local", "webHook": web_hook, "settings": {} }).to_string()
    } else {
        let proxy = json!({ "channelList": [] });
        json!({ "type": "composite", "proxy": proxy, "webHook": web_hook, "settings": {} }).to_string()
    }
}

/// Reads a configuration, kept as it is; one that would make this node fetch or call is refused.
fn configuration(body: &Members) -> ApiResult<Option<String>> {
    let Some(given) = body.get("configuration") else {
        return Ok(None);
    };
    if !given.is_object() {
        return Err(unreadable_member("configuration"));
    }
    let given_type = given.get("type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(given_type, "local" | "composite") {
        return Err(not_supported("configuration.type", given_type));
    }
    for (pointer, name) in [
        ("/proxy/channelList", "configuration.proxy.channelList"),
        ("/webHook/webHookList", "configuration.webHook.webHookList"),
    ] {
        let filled = given
            .pointer(pointer)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
        if filled {
            return Err(not_supported(name, "[...]"));
        }
    }
    Ok(Some(given.to_string()))
}

fn quota(body: &Members) -> ApiResult<Option<u64>> {
    let Some(quota) = body.number("quota")? else {
        return Ok(None);
    };
    u64::try_from(quota)
        .map(Some)
        .map_err(|_| ApiError::invalid("quota", &quota.to_string()))
}

fn filter(params: &Params) -> ApiResult<RepositoryFilter> {
    let known = |name: &str, values: &[&str]| match params.filled(name) {
        Some(value) if !values.contains(&value) => Err(ApiError::invalid(name, value)),
        value => Ok(value.map(String::from)),
    };
    Ok(RepositoryFilter {
        name_prefix: params.text("name"),
        repository_type: known("type", &TYPES)?,
        category: known("category", &CATEGORIES)?,
        display: Some(params.parsed("display")?.unwrap_or(true)),
    })
}

/// Lists the repositories of a project, newest first.
#[utoipa::path(get, context_path = BASE, path = "/list/{projectId}", params(RepositoryFilterParams), responses((status = 200, body = Vec<RepositoryView>)))]
async fn list(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(project): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    caller.need_read(&project)?;
    let found = app.hosted().repositories(&project, filter(&params)?).await?;
    reader.ok(found
        .iter()
        .map(|repository| view(repository, &reader))
        .collect::<Vec<_>>())
}

/// Pages the repositories of a project, newest first.
#[utoipa::path(get, context_path = BASE, path = "/page/{projectId}/{pageNumber}/{pageSize}", params(("pageNumber" = i32, Path, description = "Number of the page, from 1"), ("pageSize" = i32, Path, description = "Rows of a page; 20 when it is not positive"), RepositoryFilterParams), responses((status = 200, body = PageView<RepositoryView>)))]
async fn page(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments((project, number, size)): Segments<(String, String, String)>,
    params: Params,
) -> ApiResult<Response> {
    caller.need_read(&project)?;
    let integer = |name: &str, text: &str| text.parse::<i32>().map_err(|_| ApiError::invalid(name, text));
    let (number, size) = (integer("pageNumber", &number)?, integer("pageSize", &size)?);
    let query = PageQuery {
        number: u32::try_from(number).unwrap_or(0).max(1),
        size: u32::try_from(size)
            .ok()
            .filter(|size| *size > 0)
            .unwrap_or(20)
            .min(MOST_ROWS),
    };
    let found = app.hosted().repositories(&project, filter(&params)?).await?;
    let before = usize::try_from(query.rows_before()).unwrap_or(usize::MAX);
    let shown = found.iter().skip(before).take(query.size as usize);
    let views = shown.map(|repository| view(repository, &reader)).collect();
    reader.ok(PageView::new(query, found.len() as u64, views))
}

/// Answers a repository.
#[utoipa::path(get, context_path = BASE, path = "/info/{projectId}/{repoName}", responses((status = 200, body = RepositoryView)))]
async fn info(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments((project, name)): Segments<(String, String)>,
) -> ApiResult<Response> {
    shown(&app, &reader, &caller, &project, &name, None).await
}

/// Answers a repository that has to be of this type.
#[utoipa::path(get, context_path = BASE, path = "/info/{projectId}/{repoName}/{type}", responses((status = 200, body = RepositoryView)))]
async fn info_of_type(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments((project, name, wanted)): Segments<(String, String, String)>,
) -> ApiResult<Response> {
    shown(&app, &reader, &caller, &project, &name, Some(&wanted)).await
}

async fn shown(
    app: &App,
    reader: &Reader,
    caller: &Caller,
    project: &str,
    name: &str,
    wanted: Option<&str>,
) -> ApiResult<Response> {
    caller.need_read(project)?;
    let found = app
        .hosted()
        .repository(&RepositoryRef::new(project, name))
        .await?;
    let found =
        found.filter(|found| wanted.is_none_or(|wanted| found.info().repository_type.as_str() == wanted));
    let found = found.ok_or_else(|| unknown(project, name))?;
    reader.ok(view(found.info(), reader))
}

/// Says whether there is a repository of this name.
#[utoipa::path(get, context_path = BASE, path = "/exist/{projectId}/{repoName}", responses((status = 200, body = bool)))]
async fn exist(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments((project, name)): Segments<(String, String)>,
) -> ApiResult<Response> {
    caller.need_read(&project)?;
    reader.ok(app
        .hosted()
        .repository(&RepositoryRef::new(project, name))
        .await?
        .is_some())
}

/// Changes what is given of a repository.
#[utoipa::path(post, context_path = BASE, path = "/update/{projectId}/{repoName}", request_body = RepositoryUpdateBody)]
async fn update(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments((project, name)): Segments<(String, String)>,
    request: Request,
) -> ApiResult<Response> {
    caller.need_manage(&project)?;
    let body = <Members as axum::extract::FromRequest<App>>::from_request(request, &app).await?;
    let change = RepositoryChange {
        public: body.flag("public")?,
        display: body.flag("display")?,
        description: body.text("description")?,
        configuration: configuration(&body)?,
        quota_bytes: quota(&body)?,
    };
    app.hosted()
        .update_repository(&RepositoryRef::new(project, name), change, &caller.name)
        .await?;
    reader.done()
}

/// Deletes a repository.
#[utoipa::path(delete, context_path = BASE, path = "/delete/{projectId}/{repoName}", params(("forced" = Option<bool>, Query, description = "Deletes the files in it too")))]
async fn delete(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    caller.need_manage(&project)?;
    let forced = params.parsed("forced")?.unwrap_or(false);
    app.hosted()
        .delete_repository(&RepositoryRef::new(project, name), forced)
        .await?;
    reader.done()
}
