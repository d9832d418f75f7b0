//! One target's part of a run: whether it goes on, when it may speak, and when it is given up.
//!
//! A target that answers nothing for the run's patience ends its own part and nobody else's. One that goes on
//! answering questions and takes nothing any more is given up too, once that has cost several artifacts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use domain::clock::Clock;
use domain::failure::{ErrorKind, Failure};
use domain::ports::{ConnectorError, ConnectorResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::backoff::{jitter, wait_before_next};

/// What all runs of this node share about one target: how many may speak at once, and from when on.
pub(crate) struct Line {
    permits: Arc<Semaphore>,
    not_before_ms: AtomicI64,
}

/// The lines to all targets, by cluster name.
pub(crate) struct Lines {
    parallel: usize,
    lines: Mutex<HashMap<String, Arc<Line>>>,
}

impl Lines {
    /// Allows `parallel` exchanges with each target, summed over all runs.
    pub(crate) fn new(parallel: usize) -> Self {
        Self {
            parallel,
            lines: Mutex::default(),
        }
    }

    fn to(&self, cluster: &str) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let line = lines.entry(cluster.into()).or_insert_with(|| {
            let permits = Arc::new(Semaphore::new(self.parallel));
            Arc::new(Line {
                permits,
                not_before_ms: AtomicI64::new(0),
            })
        });
        line.clone()
    }
}

/// Stands for "it answers" where a time of silence is kept.
const ANSWERS: i64 = i64::MIN;

/// Since when nothing was answered; [`ANSWERS`] while something is.
struct Silence(AtomicI64);

impl Default for Silence {
    fn default() -> Self {
        Self(AtomicI64::new(ANSWERS))
    }
}

impl Silence {
    fn ends(&self) {
        self.0.store(ANSWERS, Ordering::Relaxed);
    }

    /// Notes that nothing was answered; returns for how long, from the first such time on.
    ///
    /// Time before that does not count: a long exchange, or a long time without any, is no silence.
    fn goes_on_ms(&self, now_ms: i64) -> i64 {
        let begun = self
            .0
            .compare_exchange(ANSWERS, now_ms, Ordering::Relaxed, Ordering::Relaxed);
        begun.map_or_else(|since_ms| now_ms - since_ms, |_| 0)
    }
}

/// One target's part of one run.
pub(crate) struct Part {
    /// Name of the target cluster.
    pub(crate) cluster: String,
    /// Set when the whole run is to stop.
    pub(crate) stop: CancellationToken,
    clock: Arc<dyn Clock>,
    line: Arc<Line>,
    patience_ms: i64,
    /// Whether it answers at all.
    silence: Silence,
    /// Whether it answers what is written to it.
    silence_to_writes: Silence,
    /// Artifacts that were lost to the latter.
    lost: AtomicU32,
    ended: OnceLock<Failure>,
}

impl Part {
    /// Starts the part of `cluster`; `stop` ends it from outside.
    pub(crate) fn new(
        cluster: &str,
        lines: &Lines,
        clock: Arc<dyn Clock>,
        patience_ms: i64,
        stop: CancellationToken,
    ) -> Self {
        let line = lines.to(cluster);
        Self {
            cluster: cluster.into(),
            stop,
            clock,
            line,
            patience_ms,
            silence: Silence::default(),
            silence_to_writes: Silence::default(),
            lost: AtomicU32::new(0),
            ended: OnceLock::new(),
        }
    }

    /// Returns why nothing more is to be planned for this target, if so.
    pub(crate) fn ended(&self) -> Option<&Failure> {
        self.ended.get()
    }

    /// Says whether nothing more is to be planned: the part ended, or the run is to stop.
    pub(crate) fn is_over(&self) -> bool {
        self.ended().is_some() || self.stop.is_cancelled()
    }

    /// Ends this part because of `failure`; only the first reason counts.
    pub(crate) fn end(&self, failure: Failure) {
        // A later reason does not replace the first.
        let _ = self.ended.set(failure);
    }

    /// Returns the present in Unix milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Notes that the target answered what was written to it, whatever it said.
    pub(crate) fn answered_write(&self) {
        self.silence.ends();
        self.silence_to_writes.ends();
        self.lost.store(0, Ordering::Relaxed);
    }

