//! What a target answers for the artifacts of a batch: what is stored is settled at once, the rest is judged after.

use std::sync::{Mutex, PoisonError};

use domain::ports::{ConnectorError, Put, PutOutcome, Settled};
use tokio::sync::mpsc::UnboundedSender;

use super::batch::{Carrier, Ended, Pending};

/// Takes the answers for a batch in.
pub(super) struct Answers<'a> {
    carrier: &'a Carrier,
    ended: &'a UnboundedSender<Ended>,
    /// What is not settled, by its place.
    left: Mutex<Vec<Option<Waiting>>>,
    /// The places of what is put.
    places: Vec<usize>,
}

/// An item that is not stored, and what was answered for it.
struct Waiting {
    pending: Pending,
    answer: Option<PutOutcome>,
}

impl<'a> Answers<'a> {
    /// Begins with `pending`, some of which are answered for already.
    pub(super) fn new(
        carrier: &'a Carrier,
        ended: &'a UnboundedSender<Ended>,
        pending: Vec<Pending>,
        answered: Vec<Option<PutOutcome>>,
    ) -> Self {
        let places = (0..pending.len()).filter(|place| answered[*place].is_none());
        let places = places.collect();
        let left = pending.into_iter().zip(answered);
        let left = left.map(|(pending, answer)| Waiting { pending, answer });
        Self {
            carrier,
            ended,
            places,
            left: Mutex::new(left.map(Some).collect()),
        }
    }

    /// Returns what the target is to be asked to do.
    pub(super) fn batch(&self) -> Vec<Put> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = self.places.iter().filter_map(|place| left[*place].as_ref());
        let with_metadata = self.carrier.settings.include_metadata;
        pending
            .map(|waiting| waiting.pending.item.put(with_metadata))
            .collect()
    }

    /// Returns what is not settled; `unanswered` says why what the target did not answer for failed.
    pub(super) fn left(self, unanswered: impl Fn() -> ConnectorError) -> Vec<(Pending, PutOutcome)> {
        let left = self.left.into_inner().unwrap_or_else(PoisonError::into_inner);
        let left = left.into_iter().flatten();
        left.map(|Waiting { pending, answer }| {
            let answer = answer.unwrap_or_else(|| PutOutcome::Failed(unanswered()));
            (pending, answer)
        })
        .collect()
    }
}

impl Settled for Answers<'_> {
    fn settled(&self, index: usize, outcome: PutOutcome) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = self.places.get(index).and_then(|place| left.get_mut(*place)) else {
            return;
        };
        let PutOutcome::Stored {
            moved_bytes,
            moved_blobs,
        } = outcome
        else {
            if let Some(waiting) = waiting {
                waiting.answer = Some(outcome);
            }
            return;
        };
        let Some(Waiting { pending, .. }) = waiting.take() else {
            return;
        };
        drop(left);
        let settlement = self.carrier.stored(&pending, moved_bytes, moved_blobs);
        // The page that listens ends only after its batches.
        let _ = self.ended.send((pending.item, settlement));
    }
}
