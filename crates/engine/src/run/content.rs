//! The bytes of a run on their way from source to target: read, throttled, counted, checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use connectors::http::Throttle;
use domain::artifact::{ArtifactKey, Blob};
use domain::checksums::Verifier;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Content, Source};
use futures_util::StreamExt;

/// Pieces in which small blobs pass the throttle, so that a low rate is smooth.
const THROTTLED_PIECE_BYTES: usize = 64 * 1024;

/// What a run reads from: its source behind throttle, counter and digest check.
#[derive(Clone)]
pub(crate) struct RunContent {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) throttle: Arc<Throttle>,
    /// Bytes read so far, for live progress.
    pub(crate) read_bytes: Arc<AtomicU64>,
    /// Whether what is read is verified here: not where the target does it anyway.
    pub(crate) verifies: bool,
}

#[async_trait]
impl Content for RunContent {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let stream = self.source.open(key, blob, offset_bytes).await?;
        let left = blob.size_bytes.saturating_sub(offset_bytes);
        let stream = checked_length(stream, left, key.name.clone(), self.clone());
        if self.verifies && offset_bytes == 0 {
            return Ok(verified(stream, blob, key.name.clone()));
        }
        Ok(stream)
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let answers = self.source.read(wanted).await?;
        let mut checked = Vec::with_capacity(answers.len());
        for ((key, blob), answer) in wanted.iter().zip(answers) {
            checked.push(match answer {
                Ok(bytes) => {
                    for piece in bytes.chunks(THROTTLED_PIECE_BYTES) {
                        self.throttle.take(piece.len() as u64).await;
                    }
                    self.read_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    checked_digest(key, blob, bytes)
                }
                Err(error) => Err(error),
            });
        }
        Ok(checked)
    }
}

fn checked_digest(key: &ArtifactKey, blob: &Blob, bytes: Bytes) -> ConnectorResult<Bytes> {
    if Verifier::is_right(&bytes, blob) {
        return Ok(bytes);
    }
    Err(other_bytes(&key.name))
}

fn other_bytes(name: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Corrupt, Stage::Read, name)
        .words("the source sent other bytes than it described")
}

/// Holds the last piece of `blob` back until the whole is known to be right.
fn verified(stream: ByteStream, blob: &Blob, name: String) -> ByteStream {
    let state = (stream, Some(Verifier::of(blob)), None::<Bytes>);
    Box::pin(futures_util::stream::try_unfold(
        state,
        move |(mut stream, mut verifier, mut held)| {
            let name = name.clone();
            async move {
                while let Some(running) = &mut verifier {
                    match stream.next().await.transpose()? {
                        Some(piece) => {
                            running.update(&piece);
                            if let Some(earlier) = held.replace(piece) {
                                return Ok(Some((earlier, (stream, verifier, held))));
                            }
                        }
                        None => {
                            if !verifier.take().is_some_and(Verifier::finish) {
                                return Err(other_bytes(&name));
                            }
                        }
                    }
                }
                Ok(held.take().map(|last| (last, (stream, verifier, held))))
            }
        },
    ))
}

fn checked_length(stream: ByteStream, left: u64, name: String, content: RunContent) -> ByteStream {
    let wrong_length = move || {
        ConnectorError::new(ErrorKind::Changed, Stage::Read, &name)
            .words("the source sent more or fewer bytes than it described")
    };
    let state = (stream, left, false);
    Box::pin(futures_util::stream::unfold(
        state,
        move |(mut stream, left, ended)| {
            let content = content.clone();
            let wrong_length = wrong_length.clone();
            async move {
                if ended {
                    return None;
                }
                match stream.next().await {
                    Some(Ok(piece)) if piece.len() as u64 <= left => {
                        content.throttle.take(piece.len() as u64).await;
                        content
                            .read_bytes
                            .fetch_add(piece.len() as u64, Ordering::Relaxed);
                        let left = left - piece.len() as u64;
                        Some((Ok(piece), (stream, left, false)))
                    }
                    None if left == 0 => None,
                    Some(Ok(_)) | None => Some((Err(wrong_length()), (stream, 0, true))),
                    Some(Err(error)) => Some((Err(error), (stream, 0, true))),
                }
            }
        },
    ))
}
