//! A registry of npm packages, written to.
//!
//! The versions of one package are written one after the other, those of different packages at the same time.
//! A registry lets nobody replace a version, so other content is replaced by withdrawing it first, once it is
//! certain that the new content can be had.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing, Likeness, Metadata};
use domain::checksums::Sums;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    BATCH_BYTES, ByteStream, Capabilities, ConnectorError, ConnectorResult, Content, Expect, Put, PutOutcome,
    SMALL_BLOB_BYTES, Settled, Target,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::client::Registry;
use super::confirm::Arrived;
use super::publish::{Publication, tags_of};
use super::standing::unreadable;
use super::wire::{DEPRECATED, Packument, TAGS, Wanted, name_of, parts};
use crate::fatal::is_the_servers;

/// Versions of one batch: they are confirmed together.
const BATCH_VERSIONS: usize = 50;
/// Packages that are written at the same time.
pub(super) const PACKAGES: usize = 4;

/// A registry of npm packages, written to.
pub(super) struct NpmTarget {
    pub(super) registry: Registry,
}

/// What has to be done with one item of a batch.
pub(super) struct Job<'a> {
    pub(super) index: usize,
    pub(super) put: &'a Put,
    pub(super) version: &'a str,
    /// Whether a version stands there.
    stands: bool,
    /// Whether it is the same already.
    is_there: bool,
    /// Its tarball, where it is small enough to travel with others.
    small: Option<ConnectorResult<Bytes>>,
}

impl NpmTarget {
    pub(super) fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// Puts the items of one package.
    async fn put_package(
        &self,
        name: &str,
        items: Vec<(usize, &Put)>,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let writer = self.registry.writer(name);
        let _turn = writer.lock().await;
        let versions: Vec<&str> = items
            .iter()
            .filter_map(|(_, put)| put.artifact.key.version.as_deref())
            .collect();
        let wanted = Wanted {
            versions: &versions,
            documents: false,
        };
        let packument = match self.registry.packument(name, true, Stage::Write, wanted).await? {
            Ok(packument) => packument,
            Err(error) => {
                for (index, _) in items {
                    settled.settled(index, PutOutcome::Failed(error.again()));
                }
                return Ok(());
            }
        };
        let is_new = packument.as_ref().is_none_or(|known| known.versions.is_empty());
        let mut jobs = Vec::new();
        for (index, put) in items {
            match self.looked(index, put, packument.as_ref()).await {
                Ok(Looked::Do(job)) => jobs.push(*job),
                Ok(Looked::Settled(outcome)) => settled.settled(index, outcome),
                Err(error) if is_the_servers(&error) => return Err(error),
                Err(error) => settled.settled(index, PutOutcome::Failed(error)),
            }
        }
        read_small(&mut jobs, content).await;
        let mut arrived = Vec::new();
        for (place, mut job) in jobs.into_iter().enumerate() {
            if job.is_there {
                arrived.push(Arrived { job, sent: None });
                continue;
            }
            let index = job.index;
            match self.written(name, &mut job, is_new && place == 0, content).await {
                Ok(Ok(sums)) => arrived.push(Arrived {
                    job,
                    sent: Some(sums),
                }),
                Ok(Err(found)) => settled.settled(index, PutOutcome::Raced { found: Some(found) }),
                Err(error) if error.stage != Stage::Read && is_the_servers(&error) => return Err(error),
                Err(error) => settled.settled(index, PutOutcome::Failed(error)),
            }
        }
        self.confirmed(name, arrived, settled).await
    }

