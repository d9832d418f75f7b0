//! A store in a folder of its own, and builders of what it keeps.

use std::sync::Arc;

use domain::artifact::ArtifactKey;
use domain::cluster::{Audit, Cluster, ClusterStatus, ClusterType, Credentials, DetectType, Secret};
use domain::detail::{ExecuteType, Settlement};
use domain::digest::Digest;
use domain::id::{ClusterId, RecordId, TaskKey};
use domain::record::RunPlan;
use domain::repository::RepositoryType;
use domain::task::{Scope, Settings, Task, TaskObject, TaskStatus, Trigger};
use storage::records::{NewRecord, Overlap, StartOutcome, TaskNext, Unit};
use storage::writer::{DetailRow, Group, PageMark, RowState};
use storage::{Store, StoreResult};
use tempfile::TempDir;
use testkit::ManualClock;

/// When every test begins.
pub const START_MS: i64 = 1_800_000_000_000;

/// A store in a folder of its own.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub store: Store,
    pub folder: TempDir,
}

/// A record that is being carried out.
pub struct Run {
    pub task: Task,
    pub id: RecordId,
    pub no: i64,
    pub fence: i64,
}

impl Run {
    /// Settles the file `path` now, in unit 0.
    pub fn row(&self, world: &World, path: &str, settlement: Settlement) -> DetailRow {
        let now_ms = world.store.now_ms();
        DetailRow {
            unit_no: 0,
            id: world.store.next_id(),
            key: ArtifactKey {
                name: path.into(),
                version: None,
            },
            package_name: None,
            size_bytes: Some(path.len() as u64),
            digest: Some(Digest::of(path.as_bytes())),
            state: RowState::Settled(settlement),
            started_ms: now_ms,
            ended_ms: Some(now_ms),
            was_running: false,
        }
    }

    /// Shows the file `path` as running.
    pub fn running(&self, world: &World, path: &str) -> DetailRow {
        DetailRow {
            state: RowState::Running,
            ended_ms: None,
            ..self.row(world, path, Settlement::of(domain::detail::Outcome::Copied))
        }
    }
}

impl World {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START_MS));
        let store = Store::open(folder.path(), clock.clone(), None).await.unwrap();
        Self { clock, store, folder }
    }

    /// Closes the store and opens the folder again, as a restarted process does.
    pub async fn restart(self) -> Self {
        let Self { clock, store, folder } = self;
        store.close().await;
        drop(store);
        let store = Store::open(folder.path(), clock.clone(), None).await.unwrap();
        Self { clock, store, folder }
    }

    pub fn cluster(&self, name: &str) -> Cluster {
        Cluster {
            id: self.store.next_id(),
            name: name.into(),
            cluster_type: ClusterType::Standalone,
            url: format!("http://{name}.example"),
            credentials: Credentials {
                username: Some("replicator".into()),
                password: Some(Secret::new("hunter2")),
                ..Credentials::default()
            },
            udp_port: None,
            detect_type: DetectType::Ping,
            status: ClusterStatus::Healthy,
            error_reason: None,
            last_report_ms: None,
            audit: Audit::new("admin", self.store.now_ms()),
        }
    }

    pub fn task(&self, name: &str, targets: &[ClusterId]) -> Task {
        Task {
            id: self.store.next_id(),
            key: TaskKey::random(),
            name: name.into(),
            project: "demo".into(),
            objects: vec![TaskObject {
                local_repository: "files".into(),
                remote_project: None,
                remote_repository: None,
                repository_type: RepositoryType::generic(),
                scope: Scope::Repository,
                choice: domain::versions::Choice::default(),
            }],
            targets: targets.to_vec(),
            settings: Settings {
                trigger: Trigger::Manual,
                ..Settings::default()
            },
            enabled: true,
            description: None,
            keeps_details: true,
            reserve_days: 30,
            status: TaskStatus::Waiting,
            last_end: None,
            last_run_ms: None,
            next_run_ms: None,
            runs: 0,
            audit: Audit::new("admin", self.store.now_ms()),
        }
    }

    /// Saves a task of this name without targets.
    pub async fn saved_task(&self, name: &str) -> Task {
        let task = self.task(name, &[]);
        self.store.tasks().insert(&task).await.unwrap();
        task
    }

    /// Returns a record of `task` that is to be started now.
    pub fn new_record(&self, task: &Task) -> NewRecord {
        NewRecord {
            id: self.store.next_id(),
            task_key: task.key.clone(),
            created_ms: self.store.now_ms(),
            triggered_by: "admin".into(),
            plan: RunPlan {
                project: task.project.clone(),
                objects: task.objects.clone(),
                targets: vec!["edge-1".into()],
                settings: task.settings.clone(),
                keeps_details: task.keeps_details,
                by_events: false,
                retry_of: None,
            },
        }
    }

    /// Starts a record of `task` and leaves it waiting.
    pub async fn started(&self, task: &Task) -> RecordId {
        let record = self.new_record(task);
        let id = record.id;
        let next = TaskNext {
            status: TaskStatus::Replicating,
            next_run_ms: None,
        };
        let started = self
            .store
            .records()
            .start(record, Overlap::Refuse, next)
            .await
            .unwrap();
        assert_eq!(started, StartOutcome::Started);
        id
    }

    /// Starts a record of `task` and claims it as `boot-1`, with one unit.
    pub async fn run_of(&self, task: &Task) -> Run {
        let id = self.started(task).await;
        let until_ms = self.store.now_ms() + 100;
        let claimed = self
            .store
            .records()
            .claim("boot-1", until_ms)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(claimed.record.id, id, "no other record waits");
        self.store
            .records()
            .set_units(claimed.no, &[unit(0, "edge-1", "files")])
            .await
            .unwrap();
        Run {
            task: task.clone(),
            id,
            no: claimed.no,
            fence: claimed.fence,
        }
    }

    /// Saves a task of this name and carries a record of it out.
    pub async fn run(&self, name: &str) -> Run {
        let task = self.saved_task(name).await;
        self.run_of(&task).await
    }

    /// Commits one group of `run`.
    pub async fn commit(&self, run: &Run, rows: Vec<DetailRow>, pages: Vec<PageMark>) -> StoreResult<()> {
        let group = Group {
            record_no: run.no,
            fence: run.fence,
            rows,
            pages,
        };
        self.store.writer().commit(group).await
    }
}

/// Unit `unit_no` that carries `repository` to `cluster`.
pub fn unit(unit_no: u16, cluster: &str, repository: &str) -> Unit {
    Unit {
        unit_no,
        local_cluster: "centre".into(),
        remote_cluster: cluster.into(),
        local_repository: repository.into(),
        repository_type: RepositoryType::generic(),
        execute_type: Some(ExecuteType::Full),
    }
}
