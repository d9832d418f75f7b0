//! The two ports of a repository in memory.

use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{
    BATCH_BYTES, ByteStream, Capabilities, ConnectorError, ConnectorResult, Content, Cursor, KeyPage, Put,
    PutOutcome, SMALL_BLOB_BYTES, Settled, Source, Target,
};
use domain::task::Scope;
use futures_util::TryStreamExt;

use super::{Call, MemoryRepository, Op, Refused, file_key, is_met, lock};

/// Pieces in which a large blob is read.
const PIECE_BYTES: usize = 64 * 1024;

#[async_trait]
impl Source for MemoryRepository {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let call = self.call(Op::List, &[]).await;
        call.allowed()?;
        let after = match cursor {
            Some(cursor) => Bound::Excluded(from_cursor(cursor)),
            None => Bound::Unbounded,
        };
        let held = lock(&self.shared.held);
        let mut matching = held
            .by_key
            .range((after, Bound::Unbounded))
            .map(|(key, _)| key)
            .filter(|key| is_in(scope, key));
        let keys: Vec<ArtifactKey> = matching.by_ref().take(limit).cloned().collect();
        let more = matching.next().is_some();
        let next = keys.last().filter(|_| more).map(to_cursor);
        Ok(KeyPage { keys, next })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let call = self.call(Op::Missing, &[]).await;
        call.allowed()?;
        let Scope::Paths(paths) = scope else {
            return Ok(Vec::new());
        };
        let held = lock(&self.shared.held);
        let stands = |path: &FilePath| path.is_root() || held.by_key.keys().any(|key| is_within(key, path));
        Ok(paths
            .iter()
            .filter(|path| !stands(path))
            .map(ArtifactKey::file)
            .collect())
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let named: Vec<&ArtifactKey> = keys.iter().collect();
        let call = self.call(Op::Describe, &named).await;
        call.allowed()?;
        Ok(keys.iter().map(|key| self.described(&call, key)).collect())
    }

    async fn open(&self, key: &ArtifactKey, _blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let call = self.call(Op::Open, &[key]).await;
        call.allowed()?;
        let mut bytes = self.readable(&call, key)?;
        let offset = usize::try_from(offset_bytes)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        bytes = bytes.slice(offset..);
        let pieces: Vec<ConnectorResult<Bytes>> = (0..bytes.len())
            .step_by(PIECE_BYTES)
            .map(|start| Ok(bytes.slice(start..bytes.len().min(start + PIECE_BYTES))))
            .collect();
        Ok(Box::pin(futures_util::stream::iter(pieces)))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let named: Vec<&ArtifactKey> = wanted.iter().map(|(key, _)| *key).collect();
        let call = self.call(Op::Read, &named).await;
        call.allowed()?;
        Ok(named.into_iter().map(|key| self.readable(&call, key)).collect())
    }
}

impl MemoryRepository {
    fn described(&self, call: &Call, key: &ArtifactKey) -> ConnectorResult<Artifact> {
        if let Some(error) = call.refused(key) {
            return Err(error);
        }
        let existing = self.existing(key).ok_or_else(|| absent(Stage::Describe, key))?;
        let blob = Blob {
            digest: existing.digest,
            ..Blob::unknown(existing.size_bytes)
        };
        Ok(Artifact {
            key: key.clone(),
            digest: existing.digest,
            blobs: vec![blob],
            metadata: existing.metadata,
            document: None,
        })
    }

    fn readable(&self, call: &Call, key: &ArtifactKey) -> ConnectorResult<Bytes> {
        if let Some(error) = call.refused(key) {
            return Err(error);
        }
        let bytes = match call.changed(key) {
            Some(bytes) => bytes,
            None => {
                let held = lock(&self.shared.held);
                let held = held.by_key.get(key).ok_or_else(|| absent(Stage::Read, key))?;
                held.bytes.clone()
            }
        };
        Ok(call.spoiled(key, bytes))
    }
}

#[async_trait]
impl Target for MemoryRepository {
    fn capabilities(&self) -> Capabilities {
        lock(&self.shared.capabilities).unwrap_or(Capabilities {
            conditional_write: true,
            metadata: true,
            batch_artifacts: 100,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 4,
            needs_sha256: true,
            verifies: true,
        })
    }

    async fn prepare(&self, _create: bool) -> ConnectorResult<()> {
        self.call(Op::Prepare, &[]).await.allowed()
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let named: Vec<&ArtifactKey> = keys.iter().collect();
        let call = self.call(Op::Find, &named).await;
        call.allowed()?;
        Ok(keys.iter().map(|key| self.existing(key)).collect())
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let named: Vec<&ArtifactKey> = batch.iter().map(|put| &put.artifact.key).collect();
        let call = self.call(Op::Put, &named).await;
        call.allowed()?;
        call.raced();
        let small = self.received_together(batch, content).await?;
        let lost = call.lost(None);
        for (index, (put, received)) in batch.iter().zip(small).enumerate() {
            let key = &put.artifact.key;
            let outcome = self.put_one(&call, put, received, content).await;
            if matches!(outcome, PutOutcome::Stored { .. }) {
                self.call(Op::Stored, &[key]).await.allowed()?;
            }
            let outcome = match call.lost(Some(key)) {
                Some(error) => PutOutcome::Failed(error),
                None => outcome,
            };
            if lost.is_none() {
                settled.settled(index, outcome);
            }
            self.call(Op::Acknowledged, &[key]).await.allowed()?;
        }
        lost.map_or(Ok(()), Err)
    }
}

