//! Choosing among the versions of packages, as arguments.

use std::num::NonZeroUsize;

use clap::Args;
use domain::oci::PlatformFilter;
use domain::versions::{Choice, Pattern, VersionFilter};

/// Which versions and platforms are wanted.
#[derive(Args)]
pub struct ChoiceArgs {
    /// Only versions (tags) like this: a glob, regex:..., semver:... or pep440:...; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    include: Vec<Pattern>,
    /// No versions (tags) like this; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<Pattern>,
    /// Only the newest so many versions (tags) of each package.
    #[arg(long, value_name = "NUMBER")]
    newest: Option<NonZeroUsize>,
    /// Only this platform of images, for example linux/amd64; may be repeated.
    #[arg(long, value_name = "PLATFORM")]
    platform: Vec<PlatformFilter>,
}

impl ChoiceArgs {
    /// Returns what of the source is wanted.
    pub fn choice(&self) -> Choice {
        Choice {
            versions: VersionFilter {
                include: self.include.clone(),
                exclude: self.exclude.clone(),
                newest: self.newest,
            },
            platforms: self.platform.clone(),
        }
    }
}
