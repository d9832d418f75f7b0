//! What `copy` keeps of one source and one target: a store of its own, with one task in it.

use std::path::Path;
use std::sync::Arc;

use connectors::http::Outgoing;
use connectors::webhook::Webhooks;
use domain::cluster::{Audit, Cluster, ClusterStatus, ClusterType, Credentials, DetectType};
use domain::id::{RecordId, TaskKey, random_hex32};
use domain::task::{Scope, Settings, Task, TaskObject, TaskStatus, Trigger};
use engine::{DryBounds, Engine, Limits, Parts};
use jiff::tz::TimeZone;
use storage::{Store, StoreError};

use super::args::CopyCommand;
use super::ends::Ends;
use super::pair::Pair;
use crate::clock::SystemClock;
use crate::exit::{CliError, CliResult, failed, refused};

/// Batches that are on their way to the target at the same time: nobody else speaks to it from here.
const EXCHANGES: usize = 8;

/// Who copies, in records.
const USER: &str = "copy";
/// Name of the only task.
const TASK: &str = "copy";
/// How many artifacts a dry run names.
const NAMED: usize = 50;

/// The store of one pair of ends, and the engine on it.
pub struct State {
    engine: Engine,
    ends: Ends,
    task: Task,
}

impl State {
    /// Opens what is kept of this pair, and its ends; closes what an earlier copy left open.
    pub async fn open(command: &CopyCommand, pair: &Pair) -> CliResult<Self> {
        let folder = pair.folder(command)?;
        let clock = Arc::new(SystemClock);
        let store = Store::open(&folder, clock.clone(), None)
            .await
            .map_err(|error| unopened(&folder, &error))?;
        let ends = Ends::open(command, pair, &folder).await?;
        let task = task(&store, command, pair).await.map_err(broken)?;
        close_open_record(&store, &task.key).await.map_err(broken)?;
        let engine = Engine::new(Parts {
            store,
            endpoints: Arc::new(ends.clone()),
            greeter: Arc::new(ends.peers()),
            courier: Arc::new(Webhooks::new(Outgoing::default())),
            clock,
            zone: TimeZone::system(),
            cluster_name: pair.source.to_string(),
            limits: Limits {
                parallel_exchanges: EXCHANGES,
                ..Limits::default()
            },
        });
        Ok(Self { engine, ends, task })
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the ends.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Starts the run.
    pub async fn start(&self) -> CliResult<RecordId> {
        self.engine
            .start_task(&self.task.key, USER)
            .await
            .map_err(|error| failed(error.to_string()))
    }

    /// Returns what a run would do.
    pub async fn dry_run(&self) -> CliResult<serde_json::Value> {
        let plan = self
            .engine
            .run_plan(&self.task, None)
            .await
            .map_err(|error| failed(error.to_string()))?;
        serde_json::to_value(self.engine.dry_run(&plan, &DryBounds::WHOLE.naming(NAMED)).await)
            .map_err(|error| failed(error.to_string()))
    }

    /// Closes the store.
    pub async fn close(&self) {
        self.engine.store().close().await;
    }
}

fn unopened(folder: &Path, error: &StoreError) -> CliError {
    match error {
        StoreError::InUse(_) => refused("the same copy is going on already"),
        _ => failed(format!("cannot open {}: {error}", folder.display())),
    }
}

fn broken(error: StoreError) -> CliError {
    failed(error.to_string())
}

async fn task(store: &Store, command: &CopyCommand, pair: &Pair) -> Result<Task, StoreError> {
    let known = store.tasks().by_name(TASK).await?;
    let cluster = cluster(store, &pair.target.to_string()).await?;
    let settings = Settings {
        rate_limit_bytes_per_s: command.rate,
        include_metadata: !command.no_metadata,
        on_conflict: command.on_conflict(),
        trigger: Trigger::Manual,
        ..Settings::default()
    };
    if let Some(known) = known {
        // The same pair has the same names, so that only how it is copied can differ.
        let task = Task {
            settings,
            enabled: true,
            ..known
        };
        store.tasks().replace(&task).await?;
        return Ok(task);
    }
    let task = Task {
        id: store.next_id(),
        key: TaskKey(random_hex32()),
        name: TASK.into(),
        project: USER.into(),
        objects: vec![TaskObject {
            local_repository: pair.source.to_string(),
            remote_project: None,
            remote_repository: Some("target".into()),
            repository_type: pair.repository_type(),
            scope: Scope::Repository,
            choice: domain::versions::Choice::default(),
        }],
        targets: vec![cluster.id],
        settings,
        enabled: true,
        description: None,
        keeps_details: true,
        reserve_days: 30,
        status: TaskStatus::Waiting,
        last_end: None,
        last_run_ms: None,
        next_run_ms: None,
        runs: 0,
        audit: Audit::new(USER, store.now_ms()),
    };
    store.tasks().insert(&task).await?;
    Ok(task)
}

async fn cluster(store: &Store, name: &str) -> Result<Cluster, StoreError> {
    if let Some(known) = store.clusters().by_name(name).await? {
        return Ok(known);
    }
    let cluster = Cluster {
        id: store.next_id(),
        name: name.into(),
        cluster_type: ClusterType::Standalone,
        url: name.into(),
        credentials: Credentials::default(),
        udp_port: None,
        // Nobody asks it how it is: it is an end of this copy, not a place that is looked after.
        detect_type: DetectType::Report,
        status: ClusterStatus::Healthy,
        error_reason: None,
        last_report_ms: None,
        audit: Audit::new(USER, store.now_ms()),
    };
    store.clusters().insert(&cluster).await?;
    Ok(cluster)
}

/// Ends the record of a copy that was killed: this one looks at everything again.
async fn close_open_record(store: &Store, key: &TaskKey) -> Result<(), StoreError> {
    let now_ms = store.now_ms();
    store.records().reclaim(&random_hex32(), now_ms).await?;
    if let Some(open) = store.records().open_of(key).await? {
        store.records().request_stop(open.id, USER, now_ms).await?;
    }
    Ok(())
}
