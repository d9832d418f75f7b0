//! Versions of packages as texts: which of them are wanted, and which is newer.
//!
//! Registries take nearly any text for a version, so nothing here fails on one: what is no number sorts below.

mod filter;
mod order;
mod pattern;

pub use filter::VersionFilter;
pub use order::newer;
pub use pattern::{InvalidPattern, Pattern};

use crate::oci::PlatformFilter;

/// What of the packages in a repository is wanted; the default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Which versions of each package.
    pub versions: VersionFilter,
    /// Which platforms of images that are there for several; none: all of them.
    pub platforms: Vec<PlatformFilter>,
}
