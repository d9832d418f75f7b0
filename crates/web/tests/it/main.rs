//! The web floor over a real store: requests go through the router in process.

mod accounts;
mod auth;
mod clusters;
mod paging;
mod peer;
mod tasks;
mod transport;
mod world;
