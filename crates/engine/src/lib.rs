//! Use cases and runs: the only thing the web floor calls for tasks, clusters and records.
//!
//! A trigger makes a record ([`schedule`]); a node claims its lease and carries it out ([`lease`],
//! `run`); old records go ([`retain`]). Each of these is a function without input that may be called at any
//! time and any number of times; timers and nudges do.
#![warn(missing_docs)]

pub mod clusters;
pub mod distributions;
pub mod endpoints;
pub mod error;
pub mod events;
pub mod failures;
pub mod freshness;
mod glance;
pub mod import;
pub mod lease;
pub mod metrics;
pub mod overview;
pub mod records;
pub mod retain;
mod run;
pub mod schedule;
pub mod tasks;
pub mod trace;
pub mod trigger;
pub mod webhooks;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use domain::clock::Clock;
use domain::id::{RecordId, TaskKey};
use jiff::tz::TimeZone;
use storage::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use clusters::greet::Greeter;
use connectors::http::HostList;
use endpoints::Endpoints;
use metrics::Metrics;
pub use run::dry::{DryBounds, DryCounts, DryItem, DryRun};
use run::part::Lines;
use webhooks::Courier;

/// How much a node does at once, and how patient it is.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Runs carried out at the same time.
    pub parallel_runs: usize,
    /// Exchanges with one target at the same time, summed over all runs.
    pub parallel_exchanges: usize,
    /// How long a target may answer nothing before its part of a run ends, in milliseconds.
    pub patience_ms: i64,
    /// How long a lease lasts without a heartbeat, in milliseconds.
    pub lease_ms: i64,
    /// Hosts that users who are no administrators may name as targets; administrators may name any.
    pub user_hosts: HostList,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parallel_runs: 8,
            parallel_exchanges: 4,
            patience_ms: 30_000,
            lease_ms: 15_000,
            user_hosts: HostList::default(),
        }
    }
}

/// What an engine is made of.
pub struct Parts {
    /// What the node keeps.
    pub store: Store,
    /// Where runs read from and write to.
    pub endpoints: Arc<dyn Endpoints>,
    /// How other clusters are asked whether they answer.
    pub greeter: Arc<dyn Greeter>,
    /// How webhooks are called.
    pub courier: Arc<dyn Courier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Zone of cron expressions and contract dates.
    pub zone: TimeZone,
    /// Name of this cluster.
    pub cluster_name: String,
    /// How much is done at once.
    pub limits: Limits,
}

/// The engine of one node; clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) endpoints: Arc<dyn Endpoints>,
    pub(crate) greeter: Arc<dyn Greeter>,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) zone: TimeZone,
    pub(crate) cluster_name: String,
    pub(crate) limits: Limits,
    pub(crate) lines: Lines,
    pub(crate) metrics: Metrics,
    /// Names this process among all that ever ran on the store.
    pub(crate) boot: String,
    pub(crate) nudge: Notify,
    pub(crate) active: Mutex<HashMap<RecordId, Active>>,
}

/// A run this process carries out, as it is just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningNow {
    /// Its record.
    pub record: RecordId,
    /// Its task.
    pub task: TaskKey,
    /// Bytes it has read so far.
    pub read_bytes: u64,
}

/// A run this process carries out.
#[derive(Clone)]
pub(crate) struct Active {
    pub(crate) task: TaskKey,
    pub(crate) stop: CancellationToken,
    pub(crate) read_bytes: Arc<AtomicU64>,
}

impl Engine {
    /// Puts an engine together; nothing runs before [`Engine::run_until`].
    pub fn new(parts: Parts) -> Self {
        let lines = Lines::new(parts.limits.parallel_exchanges);
        Self {
            inner: Arc::new(Inner {
                store: parts.store,
                endpoints: parts.endpoints,
                greeter: parts.greeter,
                courier: parts.courier,
                clock: parts.clock,
                zone: parts.zone,
                cluster_name: parts.cluster_name,
                limits: parts.limits,
                lines,
                metrics: Metrics::default(),
                boot: domain::id::random_hex32(),
                nudge: Notify::new(),
                active: Mutex::default(),
            }),
        }
    }

    /// Schedules, carries out and clears away until `shutdown`; then lets go of every run at once, to be
    /// resumed by the next process.
    pub async fn run_until(&self, shutdown: CancellationToken) {
        tokio::join!(
            schedule::run_until(self, shutdown.clone()),
            lease::run_until(self, shutdown.clone()),
            retain::run_until(self, shutdown.clone()),
            self.probe_until(shutdown.clone()),
            webhooks::run_until(self, shutdown.clone()),
        );
        // Whoever looks on hears of the end now, and not when the connection is cut.
        self.store().live().close();
    }

    /// Wakes the loops: something may be due.
    pub fn nudge(&self) {
        self.inner.nudge.notify_waiters();
    }

    /// Returns what the node keeps.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Returns the time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Returns the zone of cron expressions and contract dates.
    pub fn zone(&self) -> &TimeZone {
        &self.inner.zone
    }

    /// Returns the name of this cluster.
    pub fn cluster_name(&self) -> &str {
        &self.inner.cluster_name
    }

    /// Returns the way other clusters are asked whether they answer.
    pub(crate) fn greeter(&self) -> &dyn Greeter {
        &*self.inner.greeter
    }

    /// Returns the bytes a run of this process has read so far; `None` when it carries out no such run.
    pub fn live_bytes(&self, record: RecordId) -> Option<u64> {
        let active = self
            .inner
            .active
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        active
            .get(&record)
            .map(|run| run.read_bytes.load(Ordering::Relaxed))
    }

    /// Returns the runs this process carries out.
    pub fn running(&self) -> Vec<RunningNow> {
        let active = self
            .inner
            .active
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let running = active.iter().map(|(record, run)| RunningNow {
            record: *record,
            task: run.task.clone(),
            read_bytes: run.read_bytes.load(Ordering::Relaxed),
        });
        running.collect()
    }

    /// Returns what this process has counted since it started.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Returns how many runs this process carries out.
    pub fn active_runs(&self) -> usize {
        self.inner
            .active
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .len()
    }
}
