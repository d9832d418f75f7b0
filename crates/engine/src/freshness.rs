//! Whether what a task replicates is where it should be: the one question the console is about.
//!
//! A schedule that should have run and did not is worse than one that failed: nobody was told. It is found
//! from the task alone: the first firing after its latest run, or after it was saved, lies in the past.

use domain::record::RecordEnd;
use domain::repository::RepositoryRef;
use domain::task::{Task, Trigger};
use jiff::tz::TimeZone;
use storage::tasks::{TaskFilter, TaskSort};
use storage::{Lag, PageRequest};

use crate::Engine;
use crate::error::EngineResult;
use crate::schedule::next_firing_ms;

/// How late a start may be before it counts as missing, in milliseconds.
pub const GRACE_MS: i64 = 120_000;

/// Tasks read at once.
const BATCH: u32 = 500;

/// How a task stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// It should have started, or carried a change, and did not.
    Silent,
    /// Its latest run did not succeed, or artifacts have not arrived since.
    Failing,
    /// A run of it is going on.
    Running,
    /// It has not run yet.
    Waiting,
    /// Its latest run succeeded, and nothing is owed since.
    Fresh,
    /// It is switched off.
    Off,
}

impl Freshness {
    /// Every one there is, the worst first.
    pub const ALL: [Self; 6] = [
        Self::Silent,
        Self::Failing,
        Self::Running,
        Self::Waiting,
        Self::Fresh,
        Self::Off,
    ];

    /// Returns its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Failing => "failing",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Fresh => "fresh",
            Self::Off => "off",
        }
    }
}

/// A task and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The task.
    pub task: Task,
    /// How it stands.
    pub freshness: Freshness,
    /// Since when it should have run, or carried a change (Unix milliseconds); set when it is silent.
    pub silent_since_ms: Option<i64>,
    /// Artifacts whose latest detail failed.
    pub open_failures: u64,
}

impl Standing {
    /// Says how `task`, which owes `lag`, stands at `now_ms`; cron expressions are read in `zone`.
    pub fn of(task: Task, lag: Lag, now_ms: i64, zone: &TimeZone) -> Self {
        let never_ran = task.runs == 0;
        // A task that follows events is shown as running by the contract before it ever did.
        let running = task.last_end == Some(None) && !never_ran;
        let due_ms = match running {
            true => None,
            false => due_ms(&task, &lag, zone).filter(|due_ms| due_ms + GRACE_MS < now_ms),
        };
        let failed = matches!(task.last_end, Some(Some(RecordEnd::Failed | RecordEnd::Stopped)));
        let freshness = match () {
            () if !task.enabled && !running => Freshness::Off,
            () if due_ms.is_some() => Freshness::Silent,
            () if running => Freshness::Running,
            () if failed || lag.open_failures > 0 => Freshness::Failing,
            () if never_ran => Freshness::Waiting,
            () => Freshness::Fresh,
        };
        Self {
            silent_since_ms: due_ms.filter(|_| freshness == Freshness::Silent),
            freshness,
            open_failures: lag.open_failures,
            task,
        }
    }
}

/// Returns when a task that is not running should have started, or will.
fn due_ms(task: &Task, lag: &Lag, zone: &TimeZone) -> Option<i64> {
    let saved_ms = task.audit.modified_ms;
    match &task.settings.trigger {
        Trigger::Cron(_) => {
            let after_ms = task.last_run_ms.map_or(saved_ms, |run_ms| run_ms.max(saved_ms));
            next_firing_ms(&task.settings.trigger, after_ms, zone)
        }
        Trigger::At(at_ms) => (task.runs == 0).then_some(*at_ms),
        Trigger::Immediately => (task.runs == 0).then_some(saved_ms),
        Trigger::RealTime => lag.waiting_since_ms,
        Trigger::Manual => None,
    }
}

/// Which tasks are asked for.
#[derive(Debug, Clone, Default)]
pub struct StandingFilter {
    /// Those that stand so; empty: all.
    pub freshness: Vec<Freshness>,
    /// Those whose names contain this, whatever the case.
    pub name: Option<String>,
    /// Exactly this project.
    pub project: Option<String>,
    /// Those that read the repository of this name.
    pub repository: Option<String>,
}

impl StandingFilter {
    /// Selects the tasks that replicate `repository`.
    pub fn of(repository: &RepositoryRef) -> Self {
        Self {
            project: Some(repository.project.clone()),
            repository: Some(repository.name.clone()),
            ..Self::default()
        }
    }

    fn takes(&self, standing: &Standing) -> bool {
        let task = &standing.task;
        let named = |name: &String| task.name.to_lowercase().contains(&name.to_lowercase());
        let reads = |name: &String| task.objects.iter().any(|object| object.local_repository == *name);
        self.name.as_ref().is_none_or(named)
            && self.repository.as_ref().is_none_or(reads)
            && (self.freshness.is_empty() || self.freshness.contains(&standing.freshness))
    }
}

