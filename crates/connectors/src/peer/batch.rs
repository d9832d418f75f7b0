//! One request that carries many small artifacts, and the answer that settles each of them.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Content, Put, PutOutcome, Settled};

use super::exchange::{Answers, Feed, HungUp};
use super::target::PeerTarget;
use super::wire::{Answer, Fate, Item, Parcel, Question, Supply};

/// Bytes that are read from the source at once, so that the first ones travel while the next are read.
const READ_BYTES: u64 = 1024 * 1024;

/// A request in the making: some items of a batch.
pub(super) struct Batch<'a> {
    target: &'a PeerTarget,
    puts: &'a [Put],
    items: Vec<usize>,
    present: &'a HashSet<Digest>,
    /// Large blobs sent before, and how many bytes moved for each.
    uploaded: HashMap<Digest, u64>,
}

/// What was sent: item for item its place in the batch and how its bytes travelled.
type Sent = Vec<(usize, Supply)>;

impl<'a> Batch<'a> {
    pub(super) fn new(
        target: &'a PeerTarget,
        puts: &'a [Put],
        items: Vec<usize>,
        present: &'a HashSet<Digest>,
        uploaded: HashMap<Digest, u64>,
    ) -> Self {
        Self {
            target,
            puts,
            items,
            present,
            uploaded,
        }
    }

