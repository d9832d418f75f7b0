//! Which versions are wanted, where a walk meets them one by one.
//!
//! Whether a version is among the newest is known only next to the others: they are looked for when the first one of
//! a package is met, the newest first, and no more of them than are wanted.

use std::collections::BTreeSet;

use domain::failure::Stage;
use domain::ports::{ConnectorError, ConnectorResult};
use domain::versions::VersionFilter;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::layout::{Package, Version};
use super::order::newer;
use super::repository::{PARALLEL, Repository};
use crate::fatal::told;

/// The versions that a filter takes.
pub(super) struct Chosen<'a> {
    repository: &'a Repository,
    filter: &'a VersionFilter,
    /// The newest versions of the package that was met last.
    newest: Option<(Package, BTreeSet<String>)>,
}

impl<'a> Chosen<'a> {
    pub(super) fn of(repository: &'a Repository, filter: &'a VersionFilter) -> Self {
        Self {
            repository,
            filter,
            newest: None,
        }
    }

    /// Says whether `version`, which is there, is wanted.
    pub(super) async fn takes(&mut self, version: &Version) -> ConnectorResult<bool> {
        let Some(most) = self.filter.newest.filter(|_| self.filter.fits(&version.version)) else {
            return Ok(self.filter.fits(&version.version));
        };
        let newest = match self.newest.take() {
            Some((package, newest)) if package == version.package => newest,
            _ => self.newest_of(&version.package, most.get()).await?,
        };
        let is_new = newest.contains(&version.version);
        self.newest = Some((version.package.clone(), newest));
        Ok(is_new)
    }

    async fn newest_of(&self, package: &Package, most: usize) -> ConnectorResult<BTreeSet<String>> {
        let listing = self.repository.listing(&package.folder(), Stage::List).await?;
        let folders = listing.unwrap_or_default().folders;
        let fitting = folders.iter().filter(|name| self.filter.fits(name));
        let mut versions: Vec<Version> = fitting.filter_map(|name| package.version(name)).collect();
        versions.sort_by(|left, right| newer(&right.version, &left.version));
        let looks: Vec<_> = versions
            .into_iter()
            .map(|version| async move {
                // It may be a group's folder; one that cannot be looked into counts, as it is told that it is there.
                let names = told(self.repository.names(&version, Stage::List).await)?;
                let is_absent = names.is_ok_and(|names| names.is_none());
                Ok::<_, ConnectorError>((!is_absent).then_some(version.version))
            })
            .collect();
        stream::iter(looks)
            .buffered(PARALLEL)
            .try_filter_map(|found| async { Ok(found) })
            .take(most)
            .try_collect()
            .await
    }
}
