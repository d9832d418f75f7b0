//! A repository of a peer, read from.

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source, known_digest};
use domain::repository::RepositoryRef;
use domain::task::Scope;
use futures_util::stream;

use super::Peer;
use super::exchange::Answers;
use super::wire::{Answer, BATCH_ARTIFACTS, BATCH_BYTES, PART_BYTES, Question, Wanted};

/// A repository of a peer, read from.
#[derive(Debug, Clone)]
pub struct PeerSource {
    peer: Peer,
    repository: RepositoryRef,
}

impl PeerSource {
    pub(super) fn new(peer: Peer, repository: RepositoryRef) -> Self {
        Self { peer, repository }
    }

    async fn describe_some(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let question = Question::Describe {
            repository: self.repository.clone(),
            keys: keys.to_vec(),
        };
        match self.peer.ask(&question, Stage::Describe).await? {
            Answer::Artifacts(found) if found.len() == keys.len() => Ok(found
                .into_iter()
                .zip(keys)
                .map(|(artifact, key)| artifact.map_err(|trouble| trouble.into_error(key.to_string())))
                .collect()),
            _ => Err(self.peer.unexpected(Stage::Describe)),
        }
    }

    async fn read_some(
        &self,
        wanted: &[(&ArtifactKey, &Blob)],
    ) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let question = Question::Read {
            repository: self.repository.clone(),
            wanted: wanted
                .iter()
                .map(|(key, blob)| wanting(key, blob))
                .collect::<ConnectorResult<_>>()?,
        };
        let mut answers = self.peer.exchange(&question, Stage::Read).ask().await?;
        let mut blobs = Vec::with_capacity(wanted.len());
        while let Some(answer) = answers.next().await? {
            let Some((key, _)) = wanted.get(blobs.len()) else {
                return Err(self.peer.unexpected(Stage::Read));
            };
            blobs.push(match answer {
                Answer::Blob(None) => Ok(answers.body().await?),
                Answer::Blob(Some(trouble)) => Err(trouble.into_error(key.to_string())),
                _ => return Err(self.peer.unexpected(Stage::Read)),
            });
        }
        if blobs.len() == wanted.len() {
            Ok(blobs)
        } else {
            Err(self.peer.unexpected(Stage::Read))
        }
    }
}

fn wanting(key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Wanted> {
    Ok(Wanted {
        key: key.clone(),
        digest: known_digest(key, blob)?,
        size_bytes: blob.size_bytes,
    })
}

#[async_trait]
impl Source for PeerSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let question = Question::List {
            repository: self.repository.clone(),
            scope: scope.clone(),
            cursor: cursor.cloned(),
            limit,
        };
        match self.peer.ask(&question, Stage::List).await? {
            Answer::Keys { keys, next } if keys.len() <= limit => Ok(KeyPage { keys, next }),
            _ => Err(self.peer.unexpected(Stage::List)),
        }
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let question = Question::Missing {
            repository: self.repository.clone(),
            scope: scope.clone(),
        };
        match self.peer.ask(&question, Stage::List).await? {
            Answer::Missing(keys) => Ok(keys),
            _ => Err(self.peer.unexpected(Stage::List)),
        }
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let mut described = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH_ARTIFACTS) {
            described.extend(self.describe_some(keys).await?);
        }
        Ok(described)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let mut ranges = Ranges {
            source: self.clone(),
            wanted: wanting(key, blob)?,
            next_byte: offset_bytes,
            range: None,
            ahead: None,
        };
        // What can be refused is refused here, not in the middle of the stream.
        ranges.begin().await?;
        Ok(Box::pin(stream::try_unfold(ranges, |mut ranges| async move {
            Ok(ranges.next().await?.map(|piece| (piece, ranges)))
        })))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let mut blobs = Vec::with_capacity(wanted.len());
        let mut rest = wanted;
        while !rest.is_empty() {
            let mut sum_bytes = 0;
            let fitting = rest.iter().take(BATCH_ARTIFACTS).take_while(|(_, blob)| {
                sum_bytes += blob.size_bytes;
                sum_bytes <= BATCH_BYTES
            });
            let (some, later) = rest.split_at(fitting.count().max(1));
            blobs.extend(self.read_some(some).await?);
            rest = later;
        }
        Ok(blobs)
    }
}

/// Reads a large blob range by range, so that a reader who stops early wastes little.
struct Ranges {
    source: PeerSource,
    wanted: Wanted,
    next_byte: u64,
    /// The range being read, and where it ends.
    range: Option<(Answers, u64)>,
    /// The first piece of the range: a refusal comes in its place.
    ahead: Option<Bytes>,
}

impl Ranges {
    async fn begin(&mut self) -> ConnectorResult<()> {
        if self.next_byte >= self.wanted.size_bytes {
            return Ok(());
        }
        let length_bytes = PART_BYTES.min(self.wanted.size_bytes - self.next_byte);
        let question = Question::Range {
            repository: self.source.repository.clone(),
            wanted: self.wanted.clone(),
            offset_bytes: self.next_byte,
            length_bytes,
        };
        let mut answers = self.source.peer.exchange(&question, Stage::Read).ask().await?;
        self.ahead = answers.raw().await?;
        self.range = Some((answers, self.next_byte + length_bytes));
        Ok(())
    }

    async fn next(&mut self) -> ConnectorResult<Option<Bytes>> {
        loop {
            let Some((answers, end_byte)) = &mut self.range else {
                return Ok(None);
            };
            let end_byte = *end_byte;
            let piece = match self.ahead.take() {
                Some(piece) => Some(piece),
                None => answers.raw().await?,
            };
            match piece {
                Some(piece) => {
                    self.next_byte += piece.len() as u64;
                    if self.next_byte > end_byte {
                        return Err(self.wrong_length());
                    }
                    return Ok(Some(piece));
                }
                None if self.next_byte < end_byte => return Err(self.wrong_length()),
                None => {
                    self.range = None;
                    self.begin().await?;
                }
            }
        }
    }

    fn wrong_length(&self) -> ConnectorError {
        ConnectorError::new(ErrorKind::Corrupt, Stage::Read, self.wanted.key.to_string())
            .words("the peer sent more or fewer bytes than it was asked for")
    }
}
