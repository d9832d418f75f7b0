//! Tasks: making, changing, copying, switching and removing them.

mod change;
pub mod draft;
mod run;

use connectors::url::ForeignLocation;
use domain::cluster::{Audit, Cluster, ClusterType};
use domain::cron::CronExpression;
use domain::id::{ClusterId, TaskKey};
use domain::repository::{RepositoryRef, RepositoryType};
use domain::task::{Settings, Task, TaskObject, TaskStatus, Trigger};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use storage::tasks::TaskFilter;
use storage::{Page, PageRequest, StoreError};

use crate::clusters::greet::Greeting;
use crate::error::{EngineError, EngineResult, Why};
use crate::{DryBounds, DryRun, Engine};
use draft::TaskDraft;

impl Engine {
    /// Returns the task `key`.
    pub async fn task(&self, key: &TaskKey) -> EngineResult<Task> {
        let task = self.store().tasks().by_key(key).await?;
        task.ok_or_else(|| EngineError::TaskUnknown(key.to_string()))
    }

    /// Returns one page of the tasks `filter` selects.
    pub async fn task_page(&self, filter: &TaskFilter, page: PageRequest) -> EngineResult<Page<Task>> {
        Ok(self.store().tasks().page(filter, page).await?)
    }

    /// Makes a task for `user`; every target is asked whether it answers before anything is saved.
    pub async fn create_task(&self, draft: TaskDraft, user: &str) -> EngineResult<Task> {
        self.check_task_name(&draft.name, None).await?;
        let task = self.drafted(draft, self.clock().now_ms(), user).await?;
        self.insert_task(&task).await?;
        Ok(task)
    }

    /// Returns what the task of `draft` would do, as far as `bounds` let it look; its name may be taken.
    ///
    /// Every target is asked whether it answers. Changes nothing anywhere.
    pub async fn preview_task(
        &self,
        draft: TaskDraft,
        user: &str,
        bounds: &DryBounds,
    ) -> EngineResult<DryRun> {
        // When it starts does not matter here; of a task that ran the time may have passed.
        let task = self.drafted(draft, i64::MIN, user).await?;
        let plan = self.run_plan(&task, None).await?;
        Ok(self.dry_run(&plan, bounds).await)
    }

    /// Returns the next `count` times a task with this expression would start (Unix milliseconds), in the zone of
    /// this node; fewer when it ends.
    pub fn firings(&self, expression: &CronExpression, count: usize) -> Vec<i64> {
        let now = Timestamp::from_millisecond(self.clock().now_ms()).ok();
        let next = |after: &Timestamp| expression.next_after(*after, self.zone());
        let firings = std::iter::successors(now.as_ref().and_then(next), next);
        firings.take(count).map(Timestamp::as_millisecond).collect()
    }

    /// Returns the task `draft` makes, once every target has answered; it must not start before `earliest_ms`.
    async fn drafted(&self, draft: TaskDraft, earliest_ms: i64, user: &str) -> EngineResult<Task> {
        draft.check_filled()?;
        let reserve_days = draft.checked_reserve_days()?;
        draft.check_name()?;
        draft.check_replica_type()?;
        let objects = draft.checked_objects()?;
        self.check_sources(&draft, &objects).await?;
        let settings = draft.checked_settings(earliest_ms, self.zone())?;
        let settings = settings.ok_or(EngineError::Missing("setting"))?;
        let targets = self.checked_targets(&draft, &objects).await?;

        let now_ms = self.clock().now_ms();
        Ok(Task {
            id: self.store().next_id(),
            key: TaskKey::random(),
            name: draft.name,
            project: draft.project,
            objects,
            targets,
            status: resting_status(&settings.trigger, draft.enabled),
            next_run_ms: first_run_ms(&settings.trigger, now_ms, self.zone()).filter(|_| draft.enabled),
            settings,
            enabled: draft.enabled,
            description: draft.description,
            keeps_details: draft.keeps_details,
            reserve_days,
            // The contract shows a task that follows events as running from the beginning.
            last_end: (draft.replica_type == draft::ReplicaType::RealTime).then_some(None),
            last_run_ms: None,
            runs: 0,
            audit: Audit::new(user, now_ms),
        })
    }

    async fn insert_task(&self, task: &Task) -> EngineResult<()> {
        let inserted = self.store().tasks().insert(task).await;
        inserted.map_err(|error| taken(error, &task.name))?;
        self.nudge();
        Ok(())
    }

