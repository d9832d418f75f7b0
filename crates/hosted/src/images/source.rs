//! A repository of images as a source: one artifact is one tag, with everything it consists of.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing, Metadata};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::oci::Role;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::{PackageSelection, Scope};
use domain::versions::VersionFilter;
use futures_util::{StreamExt, TryStreamExt, stream};
use storage::images::{blob_path, manifest_path};
use storage::nodes::Node;

use super::{Image, Reference};
use crate::error::{HostedError, HostedResult};
use crate::repository::HostedRepository;
use crate::source::HostedSource;

/// Images that are looked at at the same time.
const PARALLEL: usize = 8;
/// Tags that are read at once where all of an image have to be known.
const PAGE_TAGS: usize = 1000;
/// Sorts behind every tag.
const BEHIND_TAGS: &str = "~";

/// Lists tags by key and name; a cursor is the last of its page.
pub(crate) struct ImageSource {
    repository: HostedRepository,
    /// Which tags of an image are wanted, unless they are named.
    filter: VersionFilter,
    /// The wanted tags of the image a page may have ended in: which they are is known only from all of them.
    selected: Mutex<Option<Selected>>,
    /// Bytes are read by digest, as those of files are.
    bytes: HostedSource,
}

/// The tags of an image that are wanted, in byte order.
struct Selected {
    key: String,
    tags: Vec<String>,
}

impl Selected {
    /// Returns at most `limit` tags behind `after`.
    fn behind(&self, after: &str, limit: usize) -> Vec<String> {
        let begin = self.tags.partition_point(|tag| tag.as_str() <= after);
        self.tags[begin..].iter().take(limit).cloned().collect()
    }
}

/// Returns what is known of an image whose manifests cannot be read.
fn unreadable() -> Existing {
    Existing {
        digest: None,
        size_bytes: 0,
        blobs: vec![Role::Manifest.part("", "", u64::MAX)],
        mark: None,
        metadata: Metadata::new(),
    }
}

impl HostedRepository {
    /// Returns the image and the reference a key names.
    pub(crate) fn image_of(&self, key: &ArtifactKey, stage: Stage) -> ConnectorResult<(Image, Reference)> {
        let refused =
            |words: &str| ConnectorError::new(ErrorKind::Protocol, stage, key.to_string()).words(words);
        if name_of(&key.name).is_none() {
            return Err(refused("its key is not one of an image: docker://name"));
        }
        let image = self
            .image_of_package(&key.name)
            .map_err(|error| error.to_connector(stage, key.to_string()))?;
        let version = key.version.as_deref().unwrap_or_default();
        let reference = version.parse();
        let reference =
            reference.map_err(|invalid: domain::oci::InvalidName| refused(&invalid.to_string()))?;
        Ok((image, reference))
    }

    /// Returns the image that is the package `key`, which need not be there: `docker://team/app`.
    pub fn image_of_package(&self, key: &str) -> HostedResult<Image> {
        let name = name_of(key).ok_or_else(|| HostedError::Invalid {
            member: "package",
            value: key.into(),
        })?;
        self.image(name)
    }

    /// Returns what stands under each of `keys`, part by part.
    pub(crate) async fn find_images(&self, keys: &[ArtifactKey]) -> HostedResult<Vec<Option<Existing>>> {
        let looks: Vec<_> = keys
            .iter()
            .map(|key| async move {
                let (image, reference) = self.image_of(key, Stage::Describe)?;
                match image.parts(&reference).await {
                    Ok(parts) => Ok(parts.map(super::parts::Parts::into_existing)),
                    // Something stands there that nothing is like.
                    Err(HostedError::DataLost(_) | HostedError::Manifest(_)) => Ok(Some(unreadable())),
                    Err(error) => Err(error),
                }
            })
            .collect();
        stream::iter(looks).buffered(PARALLEL).try_collect().await
    }

    /// Returns the file that holds each of these blobs of images, in their order.
    pub(crate) async fn image_nodes(
        &self,
        wanted: &[(&ArtifactKey, Digest)],
    ) -> HostedResult<Vec<Option<Node>>> {
        let name = |key: &ArtifactKey| name_of(&key.name).unwrap_or_default().to_owned();
        let paths: Vec<String> = wanted
            .iter()
            .flat_map(|(key, digest)| {
                let image = name(key);
                [blob_path(&image, digest), manifest_path(&image, digest)]
            })
            .collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let found = self.nodes(&paths).await?;
        let mut found = found.into_iter();
        let mut either = || {
            let (blob, manifest) = (found.next().flatten(), found.next().flatten());
            blob.or(manifest)
        };
        Ok(wanted.iter().map(|_| either()).collect())
    }
}

