//! The nouns of Waybill, its pure decisions, and the ports everything else stands on.
//!
//! In the order of the story: a **task** replicates the **artifacts** of a **repository** from this
//! **cluster** to others. Each run of it is a **record**; each artifact to each target in it is a
//! **record detail**, decided by [`decide::decide`] and ended as an [`detail::Outcome`], counted in
//! [`counts::Counts`]. Repositories are reached through [`ports`], time through [`clock`].
#![warn(missing_docs)]

pub mod artifact;
pub mod cause;
pub mod checksums;
pub mod clock;
pub mod cluster;
pub mod counts;
pub mod cron;
pub mod decide;
pub mod detail;
pub mod digest;
pub mod failure;
pub mod id;
pub mod note;
pub mod notice;
pub mod oci;
pub mod open_failure;
pub mod path;
pub mod ports;
pub mod record;
pub mod repository;
pub mod task;
pub mod versions;
