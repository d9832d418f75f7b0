//! Finds the versions of a repository: folder by folder, in the order of their names, a few listings ahead.
//!
//! A folder is a version when it holds a file that is called like it. The walk keeps only the names of folders it
//! still has to see, and can go on behind any folder it has told. A folder that cannot be looked into is told as itself:
//! the others are walked, and nobody takes the walk for all there is.

use std::cmp::Ordering;
use std::time::Duration;

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::layout::Version;
use super::repository::{Listing, PARALLEL, Repository};
use crate::fatal::{Apart, told};
use crate::packages::PAUSES_MS;

/// Folders within folders that are looked into: no group has as many names, and a server may show folders without end.
const MOST_DEPTH: usize = 64;

/// Files in folders of versions whose names one walk remembers.
const MOST_FILES: usize = 100_000;

/// How far below a folder is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Not at all: what there is below it cannot be told.
    Nothing,
    /// It is looked at alone.
    Itself,
    /// It and the folders in it.
    Children,
    /// All of it.
    Everything,
}

/// Where a walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) folder: Vec<String>,
    pub(super) depth: Depth,
}

/// What a walk came by.
#[derive(Debug)]
pub(super) enum Found {
    /// A version.
    Version {
        version: Version,
        /// What its folder holds, unless that is too much to be remembered.
        listing: Option<Listing>,
        /// Whether it is where the walk was told to begin: asked for by its name.
        is_named: bool,
    },
    /// A folder that cannot be looked into: whatever is in it is not told.
    Shut {
        folder: Vec<String>,
        /// How far below it was to be looked, if it is where the walk was told to begin.
        root: Option<Depth>,
    },
}

struct Visit {
    folder: Vec<String>,
    depth: Depth,
    is_root: bool,
    /// What was seen of it; the error is its own.
    seen: Option<ConnectorResult<Option<Listing>>>,
}

/// A walk through some folders of a repository.
pub(super) struct Walk<'a> {
    repository: &'a Repository,
    /// What is left to see; the next one last.
    left: Vec<Visit>,
    /// The folder behind which it goes on.
    after: Option<Vec<String>>,
    /// How many files there are in the folders of versions that were told.
    told_files: usize,
}

impl<'a> Walk<'a> {
    /// Starts at `roots` (in order), behind the folder `after`.
    pub(super) fn new(repository: &'a Repository, roots: Vec<Root>, after: Option<Vec<String>>) -> Self {
        let mut walk = Self {
            repository,
            left: Vec::new(),
            after,
            told_files: 0,
        };
        walk.push(roots.into_iter(), true);
        walk
    }

    /// Returns at most `limit` more versions; fewer when there are no more.
    pub(super) async fn next(&mut self, limit: usize) -> ConnectorResult<Vec<Found>> {
        let mut found = Vec::new();
        while found.len() < limit {
            self.look_ahead().await?;
            let Some(visit) = self.left.pop() else { break };
            let is_new = self.after.as_ref().is_none_or(|after| visit.folder > *after);
            let listing = match visit.seen {
                Some(Ok(Some(listing))) => listing,
                // Without its first folder nothing is known of a repository.
                Some(Err(error)) if visit.folder.is_empty() => return Err(error),
                Some(Err(_)) if is_new => {
                    found.push(Found::Shut {
                        root: visit.is_root.then_some(visit.depth),
                        folder: visit.folder,
                    });
                    continue;
                }
                Some(Err(_)) if self.after == Some(behind_shut(visit.folder.clone())) => continue,
                // Some of what is in it was told already, so it cannot be told as itself any more.
                Some(Err(error)) => return Err(error),
                // A folder that vanished meanwhile holds nothing.
                Some(Ok(None)) | None => Listing::default(),
            };
            let below = match visit.depth {
                Depth::Nothing | Depth::Itself => None,
                Depth::Children => Some(Depth::Itself),
                Depth::Everything => Some(Depth::Everything),
            };
            if let Some(depth) = below {
                if visit.folder.len() >= MOST_DEPTH && !listing.folders.is_empty() {
                    return Err(self.too_deep(&visit.folder));
                }
                let child = |name: &String| {
                    let mut folder = visit.folder.clone();
                    folder.push(name.clone());
                    Root { folder, depth }
                };
                self.push(listing.folders.iter().map(child), false);
                if depth == Depth::Itself {
                    // A group may be called like an artifact, so that another root lies within this one.
                    self.left.sort_by(|one, other| other.folder.cmp(&one.folder));
                }
            }
            let version = Version::of_folder(&visit.folder).filter(|version| listing.is_of(version));
            if let Some(version) = version.filter(|_| is_new) {
                self.told_files += listing.files.len();
                found.push(Found::Version {
                    version,
                    listing: (self.told_files <= MOST_FILES).then_some(listing),
                    is_named: visit.is_root && visit.depth == Depth::Itself,
                });
            }
        }
        Ok(found)
    }

    fn too_deep(&self, folder: &[String]) -> ConnectorError {
        let url = self.repository.url(folder, "");
        let words = format!("its folders are nested more than {MOST_DEPTH} deep");
        ConnectorError::new(ErrorKind::Protocol, Stage::List, url.path()).words(words)
    }

    /// Adds `roots` as the next to see, without those that lie wholly before the place where it goes on.
    fn push(&mut self, roots: impl DoubleEndedIterator<Item = Root>, is_root: bool) {
        let after = self.after.clone();
        let is_left = |root: &Root| match &after {
            None => true,
            Some(after) => {
                root.folder.as_slice().cmp(after) == Ordering::Greater || after.starts_with(&root.folder)
            }
        };
        let visits = roots.rev().filter(is_left).map(|root| Visit {
            folder: root.folder,
            depth: root.depth,
            is_root,
            seen: None,
        });
        self.left.extend(visits);
    }

    /// Asks for the listings of the next few folders, if that of the next one is not there yet.
    async fn look_ahead(&mut self) -> ConnectorResult<()> {
        if self.left.last().is_none_or(|next| next.seen.is_some()) {
            return Ok(());
        }
        let from = self.left.len().saturating_sub(PARALLEL);
        let repository = self.repository;
        let looks = self.left[from..].iter_mut().filter(|visit| visit.seen.is_none());
        let looks: Vec<_> = looks
            .map(|visit| async move {
                visit.seen = Some(looked(repository, &visit.folder).await?);
                Ok::<(), ConnectorError>(())
            })
            .collect();
        stream::iter(looks)
            .buffered(PARALLEL)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }
}

/// Returns the place behind a folder that is shut, where a walk goes on: before what is in it, should it be open by then.
pub(super) fn behind_shut(mut folder: Vec<String>) -> Vec<String> {
    folder.push(String::new());
    folder
}

/// Returns what `folder` holds, asking again where the server may only have stumbled: there is no second chance to list.
/// The inner error is the folder's own.
async fn looked(repository: &Repository, folder: &[String]) -> Apart<Option<Listing>> {
    let mut pauses = PAUSES_MS.into_iter();
    loop {
        let error = match told(repository.listing(folder, Stage::List).await)? {
            Ok(listing) => return Ok(Ok(listing)),
            Err(error) => error,
        };
        match pauses.next().filter(|_| error.kind.is_transient()) {
            Some(pause_ms) => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
            None => return Ok(Err(error)),
        }
    }
}
