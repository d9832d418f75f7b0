//! The store against a real database in a temporary folder, with a clock that is moved by hand.
#![allow(clippy::unwrap_used, clippy::panic)]

mod accounts;
mod causes;
mod control;
mod details;
mod failures;
mod journal;
mod retain;
mod runs;
mod world;
