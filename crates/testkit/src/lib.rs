//! What tests of every floor share: a clock that is moved by hand, builders, and a repository in memory.
//! Never part of the binary.

pub mod artifact;
pub mod memory;

pub mod content;
pub mod contract;
pub mod fault_proxy;
pub mod images;
pub mod servers;

use std::sync::Mutex;

use domain::clock::Clock;
use tokio::sync::watch;

pub use artifact::{ArtifactBuilder, artifact};
pub use memory::{Hold, MemoryRepository, Op, on, on_any};

/// A clock that stands still until it is moved.
pub struct ManualClock {
    now_ms: watch::Sender<i64>,
    sleepers: Mutex<Vec<i64>>,
}

impl ManualClock {
    /// Starts at `now_ms` (Unix time).
    pub fn at(now_ms: i64) -> Self {
        Self {
            now_ms: watch::Sender::new(now_ms),
            sleepers: Mutex::default(),
        }
    }

    /// Moves on by `duration_ms`, waking whoever slept until then.
    pub fn advance_ms(&self, duration_ms: i64) {
        self.now_ms.send_modify(|now_ms| *now_ms += duration_ms);
    }

    /// Returns the times somebody sleeps until, in no order.
    pub fn sleeping_until_ms(&self) -> Vec<i64> {
        self.sleepers.lock().expect("no sleeper panicked").clone()
    }
}

struct Sleeper<'a>(&'a ManualClock, i64);

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut sleepers = self.0.sleepers.lock().expect("no sleeper panicked");
        if let Some(index) = sleepers.iter().position(|until_ms| *until_ms == self.1) {
            sleepers.swap_remove(index);
        }
    }
}

#[async_trait::async_trait]
impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        *self.now_ms.borrow()
    }

    async fn sleep_until_ms(&self, until_ms: i64) {
        let mut now_ms = self.now_ms.subscribe();
        self.sleepers.lock().expect("no sleeper panicked").push(until_ms);
        let _sleeper = Sleeper(self, until_ms);
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = now_ms.wait_for(|now_ms| *now_ms >= until_ms).await;
    }
}
