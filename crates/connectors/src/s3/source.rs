//! A prefix of a bucket, read from.

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
use futures_util::{StreamExt, TryStreamExt, stream};

use super::PARALLEL;
use super::client::Bucket;
use super::state::{Standing, State, is_lasting};
use crate::fatal::settled;
use crate::http::Download;
use crate::scope::{path_of, roots_left};

/// How long what a listing said about an object is taken for its description.
const LISTED_FOR: Duration = Duration::from_secs(30);
/// Objects of which what was said is kept.
const MOST_KEPT: usize = 50_000;

/// A prefix of a bucket, read from.
pub(super) struct S3Source {
    bucket: Arc<Bucket>,
    kept: Mutex<Kept>,
}

/// What was said of objects.
#[derive(Default)]
struct Kept {
    /// By listings, and when.
    listed: HashMap<String, (State, Instant)>,
    /// In descriptions, which reading is held against.
    described: HashMap<String, State>,
}

impl S3Source {
    pub(super) fn new(bucket: Arc<Bucket>) -> Self {
        let kept = Mutex::default();
        Self { bucket, kept }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns at most `wanted` objects at or below `root` behind `after`.
    async fn objects(
        &self,
        root: &FilePath,
        after: Option<&str>,
        wanted: usize,
    ) -> ConnectorResult<Vec<(String, State)>> {
        let mut objects = Vec::new();
        let is_new = after.is_none_or(|after| !crate::scope::is_within(after, root));
        if !root.is_root()
            && is_new
            && let Some(state) = self.bucket.head(root.as_str(), Stage::List).await?
        {
            objects.push((root.to_string(), state));
        }
        let below = if root.is_root() {
            String::new()
        } else {
            format!("{root}/")
        };
        let prefix = self.bucket.key(&below);
        let mut after = after
            .filter(|_| !is_new || root.is_root())
            .map(|after| self.bucket.key(after));
        while objects.len() < wanted {
            let listing = self
                .bucket
                .list(&prefix, after.as_deref(), wanted - objects.len())
                .await?;
            let Some((last, _)) = listing.objects.last() else {
                break;
            };
            after = Some(last.clone());
            let found = listing.objects.into_iter();
            objects.extend(found.filter_map(|(key, state)| Some((self.bucket.path(&key)?, state))));
            if !listing.more {
                break;
            }
        }
        Ok(objects)
    }

    async fn describe_one(&self, key: &ArtifactKey) -> ConnectorResult<Artifact> {
        let path = path_of(key, Stage::Describe)?;
        let listed = self.kept().listed.remove(path.as_str());
        let listed = listed
            .filter(|(_, when)| when.elapsed() < LISTED_FOR)
            .map(|(state, _)| state);
        let mut state = match listed {
            Some(state) => state,
            None => self.head(&path).await?,
        };
        let known =
            |state: &State| state.digest.is_some() || (state.md5().is_some() && !self.bucket.is_sealed());
        state.digest = state.digest.or_else(|| self.remembered(&path, &state));
        if !known(&state) && state.sealed.is_none() {
            state = State {
                modified: state.modified,
                ..self.head(&path).await?
            };
            state.digest = state.digest.or_else(|| self.remembered(&path, &state));
        }
        if self.bucket.is_sealed() && state.sealed.is_none() {
            state.sealed = Some(true);
        }
        let artifact = Artifact::file(&path, state.blob(), Metadata::new());
        let mut kept = self.kept();
        if kept.described.len() >= MOST_KEPT {
            kept.described.clear();
        }
        kept.described.insert(path.to_string(), state);
        Ok(artifact)
    }

    async fn head(&self, path: &FilePath) -> ConnectorResult<State> {
        let state = self.bucket.head(path.as_str(), Stage::Describe).await?;
        state.ok_or_else(|| ConnectorError::new(ErrorKind::NotFound, Stage::Describe, path.as_str()))
    }

    fn remembered(&self, path: &FilePath, state: &State) -> Option<Digest> {
        let digests = self.bucket.server.digests();
        digests.get(
            &self.bucket.place(path.as_str()),
            state.size_bytes,
            &state.mark()?,
        )
    }

    /// Looks at one of `keys`: whether entity tags are MD5s is said by objects, not by listings.
    async fn probe(&self, keys: &[ArtifactKey]) -> ConnectorResult<()> {
        if let Some(path) = keys
            .iter()
            .find_map(ArtifactKey::path)
            .filter(|_| !self.bucket.is_sealed())
        {
            self.bucket.head(path.as_str(), Stage::Describe).await?;
        }
        Ok(())
    }

    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
        let mut bytes = self.open(key, blob, 0).await?;
        let mut whole = Vec::new();
        while let Some(piece) = bytes.next().await {
            whole.extend_from_slice(&piece?);
            if whole.len() as u64 > blob.size_bytes {
                let error = ConnectorError::new(ErrorKind::Changed, Stage::Read, key.to_string());
                return Err(error.words("the object is longer than it was"));
            }
        }
        Ok(whole.into())
    }
}

