//! The shapes of what tasks are made from, in the document of the native API; the contract's `body` reads them.

#![expect(dead_code, reason = "describes what Members reads")]

use domain::versions::VersionFilter;
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::contract::names::{ObjectTypeName, ReplicaTypeName};
use crate::contract::tasks::schema::{ObjectBody, SettingBody};
use crate::openapi::{joined, reshaped};

/// A task that is to be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct NativeTaskBody {
    /// Its name, unlike that of any other task.
    #[schema(min_length = 2, max_length = 256)]
    name: String,
    /// Project of the repositories it replicates.
    local_project_id: String,
    replica_object_type: ObjectTypeName,
    #[schema(min_items = 1)]
    replica_task_objects: Vec<NativeObjectBody>,
    replica_type: Option<ReplicaTypeName>,
    /// How it replicates; at once, and going on after failures, unless said otherwise.
    setting: Option<SettingBody>,
    /// Ids of the clusters it replicates to.
    #[schema(min_items = 1)]
    remote_cluster_ids: Vec<String>,
    /// Whether it runs; true unless said otherwise.
    enabled: Option<bool>,
    description: Option<String>,
    /// Whether rows of its runs are kept; true unless said otherwise. Failed rows always are.
    record: Option<bool>,
    /// Days for which records are kept; 30 unless said otherwise.
    #[schema(minimum = 1, maximum = 60)]
    record_reserve_days: Option<i64>,
}

/// One repository of a task: what the contract says of it, and which versions and platforms are wanted.
pub(super) enum NativeObjectBody {}

impl PartialSchema for NativeObjectBody {
    fn schema() -> RefOr<Schema> {
        joined::<ObjectBody, ChoiceBody>()
    }
}

impl ToSchema for NativeObjectBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ObjectBody::schemas(schemas);
        ChoiceBody::schemas(schemas);
    }
}

/// What of a repository is wanted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ChoiceBody {
    /// Which versions of packages are wanted, unless they are named; all of them unless said otherwise.
    version_filter: Option<VersionFilterBody>,
    /// Which platforms of images are wanted, such as `linux/amd64`; all of them unless said otherwise.
    platforms: Option<Vec<String>>,
}

/// A choice among the versions of each package.
#[derive(Serialize, ToSchema)]
#[schema(as = VersionFilter)]
pub(crate) struct VersionFilterBody {
    /// Patterns of which a version has at least one: globs, `regex:...`, `semver:...`, `pep440:...`; none: every version.
    #[schema(required = false)]
    include: Vec<String>,
    /// Patterns of which a version has none.
    #[schema(required = false)]
    exclude: Vec<String>,
    /// How many of those that are left are taken, the newest ones; null: all.
    #[schema(minimum = 1)]
    newest: Option<usize>,
}

impl VersionFilterBody {
    /// Shows a filter; `None` when it takes everything.
    pub(crate) fn of(filter: &VersionFilter) -> Option<Self> {
        let texts =
            |patterns: &[domain::versions::Pattern]| patterns.iter().map(ToString::to_string).collect();
        (!filter.takes_all()).then(|| Self {
            include: texts(&filter.include),
            exclude: texts(&filter.exclude),
            newest: filter.newest.map(std::num::NonZeroUsize::get),
        })
    }
}

/// What a task becomes: all of it is replaced, but for its key, its past and whether it is switched on.
pub(super) enum TaskChange {}

impl PartialSchema for TaskChange {
    fn schema() -> RefOr<Schema> {
        let nothing: [(&str, RefOr<Schema>); 0] = [];
        reshaped::<NativeTaskBody>(&["enabled"], nothing)
    }
}

impl ToSchema for TaskChange {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NativeTaskBody::schemas(schemas);
    }
}

/// A task to be made like another one, switched off.
#[derive(ToSchema)]
pub(super) struct CopyBody {
    /// Its name, unlike that of any other task.
    #[schema(min_length = 2, max_length = 256)]
    name: String,
    /// That of the other one unless said otherwise.
    description: Option<String>,
}
