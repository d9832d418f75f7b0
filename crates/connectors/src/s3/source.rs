//! A prefix of a bucket, read from.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::checksums::Verifier;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, SMALL_BLOB_BYTES, Source};
use domain::task::Scope;
use futures_util::{StreamExt, stream};

use super::PARALLEL;
use super::client::{Bucket, PAGE_KEYS};
use super::state::{Standing, State};
use crate::fatal::settled;
use crate::http::Download;
use crate::scope::{missing, path_of, roots_left};

/// How long what a listing said about an object is taken for its description.
const LISTED_FOR: Duration = Duration::from_secs(300);
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
    /// What was listed and not passed on yet.
    ahead: Option<Ahead>,
}

/// Objects below `root` behind `after` that were listed and not passed on yet.
struct Ahead {
    root: FilePath,
    after: Option<String>,
    objects: VecDeque<(String, State, Instant)>,
    /// The last key that was listed: more may be behind it.
    more_behind: Option<String>,
}

impl S3Source {
    pub(super) fn new(bucket: Arc<Bucket>) -> Self {
        let kept = Mutex::default();
        Self { bucket, kept }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns at most `wanted` objects at or below `root` behind `after`, and whether there may be more.
    async fn objects(
        &self,
        root: &FilePath,
        after: Option<&str>,
        wanted: usize,
    ) -> ConnectorResult<(Vec<(String, State, Instant)>, bool)> {
        let known = self.kept().ahead.take();
        let known = known.filter(|ahead| ahead.root == *root && ahead.after.as_deref() == after);
        let mut ahead = match known {
            Some(ahead) => ahead,
            None => self.begin(root, after).await?,
        };
        let prefix = self.bucket.key(&match root.is_root() {
            true => String::new(),
            false => format!("{root}/"),
        });
        while ahead.objects.len() < wanted
            && let Some(behind) = ahead.more_behind.take()
        {
            let behind = Some(behind).filter(|behind| !behind.is_empty());
            let listing = self.bucket.list(&prefix, behind.as_deref(), PAGE_KEYS).await?;
            let last = listing.objects.last().map(|(key, _)| key.clone());
            ahead.more_behind = last.filter(|_| listing.more);
            let now = Instant::now();
            let found = listing.objects.into_iter();
            let found = found.filter_map(|(key, state)| Some((self.bucket.path(&key)?, state, now)));
            ahead.objects.extend(found);
        }
        let count = wanted.min(ahead.objects.len());
        let objects: Vec<_> = ahead.objects.drain(..count).collect();
        let more = !ahead.objects.is_empty() || ahead.more_behind.is_some();
        if let (Some((last, ..)), true) = (objects.last(), more) {
            ahead.after = Some(last.clone());
            self.kept().ahead = Some(ahead);
        }
        Ok((objects, more))
    }

    /// Begins a listing of the objects at or below `root` behind `after`.
    async fn begin(&self, root: &FilePath, after: Option<&str>) -> ConnectorResult<Ahead> {
        let is_within = after.is_some_and(|after| crate::scope::is_within(after, root));
        let mut objects = VecDeque::new();
        if !root.is_root()
            && !is_within
            && let Some(state) = self.bucket.head(root.as_str(), Stage::List).await?
        {
            objects.push_back((root.to_string(), state, Instant::now()));
        }
        let behind = after.filter(|_| is_within || root.is_root());
        Ok(Ahead {
            root: root.clone(),
            after: after.map(Into::into),
            objects,
            // The empty key is before all others.
            more_behind: Some(behind.map(|after| self.bucket.key(after)).unwrap_or_default()),
        })
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
        state.digest = state.digest.or_else(|| self.remembered(&path, &state));
        // What a listing does not tell of a small object is told as it is read.
        if !self.tells(&state) && state.sealed.is_none() && state.size_bytes > SMALL_BLOB_BYTES {
            state = self.asked(&path, state).await?;
        }
        Ok(self.described(&path, state))
    }

    /// Says whether `state` tells anything of the bytes.
    fn tells(&self, state: &State) -> bool {
        state.digest.is_some() || (state.md5().is_some() && !self.bucket.is_sealed())
    }

    /// Returns what the store says of the object at `path`, of which `listed` is known.
    async fn asked(&self, path: &FilePath, listed: State) -> ConnectorResult<State> {
        let mut state = State {
            modified: listed.modified,
            ..self.head(path).await?
        };
        state.digest = state.digest.or_else(|| self.remembered(path, &state));
        Ok(state)
    }

    async fn inspect_one(&self, described: &Artifact) -> ConnectorResult<Artifact> {
        let path = path_of(&described.key, Stage::Describe)?;
        let known = self.kept().described.get(path.as_str()).cloned();
        match known {
            Some(state) if state.sealed.is_some() || self.tells(&state) => Ok(described.clone()),
            state => {
                let state = self.asked(&path, state.unwrap_or_default()).await?;
                Ok(self.described(&path, state))
            }
        }
    }

    /// Describes the object at `path`, and keeps what is known of it.
    fn described(&self, path: &FilePath, mut state: State) -> Artifact {
        if self.bucket.is_sealed() && state.sealed.is_none() {
            state.sealed = Some(true);
        }
        let artifact = Artifact::file(path, state.blob(), Metadata::new());
        let mut kept = self.kept();
        if kept.described.len() >= MOST_KEPT {
            kept.described.clear();
        }
        kept.described.insert(path.to_string(), state);
        artifact
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

    /// Begins to download the object `key` from `offset_bytes` on; returns what the store says of it, too.
    async fn download(
        &self,
        key: &ArtifactKey,
        blob: &Blob,
        offset_bytes: u64,
    ) -> ConnectorResult<(Download, State)> {
        let path = path_of(key, Stage::Read)?;
        let described = self.kept().described.get(path.as_str()).cloned();
        let described = described.unwrap_or_default();
        let etag = described.etag.as_deref();
        let reading = self
            .bucket
            .get(path.as_str(), offset_bytes, etag, Stage::Read)
            .await?;
        let state = State {
            modified: described.modified.clone(),
            ..State::of(reading.response.headers())
        };
        // What the next listing will call it.
        let mark = match (&described.etag, &described.modified) {
            (None, Some(_)) => state.listed_mark(),
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
        Ok((download, state))
    }

    /// Reads a small object; what its description did not tell is compared with what the store says of it now.
    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
        let (download, state) = self.download(key, blob, 0).await?;
        let mut bytes = download.stream();
        let length_bytes = usize::try_from(blob.size_bytes.min(SMALL_BLOB_BYTES)).unwrap_or_default();
        let mut whole = Vec::with_capacity(length_bytes);
        while let Some(piece) = bytes.next().await {
            whole.extend_from_slice(&piece?);
            if whole.len() as u64 > blob.size_bytes {
                let error = ConnectorError::new(ErrorKind::Changed, Stage::Read, key.to_string());
                return Err(error.words("the object is longer than it was"));
            }
        }
        let told = Blob {
            digest: None,
            ..state.blob()
        };
        let is_told = blob.digest.is_none() && blob.checksums.is_empty() && !self.bucket.is_sealed();
        if is_told && !Verifier::is_right(&whole, &told) {
            let error = ConnectorError::new(ErrorKind::Corrupt, Stage::Read, key.to_string());
            return Err(error.words("the store sent other bytes than its entity tag says"));
        }
        Ok(whole.into())
    }
}

#[async_trait]
impl Source for S3Source {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let after = cursor.map(|cursor| cursor.0.as_str());
        let (mut objects, mut more) = (Vec::new(), false);
        for root in roots_left(scope, after) {
            if objects.len() == limit {
                more = true;
            }
            if more {
                break;
            }
            let found = self.objects(&root, after, limit - objects.len()).await?;
            objects.extend(found.0);
            more = found.1;
        }
        let next = objects
            .last()
            .filter(|_| more)
            .map(|(path, ..)| Cursor(path.clone()));
        let mut kept = self.kept();
        if kept.listed.len() >= MOST_KEPT {
            kept.listed.clear();
        }
        let mut keys = Vec::with_capacity(objects.len());
        for (path, state, when) in objects {
            kept.listed.insert(path.clone(), (state, when));
            keys.push(ArtifactKey {
                name: path,
                version: None,
            });
        }
        Ok(KeyPage { keys, next })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let stands = |path: &'_ FilePath| {
            let path = path.to_string();
            async move { Ok(self.bucket.look(&path, Stage::List).await? != Standing::Nothing) }
        };
        missing(scope, PARALLEL, stands).await
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        self.probe(keys).await?;
        let looks: Vec<_> = keys.iter().map(|key| self.describe_one(key)).collect();
        settled(stream::iter(looks).buffered(PARALLEL).collect().await)
    }

    async fn inspect(&self, described: &[Artifact]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let looks: Vec<_> = described
            .iter()
            .map(|artifact| self.inspect_one(artifact))
            .collect();
        settled(stream::iter(looks).buffered(PARALLEL).collect().await)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        if offset_bytes > 0 && offset_bytes >= blob.size_bytes {
            return Ok(Box::pin(stream::empty()));
        }
        Ok(self.download(key, blob, offset_bytes).await?.0.stream())
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        settled(stream::iter(reads).buffered(PARALLEL).collect().await)
    }
}
