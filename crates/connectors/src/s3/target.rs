//! A prefix of a bucket, written to.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::artifact::{ArtifactKey, Blob, Existing, Likeness, Metadata};
use domain::digest::{Digest, Hasher};
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorResult, Content, Expect, Put, PutOutcome, Settled, Target,
};
use futures_util::future::ready;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::PARALLEL;
use super::client::{Bucket, stream_of};
use super::parts::Room;
use super::state::{Standing, State, is_of_listing};
use super::survey::Range;
use crate::fatal::is_the_servers;
use crate::files::{Job, conflict, groups_of, job, read_small};
use crate::scope::Named;

/// How long a look-up counts as the one before a write.
const LOOKED_FOR: Duration = Duration::from_secs(60);
/// Objects that are read before the first of them is written, at most.
const GROUP_OBJECTS: usize = 16;
/// Bytes of small objects that are read before the first of them is written, at most.
const GROUP_BYTES: u64 = 1024 * 1024;
/// Groups of one batch that are on their way at the same time.
const GROUPS_AT_ONCE: usize = 4;
/// Look-ups and folders that are kept.
const MOST_KEPT: usize = 50_000;

/// Why an object is not written.
pub(super) type Not = crate::files::Not<Standing>;

/// A prefix of a bucket, written to.
pub(super) struct S3Target {
    pub(super) bucket: Arc<Bucket>,
    pub(super) room: Room,
    kept: Mutex<Kept>,
    /// What was listed for the last look-up.
    range: tokio::sync::Mutex<Option<Range>>,
    /// Held while folders are looked at.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    looked: HashMap<String, (Standing, Instant)>,
    /// Folders that are known not to be objects.
    folders: HashSet<String>,
}

