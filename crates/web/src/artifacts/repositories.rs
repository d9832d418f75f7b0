//! Repositories: `/repository/api/repo`.

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use domain::repository::{RepositoryRef, RepositoryType};
use hosted::{FOREIGN, NewRepository, Repository, RepositoryChange, RepositoryFilter};
use messages::text;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::configuration::{configuration, default_configuration};
use super::foreign::{changed_place, new_place};
use super::unknown;
use crate::app::App;
use crate::auth::{Caller, MaybeCaller};
use crate::contract::names::{
    REPOSITORY_CATEGORIES, REPOSITORY_TYPES, RepositoryCategoryName, RepositoryTypeName,
};
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::openapi::reshaped;
use crate::page::{PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

const BASE: &str = "/repository/api/repo";

/// Types of repositories this node keeps itself.
pub(crate) const KEPT_TYPES: [&str; 3] = ["GENERIC", "DOCKER", "OCI"];

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
    category: Option<RepositoryCategoryName>,
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
    #[schema(rename = "displayName")]
    display_name: Option<String>,
}

/// What repositories are listed by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct RepositoryFilterParams {
    /// Beginning of the name, in any case.
    name: Option<String>,
    /// Types, with commas between them.
    #[param(rename = "type")]
    repository_type: Option<String>,
    /// `LOCAL`, `REMOTE`, `VIRTUAL`, `COMPOSITE` or `PROXY`, with commas between them.
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
    if !REPOSITORY_TYPES.contains(&repository_type.as_str()) {
        return Err(unreadable_member("type"));
    }
    let category = body.text("category")?.unwrap_or_else(|| "COMPOSITE".into());
    let held: RepositoryType = repository_type.parse().map_err(|_| unreadable_member("type"))?;
    let kept_here = KEPT_TYPES.contains(&repository_type.as_str());
    if !kept_here && category != FOREIGN {
        return Err(not_supported("type", &repository_type));
    }
    match category.as_str() {
        "LOCAL" | "COMPOSITE" | FOREIGN => {}
        other if REPOSITORY_CATEGORIES.contains(&other) => return Err(not_supported("category", other)),
        _ => return Err(unreadable_member("category")),
    }
    if let Some(key) = body.text("storageCredentialsKey")?.filter(|key| !key.is_empty()) {
        return Err(not_supported("storageCredentialsKey", &key));
    }
    let foreign = match category.as_str() {
        FOREIGN => Some(new_place(body, &held)?),
        _ => None,
    };
    Ok(NewRepository {
        repository_type: held,
        foreign,
        public: body.flag("public")?.unwrap_or(false),
        display: body.flag("display")?.unwrap_or(true),
        display_name: body.text("displayName")?,
        description: body.text("description")?,
        configuration: match configuration(body, category == FOREIGN)? {
            Some(given) => given,
            None => default_configuration(&category),
        },
        quota_bytes: quota(body)?,
        category,
        name,
    })
}

pub(super) fn not_supported(member: &str, value: &str) -> ApiError {
    ApiError::invalid(member, value).because(text!("not-supported"))
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
    let known = |name: &str, values: &[&str]| {
        let named = params.filled(name).unwrap_or_default();
        let named = named.split(',').map(str::trim).filter(|value| !value.is_empty());
        named
            .map(|value| {
                if values.contains(&value) {
                    Ok(value.to_owned())
                } else {
                    Err(ApiError::invalid(name, value))
                }
            })
            .collect::<ApiResult<Vec<String>>>()
    };
    Ok(RepositoryFilter {
        name_prefix: params.text("name"),
        repository_types: known("type", REPOSITORY_TYPES)?,
        categories: known("category", REPOSITORY_CATEGORIES)?,
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
    let filter = filter(&params)?;
    let found = app.hosted().repositories(&project, &filter, 0, u64::MAX).await?;
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
    let query = PageQuery::from_numbers(number, size);
    let filter = filter(&params)?;
    let total = app.hosted().repository_count(&project, &filter).await?;
    let found = app
        .hosted()
        .repositories(&project, &filter, query.rows_before(), u64::from(query.size))
        .await?;
    let views = found.iter().map(|repository| view(repository, &reader)).collect();
    reader.ok(PageView::new(query, total, views))
}

/// Answers a repository; a public one to anybody.
#[utoipa::path(get, context_path = BASE, path = "/info/{projectId}/{repoName}", responses((status = 200, body = RepositoryView)), security(()))]
async fn info(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments((project, name)): Segments<(String, String)>,
) -> ApiResult<Response> {
    reader.ok(view(&known_to(&app, &caller, &project, &name).await?, &reader))
}

/// Answers a repository that has to be of this type; a public one to anybody.
#[utoipa::path(get, context_path = BASE, path = "/info/{projectId}/{repoName}/{type}", responses((status = 200, body = RepositoryView)), security(()))]
async fn info_of_type(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments((project, name, wanted)): Segments<(String, String, String)>,
) -> ApiResult<Response> {
    let found = found(&app, &caller, &project, &name).await?;
    let found = found.filter(|found| found.repository_type.as_str() == wanted);
    let found = found.ok_or_else(|| unknown(&project, &name))?;
    reader.ok(view(&found, &reader))
}

/// Says whether there is a repository of this name.
#[utoipa::path(get, context_path = BASE, path = "/exist/{projectId}/{repoName}", responses((status = 200, body = bool)), security(()))]
async fn exist(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments((project, name)): Segments<(String, String)>,
) -> ApiResult<Response> {
    reader.ok(found(&app, &caller, &project, &name).await?.is_some())
}

/// Returns a repository of any type to somebody who may read it.
pub(crate) async fn known_to(
    app: &App,
    caller: &MaybeCaller,
    project: &str,
    name: &str,
) -> ApiResult<Repository> {
    let found = found(app, caller, project, name).await?;
    found.ok_or_else(|| unknown(project, name))
}

/// Finds a repository of any type for somebody who may read it.
async fn found(app: &App, caller: &MaybeCaller, project: &str, name: &str) -> ApiResult<Option<Repository>> {
    let name = RepositoryRef::new(project, name);
    let found = app.hosted().repository(&name).await?;
    let found = found.map(|found| found.info().clone());
    caller.need_read(project, found.as_ref().is_some_and(|found| found.public))?;
    Ok(found)
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
    let body = Members::from_request(request, &app).await?;
    let name = RepositoryRef::new(project, name);
    let known = app.hosted().repository(&name).await?;
    let foreign = known.as_ref().is_some_and(|known| known.info().is_foreign());
    let place = match &known {
        Some(known) => changed_place(&body, known).await?,
        None => None,
    };
    let change = RepositoryChange {
        foreign: place,
        public: body.flag("public")?,
        display: body.flag("display")?,
        display_name: body.text("displayName")?,
        description: body.text("description")?,
        configuration: configuration(&body, foreign)?,
        quota_bytes: quota(&body)?,
    };
    if let (Some(quota_bytes), Some(found)) = (change.quota_bytes, known) {
        let used_bytes = found.info().used_bytes;
        if quota_bytes < used_bytes {
            return Err(ApiError::invalid("quota", &quota_bytes.to_string())
                .because(text!("quota-below-used", used = used_bytes)));
        }
    }
    app.hosted()
        .update_repository(&name, change, &caller.name)
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
