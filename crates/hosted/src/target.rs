//! A hosted repository as a target.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::artifact::{ArtifactKey, Blob, Existing};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorError, ConnectorResult, Content, Put, PutOutcome, SMALL_BLOB_BYTES,
    Settled, Target,
};
use storage::publish::Viewer;

use crate::checksums::Wanted;
use crate::error::HostedError;
use crate::publish::{Publish, Supply};
use crate::repository::HostedRepository;

/// Writes batches: small blobs in one pack, large ones each into a file, then one transaction for all.
pub(crate) struct HostedTarget {
    repository: HostedRepository,
    viewer: Viewer,
}

impl HostedTarget {
    pub(crate) fn new(repository: HostedRepository, viewer: Viewer) -> Self {
        Self { repository, viewer }
    }

    fn failed(&self, stage: Stage, error: &HostedError) -> ConnectorError {
        error.to_connector(stage, self.repository.info().name.to_string())
    }

    /// Returns which of the batch's digests need not be read.
    async fn present(&self, batch: &[Put]) -> ConnectorResult<HashMap<Digest, bool>> {
        let digests: Vec<Digest> = batch.iter().filter_map(|put| put.artifact.digest).collect();
        let present = self.repository.hosted().present(&digests, &self.viewer).await;
        let present = present.map_err(|error| self.failed(Stage::Write, &error))?;
        Ok(digests.into_iter().zip(present).collect())
    }

    async fn receive(&self, key: &ArtifactKey, blob: &Blob, content: &dyn Content) -> ConnectorResult<()> {
        let hosted = self.repository.hosted();
        let failed = |error: HostedError| error.to_connector(Stage::Write, key.to_string());
        let bytes = content.open(key, blob, 0).await?;
        let received = hosted
            .receive(&key.to_string(), bytes, Some(blob.size_bytes), Wanted::Sha256)
            .await
            .map_err(failed)?;
        if Some(received.digest()) != blob.digest {
            return Err(
                ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, key.to_string())
                    .words("its sha256 is not the one announced"),
            );
        }
        hosted.adopt(received, &self.viewer.user).await.map_err(failed)
    }

    /// Gets every item's bytes here or into memory; answers those whose bytes do not come.
    async fn gather(
        &self,
        batch: &[Put],
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<Vec<Gathered>> {
        let mut present = self.present(batch).await?;
        let mut gathered: Vec<Gathered> = Vec::with_capacity(batch.len());
        let mut small: Vec<(usize, (&ArtifactKey, &Blob))> = Vec::new();
        for (index, put) in batch.iter().enumerate() {
            let Some((blob, digest)) = put.artifact.blobs.first().zip(put.artifact.digest) else {
                let error =
                    ConnectorError::new(ErrorKind::Protocol, Stage::Write, put.artifact.key.to_string())
                        .words("a file has one blob with a SHA-256");
                settled.settled(index, PutOutcome::Failed(error));
                continue;
            };
            let here = present.get(&digest).copied().unwrap_or(false);
            if here {
                gathered.push(Gathered {
                    index,
                    supply: Supply::Present,
                    moved_bytes: None,
                });
            } else if blob.size_bytes <= SMALL_BLOB_BYTES {
                small.push((index, (&put.artifact.key, blob)));
            } else {
                match self.receive(&put.artifact.key, blob, content).await {
                    Ok(()) => {
                        present.insert(digest, true);
                        let moved_bytes = Some(blob.size_bytes);
                        gathered.push(Gathered {
                            index,
                            supply: Supply::Present,
                            moved_bytes,
                        });
                    }
                    Err(error) => settled.settled(index, PutOutcome::Failed(error)),
                }
            }
        }
        let wanted: Vec<(&ArtifactKey, &Blob)> = small.iter().map(|(_, wanted)| *wanted).collect();
        if !wanted.is_empty() {
            for ((index, _), read) in small.into_iter().zip(content.read(&wanted).await?) {
                match read {
                    Ok(bytes) => {
                        gathered.push(Gathered {
                            index,
                            supply: Supply::Bytes(bytes),
                            moved_bytes: None,
                        });
                    }
                    Err(error) => settled.settled(index, PutOutcome::Failed(error)),
                }
            }
        }
        Ok(gathered)
    }
}

/// One item whose bytes are here.
struct Gathered {
    index: usize,
    supply: Supply,
    moved_bytes: Option<u64>,
}

#[async_trait]
impl Target for HostedTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_write: true,
            metadata: true,
            batch_artifacts: 500,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 2,
            needs_sha256: true,
            verifies: true,
        }
    }

    async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        let name = &self.repository.info().name;
        let hosted = self.repository.hosted();
        let found = if create {
            hosted.ensure_repository(name, &self.viewer.user).await.map(Some)
        } else {
            hosted.repository(name).await
        };
        match found {
            Ok(Some(found)) if found.info().no == self.repository.info().no => Ok(()),
            Ok(_) => Err(ConnectorError::new(
                ErrorKind::NotFound,
                Stage::Write,
                name.to_string(),
            )),
            Err(error) => Err(self.failed(Stage::Write, &error)),
        }
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.repository
            .find(keys)
            .await
            .map_err(|error| self.failed(Stage::Describe, &error))
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.repository
            .find_checked(keys)
            .await
            .map_err(|error| self.failed(Stage::Describe, &error))
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let gathered = self.gather(batch, content, settled).await?;
        let mut indexes = Vec::with_capacity(gathered.len());
        let mut items = Vec::with_capacity(gathered.len());
        for Gathered {
            index,
            supply,
            moved_bytes,
        } in gathered
        {
            indexes.push((index, moved_bytes));
            items.push(Publish {
                put: batch[index].clone(),
                supply,
            });
        }
        let outcomes = self
            .repository
            .publish(items, &self.viewer)
            .await
            .map_err(|error| self.failed(Stage::Commit, &error))?;
        for ((index, moved), outcome) in indexes.into_iter().zip(outcomes) {
            let outcome = match (outcome, moved) {
                (PutOutcome::Stored { .. }, Some(moved_bytes)) => PutOutcome::Stored {
                    moved_bytes,
                    moved_blobs: 1,
                },
                (other, _) => other,
            };
            settled.settled(index, outcome);
        }
        Ok(())
    }
}
