//! Finds out what the protocols do not say: whether content is the same, and the SHA-256 of bytes.
//!
//! Only where nothing that is known of both sides tells are bytes read for it: the target's first, then, if its
//! protocol has no more to say, the source's. What is read here is verified by everything its source knows of it.

use domain::artifact::{Artifact, ArtifactKey, Existing, Likeness};
use domain::checksums::Hasher;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Content, Target};
use futures_util::StreamExt;

/// Artifacts that are read at the same time to learn their SHA-256.
pub(crate) const LEARNED_AT_ONCE: usize = 4;

/// Returns the places in `artifacts` where what is known does not tell whether `found` is the same.
pub(crate) fn unknown(artifacts: &[&Artifact], found: &[Option<Existing>]) -> Vec<usize> {
    let pairs = artifacts.iter().zip(found).enumerate();
    pairs
        .filter(|(_, (artifact, existing))| is_unknown(artifact, existing.as_ref()))
        .map(|(index, _)| index)
        .collect()
}

/// Says whether what is known does not tell whether `existing` is the same as `artifact`.
pub(crate) fn is_unknown(artifact: &Artifact, existing: Option<&Existing>) -> bool {
    existing.is_some_and(|existing| artifact.likeness(existing) == Likeness::Unknown)
}

/// Replaces what was found at the places `unknown` by what is known after reading it back.
pub(crate) async fn read_back(
    target: &dyn Target,
    artifacts: &[&Artifact],
    found: &mut [Option<Existing>],
    unknown: &[usize],
) -> ConnectorResult<()> {
    let keys: Vec<ArtifactKey> = unknown
        .iter()
        .filter_map(|index| artifacts.get(*index))
        .map(|artifact| artifact.key.clone())
        .collect();
    let read = target.read_back(&keys).await?;
    for (index, existing) in unknown.iter().zip(read) {
        if let Some(place) = found.get_mut(*index) {
            *place = existing;
        }
    }
    Ok(())
}

/// Says whether the SHA-256 of some blob of `artifact` is not known.
pub(crate) fn lacks_digest(artifact: &Artifact) -> bool {
    artifact.blobs.iter().any(|blob| blob.digest.is_none())
}

/// Reads every blob of `artifact` whose SHA-256 is not known, to learn it.
pub(crate) async fn learned(content: &dyn Content, mut artifact: Artifact) -> ConnectorResult<Artifact> {
    for blob in &mut artifact.blobs {
        if blob.digest.is_some() {
            continue;
        }
        let mut hasher = Hasher::of(blob);
        let mut bytes = content.open(&artifact.key, blob, 0).await?;
        while let Some(piece) = bytes.next().await {
            hasher.update(&piece?);
        }
        let sums = hasher.finish();
        if !sums.are_of(blob) {
            let error = ConnectorError::new(ErrorKind::Corrupt, Stage::Read, artifact.key.to_string());
            return Err(error.words("the source sent other bytes than it described"));
        }
        blob.digest = Some(sums.digest);
    }
    if let (None, [blob]) = (&artifact.key.version, artifact.blobs.as_slice()) {
        artifact.digest = blob.digest;
    }
    Ok(artifact)
}
