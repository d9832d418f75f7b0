//! Use cases and runs: the only thing the web floor calls for tasks, clusters and records.
#![warn(missing_docs)]

pub mod clusters;
pub mod error;
pub mod tasks;

use std::sync::Arc;

use domain::clock::Clock;
use jiff::tz::TimeZone;
use storage::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use clusters::greet::Greeter;

/// What an engine is made of.
pub struct Parts {
    /// What the node keeps.
    pub store: Store,
    /// How other clusters are asked whether they answer.
    pub greeter: Arc<dyn Greeter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Zone of cron expressions and contract dates.
    pub zone: TimeZone,
    /// Name of this cluster.
    pub cluster_name: String,
}

/// The engine of one node; clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) greeter: Arc<dyn Greeter>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) zone: TimeZone,
    pub(crate) cluster_name: String,
    pub(crate) nudge: Notify,
}

impl Engine {
    /// Puts an engine together.
    pub fn new(parts: Parts) -> Self {
        Self {
            inner: Arc::new(Inner {
                store: parts.store,
                greeter: parts.greeter,
                clock: parts.clock,
                zone: parts.zone,
                cluster_name: parts.cluster_name,
                nudge: Notify::new(),
            }),
        }
    }

    /// Keeps what is known of other clusters up to date until `shutdown`.
    pub async fn run_until(&self, shutdown: CancellationToken) {
        self.probe_until(shutdown).await;
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

    pub(crate) fn greeter(&self) -> &dyn Greeter {
        &*self.inner.greeter
    }
}
