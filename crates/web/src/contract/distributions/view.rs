//! Distributions as the contract shows them.

use domain::cluster::Cluster;
use domain::task::{Scope, Task};
use engine::distributions::Local;
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::constraint::{PackageConstraint, PathConstraint};
use crate::contract::names::{ReplicaTypeName, replica_type};
use crate::contract::tasks::view::SettingView;
use crate::reader::Reader;

/// A distribution that names its target by its address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DistributionView {
    project_id: String,
    repo_name: String,
    name: String,
    registry: String,
    certificate: Option<String>,
    username: Option<String>,
    /// Always null: a password is never shown.
    #[schema(value_type = Option<String>)]
    password: Option<()>,
    package_constraints: Option<Vec<PackageConstraint>>,
    path_constraints: Option<Vec<PathConstraint>>,
    #[schema(value_type = ReplicaTypeName)]
    replica_type: &'static str,
    setting: SettingView,
    description: Option<String>,
    enable: bool,
}

impl DistributionView {
    /// Shows the distribution of `local` that `task` is, to the cluster of its own.
    pub fn of(local: &Local, task: Task, cluster: Cluster, reader: &Reader) -> Self {
        let name = task.name.rsplit('/').next().unwrap_or_default();
        let paths = task.objects.iter().find_map(|object| match &object.scope {
            Scope::Repository | Scope::Packages(_) => None,
            Scope::Paths(paths) => Some(paths.iter().map(PathConstraint::of).collect()),
        });
        Self {
            project_id: local.repository.project.clone(),
            repo_name: local.repository.name.clone(),
            name: name.into(),
            registry: cluster.url,
            certificate: cluster.credentials.certificate,
            username: cluster.credentials.username,
            password: None,
            package_constraints: None,
            path_constraints: paths,
            replica_type: replica_type(&task),
            setting: SettingView::of(&task.settings, reader),
            description: task.description,
            enable: task.enabled,
        }
    }
}
