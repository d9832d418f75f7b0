//! Images of a registry, written to.
//!
//! What a manifest consists of goes before it, what is about an image after its manifest, and the tag is moved last:
//! whoever pulls finds all of an image or none of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob, Existing, Metadata};
use domain::failure::{ErrorKind, Stage};
use domain::oci::{MANIFEST_BYTES, Role, digest_of, has_digest, is_digest};
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorError, ConnectorResult, Content, Expect, Put, PutOutcome,
    SMALL_BLOB_BYTES, Settled, Target,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use super::PARALLEL;
use super::client::Client;
use super::holdings::Holdings;
use super::listed::Referrer;
use super::manifests::Head;
use super::place::{Place, Reference};
use super::sessions::Sessions;
use super::upload::Delivery;

/// Blobs that are remembered as seen.
const MOST_CONFIRMED: usize = 100_000;
/// Images of one batch that are written at the same time.
const IMAGES_AT_ONCE: usize = 4;
/// Blobs of one image that are sent at the same time.
const BLOBS_AT_ONCE: usize = 4;
/// Blobs that are on their way to one registry at the same time.
pub(super) const TRANSFERS_AT_ONCE: usize = 8;

/// Images of a registry, written to.
pub(super) struct OciTarget {
    pub(super) client: Client,
    pub(super) place: Arc<Place>,
    pub(super) holdings: Arc<Holdings>,
    pub(super) sessions: Sessions,
    pub(super) transfers: Semaphore,
    /// Blobs the registry said it has, by image: what it is not asked again in this run.
    pub(super) confirmed: Confirmed,
}

/// Blobs that were seen at their places.
#[derive(Default)]
pub(super) struct Confirmed(Mutex<HashSet<(String, String)>>);

impl Confirmed {
    fn lock(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, image: &str, digest: &str) {
        let mut confirmed = self.lock();
        if confirmed.len() >= MOST_CONFIRMED {
            confirmed.clear();
        }
        confirmed.insert((image.into(), digest.into()));
    }

    pub(super) fn has(&self, image: &str, digest: &str) -> bool {
        self.lock().contains(&(image.into(), digest.into()))
    }
}

/// What moved for one image.
#[derive(Debug, Default, Clone, Copy)]
struct Moved {
    bytes: u64,
    blobs: u32,
}

impl Moved {
    fn add(&mut self, moved: Option<u64>) {
        if let Some(bytes) = moved {
            self.bytes += bytes;
            self.blobs += 1;
        }
    }
}

/// The parts of an image, in the order in which they are written.
struct Parts<'a> {
    /// What its own manifest needs.
    before: &'a [Blob],
    manifest: &'a Blob,
    /// What is about it.
    after: &'a [Blob],
}

impl<'a> Parts<'a> {
    fn of(put: &'a Put) -> ConnectorResult<Self> {
        let blobs = &put.artifact.blobs;
        let own = blobs
            .iter()
            .position(|blob| Role::of(blob) == Some(Role::Manifest));
        let all_known = blobs.iter().all(|blob| Role::of(blob).is_some());
        match own.filter(|_| all_known) {
            Some(own) => Ok(Self {
                before: &blobs[..own],
                manifest: &blobs[own],
                after: &blobs[own + 1..],
            }),
            None => Err(failed(ErrorKind::Protocol, &put.artifact.key).words("it is no image")),
        }
    }
}

fn failed(kind: ErrorKind, key: &ArtifactKey) -> ConnectorError {
    ConnectorError::new(kind, Stage::Write, key.to_string())
}

fn existing(head: &Head) -> Existing {
    let manifest = Role::Manifest.part(&head.media_type, &head.digest, head.size_bytes);
    Existing {
        digest: manifest.digest,
        size_bytes: head.size_bytes,
        blobs: vec![manifest],
        mark: None,
        metadata: Metadata::new(),
    }
}

fn holds(expect: &Expect, found: Option<&Existing>) -> bool {
    match (expect, found) {
        (Expect::Anything, _) | (Expect::Absent, None) => true,
        (Expect::Digest(digest), Some(found)) => found.digest == Some(*digest),
        (Expect::Absent, Some(_)) | (Expect::Digest(_), None) | (Expect::Mark(_), _) => false,
    }
}

impl OciTarget {
    async fn put_one(&self, put: &Put, content: &dyn Content) -> PutOutcome {
        match self.write(put, content).await {
            Ok(outcome) => outcome,
            Err(error) => PutOutcome::Failed(error),
        }
    }