    /// Compares what is expected with what stands there.
    async fn looked<'a>(
        &self,
        index: usize,
        put: &'a Put,
        packument: Option<&Packument>,
    ) -> ConnectorResult<Looked<'a>> {
        let key = &put.artifact.key;
        let error = |words: &str| {
            ConnectorError::new(ErrorKind::Protocol, Stage::Write, key.to_string()).words(words)
        };
        let (name, version) = parts(key).map_err(error)?;
        let existing = match packument.and_then(|packument| packument.entry(version)) {
            None => None,
            Some(Ok(entry)) => {
                let existing = self.existing(entry, key, false).await?;
                Some(existing)
            }
            // An unreadable entry is replaced like any other content.
            Some(Err(_)) => Some(unreadable(name, key)),
        };
        let holds = match (&put.expect, &existing) {
            (Expect::Anything, _) | (Expect::Absent, None) => true,
            (Expect::Mark(mark), Some(existing)) => existing.mark.as_ref() == Some(mark),
            // What a version is called here is never the SHA-256 of the whole.
            (Expect::Digest(_) | Expect::Absent | Expect::Mark(_), _) => false,
        };
        if !holds {
            return Ok(Looked::Settled(PutOutcome::Raced { found: existing }));
        }
        let same = |existing: &Existing| put.artifact.likeness(existing) == Likeness::Same;
        let is_there = existing.as_ref().is_some_and(same);
        Ok(Looked::Do(Box::new(Job {
            index,
            put,
            version,
            stands: existing.is_some(),
            is_there,
            small: None,
        })))
    }

    /// Publishes one version, in the place of what stands there; `Ok(Err(_))`: somebody else was faster.
    async fn written(
        &self,
        name: &str,
        job: &mut Job<'_>,
        is_first: bool,
        content: &dyn Content,
    ) -> ConnectorResult<Result<Sums, Existing>> {
        let artifact = &job.put.artifact;
        let mut tags = if job.put.with_metadata {
            tags_of(artifact)
        } else {
            Vec::new()
        };
        if is_first && tags.is_empty() {
            // Every package has one.
            tags.push("latest".into());
        }
        let small = job.small.take().transpose()?;
        if job.stands {
            if small.is_none() {
                self.can_be_had(artifact, content).await?;
            }
            tags.extend(self.registry.withdraw(name, job.version).await?);
        }
        let publication = Publication {
            name,
            version: job.version,
            artifact,
            tags,
            with_metadata: job.put.with_metadata,
        };
        let bytes = opened(artifact, small.as_ref(), content).await?;
        let refused = match self.registry.publish(&publication, bytes).await {
            Ok(sums) => return Ok(Ok(sums)),
            Err(error) if error.kind == ErrorKind::Conflict => error,
            Err(error) => return Err(error),
        };
        let key = std::slice::from_ref(&artifact.key);
        if let Some(found) = self.found(key, false).await?.pop().flatten() {
            return Ok(Err(found));
        }
        // A tarball without its version stands in the way: an earlier attempt ended between the two.
        self.registry
            .drop_tarball(name, job.version)
            .await
            .map_err(|_| refused)?;
        let bytes = opened(artifact, small.as_ref(), content).await?;
        self.registry.publish(&publication, bytes).await.map(Ok)
    }

    /// Reads the tarball of `artifact` to its end: nothing is withdrawn for content that cannot be had.
    async fn can_be_had(&self, artifact: &Artifact, content: &dyn Content) -> ConnectorResult<()> {
        let mut bytes = opened(artifact, None, content).await?;
        while bytes.try_next().await?.is_some() {}
        Ok(())
    }
}

/// What looking at one item of a batch came to.
enum Looked<'a> {
    Settled(PutOutcome),
    Do(Box<Job<'a>>),
}

/// Returns the tarball of `artifact`.
async fn opened(
    artifact: &Artifact,
    small: Option<&Bytes>,
    content: &dyn Content,
) -> ConnectorResult<ByteStream> {
    match (small, artifact.blobs.first()) {
        (Some(bytes), _) => Ok(Box::pin(stream::iter([Ok(bytes.clone())]))),
        (None, Some(blob)) => content.open(&artifact.key, blob, 0).await,
        (None, None) => Ok(Box::pin(stream::empty())),
    }
}

/// Reads the small tarballs of `jobs` in one go.
async fn read_small(jobs: &mut [Job<'_>], content: &dyn Content) {
    let mut wanted: Vec<&mut Job<'_>> = jobs
        .iter_mut()
        .filter(|job| !job.is_there && job.put.artifact.blobs.len() == 1)
        .filter(|job| job.put.artifact.blobs[0].size_bytes <= SMALL_BLOB_BYTES)
        .collect();
    if wanted.is_empty() {
        return;
    }
    let asked: Vec<(&ArtifactKey, &Blob)> = wanted
        .iter()
        .map(|job| (&job.put.artifact.key, &job.put.artifact.blobs[0]))
        .collect();
    match content.read(&asked).await {
        Ok(answers) => {
            for (job, answer) in wanted.into_iter().zip(answers) {
                job.small = Some(answer);
            }
        }
        Err(error) => wanted
            .iter_mut()
            .for_each(|job| job.small = Some(Err(error.again()))),
    }
}

#[async_trait]
impl Target for NpmTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_write: false,
            metadata: true,
            batch_artifacts: BATCH_VERSIONS,
            batch_bytes: BATCH_BYTES,
            parallel_batches: PACKAGES,
            needs_sha256: false,
            verifies: false,
        }
    }

    fn same_metadata(&self, wanted: &Metadata, existing: &Metadata) -> bool {
        let tags = |metadata: &Metadata| metadata.get(TAGS).cloned().unwrap_or_default();
        let known = tags(existing);
        wanted.get(DEPRECATED) == existing.get(DEPRECATED)
            && tags(wanted)
                .split(',')
                .all(|tag| tag.is_empty() || known.split(',').any(|known| known == tag))
    }

    async fn prepare(&self, _create: bool) -> ConnectorResult<()> {
        self.registry.ping().await
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.found(keys, false).await
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.found(keys, true).await
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let mut of_packages: BTreeMap<&str, Vec<(usize, &Put)>> = BTreeMap::new();
        for (index, put) in batch.iter().enumerate() {
            match name_of(&put.artifact.key.name) {
                Some(name) => of_packages.entry(name).or_default().push((index, put)),
                None => {
                    let error =
                        ConnectorError::new(ErrorKind::Protocol, Stage::Write, put.artifact.key.to_string());
                    let words = "its name is no npm package's: npm://name or npm://@scope/name";
                    settled.settled(index, PutOutcome::Failed(error.words(words)));
                }
            }
        }
        let puts = of_packages
            .into_iter()
            .map(|(name, items)| self.put_package(name, items, content, settled));
        let puts: Vec<_> = puts.collect();
        stream::iter(puts)
            .buffer_unordered(PACKAGES)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }
}
