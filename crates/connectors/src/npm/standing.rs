//! What stands at a registry under the keys of versions.

use std::collections::BTreeMap;

use domain::artifact::{ArtifactKey, Blob, Existing, Metadata};
use domain::failure::Stage;
use domain::ports::{ConnectorError, ConnectorResult};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::PARALLEL;
use super::target::{NpmTarget, PACKAGES};
use super::wire::{Entry, Wanted, file_name, mark_of, parts};

impl NpmTarget {
    /// Returns what stands under each of `keys`, which are versions of the package `name`.
    async fn find_in(
        &self,
        name: &str,
        keys: &[&ArtifactKey],
        reading: bool,
    ) -> ConnectorResult<Vec<Option<Existing>>> {
        let versions: Vec<&str> = keys.iter().filter_map(|key| key.version.as_deref()).collect();
        let wanted = Wanted {
            versions: &versions,
            documents: false,
        };
        let read = self.registry.packument(name, false, Stage::Describe, wanted);
        // A registry that cannot say what it has of this package will not take more of it: each version fails alone.
        let Ok(Some(packument)) = read.await? else {
            return Ok(vec![None; keys.len()]);
        };
        let entries = keys
            .iter()
            .map(|key| packument.entry(key.version.as_deref().unwrap_or_default()));
        let found = keys.iter().zip(entries).map(|(key, entry)| async move {
            match entry {
                None => Ok(None),
                Some(Ok(entry)) => Ok(Some(self.existing(entry, key, reading).await?)),
                Some(Err(_)) => Ok(Some(unreadable(name, key))),
            }
        });
        let found: Vec<_> = found.collect();
        stream::iter(found).buffered(PARALLEL).try_collect().await
    }

    /// Returns what stands there as `entry` of `key`; its bytes are read if `reading` is set.
    pub(super) async fn existing(
        &self,
        entry: &Entry,
        key: &ArtifactKey,
        reading: bool,
    ) -> ConnectorResult<Existing> {
        let subject = key.to_string();
        let mut blob = entry.blob.clone();
        if reading {
            let sums = self.registry.read_back(entry, &blob, &subject).await?;
            blob.size_bytes = sums.length_bytes;
            blob.digest = Some(sums.digest);
        } else {
            let url = self.registry.tarball_of(entry, &subject)?;
            // A version without its tarball is no version: it is completed.
            let size = self
                .registry
                .files()
                .size(&url, Stage::Describe, &subject)
                .await?;
            let Some(size_bytes) = size else {
                return Ok(existing_of(Vec::new(), &entry.blob, entry.metadata.clone()));
            };
            blob.size_bytes = size_bytes;
        }
        let mark = entry.blob.clone();
        Ok(existing_of(vec![blob], &mark, entry.metadata.clone()))
    }

    /// Returns what stands under each of `keys`; the bytes of each are read if `reading` is set.
    pub(super) async fn found(
        &self,
        keys: &[ArtifactKey],
        reading: bool,
    ) -> ConnectorResult<Vec<Option<Existing>>> {
        let mut of_packages: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, key) in keys.iter().enumerate() {
            if let Ok((name, _)) = parts(key) {
                of_packages.entry(name).or_default().push(index);
            }
        }
        let asked = of_packages.into_iter().map(|(name, places)| async move {
            let versions: Vec<&ArtifactKey> = places.iter().map(|index| &keys[*index]).collect();
            let found = self.find_in(name, &versions, reading).await?;
            Ok::<_, ConnectorError>((places, found))
        });
        let asked: Vec<_> = asked.collect();
        let answers: Vec<_> = stream::iter(asked)
            .buffer_unordered(PACKAGES)
            .try_collect()
            .await?;
        let mut found: Vec<Option<Existing>> = vec![None; keys.len()];
        for (places, answers) in answers {
            for (index, existing) in places.into_iter().zip(answers) {
                found[index] = existing;
            }
        }
        Ok(found)
    }
}

fn existing_of(blobs: Vec<Blob>, named: &Blob, metadata: Metadata) -> Existing {
    Existing {
        digest: None,
        size_bytes: blobs.iter().map(|blob| blob.size_bytes).sum(),
        blobs,
        mark: mark_of(named),
        metadata,
    }
}

/// Describes an entry that cannot be read: whatever it is, it is not what the source has.
pub(super) fn unreadable(name: &str, key: &ArtifactKey) -> Existing {
    let blob = Blob {
        name: file_name(name, key.version.as_deref().unwrap_or_default()),
        ..Blob::unknown(0)
    };
    existing_of(vec![blob.clone()], &blob, Metadata::new())
}
