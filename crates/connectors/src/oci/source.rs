//! Images of a registry, read from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::failure::{ErrorKind, Stage};
use domain::oci::{Role, check_reference, digest_of};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::Scope;
use domain::versions::Choice;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use reqwest::header::RANGE;
use serde::{Deserialize, Serialize};

use super::PARALLEL;
use super::auth::Access;
use super::client::{Answer, Client};
use super::graph::{Explorer, Kept};
use super::holdings::Holdings;
use super::listed::ReferrerLists;
use super::place::{Place, Reference};
use crate::fatal::{Apart, is_the_servers};
use crate::packages::PAUSES_MS;

/// Images of a registry, read from.
pub(super) struct OciSource {
    pub(super) client: Client,
    pub(super) place: Arc<Place>,
    pub(super) choice: Choice,
    pub(super) holdings: Arc<Holdings>,
    pub(super) kept: Kept,
    pub(super) lists: ReferrerLists,
    pub(super) listed: Mutex<Listed>,
}

/// What was listed and not passed on yet: the next page comes from it.
#[derive(Default)]
pub(super) struct Listed {
    images: Option<Arc<Vec<String>>>,
    /// Tags of the image a page ended in, and of those that were read ahead.
    tags: BTreeMap<String, Arc<Vec<String>>>,
}

/// Where a listing goes on: behind this tag of this image, in byte order.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Behind {
    image: String,
    /// `None`: behind all of the image.
    version: Option<String>,
}

