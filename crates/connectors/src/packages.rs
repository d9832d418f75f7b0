//! Listings of packages, as far as they are the same in every registry: names in order, the versions of each in order.
//!
//! A page is bounded by what its registry says of the versions on it, not only by their number. A package that cannot
//! be listed is listed as itself, without a version, so that it fails alone and by its name.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::artifact::ArtifactKey;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Cursor, KeyPage};
use domain::task::Scope;
use domain::versions::{VersionFilter, newer};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::fatal::is_the_servers;

/// Most versions of one page.
const PAGE_VERSIONS: usize = 200;
/// Most bytes that a registry says of the versions of one page.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;
/// Most packages of one listing that is asked for page by page.
pub(crate) const MOST_NAMES: usize = 200_000;
/// Packages that are asked for at the same time.
const PARALLEL: usize = 8;
/// Pauses before a package is asked for again.
pub(crate) const PAUSES_MS: [u64; 2] = [100, 300];

/// One version, and how much its registry says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The version.
    pub version: String,
    /// Bytes of what its registry says of it.
    pub said_bytes: u64,
}

/// A registry whose packages can be asked for by name.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Returns the name a package key (`npm://left-pad`) stands for; `None` if it is none of this protocol.
    fn name_of(&self, key: &str) -> Option<String>;

    /// Returns the package key of `name`.
    fn key_of(&self, name: &str) -> String;

    /// Returns how the version that a person calls `version` is listed.
    fn version_of(&self, version: &str) -> String {
        version.to_owned()
    }

    /// Returns the names of all packages, in the order of texts; taken anew if `fresh`, else it may be those of the
    /// page before.
    async fn names(&self, fresh: bool) -> ConnectorResult<Arc<Vec<String>>>;

    /// Returns the versions of the package `name`, in no order; `None` when there is no such package.
    async fn versions(&self, name: &str) -> ConnectorResult<Option<Vec<Listed>>>;

    /// Returns which versions are wanted of a package whose versions are not named one by one.
    fn wanted(&self) -> &VersionFilter;

    /// Compares two versions as this protocol orders them, the older one first.
    fn newer(&self, left: &str, right: &str) -> Ordering {
        newer(left, right)
    }
}

/// Where a listing goes on.
#[derive(Debug, Serialize, Deserialize)]
struct Behind {
    package: String,
    /// `None`: behind all of its versions.
    version: Option<String>,
}

/// Which versions of a package are wanted; `None`: all.
type Wanted = Option<BTreeSet<String>>;

/// Returns a page of the versions `scope` covers.
pub async fn list(
    catalog: &dyn Catalog,
    scope: &Scope,
    cursor: Option<&Cursor>,
    limit: usize,
) -> ConnectorResult<KeyPage> {
    let mut behind = match cursor {
        Some(cursor) => Some(serde_json::from_str::<Behind>(&cursor.0).map_err(|_| no_place(cursor))?),
        None => None,
    };
    let most = limit.min(PAGE_VERSIONS);
    let mut page = Page::default();
    let covered = covered(catalog, scope, behind.is_none()).await?;
    for (name, wanted) in covered.from(behind.as_ref().map(|behind| behind.package.as_str())) {
        let after = behind.take().filter(|behind| behind.package == name);
        let after = match after {
            Some(Behind { version: None, .. }) => continue,
            Some(Behind { version, .. }) => version,
            None => None,
        };
        let versions = match versions(catalog, name).await {
            Ok(versions) => versions.unwrap_or_default(),
            Err(error) if is_the_servers(&error) => return Err(error),
            Err(_) => {
                if page.is_full(most, 0) {
                    return Ok(page.before_more());
                }
                page.take(catalog.key_of(name), name, None, 0);
                continue;
            }
        };
        let versions = match wanted {
            Some(wanted) => named(versions, wanted),
            None => chosen(catalog, versions),
        };
        for listed in ordered(versions, after.as_deref()) {
            if page.is_full(most, listed.said_bytes) {
                return Ok(page.before_more());
            }
            page.take(
                catalog.key_of(name),
                name,
                Some(listed.version),
                listed.said_bytes,
            );
        }
    }
    Ok(KeyPage {
        keys: page.keys,
        next: None,
    })
}

/// Returns what `scope` names that is not there.
pub async fn missing(catalog: &dyn Catalog, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
    let Scope::Packages(selections) = scope else {
        return Ok(Vec::new());
    };
    let looks = selections.iter().map(|selection| async move {
        let versions = match catalog.name_of(&selection.key) {
            Some(name) => versions(catalog, &name).await,
            None => Ok(None),
        };
        let named = |version: Option<&String>| ArtifactKey {
            name: selection.key.clone(),
            version: version.cloned(),
        };
        match versions {
            Ok(None) => Ok(vec![named(None)]),
            Ok(Some(there)) => {
                let there: BTreeSet<String> = there.into_iter().map(|listed| listed.version).collect();
                let absent = selection
                    .versions
                    .iter()
                    .filter(|it| !there.contains(&catalog.version_of(it)));
                Ok(absent.map(|version| named(Some(version))).collect())
            }
            Err(error) if is_the_servers(&error) => Err(error),
            // It is listed as itself and fails as that.
            Err(_) => Ok(Vec::new()),
        }
    });
    let looks: Vec<_> = looks.collect();
    let found: Vec<Vec<ArtifactKey>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Asks for the versions of `name`, again where the registry may only have stumbled: there is no second chance to list.
async fn versions(catalog: &dyn Catalog, name: &str) -> ConnectorResult<Option<Vec<Listed>>> {
    let mut pauses = PAUSES_MS.into_iter();
    loop {
        let error = match catalog.versions(name).await {
            Err(error) if error.kind.is_transient() && !is_the_servers(&error) => error,
            answer => return answer,
        };
        match pauses.next() {
            Some(pause_ms) => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
            None => return Err(error),
        }
    }
}

/// The packages of a scope, in order.
enum Covered {
    All(Arc<Vec<String>>),
    These(BTreeMap<String, Wanted>),
}

impl Covered {
    fn from<'a>(
        &'a self,
        first: Option<&str>,
    ) -> Box<dyn Iterator<Item = (&'a str, Option<&'a BTreeSet<String>>)> + Send + 'a> {
        let first = first.unwrap_or_default();
        match self {
            Self::All(names) => {
                let begin = names.partition_point(|name| name.as_str() < first);
                Box::new(names[begin..].iter().map(|name| (name.as_str(), None)))
            }
            Self::These(wanted) => {
                let rest =
                    wanted.range::<str, _>((std::ops::Bound::Included(first), std::ops::Bound::Unbounded));
                Box::new(rest.map(|(name, versions)| (name.as_str(), versions.as_ref())))
            }
        }
    }
}

