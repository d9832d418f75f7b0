//! What the domain promises, asked from outside.

mod cron;
