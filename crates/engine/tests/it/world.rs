//! A node in a folder of its own: the real store, repositories in memory, a clock moved by hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::cluster::Cluster;
use domain::counts::Counts;
use domain::detail::{DetailFilter, DetailState, RecordDetail, Settlement};
use domain::id::{RecordId, TaskKey};
use domain::ports::{ConnectorResult, Source, Target};
use domain::record::Record;
use domain::repository::RepositoryRef;
use domain::task::Task;
use domain::task::TaskObject;
use engine::clusters::greet::{Greeter, Greeting};
use engine::distributions::RemoteUser;
use engine::endpoints::Endpoints;
use engine::{Engine, Limits, Parts};
use hosted::{Hosted, HostedRepository, Viewer};
use jiff::tz::TimeZone;
use storage::Store;
use tempfile::TempDir;
use testkit::{ManualClock, MemoryRepository};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::build::{TaskBuilder, cluster, name_of};
use crate::webhooks::Calls;

/// When every test begins: 2027-01-15T08:00:00Z.
pub const START_MS: i64 = 1_800_000_000_000;

/// A test that takes longer than this hangs.
const HANG: Duration = Duration::from_secs(240);

/// How often one may go through the store without anything happening before everything waits for the
/// clock. The store works on threads of its own, so only who waits as they do knows that they are done.
const QUIET_ROUNDS: usize = 8;

/// Loops of an engine that sleep when there is nothing to do: schedule, lease, retention, health, webhooks.
const LOOPS: usize = 5;

/// From here on a loop that does not sleep is held up by the test.
const STUCK: Duration = Duration::from_secs(3);

/// Repositories in memory, by cluster and name; `""` is this cluster. Those of the cluster `self`, and this
/// cluster's once it hosts any, are kept by the store instead.
#[derive(Default)]
pub struct Repositories {
    memory: Mutex<HashMap<(String, String), MemoryRepository>>,
    hosted: Mutex<Option<Hosted>>,
    courier: Arc<Calls>,
}

impl Repositories {
    fn get(&self, cluster: &str, name: &str) -> MemoryRepository {
        let mut repositories = self.memory.lock().unwrap();
        repositories
            .entry((cluster.into(), name.into()))
            .or_default()
            .clone()
    }

    fn steps(&self) -> usize {
        let memory = self.memory.lock().unwrap();
        memory.values().map(MemoryRepository::steps).sum()
    }

    fn hosted(&self) -> Option<Hosted> {
        self.hosted.lock().unwrap().clone()
    }
}

#[async_trait]
impl Endpoints for Repositories {
    async fn source(&self, project: &str, object: &TaskObject) -> ConnectorResult<Arc<dyn Source>> {
        let repository = &RepositoryRef::new(project, &object.local_repository);
        match self.hosted() {
            Some(hosted) => Ok(hosted.repository(repository).await.unwrap().unwrap().source()),
            None => Ok(self.get("", &repository.name).as_source()),
        }
    }

    async fn target(
        &self,
        cluster: &str,
        project: &str,
        object: &TaskObject,
    ) -> ConnectorResult<Arc<dyn Target>> {
        let repository = &object.remote(project);
        match self.hosted().filter(|_| cluster == "self") {
            Some(hosted) => {
                let repository = hosted.repository(repository).await.unwrap().unwrap();
                Ok(repository.target(Viewer::of_everything("replicator")))
            }
            None => Ok(self.get(cluster, &repository.name).as_target()),
        }
    }
}

struct EverybodyAnswers;

#[async_trait]
impl Greeter for EverybodyAnswers {
    async fn greet(&self, _cluster: &Cluster) -> ConnectorResult<Greeting> {
        Ok(Greeting::default())
    }

    async fn may_write(&self, _: &Cluster, _: &RemoteUser, _: &RepositoryRef) -> ConnectorResult<bool> {
        Ok(true)
    }
}

