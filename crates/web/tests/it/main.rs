//! The web floor over a real store: requests go through the router in process.

mod access;
mod accounts;
mod artifacts;
mod auth;
mod bkrepo;
mod blocks;
mod clusters;
mod console;
mod distributions;
mod events;
mod failures;
mod folders;
mod fuzz;
mod native;
mod nodes;
mod paging;
mod peer;
mod platforms;
mod records;
mod runs;
mod seed;
mod tasks;
mod transport;
mod world;
