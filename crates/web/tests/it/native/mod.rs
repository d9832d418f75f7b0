//! The native API.

mod artifacts;
mod logins;
mod packages;
mod records;
mod repositories;
mod tasks;
