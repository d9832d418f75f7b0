//! Carries one batch of artifacts to a target until each of them is settled.
//!
//! What a target stored is settled as soon as it says so; what it did not is tried again, at most five times. An
//! artifact somebody else changed meanwhile goes back to the decision; one whose source changed while it
//! was read is described once more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::artifact::{Artifact, Blob, Likeness};
use domain::detail::Settlement;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{Capabilities, ConnectorError, ConnectorResult, PutOutcome, Target};
use domain::task::Settings;
use futures_util::StreamExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;

use super::answers::Answers;
use super::backoff::MOST_TRIES;
use super::compare;
use super::content::RunContent;
use super::item::{Item, decided};
use super::part::Part;
use super::started::Noticing;

/// An item's end, on its way to its row.
pub(crate) type Ended = (Item, Settlement);

/// Everything a batch of one unit needs.
pub(crate) struct Carrier {
    pub(crate) part: Arc<Part>,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) content: RunContent,
    pub(crate) settings: Settings,
    /// Name of the cluster that is read from.
    pub(crate) local_cluster: String,
}

/// An item that is not settled yet.
pub(super) struct Pending {
    pub(super) item: Item,
    tried: u32,
    described_again: bool,
    /// Whether the source was found to hold other content than was described at first.
    changed: bool,
}

/// What is to become of a pending item after one answer.
enum Next {
    Settle(Settlement),
    Again(Duration),
}

impl Carrier {
    /// Carries `items`; each is sent to `ended` exactly once, as soon as it is settled.
    pub(crate) async fn carry(&self, items: Vec<Item>, ended: UnboundedSender<Ended>) {
        let mut pending: Vec<Pending> = items
            .into_iter()
            .map(|item| Pending {
                item,
                tried: 0,
                described_again: false,
                changed: false,
            })
            .collect();
        while !pending.is_empty() {
            let mut wait = Duration::ZERO;
            let mut left = Vec::new();
            for (mut pending, answer) in self.put(pending, &ended).await {
                match self.next(&mut pending, answer).await {
                    Next::Settle(settlement) => {
                        // The page that listens ends only after its batches.
                        let _ = ended.send((pending.item, settlement));
                    }
                    Next::Again(after) => {
                        wait = wait.max(after);
                        left.push(pending);
                    }
                }
            }
            pending = left;
            if !pending.is_empty() {
                self.part.rest(wait).await;
            }
        }
    }

    /// Adds what a reader should know of `item` to the settlement of one that is there.
    pub(crate) fn noted(&self, item: &Item, settlement: Settlement) -> Settlement {
        Settlement {
            notes: item.notes(&*self.target, &self.settings),
            ..settlement
        }
    }

    /// Returns the settlement of `pending` once the target said that it is stored.
    pub(super) fn stored(&self, pending: &Pending, moved_bytes: u64, moved_blobs: u32) -> Settlement {
        self.part.answered_write();
        let item = &pending.item;
        self.noted(item, item.carried_out(moved_bytes, moved_blobs, pending.tried))
    }

    /// Puts `pending`; returns what was not stored, and what was answered for it.
    async fn put(
        &self,
        mut pending: Vec<Pending>,
        ended: &UnboundedSender<Ended>,
    ) -> Vec<(Pending, PutOutcome)> {
        for pending in &mut pending {
            pending.tried += 1;
        }
        let ready = self.part.unless_stopped(self.ready(&mut pending)).await;
        let (_turn, unreadable) = match ready.unwrap_or_else(|| Err(self.stopped())) {
            Ok(ready) => ready,
            Err(error) => {
                let failed = |pending| (pending, PutOutcome::Failed(error.again()));
                return pending.into_iter().map(failed).collect();
            }
        };
        let now_ms = self.part.now_ms();
        let mut started = HashMap::new();
        for Pending { item, .. } in &mut pending {
            item.started.put(now_ms);
            started.insert(item.artifact.key.clone(), item.started.clone());
        }
        let answers = Answers::new(self, ended, pending, unreadable);
        let batch = answers.batch();
        let content = Noticing::new(&self.content, &self.part, started);
        let result = match batch.is_empty() {
            true => Ok(()),
            false => {
                let putting = self.target.put(&batch, &content, &answers);
                let result = self.part.unless_stopped(content.during(putting)).await;
                result.unwrap_or_else(|| Err(self.stopped()))
            }
        };
        answers.left(|| match &result {
            Ok(()) => ConnectorError::new(ErrorKind::Protocol, Stage::Commit, &self.part.cluster)
                .words("the target did not answer for this artifact"),
            Err(error) => error.again(),
        })
    }

    /// Waits for a turn and learns what has to be known of `pending`; returns the turn, and answers for what cannot be
    /// read.
    async fn ready(
        &self,
        pending: &mut [Pending],
    ) -> ConnectorResult<(Option<OwnedSemaphorePermit>, Vec<Option<PutOutcome>>)> {
        self.not_given_up()?;
        let turn = self.part.turn().await;
        self.not_given_up()?;
        Ok((turn, self.learn(pending).await))
    }

