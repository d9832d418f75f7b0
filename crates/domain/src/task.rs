//! Tasks: standing instructions to replicate.

use serde::{Deserialize, Serialize};

use crate::cluster::Audit;
use crate::id::{ClusterId, TaskId, TaskKey};
use crate::path::FilePath;
use crate::record::RecordEnd;
use crate::repository::{RepositoryRef, RepositoryType};
use crate::versions::Choice;

/// What to do when other content stands at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConflictStrategy {
    /// Leave it alone and count the artifact as skipped.
    Skip,
    /// Replace it.
    Overwrite,
    /// Leave it alone and fail the artifact.
    FastFail,
}

/// What to do after a failed artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorStrategy {
    /// Go on with the rest.
    Continue,
    /// Stop planning for that target.
    FastFail,
}

/// What starts a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// As soon as the task is saved and enabled, once.
    Immediately,
    /// Once, at this Unix time in milliseconds.
    At(i64),
    /// Whenever this Quartz expression fires.
    Cron(String),
    /// Only when somebody asks for it (RUN_ONCE).
    Manual,
    /// Every change of the artifacts it covers (REAL_TIME).
    RealTime,
}

/// How a task replicates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Bytes per second over all workers of one run; 0: no limit.
    pub rate_limit_bytes_per_s: u64,
    /// Whether properties travel too.
    pub include_metadata: bool,
    /// What to do when other content stands at the target.
    pub on_conflict: ConflictStrategy,
    /// What to do after a failed artifact.
    pub on_error: ErrorStrategy,
    /// Whether runs of whole repositories go on after a failed artifact even under
    /// [`ErrorStrategy::FastFail`]: so for tasks made through the contract.
    #[serde(default)]
    pub repository_runs_go_on: bool,
    /// What starts the task.
    pub trigger: Trigger,
    /// Kept and shown for the contract; every transfer is verified whatever it says.
    pub storage_consistency_check: bool,
    /// Whether a missing project or repository is created at the target.
    pub create_remote_repository: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate_limit_bytes_per_s: 0,
            include_metadata: true,
            on_conflict: ConflictStrategy::Skip,
            on_error: ErrorStrategy::Continue,
            repository_runs_go_on: false,
            trigger: Trigger::Immediately,
            storage_consistency_check: false,
            create_remote_repository: true,
        }
    }
}

impl Settings {
    /// Returns what a failed artifact means for a run of `scope`.
    pub fn on_error_within(&self, scope: &Scope) -> ErrorStrategy {
        match scope {
            Scope::Repository if self.repository_runs_go_on => ErrorStrategy::Continue,
            Scope::Repository | Scope::Paths(_) | Scope::Packages(_) => self.on_error,
        }
    }
}

/// Which artifacts of a repository a task covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All of them.
    Repository,
    /// The files named, and all below the folders named.
    Paths(Vec<FilePath>),
    /// Versions of packages.
    Packages(Vec<PackageSelection>),
}

/// One package of a scope, and which versions of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageSelection {
    /// The package's key: `npm://left-pad`, `gav://org.example:app`, `docker://library/busybox`.
    pub key: String,
    /// Its versions (an image's tags); empty for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// What the only version of `versions` is called at the target; empty for its own name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_versions: Vec<String>,
}

/// One repository to replicate, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskObject {
    /// Repository on this cluster, within the task's project.
    pub local_repository: String,
    /// Project at the target; `None`: the local project's name.
    pub remote_project: Option<String>,
    /// Repository at the target; `None`: the local repository's name.
    pub remote_repository: Option<String>,
    /// What the repository holds.
    pub repository_type: RepositoryType,
    /// Which artifacts of it.
    pub scope: Scope,
    /// What of those is wanted.
    #[serde(default, skip_serializing_if = "Choice::is_everything")]
    pub choice: Choice,
}

impl TaskObject {
    /// Returns the repository at the target of a task of `local_project`.
    pub fn remote(&self, local_project: &str) -> RepositoryRef {
        RepositoryRef::new(
            self.remote_project.as_deref().unwrap_or(local_project),
            self.remote_repository
                .as_deref()
                .unwrap_or(&self.local_repository),
        )
    }
}

/// Returns the number of the unit that carries object `object_no` of `objects` to target `target_no`.
pub fn unit_no(objects: usize, target_no: usize, object_no: usize) -> u16 {
    u16::try_from(target_no * objects + object_no).unwrap_or(u16::MAX)
}

/// Where a task stands between its runs, as the contract names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    /// It will run by itself.
    Waiting,
    /// It runs.
    Replicating,
    /// It ran and will not run again by itself.
    Completed,
}

/// A standing instruction to replicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Id of this version; changes with every update.
    pub id: TaskId,
    /// Its lasting name for programs.
    pub key: TaskKey,
    /// Its name for people, unique on this node.
    pub name: String,
    /// Project whose repositories it reads.
    pub project: String,
    /// What it replicates; never empty.
    pub objects: Vec<TaskObject>,
    /// Clusters it writes to; never empty.
    pub targets: Vec<ClusterId>,
    /// How it replicates.
    pub settings: Settings,
    /// Whether triggers may start it.
    pub enabled: bool,
    /// Free text.
    pub description: Option<String>,
    /// Whether details of artifacts that did not fail are kept.
    pub keeps_details: bool,
    /// How long records are kept, in days.
    pub reserve_days: u32,
    /// Where it stands.
    pub status: TaskStatus,
    /// How its latest record ended; `Some(None)` while one is going on, `None` when there never was one.
    pub last_end: Option<Option<RecordEnd>>,
    /// When its latest record started (Unix milliseconds).
    pub last_run_ms: Option<i64>,
    /// When it will start by itself next.
    pub next_run_ms: Option<i64>,
    /// How many records it has had.
    pub runs: i64,
    /// Who made and changed it.
    pub audit: Audit,
}

impl Task {
    /// Says whether changes of what it covers are noted for it.
    pub fn watches(&self) -> bool {
        self.enabled && self.settings.trigger == Trigger::RealTime
    }

    /// Returns where it stands when no run of it goes on any more.
    pub fn status_at_rest(&self) -> TaskStatus {
        match self.settings.trigger {
            Trigger::Cron(_) => TaskStatus::Waiting,
            Trigger::Immediately | Trigger::At(_) | Trigger::Manual => TaskStatus::Completed,
            Trigger::RealTime if self.enabled => TaskStatus::Replicating,
            Trigger::RealTime => TaskStatus::Waiting,
        }
    }
}
