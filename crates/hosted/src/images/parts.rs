//! What an image consists of, part by part: as it travels, and as it is compared.

use std::collections::HashSet;

use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing, Metadata};
use domain::digest::Digest;
use domain::oci::{InvalidManifest, Manifest, Role};
use domain::ports::SMALL_BLOB_BYTES;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use super::manifests::digest_of;
use super::{Image, Reference, StoredManifest};
use crate::error::{HostedError, HostedResult};

/// Indexes within indexes that are followed.
const MOST_DEPTH: usize = 8;
/// Referrers looked at in one go.
const REFERRERS: u32 = 1000;

/// Everything an image consists of, in the order in which it can be written, and what is about it.
pub(crate) struct Parts {
    /// Digest of its own manifest.
    pub digest: Digest,
    pub blobs: Vec<Blob>,
    /// Whether its own manifest's digest says all: nothing is about it, and nothing it names is lacking.
    pub whole: bool,
}

#[derive(Default)]
struct Found {
    blobs: Vec<Blob>,
    seen: HashSet<Digest>,
    manifests: Vec<Digest>,
    lacking: bool,
}

impl Found {
    fn add(&mut self, role: Role, media_type: &str, digest: Digest, size_bytes: u64) {
        if self.seen.insert(digest) {
            self.blobs
                .push(role.part(media_type, &digest.to_string(), size_bytes));
            if role.is_manifest() {
                self.manifests.push(digest);
            }
        }
    }
}

impl Parts {
    pub(crate) fn into_artifact(self, key: &ArtifactKey) -> Artifact {
        Artifact {
            key: key.clone(),
            digest: Some(self.digest).filter(|_| self.whole),
            blobs: self.blobs,
            metadata: Metadata::new(),
            document: None,
        }
    }

    pub(crate) fn into_existing(self) -> Existing {
        Existing {
            digest: Some(self.digest).filter(|_| self.whole),
            size_bytes: self.blobs.iter().map(|blob| blob.size_bytes).sum(),
            blobs: self.blobs,
            // What the tag leads to now, also where that does not tell the whole.
            mark: Some(self.digest.to_string()),
            metadata: Metadata::new(),
        }
    }
}

impl Image {
    /// Returns everything the manifest called `reference` consists of; `None` when there is none.
    pub(crate) async fn parts(&self, reference: &Reference) -> HostedResult<Option<Parts>> {
        let Some(own) = self.manifest(reference).await? else {
            return Ok(None);
        };
        let digest = own.row.digest;
        let mut found = Found::default();
        self.collect(own, Role::Manifest, 0, &mut found).await?;
        let own_manifests = found.manifests.len();
        // What is about one of its manifests can itself have something about it.
        let mut next = 0;
        while let Some(subject) = found.manifests.get(next).copied() {
            next += 1;
            self.collect_referrers(&subject, &mut found).await?;
        }
        Ok(Some(Parts {
            digest,
            whole: found.manifests.len() == own_manifests && !found.lacking,
            blobs: found.blobs,
        }))
    }

    async fn collect_referrers(&self, subject: &Digest, found: &mut Found) -> HostedResult<()> {
        let mut after = None;
        loop {
            let rows = self.referrers(subject, after.as_ref(), REFERRERS).await?;
            let full = rows.len() == REFERRERS as usize;
            after = rows.last().map(|row| row.digest);
            for row in rows {
                if found.seen.contains(&row.digest) {
                    continue;
                }
                if let Some(referrer) = self.manifest(&Reference::Digest(row.digest)).await? {
                    self.collect(referrer, Role::Referrer, 0, found).await?;
                }
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Adds a manifest to `found`, after all it consists of. Children of an index that are not here are left out.
    fn collect<'f>(
        &'f self,
        stored: StoredManifest,
        role: Role,
        depth: usize,
        found: &'f mut Found,
    ) -> BoxFuture<'f, HostedResult<()>> {
        Box::pin(async move {
            if depth > MOST_DEPTH {
                return Err(InvalidManifest::Ambiguous("its indexes are nested too deeply").into());
            }
            let bytes = self.manifest_bytes(&stored).await?;
            let manifest = Manifest::parse(Some(&stored.row.media_type), &bytes)?;
            let mut part = Role::Config;
            for blob in manifest.blobs() {
                if !Manifest::is_foreign(blob) {
                    found.add(part, blob.media_type().as_ref(), digest_of(blob)?, blob.size());
                }
                part = Role::Layer;
            }
            for child in manifest.children() {
                let digest = digest_of(child)?;
                if found.seen.contains(&digest) {
                    continue;
                }
                match self.manifest(&Reference::Digest(digest)).await? {
                    Some(child) => self.collect(child, Role::Child, depth + 1, found).await?,
                    None => found.lacking = true,
                }
            }
            let row = stored.row;
            found.add(role, &row.media_type, row.digest, row.size_bytes);
            Ok(())
        })
    }

    async fn manifest_bytes(&self, stored: &StoredManifest) -> HostedResult<Bytes> {
        let repository = self.repository();
        if stored.row.size_bytes <= SMALL_BLOB_BYTES
            && let Some(Ok(bytes)) = repository.read_small(&[&stored.node]).await.pop()
        {
            return Ok(bytes);
        }
        // A manifest is at most four MiB long. The stream finds bytes that were moved meanwhile.
        let mut whole = Vec::new();
        let mut stream = repository.read(&stored.node, None).await?;
        while let Some(piece) = stream.next().await {
            whole.extend_from_slice(&piece.map_err(HostedError::Arriving)?);
        }
        Ok(whole.into())
    }
}
