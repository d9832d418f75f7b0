//! Which blobs a registry is known to keep, and in which of its images: what is there already is mounted, not sent.
//!
//! Only hints, shared by everything on this node that speaks to the same registry: the registry itself decides
//! whether a blob may be mounted, and sends for it otherwise.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Blobs that are remembered of one registry.
const MOST_KNOWN: usize = 200_000;

static ALL: LazyLock<Mutex<HashMap<String, Weak<Holdings>>>> = LazyLock::new(Mutex::default);

/// What one registry is known to keep.
#[derive(Default)]
pub(super) struct Holdings {
    image_of: Mutex<HashMap<String, Arc<str>>>,
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// Whether it mounted a blob: not all registries do, and those that do not are asked what they have.
    mounts: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Holdings {
    /// Returns what the registry called `origin` is known to keep.
    pub(super) fn of(origin: &str) -> Arc<Self> {
        let mut all = lock(&ALL);
        all.retain(|_, holdings| holdings.strong_count() > 0);
        if let Some(holdings) = all.get(origin).and_then(Weak::upgrade) {
            return holdings;
        }
        let holdings = Arc::new(Self::default());
        all.insert(origin.into(), Arc::downgrade(&holdings));
        holdings
    }

    /// Notes that `image` has the blob `digest`.
    pub(super) fn note(&self, digest: &str, image: &str) {
        let mut known = lock(&self.image_of);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(digest.into(), image.into());
    }

    /// Returns an image that had the blob `digest`.
    pub(super) fn image_with(&self, digest: &str) -> Option<Arc<str>> {
        lock(&self.image_of).get(digest).cloned()
    }

    /// Says whether the registry is known to mount blobs.
    pub(super) fn can_mount(&self) -> bool {
        self.mounts.load(Ordering::Relaxed)
    }

    /// Notes that the registry mounted a blob.
    pub(super) fn note_mounted(&self) {
        self.mounts.store(true, Ordering::Relaxed);
    }

    /// Waits until nobody else brings the blob `digest`.
    pub(super) async fn turn(&self, digest: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = lock(&self.turns);
            match turns.get(digest).and_then(Weak::upgrade) {
                Some(turn) => turn,
                None => {
                    turns.retain(|_, turn| turn.strong_count() > 0);
                    let turn = Arc::new(tokio::sync::Mutex::new(()));
                    turns.insert(digest.into(), Arc::downgrade(&turn));
                    turn
                }
            }
        };
        turn.lock_owned().await
    }
}
