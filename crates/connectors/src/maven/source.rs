//! A Maven repository, read from.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::{PackageSelection, Scope};
use domain::versions::VersionFilter;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::chosen::Chosen;
use super::layout::{self, Package, Version};
use super::order::newer;
use super::repository::{Listing, PARALLEL, Repository};
use super::walk::{Depth, Found, Root, Walk, behind_shut};
use crate::fatal::{self, told};

/// How long what a walk saw of a folder is taken for what it holds.
const SEEN_FOR: Duration = Duration::from_secs(30);

/// A Maven repository, read from.
pub(super) struct MavenSource {
    repository: Repository,
    /// What the last page of a walk saw of the folders it told; each is used once.
    seen: Mutex<HashMap<ArtifactKey, (Listing, Instant)>>,
}

impl fmt::Debug for MavenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MavenSource({:?})", self.repository)
    }
}

impl MavenSource {
    pub(super) fn of(repository: Repository) -> Self {
        Self {
            repository,
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<ArtifactKey, (Listing, Instant)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where a walk through `scope` begins: in order, none twice, none within another. Where folders are not
    /// listed, these are the versions that `filter` takes.
    async fn roots(&self, scope: &Scope, filter: &VersionFilter) -> ConnectorResult<Vec<Root>> {
        let selections = match scope {
            Scope::Repository => {
                let everything = Root {
                    folder: Vec::new(),
                    depth: Depth::Everything,
                };
                return Ok(vec![everything]);
            }
            // A Maven repository is replicated by versions; files of it are none.
            Scope::Paths(_) => return Ok(Vec::new()),
            Scope::Packages(selections) => selections,
        };
        let mut roots: BTreeMap<Vec<String>, Depth> = BTreeMap::new();
        for (package, selection) in packages(selections) {
            if selection.versions.is_empty() {
                if self.repository.lists(Stage::List).await? {
                    roots.insert(package.folder(), Depth::Children);
                } else {
                    let versions = self.repository.listed_versions(&package, Stage::List).await;
                    let Ok(versions) = told(versions)? else {
                        // It is listed as itself, and fails as that.
                        roots.insert(behind_all(package.folder()), Depth::Nothing);
                        continue;
                    };
                    let wanted = filter.select_by(versions, newer);
                    let wanted = wanted.iter().filter_map(|version| package.version(version));
                    roots.extend(wanted.map(|version| (version.folder(), Depth::Itself)));
                }
                continue;
            }
            let versions = selection
                .versions
                .iter()
                .filter_map(|version| package.version(version));
            for version in versions {
                roots.entry(version.folder()).or_insert(Depth::Itself);
            }
        }
        let whole: Vec<Vec<String>> = roots
            .iter()
            .filter(|(_, depth)| **depth == Depth::Children)
            .map(|(folder, _)| folder.clone())
            .collect();
        let covered = |folder: &[String]| {
            let parent = folder.split_last().map(|(_, parent)| parent).unwrap_or_default();
            whole.iter().any(|whole| whole == parent)
        };
        let left = roots
            .into_iter()
            .filter(|(folder, depth)| *depth != Depth::Itself || !covered(folder));
        Ok(left.map(|(folder, depth)| Root { folder, depth }).collect())
    }

    /// Returns a page of versions that are looked up one by one, where folders are not listed.
    async fn list_unlisted(
        &self,
        roots: Vec<Root>,
        after: Option<Vec<String>>,
        limit: usize,
    ) -> ConnectorResult<KeyPage> {
        let left = roots
            .into_iter()
            .filter(|root| after.as_ref().is_none_or(|after| root.folder > *after));
        let looks: Vec<_> = left
            .map(|root| async move {
                if root.depth == Depth::Nothing {
                    let package = root.folder.split_last().map(|(_, folder)| folder);
                    return Ok(package.and_then(Package::of_folder).map(Told::unread));
                }
                let Some(version) = Version::of_folder(&root.folder) else {
                    return Ok(None);
                };
                // What cannot be told is there: it fails as itself when it is described.
                let names = told(self.repository.names(&version, Stage::List).await)?;
                let is_absent = names.is_ok_and(|names| names.is_none());
                Ok::<_, ConnectorError>((!is_absent).then(|| Told::of(version)))
            })
            .collect();
        let found = stream::iter(looks)
            .buffered(PARALLEL)
            .try_filter_map(|found| async { Ok(found) })
            .take(limit + 1)
            .try_collect()
            .await?;
        Ok(page(found, limit))
    }

    async fn list_from(
        &self,
        scope: &Scope,
        cursor: Option<&Cursor>,
        limit: usize,
        filter: &VersionFilter,
    ) -> ConnectorResult<KeyPage> {
        let after = cursor.map(|cursor| cursor.0.split('/').map(String::from).collect());
        let roots = self.roots(scope, filter).await?;
        if roots.is_empty() {
            return Ok(page(Vec::new(), limit));
        }
        if !self.repository.lists(Stage::List).await? {
            if *scope == Scope::Repository {
                return Err(self.repository.unlisted(&[], Stage::List));
            }
            return self.list_unlisted(roots, after, limit).await;
        }
        let found = self.walk(roots, after, limit + 1, filter).await?;
        let (mut seen, mut told) = (HashMap::new(), Vec::new());
        for found in found {
            told.push(match found {
                Found::Version { version, listing, .. } => {
                    seen.extend(listing.map(|listing| (version.key(), (listing, Instant::now()))));
                    Told::of(version)
                }
                Found::Shut { folder, root } => Told::shut(folder, root),
            });
        }
        *self.seen() = seen;
        Ok(page(told, limit))
    }

    /// Returns at most `limit` versions that `filter` takes or that are named themselves, and folders that are shut;
    /// fewer when there are no more.
    async fn walk(
        &self,
        roots: Vec<Root>,
        after: Option<Vec<String>>,
        limit: usize,
        filter: &VersionFilter,
    ) -> ConnectorResult<Vec<Found>> {
        let mut walk = Walk::new(&self.repository, roots, after);
        let mut chosen = Chosen::of(&self.repository, filter);
        let mut wanted = Vec::new();
        while wanted.len() < limit {
            let found = walk.next(limit - wanted.len()).await?;
            if found.is_empty() {
                break;
            }
            for found in found {
                let is_wanted = match &found {
                    Found::Version {
                        is_named: false,
                        version,
                        ..
                    } => chosen.takes(version).await?,
                    Found::Version { .. } | Found::Shut { .. } => true,
                };
                if is_wanted {
                    wanted.push(found);
                }
            }
        }
        Ok(wanted)
    }

    async fn describe_one(&self, key: &ArtifactKey) -> ConnectorResult<Artifact> {
        let error = |kind| ConnectorError::new(kind, Stage::Describe, key.to_string());
        let Some(version) = Version::of_key(key) else {
            return Err(self.unread(key).await);
        };
        let seen = self.seen().remove(key);
        let listing = match seen {
            Some((listing, when)) if when.elapsed() < SEEN_FOR => Some(listing),
            _ => self.repository.names(&version, Stage::Describe).await?,
        };
        let listing = listing.ok_or_else(|| error(ErrorKind::NotFound).words("there is no such version"))?;
        let blobs = blobs(&self.repository, &version, &listing).await?;
        if blobs.is_empty() {
            return Err(error(ErrorKind::NotFound).words("its files are gone"));
        }
        Ok(Artifact {
            key: key.clone(),
            digest: None,
            blobs,
            metadata: Metadata::new(),
            document: None,
        })
    }

    /// Returns why `key` names no version: perhaps a folder that is shut, or a package whose versions cannot be told.
    async fn unread(&self, key: &ArtifactKey) -> ConnectorError {
        let error = ConnectorError::new(ErrorKind::NotFound, Stage::Describe, key.to_string());
        let package = Package::of_key(&key.name);
        let folder = package.as_ref().map(Package::folder);
        let folder = folder.or_else(|| layout::folder_of_key(&key.name));
        let Some(folder) = folder.filter(|_| key.version.is_none()) else {
            return error.words("it names no version of a Maven artifact");
        };
        let looked = async {
            match (self.repository.lists(Stage::Describe).await?, &package) {
                (false, Some(package)) => {
                    let versions = self.repository.listed_versions(package, Stage::Describe);
                    versions.await.map(drop)
                }
                _ => self.repository.listing(&folder, Stage::Describe).await.map(drop),
            }
        };
        match looked.await {
            Err(why) => why,
            Ok(()) => error.words("what is in it could not be told a moment ago; the next run takes it"),
        }
    }

    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
        let mut pieces = self.open(key, blob, 0).await?;
        let mut bytes = BytesMut::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() as u64 > blob.size_bytes {
                let error = ConnectorError::new(ErrorKind::Changed, Stage::Read, &blob.name);
                return Err(error.words("it is longer than it was described"));
            }
        }
        Ok(bytes.freeze())
    }

