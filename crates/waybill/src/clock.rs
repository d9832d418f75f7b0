//! The computer's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use domain::clock::Clock;

/// The time of day; follows the computer's clock when somebody sets it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// How long a sleeper goes without looking at the clock: it may have been set meanwhile.
const LONGEST_NAP_MS: i64 = 10_000;

#[async_trait]
impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    async fn sleep_until_ms(&self, until_ms: i64) {
        loop {
            let left_ms = until_ms.saturating_sub(self.now_ms());
            if left_ms <= 0 {
                return;
            }
            let nap_ms = u64::try_from(left_ms.min(LONGEST_NAP_MS)).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(nap_ms)).await;
        }
    }
}
