//! Bytes for targets under test, and the outcomes they settle.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob};
use domain::checksums::Sums;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Content, PutOutcome, Settled};
use futures_util::stream;

/// Bytes by digest, in memory; can be made to lie and to break.
#[derive(Default)]
pub struct MemoryContent {
    bytes: Mutex<HashMap<Digest, Bytes>>,
    breaks: Mutex<HashMap<Digest, usize>>,
    verifies: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl MemoryContent {
    /// Holds each of `contents`.
    pub fn of<'a>(contents: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let content = Self::default();
        for bytes in contents {
            lock(&content.bytes).insert(Digest::of(bytes), Bytes::copy_from_slice(bytes));
        }
        content
    }

    /// Gives `bytes` out as those of `digest`, which they are not.
    pub fn lie(&self, digest: &Digest, bytes: Vec<u8>) {
        lock(&self.bytes).insert(*digest, bytes.into());
    }

    /// Verifies what it gives out, as a run does for targets that do not: the last piece of wrong bytes never comes.
    #[must_use]
    pub fn verifying(mut self) -> Self {
        self.verifies = true;
        self
    }

    /// Fails as changed when more than `bytes` of `digest` are read.
    pub fn break_after(&self, digest: &Digest, bytes: usize) {
        lock(&self.breaks).insert(*digest, bytes);
    }

    fn pieces(&self, key: &ArtifactKey, blob: &Blob) -> Vec<ConnectorResult<Bytes>> {
        let error = |kind| Err(ConnectorError::new(kind, Stage::Read, key.to_string()));
        let held = blob.digest.and_then(|digest| {
            let bytes = lock(&self.bytes).get(&digest).cloned()?;
            Some((bytes, lock(&self.breaks).get(&digest).copied()))
        });
        let Some((bytes, whole)) = held else {
            return vec![error(ErrorKind::NotFound)];
        };
        let end = whole.unwrap_or(bytes.len());
        let mut pieces: Vec<ConnectorResult<Bytes>> = (0..end)
            .step_by(100_000)
            .map(|start| Ok(bytes.slice(start..end.min(start + 100_000))))
            .collect();
        if whole.is_some() {
            pieces.push(error(ErrorKind::Changed));
        } else if self.verifies && !Sums::of(&bytes, blob).are_of(blob) {
            pieces.pop();
            pieces.push(error(ErrorKind::Corrupt));
        }
        pieces
    }
}

#[async_trait]
impl Content for MemoryContent {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let mut skipped = usize::try_from(offset_bytes).expect("tests are small");
        let mut rest = Vec::new();
        for piece in self.pieces(key, blob) {
            match piece {
                Ok(piece) if piece.len() <= skipped => skipped -= piece.len(),
                Ok(piece) => rest.push(Ok(piece.slice(std::mem::take(&mut skipped)..))),
                Err(error) => rest.push(Err(error)),
            }
        }
        // As strict as real ones: asking for more after the end panics.
        Ok(Box::pin(stream::unfold(
            rest.into_iter(),
            |mut rest| async move {
                let piece = rest.next()?;
                Some((piece, rest))
            },
        )))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let whole = |(key, blob): &(&ArtifactKey, &Blob)| {
            let mut whole = Vec::new();
            for piece in self.pieces(key, blob) {
                whole.extend_from_slice(&piece?);
            }
            Ok(whole.into())
        };
        Ok(wanted.iter().map(whole).collect())
    }
}

/// Takes the outcomes of one batch; each item settles at most once.
pub struct Outcomes(Mutex<Vec<Option<PutOutcome>>>);

impl Outcomes {
    /// Waits for `count` outcomes.
    pub fn of(count: usize) -> Self {
        Self(Mutex::new((0..count).map(|_| None).collect()))
    }

    /// Returns what has been settled so far.
    pub fn so_far(self) -> Vec<Option<PutOutcome>> {
        self.0
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Returns all outcomes; every item must have settled.
    pub fn all(self) -> Vec<PutOutcome> {
        let outcomes = self.so_far();
        outcomes
            .into_iter()
            .map(|outcome| outcome.expect("every item settles"))
            .collect()
    }
}

impl Settled for Outcomes {
    fn settled(&self, index: usize, outcome: PutOutcome) {
        let earlier = lock(&self.0)[index].replace(outcome);
        assert!(earlier.is_none(), "item {index} settled twice");
    }
}