#[async_trait]
impl Source for S3Source {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let after = cursor.map(|cursor| cursor.0.as_str());
        let mut objects = Vec::new();
        for root in roots_left(scope, after) {
            if objects.len() > limit {
                break;
            }
            objects.extend(self.objects(&root, after, limit + 1 - objects.len()).await?);
        }
        let more = objects.len() > limit;
        objects.truncate(limit);
        let next = objects
            .last()
            .filter(|_| more)
            .map(|(path, _)| Cursor(path.clone()));
        let mut kept = self.kept();
        if kept.listed.len() >= MOST_KEPT {
            kept.listed.clear();
        }
        let now = Instant::now();
        let mut keys = Vec::with_capacity(objects.len());
        for (path, state) in objects {
            kept.listed.insert(path.clone(), (state, now));
            keys.push(ArtifactKey {
                name: path,
                version: None,
            });
        }
        Ok(KeyPage { keys, next })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let Scope::Paths(paths) = scope else {
            return Ok(Vec::new());
        };
        let looks = paths
            .iter()
            .filter(|path| !path.is_root())
            .map(|path| async move {
                let standing = self.bucket.look(path.as_str(), Stage::List).await?;
                Ok::<_, ConnectorError>((standing == Standing::Nothing).then(|| ArtifactKey::file(path)))
            });
        let looks: Vec<_> = looks.collect();
        let found: Vec<Option<ArtifactKey>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        self.probe(keys).await?;
        let looks: Vec<_> = keys.iter().map(|key| self.describe_one(key)).collect();
        settled(stream::iter(looks).buffered(PARALLEL).collect().await)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        if offset_bytes > 0 && offset_bytes >= blob.size_bytes {
            return Ok(Box::pin(stream::empty()));
        }
        let path = path_of(key, Stage::Read)?;
        let described = self
            .kept()
            .described
            .get(path.as_str())
            .cloned()
            .unwrap_or_default();
        let reading = self
            .bucket
            .get(
                path.as_str(),
                offset_bytes,
                described.etag.as_deref(),
                Stage::Read,
            )
            .await?;
        let headers = reading.response.headers();
        let state = State::of(headers);
        let mark = match (&described.etag, &described.modified) {
            (None, Some(modified)) if is_lasting(modified, headers) => described.mark(),
            (None, Some(_)) => None,
            (_, _) => state.mark(),
        };
        let again = self.bucket.again(path.as_str(), state.etag.clone());
        let mut download = Download::new(reading, again, offset_bytes, blob.size_bytes, path.as_str());
        if let Some(mark) = mark.filter(|_| blob.digest.is_none()) {
            let digests = self.bucket.server.digests().clone();
            let (place, size_bytes) = (self.bucket.place(path.as_str()), blob.size_bytes);
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