    async fn write(&self, put: &Put, content: &dyn Content) -> ConnectorResult<PutOutcome> {
        let key = &put.artifact.key;
        let at = self.place.write(key, Stage::Write)?;
        let parts = Parts::of(put)?;
        let own = digest_of(parts.manifest).unwrap_or_default();
        if is_digest(&at.version) && at.version != own {
            return Err(
                failed(ErrorKind::Protocol, key).words("what is named by its digest cannot become another")
            );
        }
        let mut moved = Moved::default();
        let before = match put.expect {
            // It was looked for just now; whether it came meanwhile is asked before the tag is moved.
            Expect::Absent => None,
            Expect::Digest(_) | Expect::Mark(_) | Expect::Anything => {
                self.client.head(&at, Stage::Write).await?
            }
        };
        let stands = before.as_ref().is_some_and(|head| head.digest == own);
        let found = before.as_ref().map(existing);
        if !holds(&put.expect, found.as_ref()) {
            return Ok(PutOutcome::Raced { found });
        }
        if !stands {
            self.write_parts(put, &at, parts.before, content, &mut moved)
                .await?;
        }
        if !parts.after.is_empty() {
            // What is about it has to stand before the tag shows it.
            let by_digest = Reference {
                version: own.clone(),
                ..at.clone()
            };
            if !stands {
                self.write_manifest(put, &by_digest, parts.manifest, content)
                    .await?;
            }
            self.write_parts(put, &at, parts.after, content, &mut moved)
                .await?;
        }
        if stands {
            return Ok(self.nothing_new(put, moved));
        }
        let found = self.client.head(&at, Stage::Commit).await?.as_ref().map(existing);
        if !holds(&put.expect, found.as_ref()) {
            return Ok(PutOutcome::Raced { found });
        }
        self.write_manifest(put, &at, parts.manifest, content).await?;
        moved.add(Some(parts.manifest.size_bytes));
        Ok(PutOutcome::Stored {
            moved_bytes: moved.bytes,
            moved_blobs: moved.blobs,
        })
    }

    /// Answers for an image whose manifest stood there already: if nothing was missing, it is the same.
    fn nothing_new(&self, put: &Put, moved: Moved) -> PutOutcome {
        if moved.blobs > 0 || put.expect == Expect::Anything {
            return PutOutcome::Stored {
                moved_bytes: moved.bytes,
                moved_blobs: moved.blobs,
            };
        }
        let manifest = put
            .artifact
            .blobs
            .iter()
            .find(|blob| Role::of(blob) == Some(Role::Manifest));
        PutOutcome::Raced {
            found: Some(Existing {
                digest: manifest.and_then(|manifest| manifest.digest),
                blobs: put.artifact.blobs.clone(),
                size_bytes: put.artifact.size_bytes(),
                mark: None,
                metadata: Metadata::new(),
            }),
        }
    }

    /// Writes blobs side by side, then the manifests among `parts` one after the other.
    async fn write_parts(
        &self,
        put: &Put,
        at: &Reference,
        parts: &[Blob],
        content: &dyn Content,
        moved: &mut Moved,
    ) -> ConnectorResult<()> {
        let (manifests, blobs): (Vec<&Blob>, Vec<&Blob>) = parts
            .iter()
            .partition(|part| Role::of(part).is_some_and(Role::is_manifest));
        let deliveries = blobs.into_iter().map(|blob| {
            self.supply(Delivery {
                image: &at.image,
                key: &put.artifact.key,
                blob,
                content,
            })
        });
        let deliveries: Vec<_> = deliveries.collect();
        let supplied: Vec<Option<u64>> = stream::iter(deliveries)
            .buffer_unordered(BLOBS_AT_ONCE)
            .try_collect()
            .await?;
        supplied.into_iter().for_each(|bytes| moved.add(bytes));
        let mut referrers = Vec::new();
        for manifest in manifests {
            let by_digest = Reference {
                image: at.image.clone(),
                version: digest_of(manifest).unwrap_or_default(),
            };
            let is_referrer = Role::of(manifest) == Some(Role::Referrer);
            if self.client.head(&by_digest, Stage::Write).await?.is_none() {
                let lists = self.write_manifest(put, &by_digest, manifest, content).await?;
                moved.add(Some(manifest.size_bytes));
                if lists || !is_referrer {
                    continue;
                }
            }
            if is_referrer {
                referrers.push(self.referrer(put, manifest, content).await?);
            }
        }
        self.make_listed(at, referrers.into_iter().flatten().collect())
            .await
    }