/// Returns the name of the image a package key is about, whatever its repository calls its type.
fn name_of(key: &str) -> Option<&str> {
    key.strip_prefix("docker://")
        .or_else(|| key.strip_prefix("oci://"))
}

impl ImageSource {
    pub(crate) fn new(repository: HostedRepository, filter: VersionFilter) -> Self {
        Self {
            bytes: HostedSource::new(repository.clone()),
            filter,
            selected: Mutex::default(),
            repository,
        }
    }

    fn failed(&self, stage: Stage, error: &HostedError) -> ConnectorError {
        error.to_connector(stage, self.repository.info().name.to_string())
    }

    /// Returns the key under which the image of `selection` is kept here.
    fn key_of(&self, selection: &PackageSelection) -> ConnectorResult<String> {
        let key = ArtifactKey {
            name: selection.key.clone(),
            version: Some("latest".into()),
        };
        let (image, _) = self.repository.image_of(&key, Stage::List)?;
        Ok(image.key().into())
    }

    /// Returns the packages of a scope with the versions that are named, sorted; no versions: all of them.
    fn covered(&self, selections: &[PackageSelection]) -> ConnectorResult<Vec<(String, Vec<String>)>> {
        let mut covered: Vec<(String, Vec<String>)> = Vec::new();
        for selection in selections {
            let key = self.key_of(selection)?;
            match covered.iter_mut().find(|(known, _)| *known == key) {
                Some((_, versions)) if versions.is_empty() || selection.versions.is_empty() => {
                    versions.clear()
                }
                Some((_, versions)) => versions.extend(selection.versions.iter().cloned()),
                None => covered.push((key, selection.versions.clone())),
            }
        }
        for (_, versions) in &mut covered {
            versions.sort_unstable();
            versions.dedup();
        }
        covered.sort_unstable();
        Ok(covered)
    }

    async fn tags(&self, key: &str, after: &str, limit: usize) -> ConnectorResult<Vec<String>> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let data = self.repository.hosted().data();
        let tags = data.tags(self.repository.info().no, key, after, limit).await;
        tags.map_err(|error| self.failed(Stage::List, &error.into()))
    }

    /// Returns at most `limit` wanted tags of `key` behind `after`. All of them are read for the first page only.
    async fn wanted_tags(&self, key: &str, after: &str, limit: usize) -> ConnectorResult<Vec<String>> {
        if self.filter.takes_all() {
            return self.tags(key, after, limit).await;
        }
        if !after.is_empty()
            && let Some(selected) = &*self.selected()
            && selected.key == key
        {
            return Ok(selected.behind(after, limit));
        }
        let mut all: Vec<String> = Vec::new();
        loop {
            let last = all.last().cloned().unwrap_or_default();
            let page = self.tags(key, &last, PAGE_TAGS).await?;
            let is_last = page.len() < PAGE_TAGS;
            all.extend(page);
            if is_last {
                break;
            }
        }
        let selected = Selected {
            key: key.to_owned(),
            tags: self.filter.select(all),
        };
        let wanted = selected.behind(after, limit);
        *self.selected() = Some(selected);
        Ok(wanted)
    }

    fn selected(&self) -> MutexGuard<'_, Option<Selected>> {
        self.selected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns at most `limit` tags of the whole repository behind `after`.
    async fn version_keys(&self, after: (&str, &str), limit: usize) -> ConnectorResult<Vec<ArtifactKey>> {
        let data = self.repository.hosted().data();
        let keys = data.version_keys(self.repository.info().no, after, limit).await;
        keys.map_err(|error| self.failed(Stage::List, &error.into()))
    }

    /// Returns at most `limit` wanted tags of the whole repository behind `after`, image by image.
    async fn list_wanted(&self, after: &(String, String), limit: usize) -> ConnectorResult<Vec<ArtifactKey>> {
        let mut keys = Vec::new();
        let mut image = match after.0.as_str() {
            "" => self.version_keys(("", ""), 1).await?.pop().map(|key| key.name),
            image => Some(image.to_owned()),
        };
        while let Some(name) = image.filter(|_| keys.len() < limit) {
            let covered = [(name.clone(), Vec::new())];
            keys.extend(self.list_packages(&covered, after, limit - keys.len()).await?);
            let next = self.version_keys((&name, BEHIND_TAGS), 1).await?.pop();
            image = next.map(|key| key.name);
        }
        Ok(keys)
    }

    /// Returns those of `versions` that are here, sorted.
    async fn among(&self, key: &str, versions: &[String]) -> ConnectorResult<Vec<String>> {
        let data = self.repository.hosted().data();
        let there = data.tags_among(self.repository.info().no, key, versions).await;
        there.map_err(|error| self.failed(Stage::List, &error.into()))
    }

    /// Returns at most `limit` keys of `covered` behind `after`.
    async fn list_packages(
        &self,
        covered: &[(String, Vec<String>)],
        after: &(String, String),
        limit: usize,
    ) -> ConnectorResult<Vec<ArtifactKey>> {
        let mut keys = Vec::new();
        for (key, versions) in covered.iter().filter(|(key, _)| *key >= after.0) {
            let behind = if *key == after.0 { after.1.as_str() } else { "" };
            let left = limit - keys.len();
            let versions: Vec<String> = match versions.is_empty() {
                true => self.wanted_tags(key, behind, left).await?,
                false => {
                    let there = self.among(key, versions).await?;
                    let behind = there.into_iter().filter(|version| version.as_str() > behind);
                    behind.take(left).collect()
                }
            };
            keys.extend(versions.into_iter().map(|version| ArtifactKey {
                name: key.clone(),
                version: Some(version),
            }));
            if keys.len() == limit {
                break;
            }
        }
        Ok(keys)
    }

    async fn describe_one(&self, key: &ArtifactKey) -> ConnectorResult<Artifact> {
        let (image, reference) = self.repository.image_of(key, Stage::Describe)?;
        let parts = image.parts(&reference).await;
        let parts = parts.map_err(|error| error.to_connector(Stage::Describe, key.to_string()))?;
        let absent = || ConnectorError::new(ErrorKind::NotFound, Stage::Describe, key.to_string());
        Ok(parts.ok_or_else(absent)?.into_artifact(key))
    }
}

