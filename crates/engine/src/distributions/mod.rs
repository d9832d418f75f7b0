//! Distributions: tasks that users make of one repository they may write, without being administrators.
//!
//! A distribution is a task named `project/repository/name` and, where its target is not a registered
//! cluster, a cluster of the same name that comes and goes with it. Whatever is called so but is not of that
//! project and repository is somebody else's task, and unknown here.

mod draft;
mod run_once;
mod target;

use std::collections::HashSet;

use domain::cluster::{Audit, Cluster};
use domain::id::TaskKey;
use domain::repository::{RepositoryRef, RepositoryType};
use domain::task::{Task, Trigger};
use storage::PageRequest;
use storage::StoreError;
use storage::distributions::{Distribution, Removal};
use storage::tasks::{TaskFilter, TaskSort};

use crate::Engine;
use crate::error::{EngineError, EngineResult, Why};
use crate::tasks::{check_not_onto_itself, first_run_ms, resting_status};
pub use draft::{DistributionDraft, RegistryDraft, RemoteUser, TargetDraft};

/// Distributions read at once.
const PAGE: u32 = 500;

/// The repository that distributions are made of.
#[derive(Debug, Clone)]
pub struct Local {
    /// Its project and name.
    pub repository: RepositoryRef,
    /// What it holds.
    pub repository_type: RepositoryType,
}

impl Local {
    fn full_name(&self, name: &str) -> String {
        format!("{}/{name}", self.repository)
    }

    /// Says whether `task` is a distribution of this repository.
    fn is_of(&self, task: &Task) -> bool {
        task.project == self.repository.project
            && matches!(&*task.objects, [only] if only.local_repository == self.repository.name)
    }
}

/// Who asks, and how far.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// User name.
    pub user: &'a str,
    /// Whether any host may be named as a target, or only those allowed to everybody.
    pub any_host: bool,
}

impl Engine {
    /// Makes or replaces distributions of `local`: all of them, or none.
    ///
    /// Every target is asked whether it answers before anything is saved. One that ran may be replaced too.
    pub async fn save_distributions(
        &self,
        local: &Local,
        drafts: Vec<DistributionDraft>,
        by: Asker<'_>,
    ) -> EngineResult<()> {
        let mut names = HashSet::new();
        for draft in &drafts {
            draft.check_name()?;
            if !names.insert(draft.name.clone()) {
                return Err(EngineError::invalid("name", &draft.name, Why::NamedTwice));
            }
        }
        let mut distributions = Vec::with_capacity(drafts.len());
        for draft in drafts {
            distributions.push(self.checked_distribution(local, draft, by).await?);
        }
        let saved = self.store().distributions().save(&distributions).await;
        saved.map_err(|error| match (error, distributions.first()) {
            // Somebody was faster.
            (StoreError::Taken(_), Some(first)) => EngineError::TaskExists(first.task.name.clone()),
            (error, _) => error.into(),
        })?;
        self.nudge();
        Ok(())
    }

    /// Replaces the distribution `draft.name` of `local`.
    pub async fn update_distribution(
        &self,
        local: &Local,
        draft: DistributionDraft,
        by: Asker<'_>,
    ) -> EngineResult<()> {
        self.known_distribution(local, &draft.name).await?;
        self.save_distributions(local, vec![draft], by).await
    }

    /// Returns the distributions of `local` that write to a cluster of their own, the oldest first; with `name`,
    /// only that one.
    pub async fn registry_distributions(
        &self,
        local: &Local,
        name: Option<&str>,
    ) -> EngineResult<Vec<(Task, Cluster)>> {
        let mut tasks = match name {
            Some(name) => self.distribution(local, name).await?.into_iter().collect(),
            None => self.distributions(local).await?,
        };
        let mut found = Vec::new();
        for task in tasks.drain(..) {
            if let Some(cluster) = self.own_cluster_of(&task).await? {
                found.push((task, cluster));
            }
        }
        Ok(found)
    }

    /// Switches a distribution on or off.
    pub async fn toggle_distribution(&self, local: &Local, name: &str, user: &str) -> EngineResult<()> {
        let task = self.known_distribution(local, name).await?;
        self.toggle_task(&task.key, user).await
    }

    /// Removes a distribution, its log and its own cluster; a run of it is stopped first.
    pub async fn delete_distribution(&self, local: &Local, name: &str, user: &str) -> EngineResult<()> {
        let task = self.known_distribution(local, name).await?;
        self.stop_run_of(&task.key, user).await?;
        let removed = self.store().distributions().remove(&task, false).await?;
        self.nudge();
        match removed {
            Removal::Removed | Removal::Busy => Ok(()),
            Removal::Unknown => Err(EngineError::TaskUnknown(task.name)),
        }
    }

