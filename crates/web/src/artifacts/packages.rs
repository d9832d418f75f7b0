//! Packages and their versions: `/repository/api/package` and `/repository/api/version`.

use axum::extract::State;
use axum::response::Response;
use domain::repository::RepositoryRef;
use hosted::{Package, PackageFilter, PackageVersion};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::node_view::selected;
use super::readable;
use super::rules::PACKAGE_FIELDS;
use super::search::{Asked, NodeSearchBody, only_public};
use crate::app::App;
use crate::auth::MaybeCaller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::page::{PageParams, PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(search))
        .routes(routes!(page))
        .routes(routes!(info))
        .routes(routes!(versions))
}

/// A package: the versions of one thing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PackageView {
    id: String,
    created_by: String,
    created_date: String,
    last_modified_by: String,
    last_modified_date: String,
    project_id: String,
    repo_name: String,
    name: String,
    /// `docker://team/app`
    key: String,
    #[serde(rename = "type")]
    package_type: String,
    /// The version written last.
    latest: String,
    /// Always 0: downloads are not counted.
    downloads: u64,
    /// How many versions there are.
    versions: u64,
    description: Option<String>,
    #[schema(value_type = Object)]
    extension: Map<String, Value>,
    /// Always empty: versions are paged on their own.
    history_version: Vec<String>,
    cluster_names: Option<Vec<String>>,
}

/// A package that was found: the members that were selected, or all of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
struct FoundPackageView(Map<String, Value>);

/// One version of a package.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VersionView {
    created_by: String,
    created_date: String,
    last_modified_by: String,
    last_modified_date: String,
    /// The version; the tag of an image.
    name: String,
    /// Bytes of everything it consists of.
    size: u64,
    /// Always 0: downloads are not counted.
    downloads: u64,
    stage_tag: Vec<String>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    #[schema(value_type = Vec<Object>)]
    package_metadata: Vec<Value>,
    tags: Vec<String>,
    #[schema(value_type = Object)]
    extension: Map<String, Value>,
    content_path: Option<String>,
    content_paths: Option<Vec<String>>,
    manifest_path: Option<String>,
    cluster_names: Option<Vec<String>>,
}

/// What packages are paged by.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct PackagePageParams {
    /// Beginning of the name, in any case.
    package_name: Option<String>,
}

/// What versions are paged by.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct VersionPageParams {
    /// Key of the package: `docker://team/app`.
    package_key: String,
    /// Beginning of the version, in any case.
    version: Option<String>,
}

fn view(repository: &RepositoryRef, package_type: &str, package: Package, reader: &Reader) -> PackageView {
    PackageView {
        id: package.id.to_string(),
        created_by: package.created_by,
        created_date: reader.date(package.created_ms),
        last_modified_by: package.modified_by,
        last_modified_date: reader.date(package.modified_ms),
        project_id: repository.project.clone(),
        repo_name: repository.name.clone(),
        name: package.name,
        key: package.key,
        package_type: package_type.into(),
        latest: package.latest,
        downloads: 0,
        versions: package.versions,
        description: None,
        extension: Map::new(),
        history_version: Vec::new(),
        cluster_names: None,
    }
}

fn version_view(version: PackageVersion, reader: &Reader) -> VersionView {
    VersionView {
        created_by: version.created_by,
        created_date: reader.date(version.created_ms),
        last_modified_by: version.modified_by,
        last_modified_date: reader.date(version.modified_ms),
        name: version.version,
        size: version.size_bytes,
        downloads: 0,
        stage_tag: Vec::new(),
        metadata: Map::new(),
        package_metadata: Vec::new(),
        tags: Vec::new(),
        extension: Map::new(),
        content_path: None,
        content_paths: None,
        manifest_path: None,
        cluster_names: None,
    }
}

fn filter(params: &Params, prefix: &str, page: PageQuery) -> PackageFilter {
    PackageFilter {
        name_prefix: params.text(prefix),
        after: None,
        offset: page.rows_before(),
        limit: u64::from(page.size),
    }
}

/// Searches packages of a project.
#[utoipa::path(post, path = "/repository/api/package/search", request_body = NodeSearchBody, responses((status = 200, body = PageView<FoundPackageView>)), security(()))]
async fn search(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    body: Members,
) -> ApiResult<Response> {
    let mut asked = Asked::read(&app, &body, PACKAGE_FIELDS, None)?;
    asked.search.only_public = only_public(&app, &caller, &asked.search).await?;
    let total = app.hosted().search_packages_count(&asked.search).await?;
    let found = app.hosted().search_packages(&asked.search).await?;
    let views = found
        .into_iter()
        .map(|found| {
            let repository = RepositoryRef::new(&asked.search.project, found.repository);
            let shown = view(&repository, &found.repository_type, found.package, &reader);
            Ok(FoundPackageView(selected(&shown, asked.select.as_deref())?))
        })
        .collect::<ApiResult<Vec<FoundPackageView>>>()?;
    reader.ok(PageView::new(asked.page, total, views))
}

/// Pages the packages of a repository by key; a repository of files has none.
#[utoipa::path(get, path = "/repository/api/package/page/{projectId}/{repoName}", params(PageParams, PackagePageParams), responses((status = 200, body = PageView<PackageView>)), security(()))]
async fn page(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let repository = readable(&app, caller, &project, &name).await?;
    let page = PageQuery::of(&params)?;
    let filter = filter(&params, "packageName", page);
    let total = repository.package_count(&filter).await?;
    let info = repository.info();
    let found = repository.packages(&filter).await?;
    let views = found
        .into_iter()
        .map(|package| view(&info.name, info.repository_type.as_str(), package, &reader))
        .collect();
    reader.ok(PageView::new(page, total, views))
}

/// Answers one package.
#[utoipa::path(get, path = "/repository/api/package/info/{projectId}/{repoName}", params(("packageKey" = String, Query, description = "Key of the package: `docker://team/app`")), responses((status = 200, body = PackageView)), security(()))]
async fn info(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let repository = readable(&app, caller, &project, &name).await?;
    let key = params.required("packageKey")?;
    let found = repository.package(key).await?;
    let found = found.ok_or_else(|| ApiError::new(Code::PackageUnknown, [key]))?;
    let info = repository.info();
    reader.ok(view(&info.name, info.repository_type.as_str(), found, &reader))
}

/// Pages the versions of a package by name; of one that is not there, none.
#[utoipa::path(get, path = "/repository/api/version/page/{projectId}/{repoName}", params(PageParams, VersionPageParams), responses((status = 200, body = PageView<VersionView>)), security(()))]
async fn versions(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let repository = readable(&app, caller, &project, &name).await?;
    let key = params.required("packageKey")?;
    let page = PageQuery::of(&params)?;
    let filter = filter(&params, "version", page);
    let total = repository.version_count(key, &filter).await?;
    let found = repository.versions(key, &filter).await?;
    let views = found
        .into_iter()
        .map(|version| version_view(version, &reader))
        .collect();
    reader.ok(PageView::new(page, total, views))
}