async fn covered(catalog: &dyn Catalog, scope: &Scope, fresh: bool) -> ConnectorResult<Covered> {
    match scope {
        Scope::Repository => Ok(Covered::All(catalog.names(fresh).await?)),
        Scope::Paths(_) => Err(ConnectorError::new(ErrorKind::NotFound, Stage::List, "paths")
            .words("this registry holds packages: name packages, not paths")),
        Scope::Packages(selections) => {
            let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
            for selection in selections {
                let Some(name) = catalog.name_of(&selection.key) else {
                    continue;
                };
                let versions: BTreeSet<String> = selection
                    .versions
                    .iter()
                    .map(|version| catalog.version_of(version))
                    .collect();
                let entry = wanted.entry(name).or_insert_with(|| Some(BTreeSet::new()));
                match entry {
                    Some(_) if versions.is_empty() => *entry = None,
                    Some(known) => known.extend(versions),
                    None => {}
                }
            }
            Ok(Covered::These(wanted))
        }
    }
}

fn named(mut versions: Vec<Listed>, wanted: &BTreeSet<String>) -> Vec<Listed> {
    versions.retain(|listed| wanted.contains(&listed.version));
    versions
}

/// Leaves out what the catalog's filter does not want.
fn chosen(catalog: &dyn Catalog, mut versions: Vec<Listed>) -> Vec<Listed> {
    let filter = catalog.wanted();
    if !filter.takes_all() {
        let all = versions.iter().map(|listed| listed.version.clone()).collect();
        let wanted = filter.select_by(all, |left, right| catalog.newer(left, right));
        let wanted: BTreeSet<String> = wanted.into_iter().collect();
        versions.retain(|listed| wanted.contains(&listed.version));
    }
    versions
}

fn ordered(mut versions: Vec<Listed>, after: Option<&str>) -> Vec<Listed> {
    versions.retain(|listed| after.is_none_or(|after| in_order(&listed.version, after).is_gt()));
    versions.sort_by(|a, b| in_order(&a.version, &b.version));
    versions
}

fn no_place(cursor: &Cursor) -> ConnectorError {
    ConnectorError::new(ErrorKind::Protocol, Stage::List, &cursor.0)
        .words("a listing does not go on from there")
}

/// A page in the making.
#[derive(Default)]
struct Page {
    keys: Vec<ArtifactKey>,
    last: Option<Behind>,
    said_bytes: u64,
}

impl Page {
    fn is_full(&self, most: usize, more_bytes: u64) -> bool {
        self.keys.len() >= most || (!self.keys.is_empty() && self.said_bytes + more_bytes > PAGE_BYTES)
    }

    fn take(&mut self, key: String, package: &str, version: Option<String>, said_bytes: u64) {
        self.said_bytes += said_bytes;
        self.last = Some(Behind {
            package: package.into(),
            version: version.clone(),
        });
        self.keys.push(ArtifactKey { name: key, version });
    }

    fn before_more(self) -> KeyPage {
        let next = self.last.and_then(|last| serde_json::to_string(&last).ok());
        KeyPage {
            keys: self.keys,
            next: next.map(Cursor),
        }
    }
}

/// Orders versions as people do: runs of digits as numbers, the rest as text. Close to the order of releases in every
/// scheme, and the same for ever.
pub fn in_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(first), Some(second)) = (left.first(), right.first()) {
        let order = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (number, other) = (digits(&mut left), digits(&mut right));
            number.len().cmp(&other.len()).then(number.cmp(other))
        } else {
            (left, right) = (&left[1..], &right[1..]);
            first.cmp(second)
        };
        if order.is_ne() {
            return order;
        }
    }
    // Equal as numbers is not equal: `1.0` and `1.00` are two versions.
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Takes the digits `text` begins with, without leading zeros.
fn digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    let zeros = number
        .iter()
        .position(|byte| *byte != b'0')
        .unwrap_or(number.len());
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        let mut versions = [
            "1.10.0",
            "1.2.0",
            "10.0.0",
            "1.2",
            "1.02.0",
            "0.9",
            "1.2.0-rc.1",
            "é",
            "",
        ];

        versions.sort_by(|a, b| in_order(a, b));

        assert_eq!(
            versions,
            [
                "",
                "0.9",
                "1.2",
                "1.02.0",
                "1.2.0",
                "1.2.0-rc.1",
                "1.10.0",
                "10.0.0",
                "é"
            ]
        );
    }
}
