//! What every handler stands on.

use std::sync::Arc;

use domain::clock::Clock;
use engine::Engine;
use hosted::Hosted;
use jiff::tz::TimeZone;
use storage::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::Logins;

/// Archives made at a time: each keeps its directory in memory until its end.
const MOST_ARCHIVES: usize = 16;

/// Streams of live events at a time: each holds a connection.
const MOST_STREAMS: usize = 256;

/// The state of the router; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    engine: Engine,
    hosted: Hosted,
    logins: Logins,
    archives: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl App {
    /// Puts a node's parts together.
    pub fn new(engine: Engine, hosted: Hosted) -> Self {
        Self(Arc::new(Parts {
            logins: Logins::new(engine.store().clone()),
            archives: Arc::new(Semaphore::new(MOST_ARCHIVES)),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            engine,
            hosted,
        }))
    }

    /// Returns the use cases around tasks, clusters and records.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Returns the repositories this node keeps.
    pub fn hosted(&self) -> &Hosted {
        &self.0.hosted
    }

    /// Returns what the node keeps.
    pub fn store(&self) -> &Store {
        self.0.engine.store()
    }

    /// Returns the clock.
    pub fn clock(&self) -> &dyn Clock {
        &**self.0.engine.clock()
    }

    /// Returns the zone that contract dates are in.
    pub fn zone(&self) -> &TimeZone {
        self.0.engine.zone()
    }

    /// Returns a place among the archives being made, held until it is dropped; `None` when all are taken.
    pub(crate) fn archive_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.0.archives.clone().try_acquire_owned().ok()
    }

    /// Returns a place among the streams of live events, held until it is dropped; `None` when all are taken.
    pub(crate) fn stream_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.0.streams.clone().try_acquire_owned().ok()
    }

    /// Returns the place where callers are recognised.
    pub fn logins(&self) -> &Logins {
        &self.0.logins
    }
}
