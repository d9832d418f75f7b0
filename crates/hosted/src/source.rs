//! A hosted repository as a source.

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob};
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source, known_digest};
use domain::task::Scope;
use storage::nodes::PathRange;

use crate::content::{read_places, unreadable};
use crate::node::artifact_of;
use crate::repository::HostedRepository;

/// Lists files by path, in byte order; a cursor is the last path of its page.
pub(crate) struct HostedSource {
    repository: HostedRepository,
}

impl HostedSource {
    pub(crate) fn new(repository: HostedRepository) -> Self {
        Self { repository }
    }
}

/// Returns the ranges that `scope` covers, in order and apart from each other.
fn ranges(scope: &Scope) -> Vec<PathRange> {
    let paths = match scope {
        Scope::Repository => return vec![PathRange::everything()],
        Scope::Paths(paths) => paths,
        Scope::Packages(_) => return Vec::new(),
    };
    if paths.iter().any(FilePath::is_root) {
        return vec![PathRange::everything()];
    }
    let mut ranges: Vec<PathRange> = paths
        .iter()
        .filter(|path| !paths.iter().any(|other| *path != other && path.is_within(other)))
        .flat_map(|path| [PathRange::only(path), PathRange::below(path)])
        .collect();
    ranges.sort();
    ranges.dedup();
    ranges
}

#[async_trait]
impl Source for HostedSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let failed = |error: storage::db::StoreError| {
            ConnectorError::new(
                ErrorKind::Disk,
                Stage::List,
                self.repository.info().name.to_string(),
            )
            .words(error.to_string())
        };
        let after = cursor.map(|cursor| format!("{}\u{1}", cursor.0));
        let mut keys: Vec<ArtifactKey> = Vec::new();
        for range in ranges(scope) {
            let from = match &after {
                Some(after) if *after > range.from => after.clone(),
                _ => range.from.clone(),
            };
            if range.until.as_ref().is_some_and(|until| from >= *until) {
                continue;
            }
            let paths = self
                .repository
                .hosted()
                .data()
                .file_paths(
                    self.repository.info().no,
                    &from,
                    range.until.as_deref(),
                    limit + 1 - keys.len(),
                )
                .await
                .map_err(failed)?;
            keys.extend(paths.into_iter().map(|name| ArtifactKey { name, version: None }));
            if keys.len() > limit {
                break;
            }
        }
        let more = keys.len() > limit;
        keys.truncate(limit);
        let next = keys.last().filter(|_| more).map(|last| Cursor(last.name.clone()));
        Ok(KeyPage { keys, next })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let Scope::Paths(paths) = scope else {
            return Ok(Vec::new());
        };
        let mut missing = Vec::new();
        for path in paths {
            let stands = self
                .repository
                .hosted()
                .data()
                .names_something(self.repository.info().no, path)
                .await
                .map_err(|error| {
                    ConnectorError::new(ErrorKind::Disk, Stage::List, path.to_string())
                        .words(error.to_string())
                })?;
            if !stands {
                missing.push(ArtifactKey::file(path));
            }
        }
        Ok(missing)
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let paths: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let subject = || self.repository.info().name.to_string();
        let found = self
            .repository
            .hosted()
            .data()
            .files_at(self.repository.info().no, &paths)
            .await;
        let found = found.map_err(|error| {
            ConnectorError::new(ErrorKind::Disk, Stage::Describe, subject()).words(error.to_string())
        })?;
        let absent =
            |key: &ArtifactKey| ConnectorError::new(ErrorKind::NotFound, Stage::Describe, key.to_string());
        let described = found.into_iter().zip(keys);
        Ok(described
            .map(|(file, key)| file.map(|file| artifact_of(key, file)).ok_or_else(|| absent(key)))
            .collect())
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let data = self.repository.hosted().data();
        let failed =
            |words: String| ConnectorError::new(ErrorKind::Disk, Stage::Read, key.to_string()).words(words);
        let place = data
            .places(&[known_digest(key, blob)?])
            .await
            .map_err(|error| failed(error.to_string()))?;
        let Some(place) = place.into_iter().next().flatten() else {
            return Err(ConnectorError::new(
                ErrorKind::Changed,
                Stage::Read,
                key.to_string(),
            ));
        };
        let subject = key.to_string();
        let bytes = data
            .files()
            .stream(place, offset_bytes, place.size_bytes.saturating_sub(offset_bytes))
            .await
            .map_err(|error| unreadable(subject.clone(), &error))?;
        Ok(Box::pin(futures_util::StreamExt::map(bytes, move |piece| {
            piece.map_err(|error| unreadable(subject.clone(), &error))
        })))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let digests = wanted.iter().map(|(key, blob)| known_digest(key, blob));
        let digests: Vec<_> = digests.collect::<ConnectorResult<_>>()?;
        let places = self
            .repository
            .hosted()
            .data()
            .places(&digests)
            .await
            .map_err(|error| {
                ConnectorError::new(
                    ErrorKind::Disk,
                    Stage::Read,
                    self.repository.info().name.to_string(),
                )
                .words(error.to_string())
            })?;
        let places = wanted
            .iter()
            .zip(places)
            .map(|((key, _), place)| place.map(|place| (key.name.as_str(), place)))
            .collect();
        Ok(read_places(self.repository.hosted(), places).await)
    }
}
