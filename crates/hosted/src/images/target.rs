//! A repository of images as a target: blobs first, then manifests and the tag in one transaction.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob, Existing, Metadata};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::oci::{MANIFEST_BYTES, Role};
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorError, ConnectorResult, Content, Expect, Put, PutOutcome,
    SMALL_BLOB_BYTES, Settled, Target, known_digest,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use storage::images::ImageWritten;
use storage::publish::Viewer;

use super::manifests::Publishing;
use super::{Image, Reference};
use crate::error::HostedError;
use crate::repository::HostedRepository;

/// Large blobs of one image that are received at the same time.
const BLOBS_AT_ONCE: usize = 4;
/// Small blobs of one image that become durable together with its manifests; more go alone.
const TOGETHER_BYTES: u64 = 8 * 1024 * 1024;
/// Manifests of one image that are held in memory.
const MANIFESTS_BYTES: u64 = 8 * MANIFEST_BYTES;

/// Writes images: each becomes visible whole, by its tag.
pub(crate) struct ImageTarget {
    repository: HostedRepository,
    viewer: Viewer,
}

/// One image on its way in.
struct Incoming<'a> {
    image: Image,
    reference: Reference,
    put: &'a Put,
    content: &'a dyn Content,
    viewer: &'a Viewer,
    moved_bytes: u64,
    moved_blobs: u32,
}

impl ImageTarget {
    pub(crate) fn new(repository: HostedRepository, viewer: Viewer) -> Self {
        Self { repository, viewer }
    }

    async fn put_one(&self, put: &Put, content: &dyn Content) -> ConnectorResult<PutOutcome> {
        let (image, reference) = self.repository.image_of(&put.artifact.key, Stage::Write)?;
        let incoming = Incoming {
            image,
            reference,
            put,
            content,
            viewer: &self.viewer,
            moved_bytes: 0,
            moved_blobs: 0,
        };
        incoming.write().await
    }
}

