//! An index of Python packages, read from.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::Scope;
use domain::versions::VersionFilter;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::file::{KEY, name_of, newer, parts, version_of};
use super::index::Index;
use super::page::{File, Page};
use super::{REQUIRES_PYTHON, YANKED};
use crate::fatal::{Apart, apart, told};
use crate::packages::{self, Catalog, Listed};

/// Projects whose pages are asked for at the same time.
const PAGES: usize = 4;
/// Versions that are looked at at the same time, and files of each.
const VERSIONS: usize = 8;
const FILES: usize = 4;
/// Files that are read at the same time.
const READS: usize = 16;
/// What a page says of a file besides its name and its URL, in bytes.
const FILE_BYTES: usize = 200;

/// An index of Python packages, read from.
pub(super) struct PyPiSource {
    index: Index,
    names: Mutex<Arc<Vec<String>>>,
}

impl PyPiSource {
    pub(super) fn of(index: Index) -> Self {
        Self {
            index,
            names: Mutex::default(),
        }
    }

    /// Describes `key` as `page` shows it, by what is known of its files already if that `is_listed`: whoever asks again
    /// is told how they are now. The outer error is the index's.
    async fn described(&self, key: &ArtifactKey, page: Option<&Page>, is_listed: bool) -> Apart<Artifact> {
        let error = |kind| ConnectorError::new(kind, Stage::Describe, key.to_string());
        let version = match parts(key) {
            Ok((_, version)) => version,
            Err(words) => return Ok(Err(error(ErrorKind::NotFound).words(words))),
        };
        let files: Vec<&File> = page.into_iter().flat_map(|page| page.files(version)).collect();
        if files.is_empty() {
            return Ok(Err(error(ErrorKind::NotFound)));
        }
        let looks: Vec<_> = files
            .iter()
            .map(|file| self.looked(key, file, is_listed))
            .collect();
        let blobs: Vec<ConnectorResult<Blob>> = stream::iter(looks).buffered(FILES).try_collect().await?;
        Ok(blobs
            .into_iter()
            .collect::<ConnectorResult<_>>()
            .map(|blobs| Artifact {
                key: key.clone(),
                digest: None,
                blobs,
                metadata: metadata_of(&files),
                document: Some(document_of(&files)),
            }))
    }

    /// Describes one file, asking for its size where the page does not have it.
    async fn looked(&self, key: &ArtifactKey, file: &File, is_listed: bool) -> Apart<Blob> {
        let subject = subject(key, &file.blob.name);
        let error = |kind, words: &str| ConnectorError::new(kind, Stage::Describe, &subject).words(words);
        if let Some(words) = &file.wrong {
            return Ok(Err(error(ErrorKind::Protocol, words)));
        }
        let asked = self.index.size(file, is_listed, Stage::Describe, &subject).await;
        let size_bytes = match apart(&subject, asked)? {
            Ok(size_bytes) => size_bytes,
            Err(error) => return Ok(Err(error)),
        };
        Ok(match size_bytes {
            Some(size_bytes) => Ok(Blob {
                size_bytes,
                ..file.blob.clone()
            }),
            None => Err(error(
                ErrorKind::NotFound,
                "the index lists the file and does not have it",
            )),
        })
    }

