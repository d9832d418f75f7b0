//! Maven repositories on real web servers.

mod contract;
mod faults;
mod repositories;
mod world;