impl Incoming<'_> {
    fn key(&self) -> &ArtifactKey {
        &self.put.artifact.key
    }

    fn error(&self, kind: ErrorKind, words: &str) -> ConnectorError {
        ConnectorError::new(kind, Stage::Write, self.key().to_string()).words(words)
    }

    fn failed(&self, error: &HostedError) -> ConnectorError {
        error.to_connector(Stage::Write, self.key().to_string())
    }

    fn moved(&mut self, size_bytes: u64) {
        self.moved_bytes += size_bytes;
        self.moved_blobs += 1;
    }

    async fn write(mut self) -> ConnectorResult<PutOutcome> {
        let parts = &self.put.artifact.blobs;
        let known = |blob: &Blob| Role::of(blob).is_some();
        let own = parts.iter().find(|blob| Role::of(blob) == Some(Role::Manifest));
        let Some(own) = own.filter(|_| parts.iter().all(known)) else {
            return Err(self.error(ErrorKind::Protocol, "it is no image"));
        };
        let root = known_digest(self.key(), own)?;
        if let Reference::Digest(named) = &self.reference
            && *named != root
        {
            return Err(self.error(
                ErrorKind::Protocol,
                "what is named by its digest cannot become another",
            ));
        }
        let blobs = self.supply(parts).await?;
        let (manifests, standing) = self.manifests(parts, root).await?;
        let tag = match &self.reference {
            Reference::Tag(tag) => Some((tag.clone(), self.put.expect.clone())),
            Reference::Digest(_) if self.put.expect == Expect::Absent => {
                let found = self.image.parts(&self.reference).await;
                let found = found.map_err(|error| self.failed(&error))?;
                if let Some(found) = found.filter(|found| found.whole) {
                    let found = Some(found.into_existing());
                    return Ok(PutOutcome::Raced { found });
                }
                None
            }
            Reference::Digest(_) => None,
        };
        let publishing = Publishing {
            manifests,
            standing,
            blobs,
            tag,
            root,
        };
        let written = self.image.publish(publishing, self.viewer).await;
        match written.map_err(|error| self.failed(&error))? {
            ImageWritten::Stored { .. } => Ok(PutOutcome::Stored {
                moved_bytes: self.moved_bytes,
                moved_blobs: self.moved_blobs,
            }),
            ImageWritten::Raced { .. } => {
                let found = self.image.parts(&self.reference).await;
                let found = found.map_err(|error| self.failed(&error))?;
                Ok(PutOutcome::Raced {
                    found: found.map(super::parts::Parts::into_existing),
                })
            }
            ImageWritten::BlobsMissing(missing) => Err(self.failed(&HostedError::BlobsMissing(missing))),
            // It is brought in the next try.
            ImageWritten::ManifestGone(gone) => {
                let words = format!("somebody removed its manifest {gone} here meanwhile");
                Err(self.error(ErrorKind::Protocol, &words))
            }
            ImageWritten::Refused(written) => Err(self.failed(&self.image.refused(written, &root))),
        }
    }

    /// Gets every configuration and layer here; returns the small ones, to be stored with the manifests.
    async fn supply(&mut self, parts: &[Blob]) -> ConnectorResult<Vec<(Digest, Bytes)>> {
        let (mut small, mut large) = (Vec::new(), Vec::new());
        let (mut seen, mut small_bytes) = (HashSet::new(), 0);
        for blob in parts {
            let digest = known_digest(self.key(), blob)?;
            if Role::of(blob).is_some_and(Role::is_manifest) || !seen.insert(digest) {
                continue;
            }
            let here = self.image.mount(&digest, self.viewer).await;
            if here.map_err(|error| self.failed(&error))? {
                continue;
            }
            if blob.size_bytes <= SMALL_BLOB_BYTES && small_bytes + blob.size_bytes <= TOGETHER_BYTES {
                small_bytes += blob.size_bytes;
                small.push((digest, blob));
            } else {
                large.push((digest, blob));
            }
        }
        let this = &*self;
        let receiving = large.iter().map(|(digest, blob)| async move {
            let bytes = this.content.open(this.key(), blob, 0).await?;
            let put = this
                .image
                .put_blob(digest, Some(blob.size_bytes), bytes, this.viewer);
            put.await.map_err(|error| this.failed(&error))
        });
        let receiving: Vec<_> = receiving.collect();
        stream::iter(receiving)
            .buffer_unordered(BLOBS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        large.iter().for_each(|(_, blob)| self.moved(blob.size_bytes));
        let wanted: Vec<(&ArtifactKey, &Blob)> = small.iter().map(|(_, blob)| (self.key(), *blob)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.content.read(&wanted).await?;
        let mut together = Vec::with_capacity(small.len());
        for ((digest, blob), bytes) in small.into_iter().zip(read) {
            together.push((digest, self.verified(bytes?, digest)?));
            self.moved(blob.size_bytes);
        }
        Ok(together)
    }

    /// Reads the manifests that are not here yet, each after those it names, and says which are.
    async fn manifests(
        &mut self,
        parts: &[Blob],
        root: Digest,
    ) -> ConnectorResult<(Vec<(super::NewManifest, Bytes)>, Vec<Digest>)> {
        let manifests = parts
            .iter()
            .filter(|blob| Role::of(blob).is_some_and(Role::is_manifest));
        let manifests: Vec<&Blob> = manifests.collect();
        let all_bytes: u64 = manifests.iter().map(|blob| blob.size_bytes).sum();
        if all_bytes > MANIFESTS_BYTES || manifests.iter().any(|blob| blob.size_bytes > MANIFEST_BYTES) {
            return Err(self.error(ErrorKind::Limit, "its manifests are longer than registries take"));
        }
        let digests = manifests.iter().map(|blob| known_digest(self.key(), blob));
        let digests: Vec<Digest> = digests.collect::<ConnectorResult<_>>()?;
        let known = self.image.known_manifests(&digests).await;
        let known = known.map_err(|error| self.failed(&error))?;
        let mut totals: HashMap<Digest, u64> = HashMap::new();
        let (mut new, mut standing) = (Vec::new(), Vec::new());
        for ((blob, digest), known) in manifests.into_iter().zip(digests).zip(known) {
            if let Some(row) = known {
                totals.insert(digest, row.total_bytes);
                // The one the tag is to lead to is written again: it may be about to be removed.
                if digest != root {
                    standing.push(digest);
                    continue;
                }
            } else {
                self.moved(blob.size_bytes);
            }
            let bytes = self.manifest_bytes(blob, digest).await?;
            let read = self.image.read(blob.media_type.as_deref(), &bytes, &totals).await;
            let read = read.map_err(|error| self.failed(&error))?;
            totals.insert(digest, read.row.total_bytes);
            new.push((read, bytes));
        }
        Ok((new, standing))
    }

    async fn manifest_bytes(&self, blob: &Blob, digest: Digest) -> ConnectorResult<Bytes> {
        let key = self.key();
        if blob.size_bytes <= SMALL_BLOB_BYTES {
            let read = self.content.read(&[(key, blob)]).await?.pop();
            let absent = || Err(self.error(ErrorKind::Protocol, "the source gave no bytes"));
            return self.verified(read.unwrap_or_else(absent)?, digest);
        }
        let mut whole = Vec::new();
        let mut bytes = self.content.open(key, blob, 0).await?;
        while let Some(piece) = bytes.next().await.transpose()? {
            whole.extend_from_slice(&piece);
        }
        self.verified(whole.into(), digest)
    }

    fn verified(&self, bytes: Bytes, digest: Digest) -> ConnectorResult<Bytes> {
        if Digest::of(&bytes) == digest {
            return Ok(bytes);
        }
        let error = ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, self.key().to_string());
        Err(error.words("its sha256 is not the one announced"))
    }
}

#[async_trait]
impl Target for ImageTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_write: true,
            metadata: false,
            batch_artifacts: 16,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 2,
            needs_sha256: true,
            verifies: true,
        }
    }

    fn same_metadata(&self, _wanted: &Metadata, _existing: &Metadata) -> bool {
        // An image keeps none besides its bytes.
        true
    }

    async fn prepare(&self, _create: bool) -> ConnectorResult<()> {
        let name = &self.repository.info().name;
        let found = self.repository.hosted().repository(name).await;
        let found = found.map_err(|error| error.to_connector(Stage::Write, name.to_string()))?;
        match found {
            Some(found) if found.info().no == self.repository.info().no => Ok(()),
            _ => Err(ConnectorError::new(
                ErrorKind::NotFound,
                Stage::Write,
                name.to_string(),
            )),
        }
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let name = &self.repository.info().name;
        let found = self.repository.find_images(keys).await;
        found.map_err(|error| error.to_connector(Stage::Describe, name.to_string()))
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        for (index, put) in batch.iter().enumerate() {
            let outcome = self.put_one(put, content).await;
            settled.settled(index, outcome.unwrap_or_else(PutOutcome::Failed));
        }
        Ok(())
    }
}