    async fn referrer(
        &self,
        put: &Put,
        manifest: &Blob,
        content: &dyn Content,
    ) -> ConnectorResult<Option<Referrer>> {
        let bytes = self.manifest_bytes(put, manifest, content).await?;
        let media_type = manifest.media_type.as_deref().unwrap_or_default();
        let digest = digest_of(manifest).unwrap_or_default();
        Ok(Referrer::of(media_type, &digest, &bytes))
    }

    async fn make_listed(&self, at: &Reference, referrers: Vec<Referrer>) -> ConnectorResult<()> {
        let mut by_subject: BTreeMap<&str, Vec<&Referrer>> = BTreeMap::new();
        for referrer in &referrers {
            by_subject.entry(&referrer.subject).or_default().push(referrer);
        }
        for (subject, referrers) in by_subject {
            // Two images with the same subject add to the same list.
            let _turn = self.holdings.turn(&format!("{} {subject}", at.image)).await;
            self.client.list_referrers(&at.image, subject, &referrers).await?;
        }
        Ok(())
    }

    /// Writes one manifest; says whether the registry lists it among the referrers of its subject.
    async fn write_manifest(
        &self,
        put: &Put,
        at: &Reference,
        manifest: &Blob,
        content: &dyn Content,
    ) -> ConnectorResult<bool> {
        let bytes = self.manifest_bytes(put, manifest, content).await?;
        let media_type = manifest.media_type.as_deref().unwrap_or_default();
        let digest = digest_of(manifest).unwrap_or_default();
        let written = self.client.put_manifest(at, media_type, &digest, bytes).await;
        written.map_err(|mut error| {
            if matches!(error.kind, ErrorKind::Protocol | ErrorKind::NotFound) {
                // It may lack what it was known to have: it is asked again before the next try.
                self.confirmed.lock().clear();
                error.kind = ErrorKind::Protocol;
            }
            error
        })
    }

    async fn manifest_bytes(
        &self,
        put: &Put,
        manifest: &Blob,
        content: &dyn Content,
    ) -> ConnectorResult<Bytes> {
        let key = &put.artifact.key;
        let error = |kind| ConnectorError::new(kind, Stage::Read, key.to_string());
        if manifest.size_bytes > MANIFEST_BYTES {
            return Err(error(ErrorKind::Limit).words("the manifest is longer than registries take"));
        }
        let bytes = if manifest.size_bytes <= SMALL_BLOB_BYTES {
            let read = content.read(&[(key, manifest)]).await?.pop();
            read.unwrap_or_else(|| Err(error(ErrorKind::Protocol)))?
        } else {
            let mut whole = Vec::new();
            let mut stream = content.open(key, manifest, 0).await?;
            while let Some(piece) = stream.next().await.transpose()? {
                whole.extend_from_slice(&piece);
            }
            whole.into()
        };
        match digest_of(manifest) {
            Some(digest) if has_digest(&bytes, &digest) => Ok(bytes),
            _ => Err(error(ErrorKind::Corrupt).words("the manifest does not have its digest")),
        }
    }

    async fn find_one(&self, key: &ArtifactKey) -> ConnectorResult<Option<Existing>> {
        let Ok(at) = self.place.write(key, Stage::Describe) else {
            // What cannot be called so is not there; why is told when it is put.
            return Ok(None);
        };
        Ok(self
            .client
            .head(&at, Stage::Describe)
            .await?
            .as_ref()
            .map(existing))
    }
}

#[async_trait]
impl Target for OciTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_write: false,
            metadata: false,
            batch_artifacts: 16,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 4,
            needs_sha256: false,
            verifies: true,
        }
    }

    fn same_metadata(&self, _wanted: &Metadata, _existing: &Metadata) -> bool {
        // An image keeps none besides its bytes.
        true
    }

    async fn prepare(&self, _create: bool) -> ConnectorResult<()> {
        // Images come to be when they are written.
        self.client.version(Stage::Write).await
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let looks: Vec<_> = keys.iter().map(|key| self.find_one(key)).collect();
        stream::iter(looks).buffered(PARALLEL).try_collect().await
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let puts: Vec<_> = batch.iter().enumerate().collect();
        let puts = puts
            .into_iter()
            .map(|(index, put)| async move { (index, self.put_one(put, content).await) });
        let puts: Vec<_> = puts.collect();
        let mut puts = stream::iter(puts).buffer_unordered(IMAGES_AT_ONCE);
        while let Some((index, outcome)) = puts.next().await {
            settled.settled(index, outcome);
        }
        Ok(())
    }
}
