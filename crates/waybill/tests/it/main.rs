//! The real binary, run as people and programs run it.

mod accounts;
mod copy;
mod cron;
mod demo;
mod help;
mod replicate;
mod promises;
mod serve;
mod support;
