//! A large blob on its way to a peer: in parts, several at a time, each repeated alone when it breaks.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::artifact::{ArtifactKey, Blob};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Content};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::exchange::{Feed, HungUp};
use super::target::PeerTarget;
use super::wire::{Answer, Question};

/// Parts that travel at the same time.
const PARALLEL_PARTS: usize = 3;
/// How often one part is sent before its error counts.
const PART_TRIES: u32 = 3;
/// Parts a peer may ask for, smallest and largest.
const PART_SIZES: std::ops::RangeInclusive<u64> = 64 * 1024..=1024 * 1024 * 1024;

/// Why a part did not arrive: because of the source, or of the way.
enum PartError {
    Source(ConnectorError),
    Way(ConnectorError),
}

/// One upload at the peer.
struct Upload<'a> {
    target: &'a PeerTarget,
    key: &'a ArtifactKey,
    blob: &'a Blob,
    id: String,
    part_bytes: u64,
    moved_bytes: AtomicU64,
}

impl PeerTarget {
    /// Sends what the peer lacks of `blob` of the artifact `key`; returns how many bytes moved.
    ///
    /// The outer error is the peer's or the way's, the inner one the source's.
    pub(super) async fn upload(
        &self,
        key: &ArtifactKey,
        blob: &Blob,
        content: &dyn Content,
    ) -> ConnectorResult<ConnectorResult<u64>> {
        let Some(blob) = blob.known() else {
            return Err(self.peer.unexpected(Stage::Write));
        };
        let question = Question::Upload {
            repository: self.repository.clone(),
            digest: blob.digest,
            size_bytes: blob.size_bytes,
        };
        let (id, part_bytes, parts) = match self.peer.ask(&question, Stage::Write).await? {
            Answer::Upload { upload: None, .. } => return Ok(Ok(0)),
            Answer::Upload {
                upload: Some(id),
                part_bytes,
                parts,
            } if PART_SIZES.contains(&part_bytes) => (id, part_bytes, parts),
            _ => return Err(self.peer.unexpected(Stage::Write)),
        };
        let upload = Upload {
            target: self,
            key,
            blob: &blob,
            id,
            part_bytes,
            moved_bytes: AtomicU64::new(0),
        };
        let lacking = (0..upload.part_count()).filter(|part| !parts.contains(part));
        let sending = stream::iter(lacking).map(|part| upload.part(part, content));
        match sending.buffer_unordered(PARALLEL_PARTS).try_collect::<()>().await {
            Ok(()) => {}
            Err(PartError::Source(error)) => return Ok(Err(error)),
            Err(PartError::Way(error)) => return Err(error),
        }
        match upload.finish().await {
            Ok(()) => Ok(Ok(upload.moved_bytes.into_inner())),
            // Every part arrived as it was sent, so the source gave other bytes than it had announced.
            Err(error) if error.kind == ErrorKind::Corrupt && error.stage == Stage::Verify => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }
}

impl Upload<'_> {
    fn part_count(&self) -> u32 {
        u32::try_from(self.blob.size_bytes.div_ceil(self.part_bytes)).unwrap_or(u32::MAX)
    }

    /// Sends one part, again if it was broken on the way.
    async fn part(&self, part: u32, content: &dyn Content) -> Result<(), PartError> {
        let mut tries = 1;
        loop {
            match self.part_once(part, content).await {
                Err(PartError::Way(error)) if error.kind == ErrorKind::Corrupt && tries < PART_TRIES => {
                    tries += 1
                }
                other => return other,
            }
        }
    }

    async fn part_once(&self, part: u32, content: &dyn Content) -> Result<(), PartError> {
        let question = Question::Part {
            repository: self.target.repository.clone(),
            upload: self.id.clone(),
            part,
        };
        let exchange = self.target.peer.exchange(&question, Stage::Write);
        let (feed, body) = exchange.feed();
        let (answers, fed) = tokio::join!(exchange.send(body), self.fill(feed, part, content));
        if let Ok(Err(error)) = fed {
            return Err(PartError::Source(error));
        }
        let answer = match answers {
            Ok(answers) => answers.only().await,
            Err(error) => Err(error),
        };
        match answer.map_err(|error| PartError::Way(forgotten(error)))? {
            Answer::Done => Ok(()),
            _ => Err(PartError::Way(self.target.peer.unexpected(Stage::Write))),
        }
    }

    /// Sends the bytes of one part; the inner error is the source's and leaves the part without an end.
    async fn fill(
        &self,
        mut feed: Feed,
        part: u32,
        content: &dyn Content,
    ) -> Result<ConnectorResult<()>, HungUp> {
        let offset_bytes = u64::from(part) * self.part_bytes;
        let mut left_bytes = self.part_bytes.min(self.blob.size_bytes - offset_bytes);
        let mut bytes = match feed
            .during(content.open(self.key, self.blob, offset_bytes))
            .await?
        {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error)),
        };
        while left_bytes > 0 {
            let mut piece = match feed.during(bytes.next()).await? {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => return Ok(Err(error)),
                None => return Ok(Err(self.changed())),
            };
            piece.truncate(usize::try_from(left_bytes).unwrap_or(usize::MAX));
            left_bytes -= piece.len() as u64;
            self.moved_bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
            feed.raw(piece).await?;
        }
        feed.end().await.map(Ok)
    }

    fn changed(&self) -> ConnectorError {
        ConnectorError::new(ErrorKind::Changed, Stage::Read, self.key.to_string())
            .words("the source ended before its size")
    }

    /// Asks the peer to verify the whole.
    async fn finish(&self) -> ConnectorResult<()> {
        let question = Question::Finish {
            repository: self.target.repository.clone(),
            upload: self.id.clone(),
        };
        match self
            .target
            .peer
            .ask(&question, Stage::Verify)
            .await
            .map_err(forgotten)?
        {
            Answer::Done => Ok(()),
            _ => Err(self.target.peer.unexpected(Stage::Verify)),
        }
    }
}

/// An upload the peer does not know any more can be begun again; nothing the caller names is missing.
fn forgotten(error: ConnectorError) -> ConnectorError {
    if error.kind == ErrorKind::NotFound {
        return ConnectorError::new(ErrorKind::Unreachable, error.stage, error.subject)
            .words("the peer has forgotten the upload");
    }
    error
}
