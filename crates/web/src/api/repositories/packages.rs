//! Packages of repositories that are not of files: what there is, in which versions, and removing it.
//!
//! The versions of an image are its tags. A version is removed as the registry removes it: a tag alone, or by its
//! digest the manifest with every tag that leads to it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::oci::InvalidName;
use hosted::{HostedRepository, Package, PackageFilter, PackageVersion, Reference};
use messages::Text;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{MOST_ROWS, ROWS};
use crate::api::answer::{limit, ok, time};
use crate::app::App;
use crate::artifacts::{changeable, readable};
use crate::auth::{Caller, MaybeCaller};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(packages))
        .routes(routes!(package, remove_package))
        .routes(routes!(versions))
        .routes(routes!(remove_version))
}

/// A package: the versions of one thing.
#[derive(Serialize, ToSchema)]
#[schema(as = Package)]
#[serde(rename_all = "camelCase")]
struct PackageView {
    /// `docker://team/app`
    key: String,
    /// `team/app`
    name: String,
    /// The version written last.
    latest: String,
    /// How many versions there are.
    versions: u64,
    created_by: String,
    created_at: String,
    modified_by: String,
    modified_at: String,
}

impl PackageView {
    fn of(package: Package) -> Self {
        Self {
            key: package.key,
            name: package.name,
            latest: package.latest,
            versions: package.versions,
            created_by: package.created_by,
            created_at: time(package.created_ms),
            modified_by: package.modified_by,
            modified_at: time(package.modified_ms),
        }
    }
}

/// One version of a package.
#[derive(Serialize, ToSchema)]
#[schema(as = PackageVersion)]
#[serde(rename_all = "camelCase")]
struct VersionView {
    /// The tag of an image.
    version: String,
    /// SHA-256 of the whole: of the manifest of an image.
    sha256: String,
    /// Bytes of everything it consists of.
    size_bytes: u64,
    created_by: String,
    created_at: String,
    modified_by: String,
    modified_at: String,
}

impl VersionView {
    fn of(version: PackageVersion) -> Self {
        Self {
            version: version.version,
            sha256: version.digest.to_hex(),
            size_bytes: version.size_bytes,
            created_by: version.created_by,
            created_at: time(version.created_ms),
            modified_by: version.modified_by,
            modified_at: time(version.modified_ms),
        }
    }
}

/// A page of packages.
#[derive(Serialize, ToSchema)]
struct Packages {
    packages: Vec<PackageView>,
    /// How many are selected in all.
    total: u64,
    /// Where the next page begins; null after the last one.
    next: Option<String>,
}

/// A page of versions.
#[derive(Serialize, ToSchema)]
struct Versions {
    versions: Vec<VersionView>,
    /// How many are selected in all.
    total: u64,
    /// Where the next page begins; null after the last one.
    next: Option<String>,
}

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct ListParams {
    /// Beginning of the name, or of the version, whatever the case.
    name: Option<String>,
    /// Most rows; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Which package.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct KeyParams {
    /// Key of the package: `docker://team/app`.
    #[param(min_length = 1)]
    package: String,
}

/// Which version.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct VersionParams {
    /// Key of the package: `docker://team/app`.
    #[param(min_length = 1)]
    package: String,
    /// The version, or the digest of the whole: `sha256:...`.
    #[param(min_length = 1)]
    version: String,
}

fn filter(params: &Params) -> ApiResult<PackageFilter> {
    Ok(PackageFilter {
        name_prefix: params.text("name"),
        after: params.text("cursor"),
        offset: 0,
        limit: limit(params, ROWS, MOST_ROWS)? as u64,
    })
}

/// Returns the parameter `name`, which must not be empty.
fn named<'a>(params: &'a Params, name: &str) -> ApiResult<&'a str> {
    params.filled(name).ok_or_else(|| ApiError::missing(name))
}

async fn known(repository: &HostedRepository, key: &str) -> ApiResult<Package> {
    let found = repository.package(key).await?;
    found.ok_or_else(|| ApiError::new(Code::PackageUnknown, [key]))
}

/// Lists the packages of a repository by key; a repository of files has none.
#[utoipa::path(get, path = "/api/v1/repositories/{project}/{repository}/packages", params(ListParams), responses((status = 200, body = Packages)))]
async fn packages(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let filter = filter(&params)?;
    let repository = readable(&app, MaybeCaller::User(caller), &project, &name).await?;
    let total = repository.package_count(&filter).await?;
    let found = repository.packages(&filter).await?;
    let last = found.last().filter(|_| found.len() as u64 == filter.limit);
    ok(Packages {
        next: last.map(|last| last.key.clone()),
        packages: found.into_iter().map(PackageView::of).collect(),
        total,
    })
}

/// Answers a package.
#[utoipa::path(get, path = "/api/v1/repositories/{project}/{repository}/package", params(KeyParams), responses((status = 200, body = PackageView)))]
async fn package(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let key = named(&params, "package")?;
    let repository = readable(&app, MaybeCaller::User(caller), &project, &name).await?;
    ok(PackageView::of(known(&repository, key).await?))
}

/// Removes a package with all its versions; what is uploaded to it meanwhile may go with it.
#[utoipa::path(delete, path = "/api/v1/repositories/{project}/{repository}/package", params(KeyParams), responses((status = 204)))]
async fn remove_package(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let key = named(&params, "package")?;
    let repository = changeable(&app, &caller, &project, &name).await?;
    if repository.image_of_package(key)?.remove_all().await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(ApiError::new(Code::PackageUnknown, [key]))
}

/// Lists the versions of a package by name.
#[utoipa::path(get, path = "/api/v1/repositories/{project}/{repository}/versions", params(KeyParams, ListParams), responses((status = 200, body = Versions)))]
async fn versions(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let key = named(&params, "package")?;
    let filter = filter(&params)?;
    let repository = readable(&app, MaybeCaller::User(caller), &project, &name).await?;
    known(&repository, key).await?;
    let total = repository.version_count(key, &filter).await?;
    let found = repository.versions(key, &filter).await?;
    let last = found.last().filter(|_| found.len() as u64 == filter.limit);
    ok(Versions {
        next: last.map(|last| last.version.clone()),
        versions: found.into_iter().map(VersionView::of).collect(),
        total,
    })
}

/// Removes a version: a tag alone, or by its digest the whole with every tag that leads to it.
///
/// What only a tag led to stays, and can still be pulled by its digest.
#[utoipa::path(delete, path = "/api/v1/repositories/{project}/{repository}/version", params(VersionParams), responses((status = 204)))]
async fn remove_version(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let (key, version) = (named(&params, "package")?, named(&params, "version")?);
    let repository = changeable(&app, &caller, &project, &name).await?;
    let image = repository.image_of_package(key)?;
    let reference: Reference = version.parse().map_err(|invalid: InvalidName| {
        ApiError::invalid("version", version).because(Text::verbatim(invalid.to_string()))
    })?;
    if image.remove_manifest(&reference).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(ApiError::new(Code::PackageUnknown, [&format!("{key} {version}")]))
}
