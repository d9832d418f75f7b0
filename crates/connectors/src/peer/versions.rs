//! Versions of packages on their way to a peer: what it lacks of their blobs first, then themselves.
//!
//! Large blobs go in parts, as those of files do; small ones travel in the request that stores the versions. What the
//! peer was told before is pinned there, so that nothing it was promised to have goes away in between.

use std::collections::HashSet;

use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    ConnectorError, ConnectorResult, Content, Put, PutOutcome, SMALL_BLOB_BYTES, Settled, known_digest,
};

use super::exchange::{Answers, Feed, HungUp};
use super::target::PeerTarget;
use super::wire::{Answer, BATCH_ARTIFACTS, BATCH_BYTES, Fate, Item, Parcel, Question, Supply};

/// How often versions are sent whose blobs were there and then were not.
const ROUNDS: usize = 2;

/// Versions of a batch that are sent.
pub(super) struct Versions<'a> {
    target: &'a PeerTarget,
    batch: &'a [Put],
    content: &'a dyn Content,
}

/// Versions that go in one request, and the small blobs that go with them.
#[derive(Default)]
struct Group<'a> {
    items: Vec<Sent>,
    blobs: Vec<(Digest, Bytes)>,
    blob_bytes: u64,
    travelling: HashSet<Digest>,
    of: Vec<&'a Put>,
}

/// One version of a request.
#[derive(Clone, Copy)]
struct Sent {
    index: usize,
    moved_bytes: u64,
    moved_blobs: u32,
}

impl<'a> Versions<'a> {
    pub(super) fn of(target: &'a PeerTarget, batch: &'a [Put], content: &'a dyn Content) -> Self {
        Self {
            target,
            batch,
            content,
        }
    }

    /// Sends the versions at `indexes` and settles each.
    pub(super) async fn send(&self, indexes: &[usize], settled: &dyn Settled) -> ConnectorResult<()> {
        let mut waiting = indexes.to_vec();
        for _ in 0..ROUNDS {
            waiting = self.round(&waiting, settled).await?;
        }
        for index in waiting {
            let words = "the peer says again and again that it has the bytes, and then that it has not";
            let error = self.error(index, ErrorKind::Protocol, words);
            settled.settled(index, PutOutcome::Failed(error));
        }
        Ok(())
    }

    fn error(&self, index: usize, kind: ErrorKind, words: &str) -> ConnectorError {
        let subject = self.batch[index].artifact.key.to_string();
        ConnectorError::new(kind, Stage::Write, subject).words(words)
    }

    /// Sends each version once; returns those whose blobs were there and then were not.
    async fn round(&self, indexes: &[usize], settled: &dyn Settled) -> ConnectorResult<Vec<usize>> {
        let mut lacking = Vec::new();
        let mut group = Group::default();
        let asked = indexes
            .iter()
            .flat_map(|index| &self.batch[*index].artifact.blobs)
            .filter_map(|blob| blob.digest);
        let present = self.target.present_among(asked.collect()).await?;
        for index in indexes {
            match self.supply(*index, &present, &mut group).await? {
                Ok(sent) => {
                    group.items.push(sent);
                    group.of.push(&self.batch[*index]);
                }
                Err(error) => settled.settled(*index, PutOutcome::Failed(error)),
            }
            if group.blob_bytes > BATCH_BYTES / 2 || group.items.len() == BATCH_ARTIFACTS {
                lacking.extend(self.store(std::mem::take(&mut group), settled).await?);
            }
        }
        lacking.extend(self.store(group, settled).await?);
        Ok(lacking)
    }

