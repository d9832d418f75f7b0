//! Versions of packages as texts: which of them are wanted, and which is newer.
//!
//! Registries take nearly any text for a version, so nothing here fails on one: what is no number sorts below.

mod filter;
mod order;
mod pattern;

pub use filter::VersionFilter;
pub use order::newer;
pub use pattern::{InvalidPattern, Pattern};

use serde::{Deserialize, Serialize};

use crate::oci::PlatformFilter;

/// What of the packages in a repository is wanted; the default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Which versions of each package, unless they are named one by one.
    #[serde(default, skip_serializing_if = "VersionFilter::takes_all")]
    pub versions: VersionFilter,
    /// Which platforms of images that are there for several; none: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<PlatformFilter>,
}

impl Choice {
    /// Says whether it wants everything.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}
