//! The native API.

mod artifacts;
mod logins;
mod records;
mod repositories;
mod tasks;
