//! A task as the native API shows it: what it does, and how it stands.

use domain::record::RecordEnd;
use domain::task::{PackageSelection, Scope, Task, TaskObject, Trigger};
use engine::freshness::Standing;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::VersionFilterBody;
use crate::api::answer::time;
use crate::contract::names::{CONFLICT_STRATEGIES, ERROR_STRATEGIES, name_of};

/// A task and how it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Task)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskView {
    key: String,
    name: String,
    description: Option<String>,
    project: String,
    objects: Vec<TaskObjectView>,
    /// Ids of the clusters it writes to.
    targets: Vec<String>,
    enabled: bool,
    trigger: TriggerView,
    /// `silent`, `failing`, `running`, `waiting`, `fresh` or `off`.
    freshness: &'static str,
    /// Since when it should have run, or carried a change; set when it is silent.
    silent_since: Option<String>,
    /// Artifacts whose latest detail failed.
    open_failures: u64,
    /// How its latest run ended: `succeeded`, `failed` or `stopped`; null while one goes on, or before the first.
    last_end: Option<&'static str>,
    last_run_at: Option<String>,
    next_run_at: Option<String>,
    runs: i64,
    conflict_strategy: &'static str,
    error_strategy: &'static str,
    /// Bytes per second over all workers; 0: no limit.
    rate_limit: u64,
    /// Whether properties travel along.
    includes_metadata: bool,
    /// Whether repositories that a target lacks are made there.
    creates_remote_repository: bool,
    keeps_details: bool,
    reserve_days: u32,
    created_by: String,
    created_at: String,
    modified_by: String,
    modified_at: String,
}

/// One repository of a task.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskObject)]
#[serde(rename_all = "camelCase")]
struct TaskObjectView {
    repository: String,
    repository_type: String,
    remote_project: Option<String>,
    remote_repository: Option<String>,
    /// What of it, when it is not all: files, and folders with everything below.
    paths: Option<Vec<String>>,
    /// The packages of it, when they are named.
    packages: Option<Vec<PackageView>>,
    /// Which versions of packages are wanted; null: all.
    version_filter: Option<VersionFilterBody>,
    /// Which platforms of images are wanted; none: all.
    platforms: Vec<String>,
}

/// A package of a task.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskPackage)]
#[serde(rename_all = "camelCase")]
struct PackageView {
    key: String,
    /// Its versions that are replicated; none: all of them.
    versions: Vec<String>,
    /// What the only version is called at the target; none: the same.
    target_versions: Vec<String>,
}

impl PackageView {
    fn of(package: PackageSelection) -> Self {
        Self {
            key: package.key,
            versions: package.versions,
            target_versions: package.target_versions,
        }
    }
}

/// What starts a task.
#[derive(Serialize, ToSchema)]
#[schema(as = Trigger)]
struct TriggerView {
    /// `immediately`, `at`, `cron`, `manual` or `real_time`.
    kind: &'static str,
    /// When, for `at`.
    at: Option<String>,
    /// The Quartz expression, for `cron`.
    cron: Option<String>,
}

impl TriggerView {
    fn of(trigger: &Trigger) -> Self {
        let (kind, at, cron) = match trigger {
            Trigger::Immediately => ("immediately", None, None),
            Trigger::At(at_ms) => ("at", Some(time(*at_ms)), None),
            Trigger::Cron(expression) => ("cron", None, Some(expression.clone())),
            Trigger::Manual => ("manual", None, None),
            Trigger::RealTime => ("real_time", None, None),
        };
        Self { kind, at, cron }
    }
}

impl TaskObjectView {
    fn of(object: TaskObject) -> Self {
        Self {
            version_filter: VersionFilterBody::of(&object.choice.versions),
            platforms: object.choice.platforms.iter().map(ToString::to_string).collect(),
            repository: object.local_repository,
            repository_type: object.repository_type.into(),
            remote_project: object.remote_project,
            remote_repository: object.remote_repository,
            paths: match &object.scope {
                Scope::Repository | Scope::Packages(_) => None,
                Scope::Paths(paths) => Some(paths.iter().map(ToString::to_string).collect()),
            },
            packages: match object.scope {
                Scope::Repository | Scope::Paths(_) => None,
                Scope::Packages(packages) => Some(packages.into_iter().map(PackageView::of).collect()),
            },
        }
    }
}

impl TaskView {
    /// Shows a task.
    pub(crate) fn of(standing: Standing) -> Self {
        let Standing {
            task,
            freshness,
            silent_since_ms,
            open_failures,
        } = standing;
        let last_end = last_end(&task);
        Self {
            key: task.key.to_string(),
            name: task.name,
            description: task.description,
            project: task.project,
            objects: task.objects.into_iter().map(TaskObjectView::of).collect(),
            targets: task.targets.iter().map(ToString::to_string).collect(),
            enabled: task.enabled,
            trigger: TriggerView::of(&task.settings.trigger),
            freshness: freshness.as_str(),
            silent_since: silent_since_ms.map(time),
            open_failures,
            last_end,
            last_run_at: task.last_run_ms.map(time),
            next_run_at: task.next_run_ms.map(time),
            runs: task.runs,
            conflict_strategy: name_of(CONFLICT_STRATEGIES, &task.settings.on_conflict),
            error_strategy: name_of(ERROR_STRATEGIES, &task.settings.on_error),
            rate_limit: task.settings.rate_limit_bytes_per_s,
            includes_metadata: task.settings.include_metadata,
            creates_remote_repository: task.settings.create_remote_repository,
            keeps_details: task.keeps_details,
            reserve_days: task.reserve_days,
            created_by: task.audit.created_by,
            created_at: time(task.audit.created_ms),
            modified_by: task.audit.modified_by,
            modified_at: time(task.audit.modified_ms),
        }
    }
}

fn last_end(task: &Task) -> Option<&'static str> {
    task.last_end.flatten().map(|end| match end {
        RecordEnd::Succeeded => "succeeded",
        RecordEnd::Failed => "failed",
        RecordEnd::Stopped => "stopped",
    })
}