impl Engine {
    /// Returns the tasks `filter` selects with how they stand, the worst first, then by name.
    ///
    /// Looks at every task: a node has hundreds, thousands at most.
    pub async fn standings(&self, filter: &StandingFilter) -> EngineResult<Vec<Standing>> {
        let mut lags = self.store().tasks().lags(None).await?;
        let now_ms = self.clock().now_ms();
        let wanted = TaskFilter {
            project: filter.project.clone(),
            sort: TaskSort::Created,
            ascending: true,
            ..TaskFilter::default()
        };
        let mut standings = Vec::new();
        for number in 1.. {
            let page = self.task_page(&wanted, PageRequest::new(number, BATCH)).await?;
            let last = page.rows.len() < BATCH as usize;
            for task in page.rows {
                let lag = lags.remove(&task.key).unwrap_or_default();
                let standing = Standing::of(task, lag, now_ms, self.zone());
                if filter.takes(&standing) {
                    standings.push(standing);
                }
            }
            if last {
                break;
            }
        }
        standings.sort_by(|a, b| (a.freshness, &a.task.name).cmp(&(b.freshness, &b.task.name)));
        Ok(standings)
    }

    /// Returns how the task `key` stands.
    pub async fn standing(&self, key: &domain::id::TaskKey) -> EngineResult<Standing> {
        let task = self.task(key).await?;
        let lag = self.store().tasks().lags(Some(key)).await?.remove(key);
        Ok(Standing::of(
            task,
            lag.unwrap_or_default(),
            self.clock().now_ms(),
            self.zone(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use domain::cluster::Audit;
    use domain::id::{TaskId, TaskKey};
    use domain::task::{Settings, TaskStatus};

    use super::*;

    /// 2024-07-25T11:20:00+08:00.
    const SAVED_MS: i64 = 1_721_877_600_000;
    const HOUR_MS: i64 = 3_600_000;

    fn task(trigger: Trigger) -> Task {
        Task {
            id: TaskId::from([1; 12]),
            key: TaskKey("key".into()),
            name: "nightly".into(),
            project: "demo".into(),
            objects: Vec::new(),
            targets: Vec::new(),
            settings: Settings {
                trigger,
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
            audit: Audit::new("admin", SAVED_MS),
        }
    }

    fn hourly(last_end: Option<Option<RecordEnd>>, run_ms: i64) -> Task {
        Task {
            last_end,
            last_run_ms: Some(run_ms),
            runs: 1,
            ..task(Trigger::Cron("0 0 * * * ?".into()))
        }
    }

    fn standing(task: Task, after_ms: i64) -> (Freshness, Option<i64>) {
        let standing = Standing::of(task, Lag::default(), SAVED_MS + after_ms, &TimeZone::UTC);
        (standing.freshness, standing.silent_since_ms)
    }

    #[test]
    fn a_schedule_that_should_have_run_and_did_not_is_silent_since_then() {
        let due_ms = SAVED_MS + 40 * 60_000;

        let never = standing(task(Trigger::Cron("0 0 * * * ?".into())), 2 * HOUR_MS);
        let once = standing(hourly(Some(Some(RecordEnd::Failed)), due_ms), 3 * HOUR_MS);
        let in_time = standing(task(Trigger::Cron("0 0 * * * ?".into())), 41 * 60_000);

        assert_eq!(never, (Freshness::Silent, Some(due_ms)));
        assert_eq!(once, (Freshness::Silent, Some(due_ms + HOUR_MS)));
        assert_eq!(in_time, (Freshness::Waiting, None));
    }

    #[test]
    fn how_the_latest_run_ended_decides_otherwise() {
        let at = |end| standing(hourly(Some(end), SAVED_MS + HOUR_MS), HOUR_MS).0;

        assert_eq!(at(Some(RecordEnd::Succeeded)), Freshness::Fresh);
        assert_eq!(at(Some(RecordEnd::Failed)), Freshness::Failing);
        assert_eq!(at(Some(RecordEnd::Stopped)), Freshness::Failing);
        assert_eq!(
            standing(hourly(Some(None), SAVED_MS), 9 * HOUR_MS).0,
            Freshness::Running
        );
    }

    #[test]
    fn a_retry_of_a_part_does_not_make_a_task_fresh_while_artifacts_have_not_arrived() {
        let owes = Lag {
            open_failures: 1,
            waiting_since_ms: None,
        };
        let task = hourly(Some(Some(RecordEnd::Succeeded)), SAVED_MS);

        let standing = Standing::of(task, owes, SAVED_MS, &TimeZone::UTC);

        assert_eq!(standing.freshness, Freshness::Failing);
    }

    #[test]
    fn a_change_that_waits_too_long_makes_a_real_time_task_silent() {
        let owes = Lag {
            open_failures: 0,
            waiting_since_ms: Some(SAVED_MS),
        };
        // As the contract shows one that never ran.
        let task = Task {
            last_end: Some(None),
            ..task(Trigger::RealTime)
        };

        let soon = Standing::of(task.clone(), owes, SAVED_MS + GRACE_MS, &TimeZone::UTC);
        let late = Standing::of(task.clone(), owes, SAVED_MS + GRACE_MS + 1, &TimeZone::UTC);
        let off = Standing::of(
            Task {
                enabled: false,
                ..task
            },
            owes,
            SAVED_MS + HOUR_MS,
            &TimeZone::UTC,
        );

        assert_eq!(
            (soon.freshness, late.freshness, off.freshness),
            (Freshness::Waiting, Freshness::Silent, Freshness::Off)
        );
    }
}
