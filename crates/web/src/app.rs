//! What every handler stands on.

use std::sync::Arc;

use domain::clock::Clock;
use jiff::tz::TimeZone;

use crate::auth::{Accounts, Logins};

/// The state of the router; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    logins: Logins,
}

impl App {
    /// Puts a node's parts together.
    pub fn new(accounts: Arc<dyn Accounts>, clock: Arc<dyn Clock>, zone: TimeZone) -> Self {
        Self(Arc::new(Parts {
            logins: Logins::new(accounts, clock.clone()),
            clock,
            zone,
        }))
    }

    /// Returns the clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Returns the zone that contract dates are in.
    pub fn zone(&self) -> &TimeZone {
        &self.0.zone
    }

    /// Returns the place where callers are recognised.
    pub fn logins(&self) -> &Logins {
        &self.0.logins
    }
}