    /// Sends the large blobs the peer lacks of a version, and puts its small ones into the group.
    ///
    /// `present` is what the peer was found to have. The outer error is the peer's or the way's, the inner one this version's alone.
    async fn supply(
        &self,
        index: usize,
        present: &HashSet<Digest>,
        group: &mut Group<'_>,
    ) -> ConnectorResult<ConnectorResult<Sent>> {
        let artifact = &self.batch[index].artifact;
        let digests = artifact
            .blobs
            .iter()
            .map(|blob| known_digest(&artifact.key, blob));
        let digests: Vec<Digest> = match digests.collect() {
            Ok(digests) => digests,
            Err(error) => return Ok(Err(error)),
        };
        let mut sent = Sent {
            index,
            moved_bytes: 0,
            moved_blobs: 0,
        };
        let mut seen = HashSet::new();
        let mut small: Vec<(Digest, (&ArtifactKey, &Blob))> = Vec::new();
        let mut small_bytes = 0;
        for (blob, digest) in artifact.blobs.iter().zip(digests) {
            if present.contains(&digest) || group.travelling.contains(&digest) || !seen.insert(digest) {
                continue;
            }
            let fits = group.blob_bytes + small_bytes + blob.size_bytes <= BATCH_BYTES;
            if blob.size_bytes <= SMALL_BLOB_BYTES && fits {
                small_bytes += blob.size_bytes;
                small.push((digest, (&artifact.key, blob)));
                continue;
            }
            match self.target.upload(&artifact.key, blob, self.content).await? {
                Ok(moved_bytes) => {
                    sent.moved_bytes += moved_bytes;
                    sent.moved_blobs += u32::from(moved_bytes > 0);
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        let wanted: Vec<(&ArtifactKey, &Blob)> = small.iter().map(|(_, wanted)| *wanted).collect();
        if wanted.is_empty() {
            return Ok(Ok(sent));
        }
        let read = match self.content.read(&wanted).await {
            Ok(read) => read,
            Err(error) => return Ok(Err(error)),
        };
        let read: Vec<Bytes> = match read.into_iter().collect() {
            Ok(read) => read,
            Err(error) => return Ok(Err(error)),
        };
        for ((digest, _), bytes) in small.into_iter().zip(read) {
            sent.moved_bytes += bytes.len() as u64;
            sent.moved_blobs += 1;
            group.blob_bytes += bytes.len() as u64;
            group.travelling.insert(digest);
            group.blobs.push((digest, bytes));
        }
        Ok(Ok(sent))
    }

    /// Sends one request and settles what it stored; returns what lacks blobs after all.
    async fn store(&self, group: Group<'_>, settled: &dyn Settled) -> ConnectorResult<Vec<usize>> {
        if group.items.is_empty() {
            return Ok(Vec::new());
        }
        let question = Question::Batch {
            repository: self.target.repository.clone(),
        };
        let exchange = self.target.peer.exchange(&question, Stage::Write);
        let (feed, body) = exchange.feed();
        // When the other side hangs up, its answer says why.
        let (answers, _hung_up) = tokio::join!(exchange.send(body), fill(feed, &group));
        self.settle(answers?, &group.items, settled).await
    }

    async fn settle(
        &self,
        mut answers: Answers,
        items: &[Sent],
        settled: &dyn Settled,
    ) -> ConnectorResult<Vec<usize>> {
        let unexpected = || self.target.peer.unexpected(Stage::Commit);
        let mut open: Vec<Option<Sent>> = items.iter().copied().map(Some).collect();
        let mut lacking = Vec::new();
        while let Some(answer) = answers.next().await? {
            let Answer::Settled(fates) = answer else {
                return Err(unexpected());
            };
            for (place, fate) in fates {
                let sent = open
                    .get_mut(place)
                    .and_then(Option::take)
                    .ok_or_else(unexpected)?;
                let subject = || self.batch[sent.index].artifact.key.to_string();
                let outcome = match fate {
                    Fate::Stored => PutOutcome::Stored {
                        moved_bytes: sent.moved_bytes,
                        moved_blobs: sent.moved_blobs,
                    },
                    Fate::Raced(found) => PutOutcome::Raced { found },
                    Fate::Failed(trouble) => PutOutcome::Failed(trouble.into_error(subject())),
                    Fate::Lacks => {
                        lacking.push(sent.index);
                        continue;
                    }
                };
                settled.settled(sent.index, outcome);
            }
        }
        if open.iter().any(Option::is_some) {
            return Err(unexpected());
        }
        Ok(lacking)
    }
}

async fn fill(mut feed: Feed, group: &Group<'_>) -> Result<(), HungUp> {
    for (digest, bytes) in &group.blobs {
        feed.frame(&Parcel::<()>::Blob(*digest), bytes).await?;
    }
    for put in &group.of {
        let item = Parcel::Item(Item {
            artifact: &put.artifact,
            expect: put.expect.clone(),
            with_metadata: put.with_metadata,
            supply: Supply::Present,
        });
        feed.frame(&item, b"").await?;
    }
    feed.end().await
}