    /// Waits for a turn to speak with the target: a free place, and the end of a wait it asked for.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let permit = self.line.permits.clone().acquire_owned().await.ok();
        loop {
            let not_before_ms = self.line.not_before_ms.load(Ordering::Relaxed);
            if not_before_ms <= self.clock.now_ms() {
                return permit;
            }
            self.clock.sleep_until_ms(not_before_ms).await;
        }
    }

    /// Judges `error`, what came of writing one artifact for the `tried`-th time, as [`Self::judge`] does.
    ///
    /// Ends the part too when several artifacts were lost and nothing written was answered for the patience, though
    /// questions are.
    pub(crate) fn judge_write(&self, error: &ConnectorError, tried: u32) -> Option<std::time::Duration> {
        if !is_silence(error) {
            self.answered_write();
        } else {
            let silent_ms = self.silence_to_writes.goes_on_ms(self.clock.now_ms());
            let others = match wait_before_next(error, tried, 0.5) {
                None => self.lost.fetch_add(1, Ordering::Relaxed),
                Some(_) => 0,
            };
            if others > 0 && silent_ms >= self.patience_ms {
                self.end(error.to_failure(&self.cluster, tried));
            }
        }
        self.judge(error, tried)
    }

    /// Judges `error`, the result of try number `tried`: how long to wait for the next one, `None` for never.
    ///
    /// Ends the part when the target has answered nothing for longer than the patience.
    fn judge(&self, error: &ConnectorError, tried: u32) -> Option<std::time::Duration> {
        if is_silence(error) {
            let silent_ms = self.silence.goes_on_ms(self.clock.now_ms());
            let last_try = wait_before_next(error, tried, 0.5).is_none();
            if silent_ms >= self.patience_ms || (last_try && silent_ms * 2 >= self.patience_ms) {
                self.end(error.to_failure(&self.cluster, tried));
            }
        } else {
            self.silence.ends();
        }
        if let (ErrorKind::Limit | ErrorKind::Unreachable, Some(asked)) = (error.kind, error.retry_after) {
            let until_ms = self.clock.now_ms() + i64::try_from(asked.as_millis()).unwrap_or(0).min(300_000);
            self.line.not_before_ms.fetch_max(until_ms, Ordering::Relaxed);
        }
        if self.is_over() {
            None
        } else {
            wait_before_next(error, tried, jitter())
        }
    }

    /// Returns what `doing` returns, or `None` as soon as the run is to stop.
    pub(crate) async fn unless_stopped<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            done = doing => Some(done),
        }
    }

    /// Sleeps for `wait`, or until the part is over.
    pub(crate) async fn rest(&self, wait: std::time::Duration) {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tokio::select! {
            () = self.clock.sleep_ms(wait_ms) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Asks the target with `ask` until it answers, at most five times; the error names the number of tries.
    pub(crate) async fn ask<T, F, Fut>(&self, ask: F) -> Result<T, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = ConnectorResult<T>>,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            let asking = async {
                let _turn = self.turn().await;
                ask().await
            };
            let error = match self.unless_stopped(asking).await {
                None => return Err(self.stopped_failure()),
                Some(Ok(answer)) => {
                    self.silence.ends();
                    return Ok(answer);
                }
                Some(Err(error)) => error,
            };
            match self.judge(&error, tried) {
                Some(wait) => self.rest(wait).await,
                None => return Err(error.to_failure(&self.cluster, tried)),
            }
        }
    }

    /// Returns the failure of whatever the stop of the run interrupted.
    pub(crate) fn stopped_failure(&self) -> Failure {
        Failure {
            stage: domain::failure::Stage::Write,
            class: ErrorKind::Stopped,
            remote_status: None,
            words: Some("the run was stopped".into()),
            attempts: 1,
            subject: self.cluster.clone(),
        }
    }
}

/// Says whether `error` means that nothing was answered.
fn is_silence(error: &ConnectorError) -> bool {
    error.kind == ErrorKind::Unreachable && error.remote_status.is_none()
}