    /// Learns the SHA-256 of what is to be put, where the target has to know it; answers for what cannot be read.
    async fn learn(&self, pending: &mut [Pending]) -> Vec<Option<PutOutcome>> {
        let mut unreadable: Vec<Option<PutOutcome>> = pending.iter().map(|_| None).collect();
        if !self.target.capabilities().needs_sha256 {
            return unreadable;
        }
        let unknown: Vec<usize> = (0..pending.len())
            .filter(|place| compare::lacks_digest(&pending[*place].item.artifact))
            .collect();
        let wanted: Vec<Artifact> = unknown
            .iter()
            .map(|place| pending[*place].item.artifact.clone())
            .collect();
        // What its protocol tells need not be read.
        if let Ok(told) = self.content.source.inspect(&wanted).await {
            for (place, told) in unknown.iter().zip(told) {
                if let Ok(told) = told {
                    pending[*place].item.artifact = told;
                }
            }
        }
        let learning = pending
            .iter_mut()
            .enumerate()
            .filter(|(_, pending)| compare::lacks_digest(&pending.item.artifact))
            .map(|(place, pending)| async move {
                let artifact = &mut pending.item.artifact;
                let learned = compare::learned(&self.content, artifact.clone()).await;
                (place, learned.map(|learned| *artifact = learned))
            });
        let learning: Vec<_> = learning.collect();
        let mut learning = futures_util::stream::iter(learning).buffer_unordered(compare::LEARNED_AT_ONCE);
        while let Some((place, learned)) = learning.next().await {
            unreadable[place] = learned.err().map(PutOutcome::Failed);
        }
        unreadable
    }

    async fn next(&self, pending: &mut Pending, answer: PutOutcome) -> Next {
        match answer {
            PutOutcome::Stored {
                moved_bytes,
                moved_blobs,
            } => Next::Settle(self.stored(pending, moved_bytes, moved_blobs)),
            PutOutcome::Raced { found } => {
                self.part.answered_write();
                // An earlier try arrived and only its acknowledgement was lost.
                if pending.tried > 1
                    && found
                        .as_ref()
                        .is_some_and(|it| pending.item.artifact.likeness(it) == Likeness::Same)
                {
                    let item = &pending.item;
                    return Next::Settle(self.noted(item, item.arrived_before(pending.tried)));
                }
                pending.item.existing = found;
                self.decide_again(pending)
            }
            PutOutcome::Failed(error) => self.failed(pending, error).await,
        }
    }

    fn decide_again(&self, pending: &mut Pending) -> Next {
        let item = &mut pending.item;
        let settings = &self.settings;
        item.action = decided(&*self.target, &item.artifact, item.existing.as_ref(), settings);
        if item.action == domain::decide::Action::Refuse {
            return Next::Settle(item.failed(refused(&self.part.cluster)));
        }
        if !item.action.writes() {
            let settlement = Settlement {
                attempts: pending.tried,
                ..item.action.settled()
            };
            return Next::Settle(self.noted(item, settlement));
        }
        if pending.tried >= MOST_TRIES {
            let error = ConnectorError::new(ErrorKind::Conflict, Stage::Commit, &item.artifact.key.name)
                .words("it is changed by somebody else again and again");
            return Next::Settle(item.failed(error.to_failure(&self.part.cluster, pending.tried)));
        }
        Next::Again(Duration::ZERO)
    }

    async fn failed(&self, pending: &mut Pending, mut error: ConnectorError) -> Next {
        let from_source = error.stage == Stage::Read;
        if pending.changed && from_source && error.kind == ErrorKind::Corrupt {
            // It was described anew and holds yet other bytes: it goes on changing.
            error.kind = ErrorKind::Changed;
        }
        if matches!(error.kind, ErrorKind::Changed | ErrorKind::Corrupt) && !pending.described_again {
            pending.described_again = true;
            if let Some(next) = self.describe_again(pending, &error).await {
                return next;
            }
        }
        let subject = if from_source {
            &self.local_cluster
        } else {
            &self.part.cluster
        };
        let again = if from_source {
            super::backoff::wait_before_next(&error, pending.tried, super::backoff::jitter())
        } else {
            self.part.judge_write(&error, pending.tried)
        };
        match again {
            Some(wait) if !self.part.is_over() => Next::Again(wait),
            _ => Next::Settle(pending.item.failed(error.to_failure(subject, pending.tried))),
        }
    }

    /// Looks whether the source holds other content than was described; `None` when it does not.
    async fn describe_again(&self, pending: &mut Pending, error: &ConnectorError) -> Option<Next> {
        let key = pending.item.artifact.key.clone();
        let describing = self.content.source.describe(std::slice::from_ref(&key));
        let described = self.part.unless_stopped(describing).await?;
        match described.map(|mut answers| answers.pop()) {
            Ok(Some(Ok(artifact))) if has_changed(&pending.item.artifact, &artifact) => {
                pending.item.artifact = artifact;
                pending.changed = true;
                Some(self.decide_again(pending))
            }
            Ok(Some(Ok(_))) | Err(_) => None,
            Ok(Some(Err(gone))) => Some(Next::Settle(
                pending
                    .item
                    .failed(gone.to_failure(&self.local_cluster, pending.tried)),
            )),
            Ok(None) => Some(Next::Settle(
                pending
                    .item
                    .failed(error.to_failure(&self.local_cluster, pending.tried)),
            )),
        }
    }

