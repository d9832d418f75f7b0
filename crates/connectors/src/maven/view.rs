//! What stands at a target under one version, and how much of it is published.
//!
//! A version that `maven-metadata.xml` does not list, and a build that is newer than the one a snapshot's document
//! names, was left half done: its last file is withheld from the comparison, so that the version is completed.

use std::collections::{BTreeMap, BTreeSet};

use domain::artifact::{Artifact, ArtifactKey, Blob, Existing, Likeness};
use domain::checksums::{Hasher, Sums};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorResult, Expect, Put};
use futures_util::StreamExt;

use super::layout::{Build, Package, Version};
use super::merge::newest_build;
use super::repository::Repository;
use super::source::blobs;
use super::wire::Metadata;

/// The documents that list versions, read at most once each.
pub(super) type Documents = BTreeMap<Package, Option<Metadata>>;

/// What stands under one version.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) blobs: Vec<Blob>,
    withheld: BTreeSet<String>,
    /// Changes when anything of it does.
    state: String,
}

/// What a put meets.
pub(super) enum Met {
    /// It may go on; what stands there by now.
    Free(Option<View>),
    /// Something else stands there than was expected.
    Raced(Option<Existing>),
}

impl View {
    /// Looks at `version`; `None` when nothing stands there.
    pub(super) async fn of(
        repository: &Repository,
        version: &Version,
        listed: Option<&Metadata>,
    ) -> ConnectorResult<Option<Self>> {
        let Some(listing) = repository.names(version, Stage::Describe).await? else {
            return Ok(None);
        };
        let blobs = blobs(repository, version, &listing).await?;
        let newest = blobs.iter().filter_map(|blob| version.build(&blob.name)).max();
        let document = match newest {
            Some(_) => readable(repository.metadata(&version.folder(), Stage::Describe).await)?,
            None => None,
        };
        let published = document.as_ref().and_then(newest_build);
        let is_listed = listed.is_some_and(|listed| listed.versions.contains(&version.version));
        let withheld = withheld(version, &blobs, is_listed, published);
        let state = state_of(&blobs);
        Ok((!blobs.is_empty()).then_some(Self {
            blobs,
            withheld,
            state,
        }))
    }

    /// Returns what of it is published.
    pub(super) fn published(&self) -> Existing {
        let blobs = self
            .blobs
            .iter()
            .filter(|blob| !self.withheld.contains(&blob.name));
        existing(blobs.cloned().collect(), format!("published {}", self.state))
    }

    /// Returns all of it.
    pub(super) fn all(&self) -> Existing {
        existing(self.blobs.clone(), format!("all {}", self.state))
    }

    /// Learns the sums of every file of it, by reading them.
    pub(super) async fn hashed(
        mut self,
        repository: &Repository,
        version: &Version,
    ) -> ConnectorResult<Self> {
        for blob in &mut self.blobs {
            if blob.digest.is_none() {
                *blob = hashed(repository, version, blob).await?;
            }
        }
        Ok(self)
    }

    /// Says whether a file of `artifact` stands there and nothing tells whether it is the same.
    fn is_unknown(&self, artifact: &Artifact) -> bool {
        artifact.blobs.iter().any(|blob| {
            let there = self.blobs.iter().find(|there| there.name == blob.name);
            there.is_some_and(|there| blob.same_bytes(there).is_none())
        })
    }

    /// Says whether `blob` stands there with the same bytes.
    pub(super) fn has(&self, blob: &Blob) -> bool {
        let there = self.blobs.iter().find(|there| there.name == blob.name);
        there.is_some_and(|there| blob.same_bytes(there) == Some(true))
    }

