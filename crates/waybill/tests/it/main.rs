//! The real binary, run as people and programs run it.

mod accounts;
mod bkrepo;
mod clients;
mod console;
mod copy;
mod cron;
mod demo;
mod document;
mod examples;
mod files;
mod help;
mod images;
mod live;
mod packages;
mod promises;
mod registries;
mod registry;
mod registry_images;
mod registry_tasks;
mod replicate;
mod serve;
mod support;
mod two;