    /// Says whether anything of `selection` is there; returns the keys that name nothing.
    async fn missing_of(&self, selection: &PackageSelection) -> ConnectorResult<Vec<ArtifactKey>> {
        let key = |version: Option<&String>| ArtifactKey {
            name: selection.key.clone(),
            version: version.cloned(),
        };
        if selection.versions.is_empty() {
            let scope = Scope::Packages(vec![selection.clone()]);
            let found = self.list_from(&scope, None, 1, &VersionFilter::default()).await?;
            return Ok(if found.keys.is_empty() {
                vec![key(None)]
            } else {
                Vec::new()
            });
        }
        let package = Package::of_key(&selection.key);
        let looks: Vec<_> = selection
            .versions
            .iter()
            .map(|name| {
                let version = package.as_ref().and_then(|package| package.version(name));
                async move {
                    let there = match version {
                        Some(version) => {
                            let names = told(self.repository.names(&version, Stage::List).await)?;
                            !names.is_ok_and(|names| names.is_none())
                        }
                        None => false,
                    };
                    Ok::<_, ConnectorError>((!there).then(|| key(Some(name))))
                }
            })
            .collect();
        let missing: Vec<Option<ArtifactKey>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        Ok(missing.into_iter().flatten().collect())
    }
}

/// Describes the files of `version`, in the order they are written in; those that vanished are left out.
pub(super) async fn blobs(
    repository: &Repository,
    version: &Version,
    listing: &Listing,
) -> ConnectorResult<Vec<Blob>> {
    let folder = version.folder();
    let looks: Vec<_> = listing
        .files
        .iter()
        .filter(|name| version.owns(name))
        .map(|name| repository.blob(&folder, name, &listing.files, Stage::Describe))
        .collect();
    let found: Vec<Option<Blob>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
    let mut blobs: Vec<Blob> = found.into_iter().flatten().collect();
    // Whoever finds the description may expect the rest.
    blobs.sort_by_cached_key(|blob| (version.is_pom(&blob.name), blob.name.clone()));
    Ok(blobs)
}

