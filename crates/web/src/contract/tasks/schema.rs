//! The shapes of task bodies and filters in the document of the API; `body` reads them, more leniently.

#![expect(dead_code, reason = "describes what Members and Params read")]

use utoipa::{IntoParams, ToSchema};

use crate::contract::names::{
    ConflictStrategyName, ErrorStrategyName, ExecutionStrategyName, ObjectTypeName, ReplicaTypeName,
    RepositoryTypeName, StatusName, one_of,
};

/// A new task.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct TaskBody {
    /// Its name, unlike that of any other task.
    #[schema(min_length = 2, max_length = 256)]
    name: String,
    /// Project of the repositories it replicates.
    local_project_id: String,
    replica_object_type: ObjectTypeName,
    #[schema(min_items = 1)]
    replica_task_objects: Vec<ObjectBody>,
    replica_type: Option<ReplicaTypeName>,
    setting: SettingBody,
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

/// A changed task; without `setting` it keeps the one it has.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct TaskUpdateBody {
    /// Key of the task.
    key: String,
    #[schema(min_length = 2, max_length = 256)]
    name: String,
    /// Required, though a task never changes its project.
    local_project_id: String,
    replica_object_type: ObjectTypeName,
    #[schema(min_items = 1)]
    replica_task_objects: Vec<ObjectBody>,
    setting: Option<SettingBody>,
    #[schema(min_items = 1)]
    remote_cluster_ids: Vec<String>,
    description: Option<String>,
    record: Option<bool>,
    #[schema(minimum = 1, maximum = 60)]
    record_reserve_days: Option<i64>,
}

/// A task to be made like another one.
#[derive(ToSchema)]
pub(super) struct TaskCopyBody {
    /// Key of the other one.
    key: String,
    /// Name of the new one.
    name: String,
    description: Option<String>,
}

/// One repository of a task.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ObjectBody {
    local_repo_name: String,
    /// Project at the target; the local one's name unless said otherwise.
    remote_project_id: Option<String>,
    /// Repository at the target; the local one's name unless said otherwise.
    remote_repo_name: Option<String>,
    repo_type: RepositoryTypeName,
    package_constraints: Option<Vec<PackageBody>>,
    path_constraints: Option<Vec<PathBody>>,
}

/// Versions of a package.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PackageBody {
    package_key: String,
    versions: Option<Vec<String>>,
    /// What the only version is called at the target.
    target_versions: Option<Vec<String>>,
}

/// A file or folder.
#[derive(ToSchema)]
pub(crate) struct PathBody {
    path: String,
}

/// How a task replicates.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SettingBody {
    /// Bytes per second; unlimited when it is not positive.
    rate_limit: Option<i64>,
    include_metadata: Option<bool>,
    conflict_strategy: Option<ConflictStrategyName>,
    error_strategy: Option<ErrorStrategyName>,
    execution_strategy: Option<ExecutionStrategyName>,
    execution_plan: Option<PlanBody>,
    storage_consistency_check: Option<bool>,
    automatic_create_remote_repo: Option<bool>,
}

/// When a task runs.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PlanBody {
    execute_immediately: Option<bool>,
    /// Local date and time without a zone: `2026-08-01T02:30:00`.
    execute_time: Option<String>,
    /// A Quartz expression: `0 30 2 * * ? *`.
    cron_expression: Option<String>,
}

/// What tasks are paged by.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub(super) struct TaskPageParams {
    /// Beginning of the name.
    name: Option<String>,
    /// How the latest run ended.
    #[param(inline)]
    last_execution_status: Option<StatusName>,
    /// Whether the task is switched on.
    enabled: Option<bool>,
    /// `CREATED_TIME` unless said otherwise.
    #[param(schema_with = sorts)]
    sort_type: Option<String>,
    /// `DESC` unless said otherwise.
    #[param(schema_with = directions)]
    sort_direction: Option<String>,
}

fn sorts() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    one_of(super::SORTS.iter().map(|(name, _)| *name))
}

fn directions() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    one_of(["ASC", "DESC"].into_iter())
}
