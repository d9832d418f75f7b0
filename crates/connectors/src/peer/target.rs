//! A repository of a peer, written to: small artifacts travel together, large blobs in parts before them.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use domain::artifact::{Artifact, ArtifactKey, Existing};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    Capabilities, ConnectorError, ConnectorResult, Content, Put, PutOutcome, SMALL_BLOB_BYTES, Settled,
    Target,
};
use domain::repository::{RepositoryRef, RepositoryType};

use super::Peer;
use super::batch::Batch;
use super::versions::Versions;
use super::wire::{Answer, BATCH_ARTIFACTS, BATCH_BYTES, Question};

/// Asking whether a smaller blob is there costs about as much as sending it.
const ASK_FIRST_BYTES: u64 = 32 * 1024;
/// Batches that may be on their way at once: one is made durable while the next one travels.
const PARALLEL_BATCHES: usize = 3;
/// How often an artifact is sent whose blob was there and then was not.
const ROUNDS: usize = 2;

/// A repository of a peer, written to.
#[derive(Debug, Clone)]
pub struct PeerTarget {
    pub(super) peer: Peer,
    pub(super) repository: RepositoryRef,
    repository_type: RepositoryType,
}

impl PeerTarget {
    pub(super) fn new(peer: Peer, repository: RepositoryRef) -> Self {
        Self {
            peer,
            repository,
            repository_type: RepositoryType::generic(),
        }
    }

    /// Takes it for a repository that holds this, not files.
    #[must_use]
    pub fn of_type(mut self, repository_type: RepositoryType) -> Self {
        self.repository_type = repository_type;
        self
    }

    async fn find_all(
        &self,
        keys: &[ArtifactKey],
        checksums: bool,
    ) -> ConnectorResult<Vec<Option<Existing>>> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH_ARTIFACTS) {
            found.extend(self.find_some(keys, checksums).await?);
        }
        Ok(found)
    }

    async fn find_some(
        &self,
        keys: &[ArtifactKey],
        checksums: bool,
    ) -> ConnectorResult<Vec<Option<Existing>>> {
        let question = Question::Inventory {
            repository: self.repository.clone(),
            keys: keys.to_vec(),
            checksums,
        };
        match self.peer.ask(&question, Stage::Describe).await? {
            Answer::Inventory(found) if found.len() == keys.len() => Ok(found),
            _ => Err(self.peer.unexpected(Stage::Describe)),
        }
    }

    /// Returns those digests of `batch` worth asking for that need not be sent.
    async fn present(&self, batch: &[Put], files: &[usize]) -> ConnectorResult<HashSet<Digest>> {
        let asked: HashSet<Digest> = files
            .iter()
            .map(|index| &batch[*index])
            .filter(|put| put.artifact.size_bytes() >= ASK_FIRST_BYTES)
            .filter_map(|put| put.artifact.digest)
            .collect();
        self.present_among(asked).await
    }

    /// Returns those of `asked` that need not be sent; they stay at least for an hour.
    pub(super) async fn present_among(&self, asked: HashSet<Digest>) -> ConnectorResult<HashSet<Digest>> {
        let asked: Vec<Digest> = asked.into_iter().collect();
        let mut present = HashSet::new();
        for digests in asked.chunks(BATCH_ARTIFACTS) {
            let question = Question::Blobs {
                repository: self.repository.clone(),
                digests: digests.to_vec(),
            };
            match self.peer.ask(&question, Stage::Write).await? {
                Answer::Blobs(there) if there.len() == digests.len() => {
                    present.extend(
                        digests
                            .iter()
                            .zip(there)
                            .filter(|(_, there)| *there)
                            .map(|(digest, _)| *digest),
                    );
                }
                _ => return Err(self.peer.unexpected(Stage::Write)),
            }
        }
        Ok(present)
    }

    /// Sends the items `waiting` of `batch`; returns those whose blob was there and then was not.
    async fn round(
        &self,
        batch: &[Put],
        waiting: &[usize],
        present: &HashSet<Digest>,
        ports: (&dyn Content, &dyn Settled),
    ) -> ConnectorResult<Vec<usize>> {
        let (content, settled) = ports;
        let travels_alone = |index: &&usize| {
            let artifact = &batch[**index].artifact;
            artifact.size_bytes() > SMALL_BLOB_BYTES && !is_in(present, artifact)
        };
        let (alone, together): (Vec<usize>, Vec<usize>) = waiting.iter().partition(travels_alone);
        let mut lacking = Vec::new();
        let send = |items: Vec<usize>, uploaded: HashMap<Digest, u64>| {
            Batch::new(self, batch, items, present, uploaded).send(content, settled)
        };
        for items in groups(batch, &together, present) {
            lacking.extend(send(items, HashMap::new()).await?);
        }
        for index in alone {
            let artifact = &batch[index].artifact;
            let uploaded = match artifact.blobs.first() {
                Some(blob) => self.upload(&artifact.key, blob, content).await?,
                None => Err(self.peer.unexpected(Stage::Write)),
            };
            match uploaded {
                Ok(moved_bytes) => {
                    let uploaded = artifact
                        .digest
                        .map(|digest| (digest, moved_bytes))
                        .into_iter()
                        .collect();
                    lacking.extend(send(vec![index], uploaded).await?);
                }
                Err(error) => settled.settled(index, PutOutcome::Failed(error)),
            }
        }
        Ok(lacking)
    }
}

