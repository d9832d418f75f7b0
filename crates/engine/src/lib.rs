//! Use cases and runs: the only thing the web floor calls for tasks, clusters and records.
#![warn(missing_docs)]

pub mod error;
