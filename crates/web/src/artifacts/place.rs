//! Where a file or folder is, as a URL says it: project, repository and path.

use domain::path::FilePath;
use hosted::HostedRepository;
use serde::Deserialize;

use super::{path_of, readable, writable};
use crate::app::App;
use crate::auth::{Caller, MaybeCaller};
use crate::error::ApiResult;

/// Where a file or folder is; a path that is left out is the root.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    #[serde(rename = "projectId")]
    pub project: String,
    #[serde(rename = "repoName")]
    pub repository: String,
    #[serde(default)]
    pub path: String,
}

impl Place {
    /// Finds the repository for somebody who wants to read.
    pub(super) async fn readable(
        &self,
        app: &App,
        caller: MaybeCaller,
    ) -> ApiResult<(HostedRepository, FilePath)> {
        let repository = readable(app, caller, &self.project, &self.repository).await?;
        Ok((repository, path_of(&self.path)?))
    }

    /// Finds the repository for somebody who wants to write.
    pub(super) async fn writable(
        &self,
        app: &App,
        caller: &Caller,
    ) -> ApiResult<(HostedRepository, FilePath)> {
        let repository = writable(app, caller, &self.project, &self.repository).await?;
        Ok((repository, path_of(&self.path)?))
    }
}

/// Returns each of `paths` once, in order, without those that lie within another.
pub(super) fn outermost(mut paths: Vec<FilePath>) -> Vec<FilePath> {
    paths.sort();
    paths.dedup();
    let all = paths.clone();
    paths.retain(|path| !all.iter().any(|other| other != path && path.is_within(other)));
    paths
}
