//! Tasks that are complete by default: set only what a test is about.

use domain::artifact::ArtifactKey;
use domain::cluster::{Audit, Cluster, ClusterStatus, ClusterType, Credentials, DetectType};
use domain::id::{ClusterId, TaskId, TaskKey};
use domain::repository::RepositoryType;
use domain::task::{ConflictStrategy, ErrorStrategy, Scope, Settings, Task, TaskObject, TaskStatus, Trigger};

/// Starts a task that copies the repository `demo/files` to `edge-1` when it is asked to.
pub fn task() -> TaskBuilder {
    TaskBuilder {
        name: TaskKey::random().0,
        repositories: vec!["files".into()],
        paths: Vec::new(),
        onto: None,
        targets: vec!["edge-1".into()],
        settings: Settings {
            trigger: Trigger::Manual,
            ..Settings::default()
        },
        keeps_details: true,
        reserve_days: 30,
        next_run_ms: None,
    }
}

/// A task in the making.
#[derive(Debug, Clone)]
pub struct TaskBuilder {
    name: String,
    repositories: Vec<String>,
    paths: Vec<String>,
    onto: Option<String>,
    pub targets: Vec<String>,
    settings: Settings,
    keeps_details: bool,
    reserve_days: u32,
    next_run_ms: Option<i64>,
}

impl TaskBuilder {
    pub fn of(mut self, repositories: &[&str]) -> Self {
        self.repositories = repositories.iter().map(|name| (*name).into()).collect();
        self
    }

    pub fn paths(mut self, paths: &[&str]) -> Self {
        self.paths = paths.iter().map(|path| (*path).into()).collect();
        self
    }

    /// Gives the repository this name at the target.
    pub fn onto(mut self, name: &str) -> Self {
        self.onto = Some(name.into());
        self
    }

    pub fn to(mut self, targets: &[&str]) -> Self {
        self.targets = targets.iter().map(|name| (*name).into()).collect();
        self
    }

    pub fn on_conflict(mut self, strategy: ConflictStrategy) -> Self {
        self.settings.on_conflict = strategy;
        self
    }

    pub fn without_metadata(mut self) -> Self {
        self.settings.include_metadata = false;
        self
    }

    pub fn on_error(mut self, strategy: ErrorStrategy) -> Self {
        self.settings.on_error = strategy;
        self
    }

    pub fn repository_runs_go_on(mut self) -> Self {
        self.settings.repository_runs_go_on = true;
        self
    }

    pub fn bytes_per_s(mut self, bytes_per_s: u64) -> Self {
        self.settings.rate_limit_bytes_per_s = bytes_per_s;
        self
    }

    /// Fires whenever `expression` says so, first at `next_run_ms`.
    pub fn cron(mut self, expression: &str, next_run_ms: i64) -> Self {
        self.settings.trigger = Trigger::Cron(expression.into());
        self.next_run_ms = Some(next_run_ms);
        self
    }

    /// Follows what changes.
    pub fn real_time(mut self) -> Self {
        self.settings.trigger = Trigger::RealTime;
        self
    }

    /// Fires once, at `at_ms`.
    pub fn at(mut self, at_ms: i64) -> Self {
        self.settings.trigger = Trigger::At(at_ms);
        self.next_run_ms = Some(at_ms);
        self
    }

    pub fn keeps_no_details(mut self) -> Self {
        self.keeps_details = false;
        self
    }

    pub fn reserve_days(mut self, days: u32) -> Self {
        self.reserve_days = days;
        self
    }

    pub fn build(self, targets: Vec<ClusterId>, id: TaskId, now_ms: i64) -> Task {
        let scope = match self.paths.is_empty() {
            true => Scope::Repository,
            false => Scope::Paths(self.paths.iter().map(|path| path.parse().unwrap()).collect()),
        };
        let objects = self.repositories.iter().map(|name| TaskObject {
            local_repository: name.clone(),
            remote_project: None,
            remote_repository: self.onto.clone(),
            repository_type: RepositoryType::generic(),
            scope: scope.clone(),
            choice: domain::versions::Choice::default(),
        });
        Task {
            id,
            key: TaskKey(self.name.clone()),
            name: self.name,
            project: "demo".into(),
            objects: objects.collect(),
            targets,
            settings: self.settings,
            enabled: true,
            description: None,
            keeps_details: self.keeps_details,
            reserve_days: self.reserve_days,
            status: TaskStatus::Waiting,
            last_end: None,
            last_run_ms: None,
            next_run_ms: self.next_run_ms,
            runs: 0,
            audit: Audit::new("admin", now_ms),
        }
    }
}

pub fn cluster(name: &str, id: ClusterId, now_ms: i64) -> Cluster {
    Cluster {
        id,
        name: name.into(),
        cluster_type: ClusterType::Standalone,
        url: format!("http://{name}.example"),
        credentials: Credentials::default(),
        udp_port: None,
        detect_type: DetectType::Ping,
        status: ClusterStatus::Healthy,
        error_reason: None,
        last_report_ms: None,
        audit: Audit::new("admin", now_ms),
    }
}

pub fn name_of(key: &Option<ArtifactKey>) -> String {
    key.as_ref().map(ToString::to_string).unwrap_or_default()
}