fn packages(selections: &[PackageSelection]) -> impl Iterator<Item = (Package, &PackageSelection)> {
    selections
        .iter()
        .filter_map(|selection| Some((Package::of_key(&selection.key)?, selection)))
}

/// A key of a listing, and the folder behind which it goes on.
struct Told {
    folder: Vec<String>,
    key: ArtifactKey,
}

impl Told {
    fn of(version: Version) -> Self {
        Self {
            folder: version.folder(),
            key: version.key(),
        }
    }

    /// Tells a folder itself that cannot be looked into; where the walk began there, what was asked for.
    fn shut(folder: Vec<String>, root: Option<Depth>) -> Self {
        let asked = match root {
            Some(Depth::Itself) => Version::of_folder(&folder).map(|version| version.key()),
            Some(Depth::Children) => Package::of_folder(&folder).map(|package| package_key(&package)),
            Some(Depth::Nothing | Depth::Everything) | None => None,
        };
        let itself = || ArtifactKey {
            name: layout::folder_key(&folder),
            version: None,
        };
        Self {
            key: asked.unwrap_or_else(itself),
            folder: behind_shut(folder),
        }
    }

    /// Tells a package itself, whose versions cannot be.
    fn unread(package: Package) -> Self {
        Self {
            folder: behind_all(package.folder()),
            key: package_key(&package),
        }
    }
}

/// Returns the place behind all versions in the folder of a package: where that is told itself, even if some of them were
/// told before, so that those that were not fail with it.
fn behind_all(mut folder: Vec<String>) -> Vec<String> {
    folder.push(char::MAX.into());
    folder
}

/// Returns the key of a package whose versions cannot be told.
fn package_key(package: &Package) -> ArtifactKey {
    ArtifactKey {
        name: package.key(),
        version: None,
    }
}

fn page(mut told: Vec<Told>, limit: usize) -> KeyPage {
    let more = told.len() > limit;
    told.truncate(limit);
    let next = told.last().filter(|_| more);
    KeyPage {
        next: next.map(|last| Cursor(last.folder.join("/"))),
        keys: told.into_iter().map(|told| told.key).collect(),
    }
}

#[async_trait]
impl Source for MavenSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let filter = &self.repository.files().server().choice().versions;
        self.list_from(scope, cursor, limit, filter).await
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        match scope {
            Scope::Repository => Ok(Vec::new()),
            Scope::Paths(paths) => Ok(paths.iter().map(ArtifactKey::file).collect()),
            Scope::Packages(selections) => {
                let mut missing = Vec::new();
                for selection in selections {
                    missing.extend(self.missing_of(selection).await?);
                }
                Ok(missing)
            }
        }
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let looks: Vec<_> = keys.iter().map(|key| self.describe_one(key)).collect();
        fatal::settled(stream::iter(looks).buffered(PARALLEL).collect().await)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let version = Version::of_key(key).filter(|version| version.owns(&blob.name));
        let version = version.ok_or_else(|| {
            ConnectorError::new(ErrorKind::NotFound, Stage::Read, key.to_string())
                .words("it has no such file")
        })?;
        let url = self.repository.url(&version.folder(), &blob.name);
        self.repository
            .files()
            .open(&url, blob, offset_bytes, url.path())
            .await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        fatal::settled(stream::iter(reads).buffered(PARALLEL).collect().await)
    }
}