    /// Fails once the target was given up as unreachable: nothing is sent any more.
    fn not_given_up(&self) -> ConnectorResult<()> {
        match self.part.ended() {
            Some(failure) if failure.class == ErrorKind::Unreachable => {
                let error = ConnectorError::new(failure.class, Stage::Write, &self.part.cluster);
                Err(error.words(failure.words.as_deref().unwrap_or("the target was given up")))
            }
            _ => Ok(()),
        }
    }

    fn stopped(&self) -> ConnectorError {
        ConnectorError::new(ErrorKind::Stopped, Stage::Write, &self.part.cluster).words("the run was stopped")
    }
}

/// Says whether the source holds other content `now` than it had described `before`.
fn has_changed(before: &Artifact, now: &Artifact) -> bool {
    let same =
        |(before, now): (&Blob, &Blob)| before.name == now.name && before.same_bytes(now) != Some(false);
    before.digest != now.digest && now.digest.is_some()
        || before.blobs.len() != now.blobs.len()
        || !before.blobs.iter().zip(&now.blobs).all(same)
}

/// Returns the failure of an artifact that other content forbids to put.
pub(crate) fn refused(cluster: &str) -> domain::failure::Failure {
    ConnectorError::new(ErrorKind::Conflict, Stage::Write, cluster)
        .words("other content stands there")
        .to_failure(cluster, 1)
}

/// Splits `items` into batches: small ones together, as many as a target with `capabilities` takes, large ones alone.
pub(crate) fn batches(items: Vec<Item>, capabilities: &Capabilities) -> Vec<Vec<Item>> {
    let (most_artifacts, most_bytes) = (capabilities.batch_artifacts, capabilities.batch_bytes);
    let mut batches = Vec::new();
    let mut small: Vec<Item> = Vec::new();
    let mut small_bytes = 0;
    for item in items {
        let size_bytes = item.artifact.size_bytes();
        if item
            .artifact
            .blobs
            .iter()
            .any(|blob| blob.size_bytes > domain::ports::SMALL_BLOB_BYTES)
        {
            batches.push(vec![item]);
            continue;
        }
        if !small.is_empty() && (small.len() >= most_artifacts || small_bytes + size_bytes > most_bytes) {
            batches.push(std::mem::take(&mut small));
            small_bytes = 0;
        }
        small_bytes += size_bytes;
        small.push(item);
    }
    if !small.is_empty() {
        batches.push(small);
    }
    batches
}

#[cfg(test)]
mod tests {
    use domain::artifact::Metadata;
    use domain::decide::Action;
    use domain::id::DetailId;
    use domain::path::FilePath;
    use domain::ports::SMALL_BLOB_BYTES;

    use super::super::started::Started;
    use super::*;

    fn items(sizes_bytes: &[u64]) -> Vec<Item> {
        let item = |(number, size_bytes): (usize, &u64)| Item {
            id: DetailId::from([number as u8; 12]),
            artifact: Artifact::file(
                &FilePath::try_from(format!("/{number}")).expect("a path"),
                Blob::unknown(*size_bytes),
                Metadata::new(),
            ),
            action: Action::Copy,
            existing: None,
            started: Started::not_yet(0),
        };
        sizes_bytes.iter().enumerate().map(item).collect()
    }

    #[test]
    fn a_batch_has_as_many_artifacts_and_small_bytes_as_the_target_takes_and_large_ones_are_alone() {
        let capabilities = |batch_artifacts, batch_bytes| Capabilities {
            conditional_write: false,
            metadata: false,
            batch_artifacts,
            batch_bytes,
            parallel_batches: 1,
            needs_sha256: false,
            verifies: true,
        };
        let sizes = |capabilities| -> Vec<Vec<u64>> {
            let items = items(&[10, 20, SMALL_BLOB_BYTES + 1, 30, 40, 50]);
            let size_of = |item: &Item| item.artifact.size_bytes();
            batches(items, &capabilities)
                .iter()
                .map(|batch| batch.iter().map(size_of).collect())
                .collect()
        };
        let large = SMALL_BLOB_BYTES + 1;

        assert_eq!(
            sizes(capabilities(100, 1_000)),
            [vec![large], vec![10, 20, 30, 40, 50]]
        );
        assert_eq!(
            sizes(capabilities(2, 1_000)),
            [vec![large], vec![10, 20], vec![30, 40], vec![50]]
        );
        assert_eq!(
            sizes(capabilities(100, 60)),
            [vec![large], vec![10, 20, 30], vec![40], vec![50]]
        );
        // One that is larger than that is put all the same.
        assert_eq!(
            sizes(capabilities(100, 1)),
            [vec![10], vec![large], vec![20], vec![30], vec![40], vec![50]]
        );
    }
}
