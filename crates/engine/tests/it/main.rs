//! Runs over a real store, repositories in memory and a clock that is moved by hand.
#![allow(clippy::unwrap_used, clippy::panic)]

mod build;
mod conflicts;
mod crashes;
mod failures;
mod faults;
mod flight;
mod leases;
mod limits;
mod notes;
mod outcomes;
mod plans;
mod real_time;
mod retention;
mod retries;
mod scopes;
mod stopping;
mod strategies;
mod trace;
mod triggers;
mod webhooks;
mod world;