    /// Sends the items and settles each; returns those whose blob was there and then was not.
    pub(super) async fn send(
        self,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<Vec<usize>> {
        let question = Question::Batch {
            repository: self.target.repository.clone(),
        };
        let exchange = self.target.peer.exchange(&question, Stage::Write);
        let (feed, body) = exchange.feed();
        let mut sent = Sent::new();
        // When the other side hangs up, its answer says why.
        let (answers, _hung_up) =
            tokio::join!(exchange.send(body), self.fill(feed, content, settled, &mut sent));
        self.settle(answers?, &sent, settled).await
    }

    async fn fill(
        &self,
        mut feed: Feed,
        content: &dyn Content,
        settled: &dyn Settled,
        sent: &mut Sent,
    ) -> Result<(), HungUp> {
        let mut travelled: HashSet<Digest> = HashSet::new();
        for items in self.readings() {
            let bytes = feed.during(self.read(items, content, &travelled)).await?;
            for index in items {
                let Some(digest) = self.puts[*index].artifact.digest else {
                    settled.settled(*index, PutOutcome::Failed(self.unread(*index)));
                    continue;
                };
                let (supply, body) = match bytes.get(&digest) {
                    _ if self.is_there(&digest) => (Supply::Present, Bytes::new()),
                    _ if travelled.contains(&digest) => (Supply::Earlier, Bytes::new()),
                    Some(Ok(bytes)) => (Supply::Here, bytes.clone()),
                    Some(Err(error)) => {
                        settled.settled(*index, PutOutcome::Failed(error.again()));
                        continue;
                    }
                    None => {
                        settled.settled(*index, PutOutcome::Failed(self.unread(*index)));
                        continue;
                    }
                };
                if supply == Supply::Here {
                    travelled.insert(digest);
                }
                sent.push((*index, supply));
                feed.frame(&self.parcel(*index, supply), &body).await?;
            }
        }
        feed.end().await
    }

    fn is_there(&self, digest: &Digest) -> bool {
        self.present.contains(digest) || self.uploaded.contains_key(digest)
    }

    fn parcel(&self, index: usize, supply: Supply) -> Parcel<&Artifact> {
        let put = &self.puts[index];
        Parcel::Item(Item {
            artifact: &put.artifact,
            expect: put.expect.clone(),
            with_metadata: put.with_metadata,
            supply,
        })
    }

    /// Cuts the items into runs whose bytes are read together.
    fn readings(&self) -> impl Iterator<Item = &[usize]> {
        let mut rest = self.items.as_slice();
        std::iter::from_fn(move || {
            let mut sum_bytes = 0;
            let fitting = rest.iter().take_while(|index| {
                sum_bytes += self.puts[**index].artifact.size_bytes();
                sum_bytes <= READ_BYTES
            });
            let (run, later) = rest.split_at(fitting.count().max(1).min(rest.len()));
            rest = later;
            if run.is_empty() { None } else { Some(run) }
        })
    }

    /// Reads the bytes that `items` need and that have not travelled, each digest once.
    async fn read(
        &self,
        items: &[usize],
        content: &dyn Content,
        travelled: &HashSet<Digest>,
    ) -> HashMap<Digest, ConnectorResult<Bytes>> {
        let mut asked: HashSet<Digest> = HashSet::new();
        let wanted: Vec<(&ArtifactKey, &Blob)> = items
            .iter()
            .map(|index| &self.puts[*index].artifact)
            .filter(|artifact| {
                let wanted = |digest| !self.is_there(digest) && !travelled.contains(digest);
                artifact.digest.as_ref().is_some_and(wanted)
            })
            .filter(|artifact| artifact.digest.is_some_and(|digest| asked.insert(digest)))
            .filter_map(|artifact| Some((&artifact.key, artifact.blobs.first()?)))
            .collect();
        if wanted.is_empty() {
            return HashMap::new();
        }
        let digests = wanted.iter().filter_map(|(_, blob)| blob.digest);
        match content.read(&wanted).await {
            Ok(bytes) => digests.zip(bytes).collect(),
            Err(error) => digests.map(|digest| (digest, Err(error.again()))).collect(),
        }
    }

    fn unread(&self, index: usize) -> ConnectorError {
        let subject = self.puts[index].artifact.key.to_string();
        ConnectorError::new(ErrorKind::Protocol, Stage::Read, subject).words("the source gave no bytes")
    }

    async fn settle(
        &self,
        mut answers: Answers,
        sent: &Sent,
        settled: &dyn Settled,
    ) -> ConnectorResult<Vec<usize>> {
        let mut open: Vec<Option<(usize, Supply)>> = sent.iter().copied().map(Some).collect();
        let mut lacking = Vec::new();
        while let Some(answer) = answers.next().await? {
            let Answer::Settled(fates) = answer else {
                return Err(self.target.peer.unexpected(Stage::Commit));
            };
            for (place, fate) in fates {
                let Some((index, supply)) = open.get_mut(place).and_then(Option::take) else {
                    return Err(self.target.peer.unexpected(Stage::Commit));
                };
                match self.outcome(index, supply, fate) {
                    Some(outcome) => settled.settled(index, outcome),
                    None => lacking.push(index),
                }
            }
        }
        if open.iter().any(Option::is_some) {
            return Err(self.target.peer.unexpected(Stage::Commit));
        }
        Ok(lacking)
    }

    /// Returns what a fate means here; `None`: the bytes have to be sent after all.
    fn outcome(&self, index: usize, supply: Supply, fate: Fate) -> Option<PutOutcome> {
        let artifact = &self.puts[index].artifact;
        let outcome = match fate {
            Fate::Stored => {
                let moved_bytes = match supply {
                    Supply::Here => artifact.size_bytes(),
                    Supply::Earlier => 0,
                    Supply::Present => {
                        let uploaded = artifact.digest.and_then(|digest| self.uploaded.get(&digest));
                        uploaded.copied().unwrap_or(0)
                    }
                };
                let moved = supply == Supply::Here || moved_bytes > 0;
                PutOutcome::Stored {
                    moved_bytes,
                    moved_blobs: u32::from(moved),
                }
            }
            Fate::Raced(found) => PutOutcome::Raced { found },
            Fate::Failed(trouble) => PutOutcome::Failed(trouble.into_error(artifact.key.to_string())),
            Fate::Lacks => return None,
        };
        Some(outcome)
    }
}