#[async_trait]
impl Source for ImageSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let refused = |words: &str| {
            ConnectorError::new(
                ErrorKind::Protocol,
                Stage::List,
                self.repository.info().name.to_string(),
            )
            .words(words)
        };
        let after: (String, String) = match cursor {
            None => Default::default(),
            Some(cursor) => {
                serde_json::from_str(&cursor.0).map_err(|_| refused("the listing cannot go on from there"))?
            }
        };
        let mut keys = match scope {
            Scope::Repository if self.filter.takes_all() => {
                self.version_keys((&after.0, &after.1), limit + 1).await?
            }
            Scope::Repository => self.list_wanted(&after, limit + 1).await?,
            Scope::Packages(selections) => {
                let covered = self.covered(selections)?;
                self.list_packages(&covered, &after, limit + 1).await?
            }
            Scope::Paths(_) => return Err(refused("images have names and tags, no paths")),
        };
        let more = keys.len() > limit;
        keys.truncate(limit);
        let next = keys
            .last()
            .filter(|_| more)
            .map(|last| (&last.name, &last.version));
        let next = next
            .and_then(|place| serde_json::to_string(&place).ok())
            .map(Cursor);
        Ok(KeyPage { keys, next })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let Scope::Packages(selections) = scope else {
            return Ok(Vec::new());
        };
        let mut missing = Vec::new();
        for selection in selections {
            let key = self.key_of(selection)?;
            let mut absent = |version: Option<&String>| {
                missing.push(ArtifactKey {
                    name: selection.key.clone(),
                    version: version.cloned(),
                });
            };
            if selection.versions.is_empty() {
                if self.tags(&key, "", 1).await?.is_empty() {
                    absent(None);
                }
                continue;
            }
            let there = self.among(&key, &selection.versions).await?;
            let named = selection.versions.iter();
            named
                .filter(|version| !there.contains(version))
                .for_each(|version| absent(Some(version)));
        }
        Ok(missing)
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let described: Vec<_> = keys.iter().map(|key| self.describe_one(key)).collect();
        Ok(stream::iter(described).buffered(PARALLEL).collect().await)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let (image, reference) = self.repository.image_of(key, Stage::Read)?;
        let there = image.manifest(&reference).await;
        let there = there.map_err(|error| error.to_connector(Stage::Read, key.to_string()))?;
        let absent = || ConnectorError::new(ErrorKind::NotFound, Stage::Read, key.to_string());
        there.ok_or_else(absent)?;
        self.bytes.open(key, blob, offset_bytes).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        self.bytes.read(wanted).await
    }
}