impl OciSource {
    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn explorer(&self) -> Explorer<'_> {
        Explorer {
            client: &self.client,
            kept: &self.kept,
            lists: &self.lists,
            platforms: &self.choice.platforms,
        }
    }

    /// Returns the images of the place, sorted; from memory when a listing goes on.
    async fn images(&self, goes_on: bool) -> ConnectorResult<Arc<Vec<String>>> {
        if let Some(image) = self.place.image() {
            return Ok(Arc::new(vec![image.into()]));
        }
        if let Some(images) = self.listed().images.clone().filter(|_| goes_on) {
            return Ok(images);
        }
        let all = self.client.catalog().await?;
        let here = all.into_iter().filter(|image| self.place.key_of(image).is_some());
        let here = Arc::new(here.collect::<Vec<String>>());
        self.listed().images = Some(here.clone());
        Ok(here)
    }

    /// Returns the wanted tags of `image`, sorted; those that were read ahead from memory.
    async fn tags(&self, image: &str) -> ConnectorResult<Arc<Vec<String>>> {
        if let Some(version) = self.place.version() {
            return Ok(Arc::new(vec![version.into()]));
        }
        let known = self.listed().tags.get(image).cloned();
        if let Some(tags) = known {
            return Ok(tags);
        }
        let tags = match self.client.tags(image).await? {
            Some(tags) => tags,
            // Where it was asked for by its URL, its absence is told.
            None if self.place.image().is_some() => {
                return Err(ConnectorError::new(ErrorKind::NotFound, Stage::List, image)
                    .words("there is no such image"));
            }
            None => Vec::new(),
        };
        let tags = self.lists.take(image, tags);
        let tags = Arc::new(self.choice.versions.select(tags));
        self.listed().tags.insert(image.into(), tags.clone());
        Ok(tags)
    }

    /// Returns the image a package key names; an error when no image can be called so.
    fn image_of(&self, package: &str, stage: Stage) -> ConnectorResult<String> {
        let key = ArtifactKey {
            name: package.into(),
            version: Some("latest".into()),
        };
        Ok(self.place.read(&key, stage)?.image)
    }

    /// Returns the wanted tags of `image`; the inner error is that image's alone. Where it is one of many, a registry
    /// may say of it alone that nobody may read it.
    async fn tags_apart(&self, image: &str) -> Apart<Arc<Vec<String>>> {
        let mut pauses = PAUSES_MS.into_iter();
        loop {
            let error = match self.tags(image).await {
                Ok(tags) => return Ok(Ok(tags)),
                Err(error) => error,
            };
            let is_alone = error.kind == ErrorKind::Unauthorised || !is_the_servers(&error);
            if self.place.image().is_some() || !is_alone {
                return Err(error);
            }
            match pauses.next().filter(|_| error.kind.is_transient()) {
                Some(pause_ms) => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
                None => return Ok(Err(error)),
            }
        }
    }

    /// Returns why the tags of the image called `package` could not be listed.
    async fn unlisted(&self, package: &str) -> ConnectorError {
        let image = match self.image_of(package, Stage::Describe) {
            Ok(image) => image,
            Err(error) => return error,
        };
        match self.client.tags(&image).await {
            Err(error) => ConnectorError {
                stage: Stage::Describe,
                ..error
            },
            Ok(_) => ConnectorError::new(ErrorKind::NotFound, Stage::Describe, package)
                .words("its tags could not be listed a moment ago; the next run takes them"),
        }
    }

    /// Returns the images of `scope` with the versions that are named, sorted; no versions: all of them.
    async fn covered(&self, scope: &Scope, goes_on: bool) -> ConnectorResult<Vec<(String, Vec<String>)>> {
        match scope {
            Scope::Repository => {
                let images = self.images(goes_on).await?;
                Ok(images.iter().map(|image| (image.clone(), Vec::new())).collect())
            }
            Scope::Paths(_) => {
                let error = ConnectorError::new(ErrorKind::Protocol, Stage::List, self.client.name());
                Err(error.words("images have names and tags, no paths"))
            }
            Scope::Packages(selections) => {
                let mut covered: Vec<(String, Vec<String>)> = Vec::new();
                for selection in selections {
                    // What no image can be called is missing.
                    let Ok(image) = self.image_of(&selection.key, Stage::List) else {
                        continue;
                    };
                    match covered.iter_mut().find(|(known, _)| *known == image) {
                        Some((_, versions)) if versions.is_empty() || selection.versions.is_empty() => {
                            versions.clear()
                        }
                        Some((_, versions)) => versions.extend(selection.versions.iter().cloned()),
                        None => covered.push((image, selection.versions.clone())),
                    }
                }
                for (_, versions) in &mut covered {
                    versions.sort_unstable();
                    versions.dedup();
                }
                covered.sort_unstable();
                Ok(covered)
            }
        }
    }

    /// Returns those of `versions` that `image` has, in their order; what is no tag is taken for one, to be told later.
    async fn there(&self, image: &str, versions: &[String]) -> ConnectorResult<Vec<String>> {
        let looks = versions.iter().map(|version| async move {
            let at = Reference {
                image: image.into(),
                version: version.clone(),
            };
            let is_name = check_reference(version).is_ok();
            let there = !is_name || self.client.head(&at, Stage::List).await?.is_some();
            Ok::<_, ConnectorError>(there.then(|| version.clone()))
        });
        let looks: Vec<_> = looks.collect();
        let found: Vec<Option<String>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns a covered image with its tags, as far as those are wanted; the inner error is that image's alone.
    async fn tags_of<'a>(
        &self,
        (image, versions): &'a (String, Vec<String>),
    ) -> ConnectorResult<(&'a String, ConnectorResult<Arc<Vec<String>>>)> {
        let tags = match versions.is_empty() {
            true => self.tags_apart(image).await?,
            false => Ok(Arc::new(self.there(image, versions).await?)),
        };
        Ok((image, tags))
    }

    async fn describe_one(&self, key: &ArtifactKey) -> ConnectorResult<Artifact> {
        if key.version.is_none() {
            return Err(self.unlisted(&key.name).await);
        }
        let at = self.place.read(key, Stage::Describe)?;
        let image = self.explorer().explore(&at).await?;
        for part in &image.parts {
            if let (Some(role), Some(digest)) = (Role::of(part), digest_of(part))
                && !role.is_manifest()
            {
                self.holdings.note(&digest, &at.image);
            }
        }
        Ok(Artifact {
            key: key.clone(),
            // What is about an image is not covered by its digest, so such images are compared part by part.
            digest: image.digest.parse().ok().filter(|_| !image.has_referrers),
            blobs: image.parts,
            metadata: Metadata::new(),
            document: None,
        })
    }

    /// Returns the bytes of a manifest.
    async fn manifest(&self, key: &ArtifactKey, digest: String) -> ConnectorResult<Bytes> {
        let at = Reference {
            version: digest,
            ..self.place.read(key, Stage::Read)?
        };
        Ok(self.explorer().fetch(&at, Stage::Read).await?.bytes.clone())
    }

    /// Begins to download a blob from `offset_bytes` on.
    async fn download(&self, key: &ArtifactKey, digest: &str, offset_bytes: u64) -> ConnectorResult<Answer> {
        let at = self.place.read(key, Stage::Read)?;
        let url = self.client.url(&format!("{}/blobs/{digest}", at.image));
        let mut ask = self
            .client
            .ask(Method::GET, url, Access::Pull(&at.image), Stage::Read, digest);
        if offset_bytes > 0 {
            ask = ask.header(RANGE, &format!("bytes={offset_bytes}-"));
        }
        ask.send().await
    }

    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
        let digest = known(key, blob)?;
        match Role::of(blob) {
            Some(role) if role.is_manifest() => self.manifest(key, digest).await,
            _ => self.download(key, &digest, 0).await?.whole(blob.size_bytes).await,
        }
    }
}

