//! The artifact API: files of hosted repositories, their nodes, and the repositories and projects around them.
//!
//! Callers are recognised before anything is looked up, so an anonymous one learns nothing: 401 for unknown
//! repositories too, unless the repository is public and only read.

mod archive;
mod blocks;
mod configuration;
mod content_type;
mod download;
mod foreign;
mod headers;
mod listing;
mod node_changes;
mod node_view;
mod nodes;
mod packages;
mod place;
mod projects;
pub(crate) mod range;
mod refusals;
mod repositories;
mod rules;
mod search;
mod upload;
mod zips;

pub(crate) use configuration::default_configuration;
pub(crate) use download::send as send_file;
pub(crate) use node_view::{NodeDetail, detail as node_detail, node_at};
pub(crate) use projects::{ProjectView, view as project_view};
pub(crate) use repositories::{
    KEPT_TYPES, RepositoryBody, RepositoryDetail, detail as repository_detail, known_to, new_repository,
};
pub(crate) use upload::{UploadHeaders, expiry_ms, options as upload_options};

use domain::path::FilePath;
use domain::repository::{RepositoryRef, RepositoryType};
use hosted::{FOREIGN, HostedRepository, Viewer};
use messages::text;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::auth::{Caller, MaybeCaller};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(download::router())
        .merge(blocks::router())
        .merge(zips::router())
        .merge(nodes::router())
        .merge(node_changes::router())
        .merge(search::router())
        .merge(packages::router())
        .merge(projects::router())
        .merge(repositories::router())
}

/// Reads a path as the contract's clients write it.
pub(crate) fn path_of(text: &str) -> ApiResult<FilePath> {
    text.parse().map_err(|_| ApiError::new(Code::PathInvalid, [text]))
}

/// Finds a repository somebody wants to read: anybody may read a public one.
pub(crate) async fn readable(
    app: &App,
    caller: MaybeCaller,
    project: &str,
    name: &str,
) -> ApiResult<HostedRepository> {
    let found = find(app, project, name).await?;
    let public = found.as_ref().is_some_and(|repository| repository.info().public);
    caller.need_read(project, public)?;
    kept_here(found.ok_or_else(|| unknown(project, name))?)
}

/// Finds a repository of files somebody wants to change; others are changed by the protocol of what they hold.
pub(crate) async fn writable(
    app: &App,
    caller: &Caller,
    project: &str,
    name: &str,
) -> ApiResult<HostedRepository> {
    let found = changeable(app, caller, project, name).await?;
    if found.info().repository_type == RepositoryType::generic() {
        Ok(found)
    } else {
        Err(unknown(project, name))
    }
}

/// Finds a repository, whatever it holds, somebody wants to change.
pub(crate) async fn changeable(
    app: &App,
    caller: &Caller,
    project: &str,
    name: &str,
) -> ApiResult<HostedRepository> {
    caller.need_write(project)?;
    let found = find(app, project, name).await?;
    kept_here(found.ok_or_else(|| unknown(project, name))?)
}

/// Refuses a repository that stands for a registry elsewhere.
fn kept_here(found: HostedRepository) -> ApiResult<HostedRepository> {
    if found.info().is_foreign() {
        return Err(ApiError::invalid("category", FOREIGN).because(text!("foreign-repository")));
    }
    Ok(found)
}

async fn find(app: &App, project: &str, name: &str) -> ApiResult<Option<HostedRepository>> {
    Ok(app
        .hosted()
        .repository(&RepositoryRef::new(project, name))
        .await?)
}

pub(crate) fn unknown(project: &str, name: &str) -> ApiError {
    ApiError::new(Code::RepositoryUnknown, [&format!("{project}/{name}")])
}

/// Returns what a caller may refer to without sending it.
pub(crate) fn viewer(caller: &Caller) -> Viewer {
    Viewer {
        user: caller.name.to_string(),
        projects: caller.readable_projects(),
    }
}
