//! WebDAV against real servers.

mod contract;
mod faults;
mod plain;
mod world;
