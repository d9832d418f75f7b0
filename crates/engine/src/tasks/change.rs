//! Changing tasks: what they do, whether they run, and making others like them.
//!
//! A record keeps what it runs with, so a task may change while a run of it goes on.

use domain::cluster::{Audit, ClusterType};
use domain::id::{ClusterId, TaskKey};
use domain::task::{Settings, Task, TaskObject, TaskStatus, Trigger};

use super::draft::{ObjectDraft, ReplicaType, TaskDraft, check_name_length};
use super::{first_run_ms, resting_status, taken};
use crate::Engine;
use crate::error::{EngineError, EngineResult, Why};

/// What a task becomes, checked.
struct Changed {
    objects: Vec<TaskObject>,
    targets: Vec<ClusterId>,
    /// `None`: as they were.
    settings: Option<Settings>,
    reserve_days: u32,
    /// Whether a task that has run at its time, and keeps it, waits to run anew.
    starts_anew: bool,
    draft: TaskDraft,
}

impl Engine {
    /// Replaces what the task `key` does by the contract's rules: only a task that never ran, that somebody starts
    /// or that is to write to a registry elsewhere first is changed; its project and what makes it run stay.
    ///
    /// One that has run waits to run anew.
    pub async fn update_task(&self, key: &TaskKey, draft: TaskDraft, user: &str) -> EngineResult<()> {
        let writes_elsewhere = self.writes_elsewhere(&draft).await?;
        let task = self.editable_task(key, writes_elsewhere).await?;
        let draft = TaskDraft {
            replica_type: match task.settings.trigger {
                Trigger::Manual => ReplicaType::RunOnce,
                Trigger::RealTime => ReplicaType::RealTime,
                Trigger::Immediately | Trigger::At(_) | Trigger::Cron(_) => ReplicaType::Scheduled,
            },
            project: match draft.project.trim() {
                "" => draft.project,
                _ => task.project,
            },
            ..draft
        };
        let changed = self.redrafted(key, draft).await?;
        // The targets took their time to answer: the task may have started meanwhile.
        let task = self.editable_task(key, writes_elsewhere).await?;
        let enabled = task.enabled;
        let changed = Changed {
            starts_anew: true,
            ..changed
        };
        self.replace(task, changed, enabled, user).await
    }

    /// Replaces all that the task `key` does and, if `enabled` says so, whether it is switched on; its key and its past
    /// stay.
    ///
    /// One that ran at its time is not started again unless it gets another time.
    pub async fn replace_task(
        &self,
        key: &TaskKey,
        draft: TaskDraft,
        enabled: Option<bool>,
        user: &str,
    ) -> EngineResult<()> {
        draft.check_replica_type()?;
        let changed = self.redrafted(key, draft).await?;
        let task = self.task(key).await?;
        let enabled = enabled.unwrap_or(task.enabled);
        self.replace(task, changed, enabled, user).await
    }

    /// Returns what the task `key` becomes by `draft`, once every target has answered.
    async fn redrafted(&self, key: &TaskKey, draft: TaskDraft) -> EngineResult<Changed> {
        let Task {
            settings: before,
            objects,
            ..
        } = self.task(key).await?;
        let draft = TaskDraft {
            objects: keep_choices(draft.objects, &objects),
            ..draft
        };
        let reserve_days = draft.checked_reserve_days()?;
        self.check_task_name(&draft.name, Some(key)).await?;
        draft.check_filled()?;
        draft.check_name()?;
        let objects = draft.checked_objects()?;
        self.check_sources(&draft, &objects).await?;
        // The time a task had may have passed.
        let kept = matches!((&before.trigger, draft.at_ms()), (Trigger::At(had_ms), Some(at_ms)) if *had_ms == at_ms);
        let now_ms = if kept { i64::MIN } else { self.clock().now_ms() };
        let settings = draft.checked_settings(now_ms, self.zone())?;
        let targets = self.checked_targets(&draft, &objects).await?;
        Ok(Changed {
            objects,
            targets,
            settings,
            reserve_days,
            starts_anew: false,
            draft,
        })
    }

    async fn replace(&self, task: Task, changed: Changed, enabled: bool, user: &str) -> EngineResult<()> {
        let now_ms = self.clock().now_ms();
        let settings = changed.settings.unwrap_or_else(|| task.settings.clone());
        let runs_once = matches!(settings.trigger, Trigger::Immediately | Trigger::At(_));
        let starts_as_before = runs_once && !changed.starts_anew && settings.trigger == task.settings.trigger;
        let updated = Task {
            id: self.store().next_id(),
            name: changed.draft.name,
            project: changed.draft.project,
            objects: changed.objects,
            targets: changed.targets,
            enabled,
            status: match starts_as_before {
                true => task.status,
                false => resting_status(&settings.trigger, enabled),
            },
            next_run_ms: match starts_as_before {
                _ if !enabled => None,
                true if task.enabled => task.next_run_ms,
                true => self.next_run_of(&task, now_ms),
                false => first_run_ms(&settings.trigger, now_ms, self.zone()),
            },
            // The contract shows a task that follows events as running from the beginning.
            last_end: match settings.trigger {
                Trigger::RealTime => task.last_end.or(Some(None)),
                Trigger::Immediately | Trigger::At(_) | Trigger::Cron(_) | Trigger::Manual => task.last_end,
            },
            settings,
            description: changed.draft.description,
            keeps_details: changed.draft.keeps_details,
            reserve_days: changed.reserve_days,
            audit: Audit {
                modified_by: user.into(),
                modified_ms: now_ms,
                ..task.audit
            },
            ..task
        };
        let replaced = self.store().tasks().replace(&updated).await;
        if replaced.map_err(|error| taken(error, &updated.name))? {
            self.nudge();
            return Ok(());
        }
        Err(EngineError::TaskUnknown(updated.key.to_string()))
    }

