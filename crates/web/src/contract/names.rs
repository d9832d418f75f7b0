//! The contract's fixed names and what they mean here, for reading and for showing.

use domain::cluster::{ClusterStatus, ClusterType, DetectType};
use domain::detail::{DetailStatus, ExecuteType};
use domain::record::{RecordEnd, RecordStatus};
use domain::task::{ConflictStrategy, ErrorStrategy, Scope, Task, TaskStatus, Trigger};
use engine::tasks::draft::{ExecutionStrategy, ReplicaType, ScopeKind};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Names of [`ClusterType`].
pub const CLUSTER_TYPES: &[(&str, ClusterType)] = &[
    ("CENTER", ClusterType::Center),
    ("EDGE", ClusterType::Edge),
    ("STANDALONE", ClusterType::Standalone),
    ("REMOTE", ClusterType::Remote),
];

/// Names of [`DetectType`].
pub const DETECT_TYPES: &[(&str, DetectType)] = &[("PING", DetectType::Ping), ("REPORT", DetectType::Report)];

/// Names of [`ClusterStatus`].
pub const CLUSTER_STATUSES: &[(&str, ClusterStatus)] = &[
    ("HEALTHY", ClusterStatus::Healthy),
    ("UNHEALTHY", ClusterStatus::Unhealthy),
];

/// Names of yes and no.
pub const FLAGS: &[(&str, bool)] = &[("true", true), ("false", false)];

/// Names of [`DetailStatus`], which are those of a record's status too.
pub const STATUSES: &[(&str, DetailStatus)] = &[
    ("RUNNING", DetailStatus::Running),
    ("SUCCESS", DetailStatus::Success),
    ("FAILED", DetailStatus::Failed),
];

/// Names of [`ConflictStrategy`].
pub const CONFLICT_STRATEGIES: &[(&str, ConflictStrategy)] = &[
    ("SKIP", ConflictStrategy::Skip),
    ("OVERWRITE", ConflictStrategy::Overwrite),
    ("FAST_FAIL", ConflictStrategy::FastFail),
];

/// Names of [`ErrorStrategy`].
pub const ERROR_STRATEGIES: &[(&str, ErrorStrategy)] = &[
    ("CONTINUE", ErrorStrategy::Continue),
    ("FAST_FAIL", ErrorStrategy::FastFail),
];

/// Names of [`ExecuteType`].
pub const EXECUTE_TYPES: &[(&str, ExecuteType)] = &[
    ("DELTA", ExecuteType::Delta),
    ("FULL", ExecuteType::Full),
    ("PARTIAL", ExecuteType::Partial),
];

/// Names of [`TaskStatus`].
pub const TASK_STATUSES: &[(&str, TaskStatus)] = &[
    ("WAITING", TaskStatus::Waiting),
    ("REPLICATING", TaskStatus::Replicating),
    ("COMPLETED", TaskStatus::Completed),
];

/// Names of [`ScopeKind`].
pub const SCOPE_KINDS: &[(&str, ScopeKind)] = &[
    ("REPOSITORY", ScopeKind::Repository),
    ("PACKAGE", ScopeKind::Package),
    ("PATH", ScopeKind::Path),
];

/// Names of [`ReplicaType`].
pub const REPLICA_TYPES: &[(&str, ReplicaType)] = &[
    ("SCHEDULED", ReplicaType::Scheduled),
    ("REAL_TIME", ReplicaType::RealTime),
    ("RUN_ONCE", ReplicaType::RunOnce),
    ("EDGE_PULL", ReplicaType::EdgePull),
    ("FEDERATION", ReplicaType::Federation),
];

/// Names of [`ExecutionStrategy`].
pub const EXECUTION_STRATEGIES: &[(&str, ExecutionStrategy)] = &[
    ("IMMEDIATELY", ExecutionStrategy::Immediately),
    ("SPECIFIED_TIME", ExecutionStrategy::SpecifiedTime),
    ("CRON_EXPRESSION", ExecutionStrategy::Cron),
];