/// The bytes of an artifact, if they had to be read at all.
type Received = Option<ConnectorResult<Bytes>>;

impl MemoryRepository {
    /// Reads what is lacking of the small artifacts of `batch` in one go.
    async fn received_together(
        &self,
        batch: &[Put],
        content: &dyn Content,
    ) -> ConnectorResult<Vec<Received>> {
        let wanted: Vec<usize> = (0..batch.len())
            .filter(|index| {
                let put = &batch[*index];
                put.artifact.size_bytes() <= SMALL_BLOB_BYTES && self.needs_bytes(put)
            })
            .collect();
        let mut received: Vec<Received> = batch.iter().map(|_| None).collect();
        if wanted.is_empty() {
            return Ok(received);
        }
        let blobs: Vec<(&ArtifactKey, &Blob)> = wanted
            .iter()
            .map(|index| (&batch[*index].artifact.key, &batch[*index].artifact.blobs[0]))
            .collect();
        for (index, answer) in wanted.iter().zip(content.read(&blobs).await?) {
            received[*index] = Some(answer);
        }
        Ok(received)
    }

    fn needs_bytes(&self, put: &Put) -> bool {
        let standing = self.existing(&put.artifact.key);
        is_met(&put.expect, standing.and_then(|it| it.digest)) && self.held_blob(&put.artifact).is_none()
    }

    async fn put_one(&self, call: &Call, put: &Put, received: Received, content: &dyn Content) -> PutOutcome {
        let artifact = &put.artifact;
        if let Some(error) = call.refused(&artifact.key) {
            return PutOutcome::Failed(error);
        }
        if artifact.key.version.is_none() && artifact.key.path().is_none() {
            let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, artifact.key.to_string());
            return PutOutcome::Failed(error.words("its name is no path of a file"));
        }
        let (mut moved_bytes, mut moved_blobs) = (0, 0);
        let bytes = match (received, self.held_blob(artifact)) {
            (None, Some(bytes)) => bytes,
            (None, None) if !self.needs_bytes(put) => {
                return PutOutcome::Raced {
                    found: self.existing(&artifact.key),
                };
            }
            (received, _) => {
                let received = match received {
                    Some(received) => received,
                    None => streamed(artifact, content).await,
                };
                match received.map(|bytes| call.spoiled(&artifact.key, bytes)) {
                    Ok(bytes) if Some(Digest::of(&bytes)) == artifact.digest => {
                        (moved_bytes, moved_blobs) = (bytes.len() as u64, 1);
                        bytes
                    }
                    Ok(_) => return PutOutcome::Failed(corrupt(&artifact.key)),
                    Err(error) => return PutOutcome::Failed(error),
                }
            }
        };
        match self.store(artifact, &put.expect, put.with_metadata, bytes) {
            Ok(()) => {
                *lock(&self.shared.moved_bytes) += moved_bytes;
                PutOutcome::Stored {
                    moved_bytes,
                    moved_blobs,
                }
            }
            Err(Refused::Raced(found)) => PutOutcome::Raced { found },
            Err(Refused::InTheWay) => PutOutcome::Failed(in_the_way(&artifact.key)),
        }
    }
}

async fn streamed(artifact: &Artifact, content: &dyn Content) -> ConnectorResult<Bytes> {
    let stream = content.open(&artifact.key, &artifact.blobs[0], 0).await?;
    let pieces: Vec<Bytes> = stream.try_collect().await?;
    Ok(pieces.concat().into())
}

fn is_in(scope: &Scope, key: &ArtifactKey) -> bool {
    match scope {
        Scope::Repository => true,
        Scope::Paths(paths) => paths.iter().any(|path| is_within(key, path)),
        Scope::Packages(_) => false,
    }
}

fn is_within(key: &ArtifactKey, folder: &FilePath) -> bool {
    key.path().is_some_and(|path| path.is_within(folder))
}

fn to_cursor(key: &ArtifactKey) -> Cursor {
    Cursor(key.name.clone())
}

fn from_cursor(cursor: &Cursor) -> ArtifactKey {
    file_key(&cursor.0)
}

fn absent(stage: Stage, key: &ArtifactKey) -> ConnectorError {
    ConnectorError::new(ErrorKind::NotFound, stage, &key.name).words("it is not there")
}

fn corrupt(key: &ArtifactKey) -> ConnectorError {
    ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, &key.name)
        .words("other bytes arrived than were announced")
}

fn in_the_way(key: &ArtifactKey) -> ConnectorError {
    ConnectorError::new(ErrorKind::Conflict, Stage::Commit, &key.name)
        .words("a folder stands there, or a file where a folder would have to")
}