    /// Compares what stands there with what `put` expects.
    pub(super) async fn meet(
        view: Option<Self>,
        put: &Put,
        repository: &Repository,
        version: &Version,
    ) -> ConnectorResult<Met> {
        let Some(mut view) = view else {
            let free = matches!(put.expect, Expect::Absent | Expect::Anything);
            return Ok(if free { Met::Free(None) } else { Met::Raced(None) });
        };
        if put.expect == Expect::Anything {
            return Ok(Met::Free(Some(view)));
        }
        let likeness = |existing: &Existing| put.artifact.likeness(existing);
        let completes = matches!(likeness(&view.published()), Likeness::Partial | Likeness::Same);
        let (published, all) = (view.published().mark, view.all().mark);
        let expected = match &put.expect {
            Expect::Mark(mark) => Some(mark),
            Expect::Absent | Expect::Anything | Expect::Digest(_) => None,
        };
        if expected.is_some() && (expected == all.as_ref() || expected == published.as_ref() && !completes) {
            return Ok(Met::Free(Some(view)));
        }
        if view.is_unknown(&put.artifact) {
            view = view.hashed(repository, version).await?;
        }
        if expected.is_none() || expected != published.as_ref() {
            return Ok(Met::Raced(Some(view.published())));
        }
        // What is to be completed must not take the place of anything, withheld or not.
        Ok(match likeness(&view.all()) {
            Likeness::Same | Likeness::Partial => Met::Free(Some(view)),
            Likeness::Different | Likeness::Unknown => Met::Raced(Some(view.all())),
        })
    }
}

/// Reads the sums of a file that stands at the target.
pub(super) async fn hashed(repository: &Repository, version: &Version, blob: &Blob) -> ConnectorResult<Blob> {
    let url = repository.url(&version.folder(), &blob.name);
    let at_target = |mut error: domain::ports::ConnectorError| {
        error.stage = Stage::Verify;
        error
    };
    let opened = repository.files().open(&url, blob, 0, url.path()).await;
    let mut pieces = opened.map_err(at_target)?;
    let mut hasher = hasher();
    while let Some(piece) = pieces.next().await {
        hasher.update(&piece.map_err(at_target)?);
    }
    Ok(summed(&blob.name, &hasher.finish()))
}

/// Starts taking every sum that may stand beside a file.
pub(super) fn hasher() -> Hasher {
    let mut wanted = Blob::unknown(0);
    wanted.checksums.sha512 = Some([0; 64]);
    wanted.checksums.sha1 = Some([0; 20]);
    wanted.checksums.md5 = Some([0; 16]);
    Hasher::of(&wanted)
}

/// Describes the file `name` by the sums of its bytes.
pub(super) fn summed(name: &str, sums: &Sums) -> Blob {
    Blob {
        name: name.into(),
        checksums: sums.checksums,
        ..Blob::of(sums.digest, sums.length_bytes)
    }
}

/// Takes a document that cannot be read for none: it is an error for whoever writes it, not for whoever looks.
pub(super) fn readable(
    standing: ConnectorResult<super::repository::Standing>,
) -> ConnectorResult<Option<Metadata>> {
    match standing {
        Ok(standing) => Ok(standing.metadata),
        Err(error) if error.kind == ErrorKind::Protocol && error.remote_status.is_none() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the document of the package of `key`, if the key names one.
pub(super) fn document<'a>(documents: &'a Documents, key: &ArtifactKey) -> Option<&'a Metadata> {
    documents.get(&Package::of_key(&key.name)?)?.as_ref()
}

fn withheld(
    version: &Version,
    blobs: &[Blob],
    is_listed: bool,
    published: Option<Build<'_>>,
) -> BTreeSet<String> {
    let is_newer = |blob: &&Blob| {
        version
            .build(&blob.name)
            .is_some_and(|build| Some(build) > published)
    };
    let newer = blobs.iter().filter(is_newer);
    let last = blobs.last().filter(|_| !is_listed);
    newer.chain(last).map(|blob| blob.name.clone()).collect()
}

fn existing(blobs: Vec<Blob>, mark: String) -> Existing {
    Existing {
        digest: None,
        size_bytes: blobs.iter().map(|blob| blob.size_bytes).sum(),
        blobs,
        mark: Some(mark),
        metadata: domain::artifact::Metadata::new(),
    }
}

fn state_of(blobs: &[Blob]) -> String {
    let mut hasher = domain::digest::Hasher::default();
    for blob in blobs {
        let line = format!(
            "{} {} {:?} {:?}\n",
            blob.name, blob.size_bytes, blob.digest, blob.checksums
        );
        hasher.update(line.as_bytes());
    }
    Digest::to_hex(&hasher.finish())
}
