//! The hosted repositories against the real store and real files.
#![allow(clippy::unwrap_used, clippy::panic)]

mod appends;
mod blocks;
mod collector;
mod contract;
mod expiry;
mod files;
mod images;
mod moves;
mod search;
mod speed;
mod transfers;
mod uploads;
mod used;
mod world;
