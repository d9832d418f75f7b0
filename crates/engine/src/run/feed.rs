//! What a unit of an event record carries: artifacts that changed, as long as more of them do.
//!
//! The list grows at its end while the unit works. What is in hand is not listed again, and what is settled in
//! the record is left for the next one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use domain::artifact::ArtifactKey;
use domain::clock::Clock;
use storage::Store;
use storage::db::StoreResult;
use tokio::sync::Notify;

use super::listing::{Keys, Place};

/// The changes one unit of an event record has to carry.
pub(crate) struct Feed {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) record_no: i64,
    pub(crate) unit_no: u16,
    /// From when on nothing more is taken (Unix milliseconds), so that a record ends some day.
    pub(crate) closes_ms: i64,
    /// Rung when there may be more.
    pub(crate) grown: Notify,
    /// Artifacts of open pages.
    pub(crate) in_hand: Mutex<HashSet<ArtifactKey>>,
}

impl Feed {
    /// Returns at most `limit` changed artifacts nobody has in hand; none means: none now.
    pub(crate) async fn keys(&self, limit: usize) -> StoreResult<Keys> {
        let now_ms = self.clock.now_ms();
        let mut listed = Vec::new();
        if now_ms < self.closes_ms {
            let in_hand = self.in_hand().clone();
            let events = self.store.events();
            listed = events
                .due(self.record_no, self.unit_no, now_ms, limit + in_hand.len())
                .await?;
            listed.retain(|(_, key)| !in_hand.contains(key));
            listed.truncate(limit);
        }
        let (events, keys): (Vec<_>, Vec<_>) = listed.into_iter().unzip();
        let next = (!keys.is_empty()).then_some(Place::Start);
        Ok(Keys {
            keys,
            events,
            next,
            page: None,
            level: None,
        })
    }

    /// Notes that a page carries `keys` from now on.
    pub(crate) fn take(&self, keys: impl IntoIterator<Item = ArtifactKey>) {
        self.in_hand().extend(keys);
    }

    /// Notes that the page of `keys` is closed.
    pub(crate) fn put_down(&self, keys: &[ArtifactKey]) {
        let mut in_hand = self.in_hand();
        for key in keys {
            in_hand.remove(key);
        }
    }

    fn in_hand(&self) -> std::sync::MutexGuard<'_, HashSet<ArtifactKey>> {
        self.in_hand
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
