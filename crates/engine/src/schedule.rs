//! Turns due triggers into waiting records.
//!
//! A firing during a run is queued once; firings missed while the node was down are one firing, late.

use domain::cron::CronExpression;
use domain::record::RunPlan;
use domain::task::{Task, TaskStatus, Trigger};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use storage::records::{NewRecord, Overlap, StartOutcome, TaskNext};
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::error::EngineResult;

/// Most tasks started by one look.
const DUE_AT_ONCE: usize = 100;

/// Longest sleep between two looks, in milliseconds; a nudge ends it early.
const LOOK_EVERY_MS: i64 = 5_000;

/// Returns when `trigger` fires first after `after_ms`; `None` when it does not fire by itself any more.
pub fn next_firing_ms(trigger: &Trigger, after_ms: i64, zone: &TimeZone) -> Option<i64> {
    match trigger {
        Trigger::Immediately | Trigger::Manual | Trigger::RealTime => None,
        Trigger::At(at_ms) => (*at_ms > after_ms).then_some(*at_ms),
        Trigger::Cron(expression) => {
            let expression: CronExpression = expression.parse().ok()?;
            let after = Timestamp::from_millisecond(after_ms).ok()?;
            expression.next_after(after, zone).map(Timestamp::as_millisecond)
        }
    }
}

/// Starts whatever is due; returns when something is due next, in Unix milliseconds.
pub async fn tick(engine: &Engine) -> EngineResult<Option<i64>> {
    let inner = &engine.inner;
    let now_ms = inner.clock.now_ms();
    for task in inner.store.tasks().due(now_ms, DUE_AT_ONCE).await? {
        if let Err(error) = fire(engine, &task, now_ms).await {
            tracing::error!(task.key = %task.key, %error, "trigger could not start its task");
            // Not again before the next firing: a task that cannot start must not keep the others waiting.
            let next_ms = next_firing_ms(&task.settings.trigger, now_ms, &inner.zone);
            inner.store.tasks().set_next_run(&task.key, next_ms).await?;
        }
    }
    // After those that are due: what is due takes along what was queued.
    for task in inner.store.tasks().queued(DUE_AT_ONCE).await? {
        if let Err(error) = fire_queued(engine, &task).await {
            tracing::error!(task.key = %task.key, %error, "queued trigger could not start its task");
        }
    }
    for task in inner.store.events().due_tasks(now_ms, DUE_AT_ONCE).await? {
        if let Err(error) = fire_events(engine, &task).await {
            tracing::error!(task.key = %task.key, %error, "events could not start their task");
            inner.store.events().put_off(&task.key, now_ms).await?;
        }
    }
    Ok(inner.store.tasks().next_due_ms().await?)
}

/// Starts a record that carries what changed for `task`; while a run of it goes on, that waits.
async fn fire_events(engine: &Engine, task: &Task) -> EngineResult<()> {
    let plan = RunPlan {
        by_events: true,
        ..engine.run_plan(task, None).await?
    };
    if start(engine, task, plan, Overlap::Refuse, task.next_run_ms).await? == StartOutcome::Started {
        tracing::info!(task.key = %task.key, "events started their task");
    }
    Ok(())
}

/// Starts a run of `task` that is due; while one goes on, another will follow it.
async fn fire(engine: &Engine, task: &Task, now_ms: i64) -> EngineResult<()> {
    let next_run_ms = next_firing_ms(&task.settings.trigger, now_ms, &engine.inner.zone);
    let plan = engine.run_plan(task, None).await?;
    match start(engine, task, plan, Overlap::Queue, next_run_ms).await? {
        StartOutcome::Started => tracing::info!(task.key = %task.key, "task triggered"),
        StartOutcome::Queued | StartOutcome::Busy => {
            tracing::info!(task.key = %task.key, "trigger queued behind the run that is going on");
        }
        StartOutcome::TaskGone => {}
    }
    Ok(())
}

/// Starts the run that was queued while another one of the same task went on.
async fn fire_queued(engine: &Engine, task: &Task) -> EngineResult<()> {
    // Whoever was faster takes the queued trigger along.
    let plan = engine.run_plan(task, None).await?;
    let outcome = start(engine, task, plan, Overlap::Refuse, task.next_run_ms).await?;
    if outcome == StartOutcome::Started {
        tracing::info!(task.key = %task.key, "queued trigger started its task");
    }
    Ok(())
}

async fn start(
    engine: &Engine,
    task: &Task,
    plan: RunPlan,
    overlap: Overlap,
    next_run_ms: Option<i64>,
) -> EngineResult<StartOutcome> {
    let store = &engine.inner.store;
    let created_ms = engine.inner.clock.now_ms();
    let record = NewRecord {
        id: store.ids().next(created_ms),
        task_key: task.key.clone(),
        created_ms,
        triggered_by: if plan.by_events { "event" } else { "schedule" }.into(),
        plan,
    };
    let next = TaskNext {
        status: TaskStatus::Replicating,
        next_run_ms,
    };
    let outcome = store.records().start(record, overlap, next).await?;
    if outcome == StartOutcome::Started {
        engine.nudge();
    }
    Ok(outcome)
}

/// Looks for due triggers until `shutdown`.
pub(crate) async fn run_until(engine: &Engine, shutdown: CancellationToken) {
    loop {
        let nudged = engine.inner.nudge.notified();
        let events = engine.inner.store.events();
        let noted = events.noted();
        let now_ms = engine.inner.clock.now_ms();
        let next_ms = match tick(engine).await {
            Ok(next_ms) => next_ms
                .unwrap_or(i64::MAX)
                .clamp(now_ms + 10, now_ms + LOOK_EVERY_MS),
            Err(error) => {
                tracing::error!(%error, "schedule could not be read");
                now_ms + LOOK_EVERY_MS
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = nudged => {}
            () = noted => {}
            () = engine.inner.clock.sleep_until_ms(next_ms) => {}
        }
    }
}
