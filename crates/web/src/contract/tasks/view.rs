//! Tasks as the contract shows them.

use std::collections::HashMap;

use domain::id::ClusterId;
use domain::record::RecordEnd;
use domain::task::{Scope, Settings, Task, TaskObject, Trigger};
use engine::tasks::draft::ExecutionStrategy;
use serde::Serialize;
use utoipa::ToSchema;

use crate::contract::constraint::{PackageConstraint, PathConstraint};
use crate::contract::names::{
    CONFLICT_STRATEGIES, ConflictStrategyName, ERROR_STRATEGIES, ErrorStrategyName, ExecutionStrategyName,
    ObjectTypeName, ReplicaTypeName, RepositoryTypeName, StatusName, TASK_STATUSES, TaskStatusName, name_of,
    object_type, replica_type,
};
use crate::reader::Reader;

/// Names of clusters, by id.
pub type ClusterNames = HashMap<ClusterId, String>;

/// A task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    id: String,
    key: String,
    name: String,
    project_id: String,
    #[schema(value_type = ObjectTypeName)]
    replica_object_type: &'static str,
    #[schema(value_type = ReplicaTypeName)]
    replica_type: &'static str,
    setting: SettingView,
    remote_clusters: Vec<ClusterRefView>,
    description: Option<String>,
    #[schema(value_type = TaskStatusName)]
    status: &'static str,
    replicated_bytes: i64,
    total_bytes: i64,
    #[schema(value_type = Option<StatusName>)]
    last_execution_status: Option<&'static str>,
    last_execution_time: Option<String>,
    next_execution_time: Option<String>,
    execution_times: i64,
    enabled: bool,
    record: bool,
    record_reserve_days: u32,
    created_by: String,
    created_date: String,
    last_modified_by: String,
    last_modified_date: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct ClusterRefView {
    id: String,
    name: String,
}

/// How a task replicates.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingView {
    rate_limit: u64,
    include_metadata: bool,
    #[schema(value_type = ConflictStrategyName)]
    conflict_strategy: &'static str,
    #[schema(value_type = ErrorStrategyName)]
    error_strategy: &'static str,
    #[schema(value_type = ExecutionStrategyName)]
    execution_strategy: &'static str,
    execution_plan: PlanView,
    storage_consistency_check: bool,
    automatic_create_remote_repo: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PlanView {
    execute_immediately: bool,
    execute_time: Option<String>,
    cron_expression: Option<String>,
}

/// One repository of a task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectView {
    local_repo_name: String,
    remote_project_id: Option<String>,
    remote_repo_name: Option<String>,
    #[schema(value_type = RepositoryTypeName)]
    repo_type: String,
    package_constraints: Option<Vec<PackageConstraint>>,
    path_constraints: Option<Vec<PathConstraint>>,
    #[schema(value_type = Option<String>)]
    source_filter: Option<()>,
}

impl TaskView {
    /// Shows `task` to `reader`; a cluster that is gone is shown by its id.
    pub fn of(task: &Task, clusters: &ClusterNames, reader: &Reader) -> Self {
        let cluster = |id: &ClusterId| ClusterRefView {
            id: id.to_string(),
            name: clusters.get(id).cloned().unwrap_or_else(|| id.to_string()),
        };
        Self {
            id: task.id.to_string(),
            key: task.key.to_string(),
            name: task.name.clone(),
            project_id: task.project.clone(),
            replica_object_type: object_type(task),
            replica_type: replica_type(task),
            setting: SettingView::of(&task.settings, reader),
            remote_clusters: task.targets.iter().map(cluster).collect(),
            description: task.description.clone(),
            status: name_of(TASK_STATUSES, &task.status),
            replicated_bytes: 0,
            total_bytes: match task.settings.trigger {
                Trigger::Manual => 0,
                Trigger::Immediately | Trigger::At(_) | Trigger::Cron(_) | Trigger::RealTime => -1,
            },
            last_execution_status: task.last_end.map(|end| match end {
                None => "RUNNING",
                Some(RecordEnd::Succeeded) => "SUCCESS",
                Some(RecordEnd::Failed | RecordEnd::Stopped) => "FAILED",
            }),
            last_execution_time: task.last_run_ms.map(|ms| reader.date(ms)),
            next_execution_time: task.next_run_ms.map(|ms| reader.date(ms)),
            execution_times: task.runs,
            enabled: task.enabled,
            record: task.keeps_details,
            record_reserve_days: task.reserve_days,
            created_by: task.audit.created_by.clone(),
            created_date: reader.date(task.audit.created_ms),
            last_modified_by: task.audit.modified_by.clone(),
            last_modified_date: reader.date(task.audit.modified_ms),
        }
    }
}

impl SettingView {
    /// Shows `settings` to `reader`.
    pub fn of(settings: &Settings, reader: &Reader) -> Self {
        let (strategy, execute_time, cron_expression) = match &settings.trigger {
            Trigger::Immediately | Trigger::Manual | Trigger::RealTime => {
                (ExecutionStrategy::Immediately, None, None)
            }
            Trigger::At(at_ms) => (ExecutionStrategy::SpecifiedTime, Some(reader.date(*at_ms)), None),
            Trigger::Cron(cron) => (ExecutionStrategy::Cron, None, Some(cron.clone())),
        };
        Self {
            rate_limit: settings.rate_limit_bytes_per_s,
            include_metadata: settings.include_metadata,
            conflict_strategy: name_of(CONFLICT_STRATEGIES, &settings.on_conflict),
            error_strategy: name_of(ERROR_STRATEGIES, &settings.on_error),
            execution_strategy: strategy.as_str(),
            execution_plan: PlanView {
                execute_immediately: strategy == ExecutionStrategy::Immediately,
                execute_time,
                cron_expression,
            },
            storage_consistency_check: settings.storage_consistency_check,
            automatic_create_remote_repo: settings.create_remote_repository,
        }
    }
}

impl ObjectView {
    /// Shows `object`.
    pub fn of(object: &TaskObject) -> Self {
        Self {
            local_repo_name: object.local_repository.clone(),
            remote_project_id: object.remote_project.clone(),
            remote_repo_name: object.remote_repository.clone(),
            repo_type: object.repository_type.to_string(),
            package_constraints: match &object.scope {
                Scope::Repository | Scope::Paths(_) => None,
                Scope::Packages(packages) => Some(packages.iter().map(PackageConstraint::of).collect()),
            },
            path_constraints: match &object.scope {
                Scope::Repository | Scope::Packages(_) => None,
                Scope::Paths(paths) => Some(paths.iter().map(PathConstraint::of).collect()),
            },
            source_filter: None,
        }
    }
}