    async fn check_task_name(&self, name: &str, except: Option<&TaskKey>) -> EngineResult<()> {
        match self.store().tasks().by_name(name).await? {
            Some(task) if Some(&task.key) != except => Err(EngineError::TaskExists(name.into())),
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses repositories that are there and hold something else than the draft says, and changes of registries
    /// elsewhere, of which nobody is told. One that is not there yet may come.
    async fn check_sources(&self, draft: &TaskDraft, objects: &[TaskObject]) -> EngineResult<()> {
        for object in objects {
            let name = RepositoryRef::new(&draft.project, &object.local_repository);
            let Some(kind) = self.store().repository_kind(&name).await? else {
                continue;
            };
            if kind.repository_type != object.repository_type {
                let found = kind.repository_type.to_string();
                let said = object.repository_type.as_str();
                return Err(EngineError::invalid("repoType", said, Why::OtherType { found }));
            }
            if !kind.foreign && !object.choice.platforms.is_empty() {
                let said = object.choice.platforms.iter().map(ToString::to_string);
                let said = said.collect::<Vec<_>>().join(",");
                return Err(EngineError::invalid("platforms", said, Why::NotSupported));
            }
            if kind.foreign && draft.replica_type == draft::ReplicaType::RealTime {
                return Err(EngineError::invalid("replicaType", "REAL_TIME", Why::NoEvents));
            }
        }
        Ok(())
    }

    /// Returns the clusters a draft names, each of which answered just now.
    async fn checked_targets(
        &self,
        draft: &TaskDraft,
        objects: &[TaskObject],
    ) -> EngineResult<Vec<ClusterId>> {
        let mut targets = Vec::with_capacity(draft.targets.len());
        for text in &draft.targets {
            let unknown = || EngineError::ClusterUnknown(text.clone());
            let id: ClusterId = text.parse().map_err(|_| unknown())?;
            if targets.contains(&id) {
                continue;
            }
            let cluster = self.store().clusters().get(id).await?.ok_or_else(unknown)?;
            check_pairing(&cluster, objects)?;
            let peer = self.greet_target(&cluster, "remoteClusterIds").await?;
            if peer.node_id == self.store().node_id() {
                check_not_onto_itself(&draft.project, objects)?;
            }
            targets.push(id);
        }
        Ok(targets)
    }

    /// Asks a cluster that `member` names as a target who it is; refused are those that cannot be one.
    pub(crate) async fn greet_target(
        &self,
        cluster: &Cluster,
        member: &'static str,
    ) -> EngineResult<Greeting> {
        let refused = |reason| Err(EngineError::invalid(member, &cluster.name, reason));
        match cluster.cluster_type {
            ClusterType::Center => refused(Why::OwnCluster),
            ClusterType::Remote | ClusterType::Edge | ClusterType::Standalone => self.greet(cluster).await,
        }
    }
}

/// Refuses objects whose repositories hold what `cluster` does not take.
fn check_pairing(cluster: &Cluster, objects: &[TaskObject]) -> EngineResult<()> {
    for object in objects {
        let held = &object.repository_type;
        let taken = match cluster.cluster_type {
            ClusterType::Remote => ForeignLocation::of(&cluster.url, held).is_ok(),
            ClusterType::Center | ClusterType::Edge | ClusterType::Standalone => is_carried_by_nodes(held),
        };
        if !taken {
            let target = cluster.name.clone();
            return Err(EngineError::invalid(
                "repoType",
                held.as_str(),
                Why::Pairing { target },
            ));
        }
    }
    Ok(())
}

/// Says whether nodes exchange what repositories of this type hold.
fn is_carried_by_nodes(repository_type: &RepositoryType) -> bool {
    matches!(repository_type.as_str(), "GENERIC" | "DOCKER" | "OCI")
}

/// Refuses objects that would be replicated onto themselves when the target is this very node.
pub(crate) fn check_not_onto_itself(project: &str, objects: &[TaskObject]) -> EngineResult<()> {
    for object in objects {
        let remote = object.remote(project);
        if remote.project == project && remote.name == object.local_repository {
            return Err(EngineError::invalid(
                "remoteRepoName",
                remote.to_string(),
                Why::OwnRepository,
            ));
        }
    }
    Ok(())
}

fn taken(error: StoreError, name: &str) -> EngineError {
    match error {
        StoreError::Taken(_) => EngineError::TaskExists(name.into()),
        other => other.into(),
    }
}

/// Returns where a task stands that has not run yet, as the contract names it.
pub(crate) fn resting_status(trigger: &Trigger, enabled: bool) -> TaskStatus {
    match trigger {
        Trigger::Immediately | Trigger::At(_) | Trigger::Cron(_) => TaskStatus::Waiting,
        Trigger::RealTime if !enabled => TaskStatus::Waiting,
        Trigger::Manual | Trigger::RealTime => TaskStatus::Replicating,
    }
}

/// Returns when a task that is saved or switched on at `now_ms` starts by itself first.
///
/// A time that has passed means at once: it was missed, and a missed start happens late.
pub(crate) fn first_run_ms(trigger: &Trigger, now_ms: i64, zone: &TimeZone) -> Option<i64> {
    match trigger {
        Trigger::Immediately => Some(now_ms),
        Trigger::At(at_ms) => Some(*at_ms),
        Trigger::Cron(expression) => {
            let expression: CronExpression = expression.parse().ok()?;
            let now = Timestamp::from_millisecond(now_ms).ok()?;
            Some(expression.next_after(now, zone)?.as_millisecond())
        }
        Trigger::Manual | Trigger::RealTime => None,
    }
}

/// Returns the settings a task made through the contract starts from.
pub fn contract_settings() -> Settings {
    Settings {
        on_error: domain::task::ErrorStrategy::FastFail,
        repository_runs_go_on: true,
        ..Settings::default()
    }
}
