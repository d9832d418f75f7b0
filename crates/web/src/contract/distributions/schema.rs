//! The shapes of distribution bodies in the document of the API; `body` reads them, more leniently.

#![expect(dead_code, reason = "describes what Members reads")]

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::contract::names::{ObjectTypeName, ReplicaTypeName};
use crate::contract::tasks::schema::{PackageBody, PathBody, SettingBody};
use crate::openapi::reshaped;

/// Distributions to be made or replaced.
#[derive(ToSchema)]
pub(super) struct DistributionsBody {
    #[schema(min_items = 1, max_items = 50)]
    configs: Vec<DistributionBody>,
}

/// A distribution; its target is named by `clusterId` or by `registry`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct DistributionBody {
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_-]{1,127}$")]
    name: String,
    /// Id of a registered cluster.
    cluster_id: Option<String>,
    /// Address of a node nobody registered; without a scheme https is tried, then http.
    registry: Option<String>,
    /// Certificate authority (PEM) of the registry.
    certificate: Option<String>,
    username: Option<String>,
    /// Left out, the known one stays as long as address and user do.
    password: Option<String>,
    /// A user of the target that has to be allowed to write there; asked once, never kept.
    remote_user_username: Option<String>,
    remote_user_password: Option<String>,
    /// Project at the target; the local one's name unless said otherwise.
    remote_project_id: Option<String>,
    /// Repository at the target; the local one's name unless said otherwise.
    remote_repo_name: Option<String>,
    replica_object_type: Option<ObjectTypeName>,
    package_constraints: Option<Vec<PackageBody>>,
    path_constraints: Option<Vec<PathBody>>,
    /// `REAL_TIME` unless said otherwise.
    replica_type: Option<ReplicaTypeName>,
    setting: Option<SettingBody>,
    description: Option<String>,
    /// Whether it runs; true unless said otherwise.
    enable: Option<bool>,
}

/// A changed distribution: one without its name, which stands in the URL.
pub(super) enum DistributionUpdateBody {}

impl PartialSchema for DistributionUpdateBody {
    fn schema() -> RefOr<Schema> {
        let nothing: [(&str, RefOr<Schema>); 0] = [];
        reshaped::<DistributionBody>(&["name"], nothing)
    }
}

impl ToSchema for DistributionUpdateBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        DistributionBody::schemas(schemas);
    }
}

/// A distribution that runs when it is executed; what stands at the target is replaced.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct RunOnceBody {
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_-]{1,127}$")]
    name: String,
    cluster_id: Option<String>,
    registry: Option<String>,
    username: Option<String>,
    password: Option<String>,
    remote_user_username: Option<String>,
    remote_user_password: Option<String>,
    remote_project_id: Option<String>,
    remote_repo_name: Option<String>,
    /// `PATH` unless said otherwise.
    replica_object_type: Option<ObjectTypeName>,
    package_name: Option<String>,
    versions: Option<Vec<String>>,
    target_versions: Option<Vec<String>>,
    path_constraints: Option<Vec<String>>,
    /// `RUN_ONCE` unless said otherwise.
    replica_type: Option<ReplicaTypeName>,
    setting: Option<SettingBody>,
    description: Option<String>,
    enable: Option<bool>,
}
