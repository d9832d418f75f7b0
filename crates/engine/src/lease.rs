//! Claims waiting records, keeps their leases, and takes back those whose node is gone.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use domain::failure::clean_words;
use domain::record::{ReasonLine, RecordStatus};
use domain::task::TaskStatus;
use futures_util::FutureExt;
use storage::db::{StoreError, StoreResult};
use storage::records::{Claimed, Lease, TaskAfter};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::run::{Ended, Run};
use crate::{Active, Engine};

/// Longest sleep between two looks for something to claim, in milliseconds; a nudge ends it early.
const LOOK_EVERY_MS: u64 = 2_000;

/// Carries out waiting records until `shutdown`, then lets go of all of them.
pub(crate) async fn run_until(engine: &Engine, shutdown: CancellationToken) {
    let mut runs = JoinSet::new();
    loop {
        let nudged = engine.inner.nudge.notified();
        if let Err(error) = look(engine, &mut runs).await {
            tracing::error!(%error, "waiting records could not be claimed");
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = nudged => {}
            Some(_) = runs.join_next() => {}
            () = engine.inner.clock.sleep_ms(LOOK_EVERY_MS) => {}
        }
    }
    // Aborting is as good as a crash, which every run survives; the next start resumes them at once.
    runs.shutdown().await;
}

async fn look(engine: &Engine, runs: &mut JoinSet<()>) -> StoreResult<()> {
    let inner = &engine.inner;
    let records = inner.store.records();
    for id in records.reclaim(&inner.boot, inner.clock.now_ms()).await? {
        tracing::warn!(record.id = %id, "lease was lost; the record is taken back");
    }
    while runs.len() < inner.limits.parallel_runs {
        let until_ms = inner.clock.now_ms() + inner.limits.lease_ms;
        let Some(claimed) = records.claim(&inner.boot, until_ms).await? else {
            return Ok(());
        };
        runs.spawn(carry(engine.clone(), claimed));
    }
    Ok(())
}

/// Carries out one claimed record to its end, or until its lease is lost.
async fn carry(engine: Engine, claimed: Claimed) {
    let id = claimed.record.id;
    let stop = CancellationToken::new();
    let active = Active {
        task: claimed.record.task_key.clone(),
        stop: stop.clone(),
        read_bytes: Arc::new(AtomicU64::new(0)),
    };
    let registered = Registered::new(&engine, id, active.clone());
    let lost = tokio::select! {
        () = keep(&engine, &claimed, &stop) => true,
        result = carry_to_the_end(&engine, &claimed, active) => match result {
            Ok(status) => {
                tracing::info!(record.id = %id, record.status = status.as_str(), "run ended");
                false
            }
            Err(StoreError::LeaseLost) => true,
            Err(error) => {
                tracing::error!(record.id = %id, %error, "run cannot go on; it is resumed when its lease ends");
                false
            }
        },
    };
    drop(registered);
    if lost {
        tracing::warn!(record.id = %id, "run let go: another node holds its lease");
    }
    engine.nudge();
}

/// Carries out a record and closes it, also one that this program breaks at: claimed again and again it would never end.
async fn carry_to_the_end(engine: &Engine, claimed: &Claimed, active: Active) -> StoreResult<RecordStatus> {
    let id = claimed.record.id;
    tracing::info!(record.id = %id, task.key = %claimed.record.task_key, resumed = claimed.resumed, "run started");
    let carried = AssertUnwindSafe(carry_plan(engine, claimed.clone(), active));
    let ended = match carried.catch_unwind().await {
        Ok(ended) => ended?,
        Err(panic) => {
            let words = words_of(&*panic);
            tracing::error!(record.id = %id, words, "run broke off");
            Ended::aborted(ReasonLine::BrokeOff { words })
        }
    };
    finish(engine, claimed, ended).await
}

async fn carry_plan(engine: &Engine, claimed: Claimed, active: Active) -> StoreResult<Ended> {
    let Some(plan) = claimed.record.plan.clone() else {
        return Ok(Ended::aborted(ReasonLine::NoPlan));
    };
    let run = Run {
        engine: engine.clone(),
        claimed,
        plan,
        stop: active.stop,
        read_bytes: active.read_bytes,
    };
    run.carry().await
}

/// Returns what a program said when it broke.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    clean_words(text.unwrap_or("it did not say why"))
}

async fn finish(engine: &Engine, claimed: &Claimed, ended: Ended) -> StoreResult<RecordStatus> {
    let store = &engine.inner.store;
    let now_ms = engine.inner.clock.now_ms();
    let task = store.tasks().by_key(&claimed.record.task_key).await?;
    let after = TaskAfter {
        status: task.map_or(TaskStatus::Completed, |task| task.status_at_rest()),
    };
    let Some(finished) = store
        .records()
        .finish(claimed.no, claimed.fence, ended.end, ended.reason, now_ms, after)
        .await?
    else {
        return Err(StoreError::LeaseLost);
    };
    if let Some(end) = finished.status.end() {
        engine.inner.metrics.run_ended(end);
    }
    Ok(finished.status)
}

/// Keeps the lease alive and hears of stop requests; returns when the lease is lost.
async fn keep(engine: &Engine, claimed: &Claimed, stop: &CancellationToken) {
    let inner = &engine.inner;
    let beat_ms = u64::try_from(inner.limits.lease_ms / 3).unwrap_or(1);
    let mut held_until_ms = inner.clock.now_ms() + inner.limits.lease_ms;
    loop {
        // A record that was asked to stop before it was claimed hears of it at once.
        let until_ms = inner.clock.now_ms() + inner.limits.lease_ms;
        match inner
            .store
            .records()
            .heartbeat(claimed.no, claimed.fence, until_ms)
            .await
        {
            Ok(Lease::Held) => held_until_ms = until_ms,
            Ok(Lease::StopRequested { .. }) => {
                held_until_ms = until_ms;
                stop.cancel();
            }
            Ok(Lease::Lost) => return,
            Err(error) => {
                tracing::error!(record.id = %claimed.record.id, %error, "heartbeat failed");
                if inner.clock.now_ms() >= held_until_ms {
                    return;
                }
            }
        }
        inner.clock.sleep_ms(beat_ms).await;
    }
}

/// A run listed as active for as long as this lives.
struct Registered {
    engine: Engine,
    id: domain::id::RecordId,
}

impl Registered {
    fn new(engine: &Engine, id: domain::id::RecordId, active: Active) -> Self {
        let mut runs = engine
            .inner
            .active
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        runs.insert(id, active);
        drop(runs);
        Self {
            engine: engine.clone(),
            id,
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut runs = self
            .engine
            .inner
            .active
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        runs.remove(&self.id);
    }
}