    /// Returns what the index shows of a file that was described.
    async fn place(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<File> {
        let subject = subject(key, &blob.name);
        let gone = |words: &str| ConnectorError::new(ErrorKind::NotFound, Stage::Read, &subject).words(words);
        let (project, version) = parts(key).map_err(gone)?;
        let page = self.index.known_page(&project, Stage::Read).await?;
        let file = page.as_ref().and_then(|page| page.file(version, &blob.name));
        file.cloned().ok_or_else(|| gone("the index has no such file"))
    }

    /// Returns the bytes of one file; the outer error is the index's.
    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> Apart<Bytes> {
        let file = match told(self.place(key, blob).await)? {
            Err(error) => return Ok(Err(error)),
            Ok(file) => file,
        };
        let (files, subject) = (self.index.files(), subject(key, &blob.name));
        let read = files.read(&file.url, blob.size_bytes, &subject).await;
        apart(&subject, read)
    }
}

fn subject(key: &ArtifactKey, file: &str) -> String {
    format!("{key} {file}")
}

/// Returns what holds for a version as a whole: it is yanked if all of it is.
fn metadata_of(files: &[&File]) -> Metadata {
    let mut metadata = Metadata::new();
    if files.iter().all(|file| file.yanked.is_some()) {
        let why = files
            .iter()
            .find_map(|file| file.yanked.clone().filter(|why| !why.is_empty()));
        metadata.insert(YANKED.into(), why.unwrap_or_else(|| "true".into()));
    }
    if let Some(python) = files.iter().find_map(|file| file.requires_python.clone()) {
        metadata.insert(REQUIRES_PYTHON.into(), python);
    }
    metadata
}

/// Returns what the index says of each file, in the words of PEP 691.
fn document_of(files: &[&File]) -> serde_json::Value {
    let entries = files.iter().map(|file| {
        let mut entry = serde_json::Map::new();
        if let Some(python) = &file.requires_python {
            entry.insert(REQUIRES_PYTHON.into(), json!(python));
        }
        if let Some(why) = &file.yanked {
            entry.insert(YANKED.into(), json!(why));
        }
        (file.blob.name.clone(), entry.into())
    });
    let entries: serde_json::Map<String, serde_json::Value> = entries.collect();
    json!({ "files": entries })
}

#[async_trait]
impl Catalog for PyPiSource {
    fn name_of(&self, key: &str) -> Option<String> {
        name_of(key)
    }

    fn key_of(&self, name: &str) -> String {
        format!("{KEY}{name}")
    }

    fn version_of(&self, version: &str) -> String {
        version_of(version)
    }

    async fn names(&self, fresh: bool) -> ConnectorResult<Arc<Vec<String>>> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !fresh && !known.is_empty() {
            return Ok(known);
        }
        let names = Arc::new(self.index.projects().await?);
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names.clone();
        Ok(names)
    }

    async fn versions(&self, name: &str) -> ConnectorResult<Option<Vec<Listed>>> {
        let Some(page) = self.index.page(name, Stage::List).await? else {
            return Ok(None);
        };
        let versions = page.versions().map(|version| Listed {
            version: version.to_owned(),
            said_bytes: said_bytes(page.files(version)),
        });
        Ok(Some(versions.collect()))
    }

    fn wanted(&self) -> &VersionFilter {
        &self.index.files().server().choice().versions
    }

    fn newer(&self, left: &str, right: &str) -> Ordering {
        newer(left, right)
    }
}

fn said_bytes<'a>(files: impl Iterator<Item = &'a File>) -> u64 {
    let sizes = files.map(|file| file.blob.name.len() + file.url.as_str().len() + FILE_BYTES);
    sizes.sum::<usize>() as u64
}

#[async_trait]
impl Source for PyPiSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        packages::list(self, scope, cursor, limit).await
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        packages::missing(self, scope).await
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let mut of_projects: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, key) in keys.iter().enumerate() {
            of_projects
                .entry(name_of(&key.name).unwrap_or_default())
                .or_default()
                .push(index);
        }
        let asked = of_projects.into_iter().map(|(project, places)| async move {
            let page = match project.is_empty() {
                true => Ok(None),
                false => self.index.listed_page(&project).await,
            };
            stream::iter(places.into_iter().map(move |index| {
                let page = page.as_ref().map(Clone::clone).map_err(ConnectorError::again);
                (index, page)
            }))
        });
        let asked: Vec<_> = asked.collect();
        let pages = stream::iter(asked).buffer_unordered(PAGES).flatten();
        let described = pages.map(|(index, page)| async move {
            let described = match told(page) {
                Err(error) => Err(error),
                Ok(Err(error)) => Ok(Err(error)),
                Ok(Ok(None)) => self.described(&keys[index], None, false).await,
                Ok(Ok(Some((page, is_listed)))) => self.described(&keys[index], Some(&page), is_listed).await,
            };
            (index, described)
        });
        let mut described: Vec<_> = described.buffer_unordered(VERSIONS).collect().await;
        described.sort_by_key(|(index, _)| *index);
        described.into_iter().map(|(_, artifact)| artifact).collect()
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        if offset_bytes > 0 && offset_bytes >= blob.size_bytes {
            return Ok(Box::pin(stream::empty()));
        }
        let file = self.place(key, blob).await?;
        let subject = subject(key, &blob.name);
        self.index
            .files()
            .bytes_from(&file.url, offset_bytes, &subject)
            .await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        stream::iter(reads).buffered(READS).try_collect().await
    }
}