    /// Returns the distribution `name`.
    pub async fn known_distribution(&self, local: &Local, name: &str) -> EngineResult<Task> {
        let found = self.distribution(local, name).await?;
        found.ok_or_else(|| EngineError::TaskUnknown(local.full_name(name)))
    }

    async fn distribution(&self, local: &Local, name: &str) -> EngineResult<Option<Task>> {
        let found = self.store().tasks().by_name(&local.full_name(name)).await?;
        Ok(found.filter(|task| local.is_of(task)))
    }

    async fn distributions(&self, local: &Local) -> EngineResult<Vec<Task>> {
        let filter = TaskFilter {
            project: Some(local.repository.project.clone()),
            name_prefix: Some(local.full_name("")),
            sort: TaskSort::Created,
            ascending: true,
            ..TaskFilter::default()
        };
        let mut found = Vec::new();
        for number in 1.. {
            let page = PageRequest::new(number, PAGE);
            let tasks = self.store().tasks().page(&filter, page).await?;
            found.extend(tasks.rows);
            if page.offset() + u64::from(PAGE) >= tasks.total {
                break;
            }
        }
        found.retain(|task| local.is_of(task));
        Ok(found)
    }

    /// Returns the cluster that came with `task`, if it has one.
    async fn own_cluster_of(&self, task: &Task) -> EngineResult<Option<Cluster>> {
        let named = self.cluster_named(&task.name).await?;
        Ok(named.filter(|cluster| task.targets == [cluster.id]))
    }

    async fn checked_distribution(
        &self,
        local: &Local,
        draft: DistributionDraft,
        by: Asker<'_>,
    ) -> EngineResult<Distribution> {
        let name = local.full_name(&draft.name);
        let old = match self.store().tasks().by_name(&name).await? {
            Some(task) if local.is_of(&task) => Some(task),
            Some(_) => return Err(EngineError::TaskExists(name)),
            None => None,
        };
        let task = draft.task(local, name)?;
        task.check_name()?;
        task.check_replica_type()?;
        let reserve_days = task.checked_reserve_days()?;
        let objects = task.checked_objects()?;
        let now_ms = self.clock().now_ms();
        let settings = task.checked_settings(now_ms, self.zone())?;
        let settings = settings.ok_or(EngineError::Missing("setting"))?;
        let target = match &draft.target {
            TargetDraft::Cluster(id) => self.registered_target(id, &task.name).await?,
            TargetDraft::Registry(registry) => {
                let known = match &old {
                    Some(old) => self.own_cluster_of(old).await?,
                    None => None,
                };
                self.own_target(&task.name, registry, known, by).await?
            }
        };
        if target.node_id == self.store().node_id() {
            check_not_onto_itself(&task.project, &objects)?;
        }
        if let Some(user) = &draft.remote_user {
            self.check_remote_user(&target.cluster, user, &draft, local)
                .await?;
        }
        let now_ms = self.clock().now_ms();
        let made = Task {
            id: self.store().next_id(),
            key: TaskKey::random(),
            status: resting_status(&settings.trigger, task.enabled),
            next_run_ms: first_run_ms(&settings.trigger, now_ms, self.zone()).filter(|_| task.enabled),
            // The contract shows a task that follows events as running from the beginning.
            last_end: (settings.trigger == Trigger::RealTime).then_some(None),
            settings,
            name: task.name,
            project: task.project,
            objects,
            targets: vec![target.cluster.id],
            enabled: task.enabled,
            description: task.description,
            keeps_details: task.keeps_details,
            reserve_days,
            last_run_ms: None,
            runs: 0,
            audit: Audit::new(by.user, now_ms),
        };
        Ok(Distribution {
            task: match old {
                Some(old) => replacing(old, made),
                None => made,
            },
            own_cluster: target.is_own.then_some(target.cluster),
        })
    }
}

/// Returns `made` as what replaces `old`, with its key and its past.
fn replacing(old: Task, made: Task) -> Task {
    let follows_events = |task: &Task| task.settings.trigger == Trigger::RealTime;
    let last_end = if follows_events(&old) == follows_events(&made) {
        old.last_end
    } else {
        made.last_end
    };
    Task {
        key: old.key,
        last_end,
        last_run_ms: old.last_run_ms,
        runs: old.runs,
        audit: Audit {
            modified_by: made.audit.modified_by,
            modified_ms: made.audit.modified_ms,
            ..old.audit
        },
        ..made
    }
}
