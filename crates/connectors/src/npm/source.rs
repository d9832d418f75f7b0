//! A registry of npm packages, read from.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::Scope;
use domain::versions::VersionFilter;
use futures_util::{StreamExt, TryStreamExt, stream};
use url::Url;

use super::PARALLEL;
use super::client::Registry;
use super::wire::{Entry, KEY, Wanted, is_name, name_of, parts};
use crate::fatal::{Apart, apart, told};
use crate::packages::{self, Catalog, Listed};

/// Packages whose packuments are in memory at the same time.
const PACKUMENTS: usize = 4;
/// Tarballs whose places are remembered between description and download.
const PLACES: usize = 20_000;

/// A registry of npm packages, read from.
pub(super) struct NpmSource {
    registry: Registry,
    names: Mutex<Arc<Vec<String>>>,
    /// Where the tarballs are that were described last.
    places: Mutex<HashMap<ArtifactKey, Url>>,
}

impl NpmSource {
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            registry,
            names: Mutex::default(),
            places: Mutex::default(),
        }
    }

    /// Returns what the registry says of each of `keys`, which are versions of the package `name`.
    async fn entries(&self, name: &str, keys: &[&ArtifactKey], stage: Stage) -> Vec<ConnectorResult<Entry>> {
        let error = |key: &ArtifactKey, kind| ConnectorError::new(kind, stage, key.to_string());
        let versions: Vec<&str> = keys.iter().filter_map(|key| key.version.as_deref()).collect();
        let wanted = Wanted {
            versions: &versions,
            documents: true,
        };
        let read = self.registry.packument(name, false, stage, wanted).await;
        let mut packument = match read.and_then(|read| read) {
            Ok(packument) => packument.unwrap_or_default(),
            Err(failed) => return keys.iter().map(|_| Err(failed.again())).collect(),
        };
        let entries = keys.iter().map(|key| {
            let (_, version) = parts(key).map_err(|words| error(key, ErrorKind::Protocol).words(words))?;
            match packument.take_entry(version) {
                None => Err(error(key, ErrorKind::NotFound)),
                Some(entry) => entry.map_err(|words| error(key, ErrorKind::Protocol).words(words)),
            }
        });
        entries.collect()
    }

    /// Completes what `entry` says of `key` by the size of its tarball; the outer error is the registry's.
    async fn described(&self, key: &ArtifactKey, entry: ConnectorResult<Entry>) -> Apart<Artifact> {
        let entry = match told(entry)? {
            Err(error) => return Ok(Err(error)),
            Ok(entry) => entry,
        };
        let subject = key.to_string();
        let url = match self.registry.tarball_of(&entry, &subject) {
            Ok(url) => url,
            Err(error) => return Ok(Err(error)),
        };
        let files = self.registry.files();
        let asked = files.size(&url, Stage::Describe, &subject).await;
        let size_bytes = match apart(&subject, asked)? {
            Ok(Some(size_bytes)) => size_bytes,
            Ok(None) => {
                let error = ConnectorError::new(ErrorKind::NotFound, Stage::Describe, &subject);
                return Ok(Err(
                    error.words("the registry lists the version and has no tarball for it")
                ));
            }
            Err(error) => return Ok(Err(error)),
        };
        self.remember(key, url);
        Ok(Ok(Artifact {
            key: key.clone(),
            digest: None,
            blobs: vec![Blob {
                size_bytes,
                ..entry.blob
            }],
            metadata: entry.metadata,
            document: entry.document,
        }))
    }

    fn remember(&self, key: &ArtifactKey, url: Url) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES {
            places.clear();
        }
        places.insert(key.clone(), url);
    }

    /// Returns where the tarball of `key` is.
    async fn place(&self, key: &ArtifactKey) -> ConnectorResult<Url> {
        let known = self
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned();
        if let Some(url) = known {
            return Ok(url);
        }
        let subject = key.to_string();
        let error = |kind| ConnectorError::new(kind, Stage::Read, &subject);
        let (name, _) = parts(key).map_err(|words| error(ErrorKind::NotFound).words(words))?;
        let entry = self.entries(name, &[key], Stage::Read).await.pop();
        let entry = entry.ok_or_else(|| error(ErrorKind::NotFound))??;
        self.registry.tarball_of(&entry, &subject)
    }

    /// Returns the tarball of `key`; the outer error is the registry's.
    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> Apart<Bytes> {
        let url = match told(self.place(key).await)? {
            Err(error) => return Ok(Err(error)),
            Ok(url) => url,
        };
        let subject = key.to_string();
        let files = self.registry.files();
        let read = files.read(&url, blob.size_bytes, &subject).await;
        apart(&subject, read)
    }
}

#[async_trait]
impl Catalog for NpmSource {
    fn name_of(&self, key: &str) -> Option<String> {
        name_of(key).map(Into::into)
    }

    fn key_of(&self, name: &str) -> String {
        format!("{KEY}{name}")
    }

    async fn names(&self, fresh: bool) -> ConnectorResult<Arc<Vec<String>>> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !fresh && !known.is_empty() {
            return Ok(known);
        }
        let names = Arc::new(self.registry.names().await?);
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names.clone();
        Ok(names)
    }

    async fn versions(&self, name: &str) -> ConnectorResult<Option<Vec<Listed>>> {
        // A registry may list what is no name, and what would lead elsewhere.
        if !is_name(name) {
            return Err(nameless(&ArtifactKey {
                name: self.key_of(name),
                version: None,
            }));
        }
        let read = self.registry.packument(name, false, Stage::List, Wanted::NOTHING);
        let packument = read.await??;
        Ok(packument.map(|packument| {
            let versions = packument.versions.into_iter();
            let listed = versions.map(|(version, said_bytes)| Listed { version, said_bytes });
            listed.collect()
        }))
    }

    fn wanted(&self) -> &VersionFilter {
        &self.registry.files().server().choice().versions
    }
}

#[async_trait]
impl Source for NpmSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        packages::list(self, scope, cursor, limit).await
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        packages::missing(self, scope).await
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let mut of_packages: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, key) in keys.iter().enumerate() {
            of_packages
                .entry(name_of(&key.name).unwrap_or_default())
                .or_default()
                .push(index);
        }
        let asked = of_packages.into_iter().map(|(name, places)| async move {
            let versions: Vec<&ArtifactKey> = places.iter().map(|index| &keys[*index]).collect();
            let entries = match name.is_empty() {
                true => versions.iter().map(|key| Err(nameless(key))).collect(),
                false => self.entries(name, &versions, Stage::Describe).await,
            };
            stream::iter(places.into_iter().zip(entries))
        });
        let asked: Vec<_> = asked.collect();
        let entries = stream::iter(asked).buffer_unordered(PACKUMENTS).flatten();
        let described =
            entries.map(|(index, entry)| async move { (index, self.described(&keys[index], entry).await) });
        let mut described: Vec<_> = described.buffer_unordered(PARALLEL).collect().await;
        described.sort_by_key(|(index, _)| *index);
        described.into_iter().map(|(_, artifact)| artifact).collect()
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        if offset_bytes > 0 && offset_bytes >= blob.size_bytes {
            return Ok(Box::pin(stream::empty()));
        }
        let url = self.place(key).await?;
        let files = self.registry.files();
        files.bytes_from(&url, offset_bytes, &key.to_string()).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        stream::iter(reads).buffered(PARALLEL).try_collect().await
    }
}

fn nameless(key: &ArtifactKey) -> ConnectorError {
    ConnectorError::new(ErrorKind::NotFound, Stage::Describe, key.to_string())
        .words("its name is no npm package's: npm://name or npm://@scope/name")
}
