//! The store against a real database in a temporary folder, with a clock that is moved by hand.
#![allow(clippy::unwrap_used, clippy::panic)]

mod control;
mod journal;
mod runs;
mod world;