impl S3Target {
    pub(super) fn new(bucket: Arc<Bucket>) -> Self {
        Self {
            bucket,
            room: Room::default(),
            kept: Mutex::default(),
            range: tokio::sync::Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn looked(&self, path: &FilePath) -> Option<Standing> {
        let (standing, when) = self.kept().looked.remove(path.as_str())?;
        (when.elapsed() < LOOKED_FOR).then_some(standing)
    }

    fn existing(&self, path: &FilePath, state: &State) -> Existing {
        let mark = state.mark();
        let digest = state.digest.or_else(|| {
            let digests = self.bucket.server.digests();
            digests.get(
                &self.bucket.place(path.as_str()),
                state.size_bytes,
                mark.as_deref()?,
            )
        });
        let mut blob = Blob {
            digest,
            ..state.blob()
        };
        if self.bucket.is_sealed() && state.sealed.is_none() {
            blob.checksums.md5 = None;
        }
        Existing {
            digest,
            blobs: vec![blob],
            size_bytes: state.size_bytes,
            mark,
            metadata: Metadata::new(),
        }
    }

    /// Remembers the digest of the object at `path` in this state.
    pub(super) fn remember(&self, path: &FilePath, size_bytes: u64, mark: Option<&str>, digest: &Digest) {
        if let Some(mark) = mark {
            self.bucket
                .server
                .digests()
                .put(&self.bucket.place(path.as_str()), size_bytes, mark, digest);
        }
    }

    /// Returns what stands at `path` with its digest, reading it if nothing else tells.
    pub(super) async fn read_back_one(
        &self,
        path: &FilePath,
        standing: &Standing,
    ) -> ConnectorResult<Option<Existing>> {
        let Standing::Object(state) = standing else {
            return Ok(None);
        };
        let existing = self.existing(path, state);
        if existing.digest.is_some() {
            return Ok(Some(existing));
        }
        let told = match state.sealed {
            None => self.bucket.head(path.as_str(), Stage::Describe).await?,
            Some(_) => None,
        };
        let same = told.filter(|told| state.etag.is_none() || state.etag == told.etag);
        let state = State {
            modified: state.modified.clone(),
            ..same.unwrap_or_else(|| state.clone())
        };
        self.known(path, state).await
    }

    /// Asks what stands at `path` and returns it with its digest.
    async fn asked(&self, path: &FilePath) -> ConnectorResult<Option<Existing>> {
        let modified = match self.kept().looked.get(path.as_str()) {
            Some((Standing::Object(listed), _)) => listed.modified.clone(),
            Some((Standing::Folder | Standing::Nothing, _)) | None => None,
        };
        match self.bucket.head(path.as_str(), Stage::Describe).await? {
            Some(told) => self.known(path, State { modified, ..told }).await,
            None => Ok(None),
        }
    }

    /// Returns the object at `path` with its digest, reading it if its `state` does not tell.
    async fn known(&self, path: &FilePath, state: State) -> ConnectorResult<Option<Existing>> {
        let existing = self.existing(path, &state);
        let Some(digest) = existing.digest else {
            return self.digested(path, state.modified).await;
        };
        self.remember_state(path, &state, &digest);
        Ok(Some(existing))
    }

    /// Remembers the digest of the object at `path` by all that this state is called.
    fn remember_state(&self, path: &FilePath, state: &State, digest: &Digest) {
        for mark in state.etag.clone().into_iter().chain(state.listed_mark()) {
            self.remember(path, state.size_bytes, Some(&mark), digest);
        }
    }

    /// Reads the object at `path`, which a listing said was written at `modified`, and digests it.
    pub(super) async fn digested(
        &self,
        path: &FilePath,
        modified: Option<String>,
    ) -> ConnectorResult<Option<Existing>> {
        let reading = match self.bucket.get(path.as_str(), 0, None, Stage::Verify).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            reading => reading?,
        };
        let told = State::of(reading.response.headers());
        let mut bytes = stream_of(reading, Stage::Verify, path.as_str());
        let (mut hasher, mut length_bytes) = (Hasher::default(), 0);
        while let Some(piece) = bytes.next().await.transpose()? {
            hasher.update(&piece);
            length_bytes += piece.len() as u64;
        }
        let digest = hasher.finish();
        let state = State {
            digest: Some(digest),
            size_bytes: length_bytes,
            modified,
            ..told
        };
        self.remember_state(path, &state, &digest);
        Ok(Some(self.existing(path, &state)))
    }

    /// Looks whether what is expected stands there; returns what does.
    async fn expected(&self, job: &Job<'_>) -> Result<Standing, Not> {
        let path = job.path.as_str();
        let standing = match (self.looked(&job.path), &job.put.expect) {
            (Some(standing), _) => standing,
            (None, Expect::Mark(mark)) if is_of_listing(mark) => match self.bucket.listed(path).await? {
                Some(state) => Standing::Object(state),
                None => Standing::Nothing,
            },
            (None, _) => self.bucket.look(path, Stage::Write).await?,
        };
        let holds = match (&job.put.expect, &standing) {
            (_, Standing::Folder) => return Err(conflict(&job.path, "other objects stand below it").into()),
            (Expect::Anything, _) => true,
            (Expect::Absent, standing) => *standing == Standing::Nothing,
            (Expect::Mark(mark), Standing::Object(state)) => state.mark().as_ref() == Some(mark),
            (Expect::Digest(digest), Standing::Object(_)) => {
                let found = self.read_back_one(&job.path, &standing).await?;
                found.is_some_and(|found| found.digest == Some(*digest))
            }
            (Expect::Mark(_) | Expect::Digest(_), Standing::Nothing) => false,
        };
        if !holds {
            return Err(Not::Raced(standing));
        }
        if let Standing::Object(state) = &standing
            && state.size_bytes == job.blob.size_bytes
        {
            let found = self.read_back_one(&job.path, &standing).await?;
            if found.is_some_and(|found| job.put.artifact.likeness(&found) == Likeness::Same) {
                return Err(Not::Same);
            }
        }
        Ok(standing)
    }

    /// Refuses a path below an object: elsewhere that would be a file in a file.
    async fn no_object_above(&self, path: &FilePath) -> ConnectorResult<()> {
        let is_known = |folder: &FilePath| self.kept().folders.contains(folder.as_str());
        if path.ancestors().all(|folder| is_known(&folder)) {
            return Ok(());
        }
        let _one_at_a_time = self.looking.lock().await;
        for folder in path.ancestors() {
            if is_known(&folder) {
                continue;
            }
            if self.bucket.listed(folder.as_str()).await?.is_some() {
                return Err(conflict(path, "an object stands where a folder should"));
            }
            self.kept().folders.insert(folder.to_string());
        }
        Ok(())
    }

    async fn write(&self, mut job: Job<'_>, content: &dyn Content) -> Result<u64, Not> {
        let over = self.expected(&job).await?;
        if over == Standing::Nothing {
            self.no_object_above(&job.path).await?;
        }
        match job.bytes.take() {
            Some(bytes) => self.put_whole(&job, bytes?, &over).await?,
            None => return self.put_large(&job, content, &over).await,
        }
        Ok(job.blob.size_bytes)
    }

    /// Reads the small ones of a group, and writes all of it.
    async fn put_group(
        &self,
        group: Vec<(usize, &Put)>,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let mut jobs = Vec::with_capacity(group.len());
        for (index, put) in group {
            match job(index, put) {
                Ok(job) => jobs.push(job),
                Err(error) => settled.settled(index, PutOutcome::Failed(error)),
            }
        }
        read_small(&mut jobs, content).await;
        let writing = jobs.into_iter().map(|job| async move {
            let (index, path) = (job.index, job.path.clone());
            let written = self.write(job, content).await;
            (index, path, written)
        });
        let writing: Vec<_> = writing.collect();
        let mut written = stream::iter(writing).buffer_unordered(PARALLEL);
        while let Some((index, path, written)) = written.next().await {
            self.settle((index, &path), written, settled).await?;
        }
        Ok(())
    }

    async fn settle(
        &self,
        (index, path): (usize, &FilePath),
        written: Result<u64, Not>,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let stored = |moved_bytes, moved_blobs| PutOutcome::Stored {
            moved_bytes,
            moved_blobs,
        };
        let outcome = match written {
            Ok(moved_bytes) => stored(moved_bytes, 1),
            Err(Not::Same) => stored(0, 0),
            Err(Not::Failed(error)) if error.stage != Stage::Read && is_the_servers(&error) => {
                return Err(error);
            }
            Err(Not::Failed(error)) => PutOutcome::Failed(error),
            Err(Not::Raced(standing)) => match self.read_back_one(path, &standing).await {
                Ok(found) => PutOutcome::Raced { found },
                Err(error) => PutOutcome::Failed(error),
            },
        };
        settled.settled(index, outcome);
        Ok(())
    }
}

#[async_trait]
impl Target for S3Target {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Where the store knows conditions; others are looked at before.
            conditional_write: false,
            metadata: false,
            batch_artifacts: 1_000,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 6,
            needs_sha256: false,
            verifies: true,
        }
    }

    fn same_metadata(&self, _: &Metadata, _: &Metadata) -> bool {
        true
    }

    async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        self.bucket.prepare(create).await
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let named = Named::of(keys);
        let paths = &named.paths;
        let survey = self.bucket.survey(paths, &mut *self.range.lock().await).await?;
        let (standings, since) = (survey.standings, survey.since);
        let first = paths
            .iter()
            .zip(&standings)
            .find(|(_, standing)| matches!(standing, Standing::Object(_)));
        if let Some((path, _)) = first.filter(|_| !self.bucket.is_sealed()) {
            // Whether entity tags are MD5s is said by objects, not by listings.
            self.bucket.head(path.as_str(), Stage::Describe).await?;
        }
        let found = paths
            .iter()
            .zip(&standings)
            .map(|(path, standing)| match standing {
                Standing::Object(state) => Some(self.existing(path, state)),
                Standing::Folder | Standing::Nothing => None,
            });
        let found = named.in_order(found.collect());
        let mut kept = self.kept();
        if kept.looked.len() + paths.len() > MOST_KEPT {
            kept.looked.clear();
        }
        for (path, standing) in paths.iter().zip(standings) {
            kept.looked.insert(path.to_string(), (standing, since));
        }
        if kept.folders.len() + survey.folders.len() > MOST_KEPT {
            kept.folders.clear();
        }
        kept.folders.extend(survey.folders);
        Ok(found)
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let named = Named::of(keys);
        let reads: Vec<_> = named.paths.iter().map(|path| self.asked(path)).collect();
        let found = stream::iter(reads).buffered(PARALLEL).try_collect().await?;
        Ok(named.in_order(found))
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        // While some are read others are written: neither side waits for the other.
        let groups = groups_of(batch, GROUP_BYTES, GROUP_OBJECTS).into_iter();
        let putting: Vec<_> = groups
            .map(|group| self.put_group(group, content, settled))
            .collect();
        let putting = stream::iter(putting).buffer_unordered(GROUPS_AT_ONCE);
        putting.try_for_each(|()| ready(Ok(()))).await
    }
}
