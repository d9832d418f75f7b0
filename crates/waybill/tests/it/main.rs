//! The real binary, run as people and programs run it.

mod accounts;
mod copy;
mod cron;
mod help;
mod promises;
mod serve;
mod support;
