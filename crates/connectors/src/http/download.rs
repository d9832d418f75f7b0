//! A download that goes on where it broke off.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use domain::digest::{Digest, Hasher};
use domain::failure::Stage;
use domain::ports::{ByteStream, ConnectorResult};
use futures_util::stream;
use reqwest::Response;

use super::activity::Activity;

/// How often a download is asked for again without having got on.
const TRIES: u32 = 3;
/// Bytes after which it has got on.
const GOT_ON_BYTES: u64 = 1024 * 1024;

/// An answer whose body is being read.
pub struct Reading {
    /// The answer; it says success.
    pub response: Response,
    /// When something of it last moved.
    pub activity: Arc<Activity>,
}

type Asking = Pin<Box<dyn Future<Output = ConnectorResult<Reading>> + Send>>;

/// Asks for the same bytes from an offset on; fails if other bytes stand there by now.
pub type Again = Box<dyn Fn(u64) -> Asking + Send + Sync>;

/// Told the SHA-256 of a download that was read from its beginning to its end.
pub type Learned = Box<dyn FnOnce(Digest) + Send + Sync>;

/// The bytes of one file, from some offset to its end.
pub struct Download {
    reading: Reading,
    again: Again,
    position: u64,
    end: u64,
    tries: u32,
    got_on_at: u64,
    learning: Option<(Hasher, Learned)>,
    stage: Stage,
    subject: String,
}

impl Download {
    /// Begins with `reading`, whose body holds the bytes from `position` to `end`.
    pub fn new(reading: Reading, again: Again, position: u64, end: u64, subject: &str) -> Self {
        Self {
            reading,
            again,
            position,
            end,
            tries: 0,
            got_on_at: position + GOT_ON_BYTES,
            learning: None,
            stage: Stage::Read,
            subject: subject.into(),
        }
    }

    /// Digests what passes, and tells in the end; only for downloads from the beginning.
    #[must_use]
    pub fn learning(mut self, learned: Learned) -> Self {
        self.learning = (self.position == 0).then(|| (Hasher::default(), learned));
        self
    }

    /// Returns the bytes.
    pub fn stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, |mut download| async move {
            Ok(download.piece().await?.map(|piece| (piece, download)))
        }))
    }

    async fn piece(&mut self) -> ConnectorResult<Option<Bytes>> {
        loop {
            let Reading { response, activity } = &mut self.reading;
            let error = match activity.chunk(response, self.stage, &self.subject).await {
                Ok(Some(piece)) => {
                    self.passed(&piece);
                    return Ok(Some(piece));
                }
                Ok(None) if self.position >= self.end || self.tries >= TRIES => {
                    self.ended();
                    return Ok(None);
                }
                Ok(None) => None,
                Err(error) if self.tries >= TRIES || self.position >= self.end => return Err(error),
                Err(error) => Some(error),
            };
            self.tries += 1;
            tracing::debug!(subject = %self.subject, position = self.position, error = ?error, "download goes on");
            self.reading = (self.again)(self.position).await?;
        }
    }

    fn passed(&mut self, piece: &Bytes) {
        self.position += piece.len() as u64;
        if self.position >= self.got_on_at {
            self.got_on_at = self.position + GOT_ON_BYTES;
            self.tries = 0;
        }
        if let Some((hasher, _)) = &mut self.learning {
            hasher.update(piece);
        }
    }

    fn ended(&mut self) {
        if self.position == self.end
            && let Some((hasher, learned)) = self.learning.take()
        {
            learned(hasher.finish());
        }
    }
}