fn is_in(digests: &HashSet<Digest>, artifact: &Artifact) -> bool {
    artifact.digest.is_some_and(|digest| digests.contains(&digest))
}

/// Cuts `items` into groups that fit into one request each, all about the same size.
fn groups(batch: &[Put], items: &[usize], present: &HashSet<Digest>) -> Vec<Vec<usize>> {
    let travelling_bytes = |index: &usize| {
        let artifact = &batch[*index].artifact;
        if is_in(present, artifact) {
            0
        } else {
            artifact.size_bytes()
        }
    };
    let sum_bytes: u64 = items.iter().map(travelling_bytes).sum();
    let even_bytes = sum_bytes / sum_bytes.div_ceil(BATCH_BYTES - SMALL_BLOB_BYTES).max(1);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_bytes = 0;
    for index in items {
        let full = groups
            .last()
            .is_none_or(|group| group_bytes >= even_bytes.max(1) || group.len() == BATCH_ARTIFACTS);
        if full {
            groups.push(Vec::new());
            group_bytes = 0;
        }
        group_bytes += travelling_bytes(index);
        if let Some(group) = groups.last_mut() {
            group.push(*index);
        }
    }
    groups
}

#[async_trait]
impl Target for PeerTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_write: true,
            metadata: true,
            batch_artifacts: BATCH_ARTIFACTS,
            batch_bytes: domain::ports::BATCH_BYTES,
            parallel_batches: PARALLEL_BATCHES,
            needs_sha256: true,
            verifies: true,
        }
    }

    async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        self.peer.handshake().await?;
        let question = Question::Prepare {
            repository: self.repository.clone(),
            create,
            repository_type: self.repository_type.clone(),
        };
        match self.peer.ask(&question, Stage::Describe).await? {
            Answer::Done => Ok(()),
            _ => Err(self.peer.unexpected(Stage::Describe)),
        }
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.find_all(keys, false).await
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.find_all(keys, true).await
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let (files, versions): (Vec<usize>, Vec<usize>) =
            (0..batch.len()).partition(|index| batch[*index].artifact.key.version.is_none());
        let failed = |index: usize, words: &str| {
            let subject = batch[index].artifact.key.to_string();
            let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, subject).words(words);
            settled.settled(index, PutOutcome::Failed(error));
        };
        Versions::of(self, batch, content)
            .send(&versions, settled)
            .await?;
        let mut present = self.present(batch, &files).await?;
        let mut waiting = files;
        for _ in 0..ROUNDS {
            waiting = self.round(batch, &waiting, &present, (content, settled)).await?;
            present.clear();
        }
        for index in waiting {
            failed(
                index,
                "the peer says again and again that it has the bytes, and then that it has not",
            );
        }
        Ok(())
    }
}
