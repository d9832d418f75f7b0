//! Which versions of a package are wanted.

use std::cmp::Ordering;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::{Pattern, newer};

/// A choice among the versions of one package; the default takes all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionFilter {
    /// Patterns of which a version has at least one; none: every version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Pattern>,
    /// Patterns of which a version has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Pattern>,
    /// How many of those that are left are taken, the newest ones; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<NonZeroUsize>,
}

impl VersionFilter {
    /// Says whether it takes every version.
    pub fn takes_all(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether the patterns leave `version` in, however new it is.
    pub fn fits(&self, version: &str) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.fits(version));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }

    /// Returns those of `versions` that are wanted, in their order; [`newer`] says which are new.
    pub fn select(&self, versions: Vec<String>) -> Vec<String> {
        self.select_by(versions, newer)
    }

    /// Returns those of `versions` that are wanted, in their order; `newer` compares two, the older one first.
    pub fn select_by(&self, versions: Vec<String>, newer: impl Fn(&str, &str) -> Ordering) -> Vec<String> {
        let mut wanted: Vec<String> = versions;
        wanted.retain(|version| self.fits(version));
        let newest = self.newest.map(NonZeroUsize::get);
        let Some(newest) = newest.filter(|newest| *newest < wanted.len()) else {
            return wanted;
        };
        let mut by_age: Vec<usize> = (0..wanted.len()).collect();
        by_age.sort_by(|left, right| newer(&wanted[*right], &wanted[*left]));
        let mut taken = vec![false; wanted.len()];
        by_age[..newest].iter().for_each(|index| taken[*index] = true);
        let mut taken = taken.into_iter();
        wanted.retain(|_| taken.next() == Some(true));
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_included_then_excluded_then_the_newest_taken() {
        let versions = ["1.10", "1.9", "2.0", "1.9-rc", "1.8", "latest"].map(String::from);
        let pattern = |text: &str| vec![text.parse().expect("a pattern")];
        let filter = VersionFilter {
            include: pattern("1.*"),
            exclude: pattern("*-rc"),
            newest: NonZeroUsize::new(2),
        };

        assert_eq!(filter.select(versions.to_vec()), ["1.10", "1.9"]);
        let oldest = filter.select_by(versions.to_vec(), |left, right| newer(right, left));
        assert_eq!(oldest, ["1.9", "1.8"]);
        assert!(!filter.takes_all());
        assert_eq!(VersionFilter::default().select(versions.to_vec()), versions);
    }
}