/// A node, its repositories and those of its targets.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub store: Store,
    pub engine: Engine,
    /// Repository `demo/files` of this cluster.
    pub source: MemoryRepository,
    /// Repository `demo/files` of the cluster `edge-1`.
    pub target: MemoryRepository,
    repositories: Arc<Repositories>,
    limits: Limits,
    loops: Option<JoinHandle<()>>,
    folder: Arc<TempDir>,
}

impl World {
    pub async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let mut world = Self::asleep(limits).await;
        world.wake();
        world
    }

    /// A node whose engine does nothing yet.
    pub async fn asleep(limits: Limits) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(ManualClock::at(START_MS));
        let store = Store::open(folder.path(), clock.clone(), None).await.unwrap();
        let repositories = Arc::new(Repositories::default());
        let engine = engine(&store, &clock, &repositories, &limits);
        Self {
            source: repositories.get("", "files"),
            target: repositories.get("edge-1", "files"),
            clock,
            store,
            engine,
            repositories,
            limits,
            loops: None,
            folder,
        }
    }

    /// Returns the calls of webhooks.
    pub fn calls(&self) -> &Calls {
        &self.repositories.courier
    }

    /// Sets the loops of the engine going.
    pub fn wake(&mut self) {
        let engine = self.engine.clone();
        self.loops = Some(tokio::spawn(async move {
            engine.run_until(CancellationToken::new()).await;
        }));
    }

    /// Ends the engine in the middle of whatever it does, as `kill -9` does.
    pub async fn kill(&mut self) {
        if let Some(loops) = self.loops.take() {
            loops.abort();
            let _ = loops.await;
        }
        let engine = self.engine.clone();
        self.wait_for(|| engine.active_runs() == 0).await;
    }

    /// Puts a new engine on the same store, as a restarted process does.
    pub async fn resume(&mut self) {
        self.kill().await;
        self.engine = self.another_engine();
        self.wake();
    }

    /// Like [`World::resume`], but the store is closed and opened too.
    pub async fn restart(&mut self) {
        self.kill().await;
        let hosts = self.repositories.hosted.lock().unwrap().take().is_some();
        self.store.close().await;
        // The folder stays locked while anybody holds the store.
        let nothing = Arc::new(tempfile::tempdir().unwrap());
        let elsewhere = Store::open(nothing.path(), self.clock.clone(), None)
            .await
            .unwrap();
        self.engine = engine(&elsewhere, &self.clock, &self.repositories, &self.limits);
        drop(std::mem::replace(&mut self.store, elsewhere));
        self.store = Store::open(self.folder.path(), self.clock.clone(), None)
            .await
            .unwrap();
        self.engine = self.another_engine();
        if hosts {
            self.hosts("files").await;
        }
        self.wake();
    }

    /// Makes the store keep the repository `name` of this cluster, and from then on every other.
    pub async fn hosts(&self, name: &str) -> HostedRepository {
        let hosted = match self.repositories.hosted() {
            Some(hosted) => hosted,
            None => Hosted::open(&self.store).await.unwrap(),
        };
        *self.repositories.hosted.lock().unwrap() = Some(hosted.clone());
        let name = RepositoryRef::new("demo", name);
        hosted.ensure_repository(&name, "admin").await.unwrap()
    }

    /// A second engine on the same store; it does nothing until its loops are driven.
    pub fn another_engine(&self) -> Engine {
        engine(&self.store, &self.clock, &self.repositories, &self.limits)
    }

    /// Returns the repository `name` of this cluster.
    pub fn source_of(&self, name: &str) -> MemoryRepository {
        self.repositories.get("", name)
    }

    /// Returns the repository `name` of `cluster`.
    pub fn target_of(&self, cluster: &str, name: &str) -> MemoryRepository {
        self.repositories.get(cluster, name)
    }

    /// Saves the task, and the clusters it writes to where they are not known.
    pub async fn save(&self, task: TaskBuilder) -> Task {
        let mut targets = Vec::new();
        for name in &task.targets {
            let known = self.store.clusters().by_name(name).await.unwrap();
            let target = match known {
                Some(known) => known,
                None => {
                    let new = cluster(name, self.store.next_id(), self.now_ms());
                    self.store.clusters().insert(&new).await.unwrap();
                    new
                }
            };
            targets.push(target.id);
        }
        let task = task.build(targets, self.store.next_id(), self.now_ms());
        self.store.tasks().insert(&task).await.unwrap();
        self.engine.nudge();
        task
    }

    /// Saves the task and starts a run of it.
    pub async fn begin(&self, task: TaskBuilder) -> RecordId {
        let task = self.save(task).await;
        self.engine.start_task(&task.key, "alice").await.unwrap()
    }

    /// Saves the task and runs it to its end.
    pub async fn run(&self, task: TaskBuilder) -> Record {
        let id = self.begin(task).await;
        self.end_of(id).await
    }

    /// Runs `task` again, to the end.
    pub async fn run_again(&self, task: &TaskKey) -> Record {
        let id = self.engine.start_task(task, "alice").await.unwrap();
        self.end_of(id).await
    }

    /// Returns a record as it is now.
    pub async fn record(&self, id: RecordId) -> Record {
        self.store
            .records()
            .get(id)
            .await
            .unwrap()
            .expect("the record is there")
    }

    /// Returns all records of a task, the latest first.
    pub async fn records_of(&self, task: &TaskKey) -> Vec<Record> {
        self.store.records().list_after(task, None, 1_000).await.unwrap()
    }

    /// Returns a task as it is now.
    pub async fn task(&self, key: &TaskKey) -> Task {
        self.store
            .tasks()
            .by_key(key)
            .await
            .unwrap()
            .expect("the task is there")
    }

    /// Moves the clock on until the run has ended; its overview then equals its rows.
    pub async fn end_of(&self, id: RecordId) -> Record {
        let record = self
            .drive(async || {
                let record = self.record(id).await;
                record.status.end().is_some().then_some(record)
            })
            .await;
        self.overview_equals_rows(&record).await;
        record
    }

    /// Like [`World::end_of`] without moving the clock.
    pub async fn end_of_without_waiting(&self, id: RecordId) -> Record {
        self.until(async || {
            let record = self.record(id).await;
            record.status.end().is_some().then_some(record)
        })
        .await
    }

    /// Asserts that the overview counts exactly the rows: every settled one where all are kept, else the failed.
    pub async fn overview_equals_rows(&self, record: &Record) {
        let mut counted = Counts::default();
        for row in self.rows(record.id).await {
            if let DetailState::Settled(settlement) = &row.state {
                counted.add(settlement, row.size_bytes.unwrap_or(0));
            }
        }
        let overview = record.counts.expect("only historical records have no overview");
        if record.plan.as_ref().is_some_and(|plan| plan.keeps_details) {
            assert_eq!(overview, counted);
        } else {
            assert_eq!(overview.failed, counted.failed);
        }
    }

    /// Returns all rows of a record, ordered by target and name.
    pub async fn rows(&self, id: RecordId) -> Vec<RecordDetail> {
        let all = DetailFilter::default();
        let mut rows = self.store.details().after(id, &all, None, 100_000).await.unwrap();
        rows.sort_by_key(|row| (row.remote_cluster.clone(), name_of(&row.artifact), row.id));
        rows
    }

    /// Returns how the only row of `path` was settled.
    pub async fn settlement_of(&self, id: RecordId, path: &str) -> Settlement {
        let mut rows = self.rows(id).await;
        rows.retain(|row| name_of(&row.artifact) == path);
        assert_eq!(rows.len(), 1, "{path} has exactly one row: {rows:?}");
        match rows.remove(0).state {
            DetailState::Settled(settlement) => settlement,
            other => panic!("{path} is not settled: {other:?}"),
        }
    }

    pub fn now_ms(&self) -> i64 {
        use domain::clock::Clock;
        self.clock.now_ms()
    }

    /// Waits, without moving the clock, until `holds`.
    pub async fn wait_for(&self, holds: impl Fn() -> bool) {
        self.until(async || holds().then_some(())).await;
    }

    /// Waits, without moving the clock, until `look` finds something.
    pub async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(began.elapsed() < HANG, "it does not happen");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Moves the clock from sleeper to sleeper until `look` finds something.
    pub async fn drive<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(began.elapsed() < HANG, "it does not happen, whatever the time");
            self.settle().await;
            if let Some(found) = look().await {
                return found;
            }
            self.to_next_sleeper();
        }
    }

    /// Moves the clock on by `duration_ms`, from sleeper to sleeper.
    pub async fn pass(&self, duration_ms: i64) {
        let end_ms = self.now_ms() + duration_ms;
        loop {
            self.settle().await;
            let next_ms = self.next_sleeper_ms().unwrap_or(end_ms).min(end_ms);
            self.clock.advance_ms((next_ms - self.now_ms()).max(0));
            if next_ms == end_ms {
                return self.settle().await;
            }
        }
    }

    /// Waits until nothing happens any more at this time of the clock.
    pub async fn settle(&self) {
        let began = Instant::now();
        let mut seen = self.fingerprint();
        let mut quiet_rounds = 0;
        while quiet_rounds < QUIET_ROUNDS {
            self.go_through_the_store().await;
            let now = self.fingerprint();
            let stuck = began.elapsed() > STUCK;
            if now == seen && (self.loops_sleep() || stuck) {
                quiet_rounds += 1;
            } else {
                (seen, quiet_rounds) = (now, 0);
            }
        }
    }

    /// Takes as long as any other look and any other change, and changes nothing.
    async fn go_through_the_store(&self) {
        let nobody = TaskKey("nobody".into());
        let tasks = self.store.tasks();
        tasks.by_key(&nobody).await.unwrap();
        tasks.set_next_run(&nobody, None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Waits until the loops of an engine that the test drives itself, the heartbeat of its run and the look at what
    /// that has in flight all wait for the clock: nothing is in the middle of a transaction then.
    pub async fn driven_loops_sleep(&self) {
        let asleep = LOOPS + self.engine.active_runs() + 1;
        self.wait_for(|| self.clock.sleeping_until_ms().len() >= asleep)
            .await;
        self.settle().await;
    }

    /// Says whether every loop of the engine, and the heartbeat of every run, waits for the clock.
    fn loops_sleep(&self) -> bool {
        let loops = if self.loops.is_some() { LOOPS } else { 0 };
        self.clock.sleeping_until_ms().len() >= loops + self.engine.active_runs()
    }

    fn to_next_sleeper(&self) {
        if let Some(next_ms) = self.next_sleeper_ms() {
            self.clock.advance_ms(next_ms - self.now_ms());
        }
    }

    fn next_sleeper_ms(&self) -> Option<i64> {
        let now_ms = self.now_ms();
        self.clock
            .sleeping_until_ms()
            .into_iter()
            .filter(|until_ms| *until_ms > now_ms)
            .min()
    }

    fn fingerprint(&self) -> (usize, Vec<i64>) {
        let mut sleepers = self.clock.sleeping_until_ms();
        sleepers.sort_unstable();
        (self.repositories.steps(), sleepers)
    }
}

fn engine(
    store: &Store,
    clock: &Arc<ManualClock>,
    repositories: &Arc<Repositories>,
    limits: &Limits,
) -> Engine {
    Engine::new(Parts {
        store: store.clone(),
        endpoints: repositories.clone(),
        greeter: Arc::new(EverybodyAnswers),
        courier: repositories.courier.clone(),
        clock: clock.clone(),
        zone: TimeZone::UTC,
        cluster_name: "center".into(),
        limits: limits.clone(),
    })
}