fn known(key: &ArtifactKey, blob: &Blob) -> ConnectorResult<String> {
    digest_of(blob).ok_or_else(|| {
        ConnectorError::new(ErrorKind::Protocol, Stage::Read, key.to_string())
            .words("a blob without a digest is in no registry")
    })
}

/// Leaves the first `count` bytes out: what a registry that knows no ranges sent again.
fn without_first(bytes: ByteStream, count: u64) -> ByteStream {
    if count == 0 {
        return bytes;
    }
    let mut left = count;
    Box::pin(bytes.map(move |piece| {
        piece.map(|mut piece| {
            let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            left -= skipped as u64;
            piece.split_off(skipped)
        })
    }))
}

fn whole(bytes: Bytes) -> ByteStream {
    Box::pin(stream::iter([Ok(bytes)]))
}

#[async_trait]
impl Source for OciSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let behind = cursor.map(|cursor| serde_json::from_str::<Behind>(&cursor.0));
        let behind = behind.transpose().map_err(|_| {
            ConnectorError::new(ErrorKind::Protocol, Stage::List, self.client.name())
                .words("the listing cannot go on from there")
        })?;
        if behind.is_none() {
            *self.listed() = Listed::default();
        }
        let covered = self.covered(scope, behind.is_some()).await?;
        let from = behind.as_ref().map_or("", |behind| behind.image.as_str());
        let first = covered.partition_point(|(image, _)| image.as_str() < from);
        let left = &covered[first..];
        let mut reads = stream::iter(0..left.len())
            .map(|place| self.tags_of(&left[place]))
            .buffered(PARALLEL);
        let mut keys = Vec::new();
        while let Some((image, tags)) = reads.try_next().await? {
            let after = behind.as_ref().filter(|behind| behind.image == *image);
            let Some(name) = self.place.key_of(image) else {
                continue;
            };
            // One whose tags cannot be listed is listed as itself, and fails alone and by its name.
            let versions: Vec<Option<&String>> = match &tags {
                Ok(tags) => tags.iter().map(Some).collect(),
                Err(_) => vec![None],
            };
            let is_told = |version: &Option<&String>| match (after, version) {
                (None, _) => false,
                (Some(Behind { version: None, .. }), _) => true,
                // An image of which some tags were told already is told as itself too: the others fail with it.
                (
                    Some(Behind {
                        version: Some(told), ..
                    }),
                    version,
                ) => version.is_some_and(|it| it <= told),
            };
            let begin = versions.partition_point(is_told);
            for (index, version) in versions.iter().enumerate().skip(begin) {
                keys.push(ArtifactKey {
                    name: name.clone(),
                    version: version.cloned(),
                });
                if keys.len() == limit {
                    let is_last =
                        index + 1 == versions.len() && covered.last().is_some_and(|(last, _)| last == image);
                    let behind = Behind {
                        image: image.clone(),
                        version: version.cloned(),
                    };
                    let next = serde_json::to_string(&behind).ok().filter(|_| !is_last);
                    return Ok(KeyPage {
                        keys,
                        next: next.map(Cursor),
                    });
                }
            }
            self.listed().tags.remove(image);
        }
        Ok(KeyPage { keys, next: None })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let Scope::Packages(selections) = scope else {
            return Ok(Vec::new());
        };
        let mut missing = Vec::new();
        for selection in selections {
            let key = |version: Option<&String>| ArtifactKey {
                name: selection.key.clone(),
                version: version.cloned(),
            };
            let Ok(image) = self.image_of(&selection.key, Stage::List) else {
                missing.push(key(None));
                continue;
            };
            let there = self.there(&image, &selection.versions).await?;
            let absent = selection
                .versions
                .iter()
                .filter(|version| !there.contains(version));
            missing.extend(absent.map(|version| key(Some(version))));
            if selection.versions.is_empty()
                && self.place.version().is_none()
                && self.client.tags(&image).await?.is_none()
            {
                missing.push(key(None));
            }
        }
        Ok(missing)
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let described = stream::iter(keys.iter().map(|key| self.describe_one(key)).collect::<Vec<_>>());
        Ok(described.buffered(PARALLEL).collect().await)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let digest = known(key, blob)?;
        if Role::of(blob).is_some_and(Role::is_manifest) {
            let bytes = self.manifest(key, digest).await?;
            let offset = usize::try_from(offset_bytes)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            return Ok(whole(bytes.slice(offset..)));
        }
        if offset_bytes > 0 && offset_bytes == blob.size_bytes {
            return Ok(Box::pin(stream::empty()));
        }
        let answer = self.download(key, &digest, offset_bytes).await?;
        let is_range = answer.response.status().as_u16() == 206;
        let too_early = if is_range { 0 } else { offset_bytes };
        Ok(without_first(answer.stream(), too_early))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        Ok(stream::iter(reads).buffered(PARALLEL).collect().await)
    }
}
