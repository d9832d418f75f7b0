//! A store in a folder of its own, and builders of what it keeps.

use std::sync::Arc;

use domain::cluster::{Audit, Cluster, ClusterStatus, ClusterType, Credentials, DetectType, Secret};
use domain::id::{ClusterId, TaskKey};
use domain::repository::RepositoryType;
use domain::task::{Scope, Settings, Task, TaskObject, TaskStatus, Trigger};
use storage::Store;
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
}