/// Repository types the contract knows; which of them this version can replicate is the engine's business.
pub const REPOSITORY_TYPES: &[&str] = &[
    "NONE",
    "GENERIC",
    "DOCKER",
    "MAVEN",
    "PYPI",
    "NPM",
    "HELM",
    "RDS",
    "COMPOSER",
    "RPM",
    "NUGET",
    "GIT",
    "OCI",
    "CONAN",
    "LFS",
    "DDC",
    "SVN",
    "S3",
    "MEDIA",
    "OHPM",
    "CARGO",
    "HUGGINGFACE",
    "DRIVE",
    "SKILL",
];

/// Categories of repositories the contract knows; which of them this version keeps is the artifact API's business.
pub const REPOSITORY_CATEGORIES: &[&str] = &["LOCAL", "REMOTE", "VIRTUAL", "COMPOSITE", "PROXY"];

/// Returns the schema of a text that is one of `names`.
pub fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .into()
}

/// Gives a table of names a type that stands for it in the document.
macro_rules! documented {
    ($($table:ident as $name:ident;)*) => { $(
        #[doc = concat!("One of [`", stringify!($table), "`], in the document of the API.")]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of($table.iter().map(|(name, _)| *name))
            }
        }

        impl ToSchema for $name {}
    )* };
}

documented! {
    CLUSTER_TYPES as ClusterTypeName;
    DETECT_TYPES as DetectTypeName;
    CLUSTER_STATUSES as ClusterStatusName;
    STATUSES as StatusName;
    CONFLICT_STRATEGIES as ConflictStrategyName;
    ERROR_STRATEGIES as ErrorStrategyName;
    EXECUTE_TYPES as ExecuteTypeName;
    TASK_STATUSES as TaskStatusName;
    SCOPE_KINDS as ObjectTypeName;
    REPLICA_TYPES as ReplicaTypeName;
    EXECUTION_STRATEGIES as ExecutionStrategyName;
}

/// One of [`REPOSITORY_TYPES`], in the document of the API.
pub enum RepositoryTypeName {}

impl PartialSchema for RepositoryTypeName {
    fn schema() -> RefOr<Schema> {
        one_of(REPOSITORY_TYPES.iter().copied())
    }
}

impl ToSchema for RepositoryTypeName {}

/// One of [`REPOSITORY_CATEGORIES`], in the document of the API.
pub enum RepositoryCategoryName {}

impl PartialSchema for RepositoryCategoryName {
    fn schema() -> RefOr<Schema> {
        one_of(REPOSITORY_CATEGORIES.iter().copied())
    }
}

impl ToSchema for RepositoryCategoryName {}

/// Returns the name of `meaning`; every meaning has one.
pub fn name_of<T: PartialEq>(names: &[(&'static str, T)], meaning: &T) -> &'static str {
    names
        .iter()
        .find(|(_, known)| known == meaning)
        .map_or("", |(name, _)| name)
}

/// Returns the status the contract shows for a record.
pub fn record_status(status: RecordStatus) -> DetailStatus {
    match status.end() {
        None => DetailStatus::Running,
        Some(RecordEnd::Succeeded) => DetailStatus::Success,
        Some(RecordEnd::Failed | RecordEnd::Stopped) => DetailStatus::Failed,
    }
}

/// Returns what the contract calls the scope of a task.
pub fn object_type(task: &Task) -> &'static str {
    let kind = match task.objects.first().map(|object| &object.scope) {
        Some(Scope::Paths(_)) => ScopeKind::Path,
        Some(Scope::Packages(_)) => ScopeKind::Package,
        Some(Scope::Repository) | None => ScopeKind::Repository,
    };
    name_of(SCOPE_KINDS, &kind)
}

/// Returns what the contract calls that which makes a task run.
pub fn replica_type(task: &Task) -> &'static str {
    match task.settings.trigger {
        Trigger::Immediately | Trigger::At(_) | Trigger::Cron(_) => ReplicaType::Scheduled.as_str(),
        Trigger::Manual => ReplicaType::RunOnce.as_str(),
        Trigger::RealTime => ReplicaType::RealTime.as_str(),
    }
}
