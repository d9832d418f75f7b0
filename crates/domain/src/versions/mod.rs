//! Versions of packages as texts: which of them are wanted, and which is newer.
//!
//! Registries take nearly any text for a version, so nothing here fails on one: what is no number sorts below.

mod filter;
mod order;
mod pattern;

pub use filter::VersionFilter;
pub use order::newer;
pub use pattern::{InvalidPattern, Pattern};