    /// Makes a task like `key` under another name, switched off.
    pub async fn copy_task(
        &self,
        key: &TaskKey,
        name: &str,
        description: Option<String>,
        user: &str,
    ) -> EngineResult<Task> {
        self.check_task_name(name, None).await?;
        let task = self.task(key).await?;
        if name.trim().is_empty() {
            return Err(EngineError::Empty("name"));
        }
        check_name_length("name", name)?;
        let copy = Task {
            id: self.store().next_id(),
            key: TaskKey::random(),
            name: name.into(),
            description,
            status: TaskStatus::Waiting,
            enabled: false,
            last_end: None,
            last_run_ms: None,
            next_run_ms: None,
            runs: 0,
            audit: Audit {
                modified_by: user.into(),
                modified_ms: self.clock().now_ms(),
                ..task.audit.clone()
            },
            ..task
        };
        self.insert_task(&copy).await?;
        Ok(copy)
    }

    /// Switches a task on if it is off, and off if it is on; a run that is going on goes on.
    pub async fn toggle_task(&self, key: &TaskKey, user: &str) -> EngineResult<()> {
        let task = self.task(key).await?;
        let enabled = !task.enabled;
        self.switch(task, enabled, user).await
    }

    /// Switches a task on or off, if it is not so already; a run that is going on goes on.
    pub async fn enable_task(&self, key: &TaskKey, enabled: bool, user: &str) -> EngineResult<()> {
        let task = self.task(key).await?;
        if task.enabled == enabled {
            return Ok(());
        }
        self.switch(task, enabled, user).await
    }

    async fn switch(&self, task: Task, enabled: bool, user: &str) -> EngineResult<()> {
        let key = &task.key;
        if enabled && task.targets.is_empty() {
            let reason = Why::TaskSaysNothing;
            return Err(EngineError::invalid("key", key.to_string(), reason));
        }
        let now_ms = self.clock().now_ms();
        let next_run_ms = enabled.then(|| self.next_run_of(&task, now_ms)).flatten();
        let status = match task.settings.trigger {
            Trigger::RealTime if enabled => TaskStatus::Replicating,
            Trigger::RealTime => TaskStatus::Waiting,
            Trigger::Immediately | Trigger::At(_) | Trigger::Cron(_) | Trigger::Manual => task.status,
        };
        let tasks = self.store().tasks();
        tasks.set_next_run(key, next_run_ms).await?;
        if !tasks.set_enabled(key, enabled, status, user, now_ms).await? {
            return Err(EngineError::TaskUnknown(key.to_string()));
        }
        self.nudge();
        Ok(())
    }

    /// Returns when `task` starts next once it is switched on.
    fn next_run_of(&self, task: &Task, now_ms: i64) -> Option<i64> {
        let trigger = &task.settings.trigger;
        let first_run_ms = || first_run_ms(trigger, now_ms, self.zone());
        match (task.status, trigger) {
            (_, Trigger::Cron(_)) => first_run_ms(),
            (TaskStatus::Completed, _) => None,
            (TaskStatus::Waiting | TaskStatus::Replicating, _) if task.runs == 0 => first_run_ms(),
            // It got another time while it was off.
            (TaskStatus::Waiting | TaskStatus::Replicating, Trigger::At(at_ms)) => {
                Some(*at_ms).filter(|at_ms| *at_ms > now_ms)
            }
            (TaskStatus::Waiting | TaskStatus::Replicating, _) => None,
        }
    }

    /// Says whether the first cluster a draft names is a registry elsewhere.
    async fn writes_elsewhere(&self, draft: &TaskDraft) -> EngineResult<bool> {
        let Some(first) = draft.targets.first() else {
            return Ok(false);
        };
        let cluster = self.cluster(first).await?;
        Ok(cluster.is_some_and(|cluster| cluster.cluster_type == ClusterType::Remote))
    }

    /// Returns the task `key` if it never ran, runs only when somebody asks for it, or `writes_elsewhere`.
    async fn editable_task(&self, key: &TaskKey, writes_elsewhere: bool) -> EngineResult<Task> {
        let task = self.task(key).await?;
        let never_ran = task.status == TaskStatus::Waiting && task.last_end.is_none();
        if never_ran || writes_elsewhere || task.settings.trigger == Trigger::Manual {
            Ok(task)
        } else {
            Err(EngineError::TaskFrozen(key.to_string()))
        }
    }
}

/// Lets objects that say nothing of what they choose go on choosing what they did `before`.
fn keep_choices(objects: Vec<ObjectDraft>, before: &[TaskObject]) -> Vec<ObjectDraft> {
    let earlier = |object: &ObjectDraft| {
        let same = |known: &&TaskObject| {
            known.local_repository == object.local_repository
                && known.repository_type == object.repository_type
        };
        before.iter().find(same).map(|known| known.choice.clone())
    };
    let kept = objects.into_iter().map(|object| ObjectDraft {
        choice: object.choice.clone().or_else(|| earlier(&object)),
        ..object
    });
    kept.collect()
}
