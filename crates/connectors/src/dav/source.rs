//! A folder on a WebDAV server, read from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::Scope;
use futures_util::{StreamExt, stream};

use super::PARALLEL;
use super::client::{Dav, Standing, download};
use super::state::State;
use super::walk::{Found, Walk};
use crate::fatal::settled;
use crate::scope::{missing, path_of, roots_left};

/// How long what a listing said about a file is taken for its description.
const LISTED_FOR: Duration = Duration::from_secs(30);
/// Files of which what was said is kept.
const MOST_KEPT: usize = 50_000;

/// A folder on a WebDAV server, read from.
pub(super) struct DavSource {
    dav: Arc<Dav>,
    kept: Mutex<Kept>,
}

/// What was said of files.
#[derive(Default)]
struct Kept {
    /// By listings, and when.
    listed: HashMap<String, (State, Instant)>,
    /// In descriptions, which reading is held against.
    described: HashMap<String, State>,
    /// Where a listing went on, and behind which key.
    walk: Option<(Scope, String, Walk)>,
}

impl DavSource {
    pub(super) fn new(dav: Arc<Dav>) -> Self {
        let kept = Mutex::default();
        Self { dav, kept }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns at most `wanted` files of `scope` behind `after`.
    async fn files(
        &self,
        scope: &Scope,
        after: Option<&str>,
        wanted: usize,
    ) -> ConnectorResult<(Vec<Found>, Option<Walk>)> {
        let going_on = self.kept().walk.take();
        let mut walk = going_on
            .filter(|(known, last, _)| known == scope && Some(last.as_str()) == after)
            .map(|(_, _, walk)| walk);
        let mut files = Vec::new();
        for root in roots_left(scope, after) {
            let mut here = match walk.take() {
                Some(walk) => walk,
                // A key that is its own root was a file.
                None if after == Some(root.as_str()) => continue,
                None if root.is_root() => Walk::below(&self.dav, &root, after).await?,
                None => match self.dav.look(root.as_str(), Stage::List).await? {
                    Standing::Nothing => continue,
                    Standing::Folder => Walk::below(&self.dav, &root, after).await?,
                    Standing::File(state) => {
                        let path = root.to_string();
                        files.push(Found { path, state });
                        if files.len() >= wanted {
                            return Ok((files, None));
                        }
                        continue;
                    }
                },
            };
            while let Some(found) = here.next(&self.dav, after).await? {
                files.push(found);
                if files.len() >= wanted {
                    return Ok((files, Some(here)));
                }
            }
        }
        Ok((files, None))
    }

    async fn describe_one(&self, key: &ArtifactKey) -> ConnectorResult<Artifact> {
        let error = |kind| ConnectorError::new(kind, Stage::Describe, key.to_string());
        let path = path_of(key, Stage::Describe)?;
        let listed = self.kept().listed.remove(path.as_str());
        let state = match listed {
            Some((state, when)) if when.elapsed() < LISTED_FOR && state.size_bytes.is_some() => state,
            _ => match self.dav.look(path.as_str(), Stage::Describe).await? {
                Standing::File(state) => state,
                Standing::Nothing => return Err(error(ErrorKind::NotFound)),
                Standing::Folder => return Err(error(ErrorKind::NotFound).words("a folder stands there")),
            },
        };
        let Some(size_bytes) = state.size_bytes else {
            return Err(error(ErrorKind::Protocol).words("it does not say how long the file is"));
        };
        let digest = state.mark().and_then(|mark| {
            let digests = self.dav.server.digests();
            digests.get(&self.dav.place(path.as_str()), size_bytes, &mark)
        });
        let mut kept = self.kept();
        if kept.described.len() >= MOST_KEPT {
            kept.described.clear();
        }
        kept.described.insert(path.to_string(), state);
        let blob = Blob {
            digest,
            ..Blob::unknown(size_bytes)
        };
        Ok(Artifact::file(&path, blob, Metadata::new()))
    }

    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
        let mut bytes = self.open(key, blob, 0).await?;
        let mut whole = Vec::new();
        while let Some(piece) = bytes.next().await {
            whole.extend_from_slice(&piece?);
            if whole.len() as u64 > blob.size_bytes {
                let error = ConnectorError::new(ErrorKind::Changed, Stage::Read, key.to_string());
                return Err(error.words("the file is longer than it was"));
            }
        }
        Ok(whole.into())
    }
}

#[async_trait]
impl Source for DavSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let after = cursor.map(|cursor| cursor.0.as_str());
        let (files, walk) = self.files(scope, after, limit).await?;
        let next = (files.len() >= limit).then(|| files.last()).flatten();
        let next = next.map(|last| Cursor(last.path.clone()));
        let mut kept = self.kept();
        if let (Some(walk), Some(next)) = (walk, &next) {
            kept.walk = Some((scope.clone(), next.0.clone(), walk));
        }
        if kept.listed.len() >= MOST_KEPT {
            kept.listed.clear();
        }
        let now = Instant::now();
        let mut keys = Vec::with_capacity(files.len());
        for found in files {
            kept.listed.insert(found.path.clone(), (found.state, now));
            keys.push(ArtifactKey {
                name: found.path,
                version: None,
            });
        }
        Ok(KeyPage { keys, next })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let stands = |path: &'_ FilePath| {
            let path = path.to_string();
            async move { Ok(self.dav.look(&path, Stage::List).await? != Standing::Nothing) }
        };
        missing(scope, PARALLEL, stands).await
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let looks: Vec<_> = keys.iter().map(|key| self.describe_one(key)).collect();
        settled(stream::iter(looks).buffered(PARALLEL).collect().await)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        if offset_bytes > 0 && offset_bytes >= blob.size_bytes {
            return Ok(Box::pin(stream::empty()));
        }
        let path = path_of(key, Stage::Read)?;
        let described = self.kept().described.get(path.as_str()).cloned();
        let reading = self
            .dav
            .get(path.as_str(), offset_bytes, described.as_ref(), Stage::Read)
            .await?;
        let headers = reading.response.headers();
        let state = described.unwrap_or_else(|| State::of(headers));
        let learns = blob.digest.is_none() && State::of(headers).is_lasting(headers);
        let range = (offset_bytes, blob.size_bytes);
        let mut download = download(&self.dav, reading, path.as_str(), &state, range);
        if let Some(mark) = state.mark().filter(|_| learns) {
            let digests = self.dav.server.digests().clone();
            let (place, size_bytes) = (self.dav.place(path.as_str()), blob.size_bytes);
            download = download.learning(Box::new(move |digest: Digest| {
                digests.put(&place, size_bytes, &mark, &digest);
            }));
        }
        Ok(download.stream())
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        settled(stream::iter(reads).buffered(PARALLEL).collect().await)
    }
}
