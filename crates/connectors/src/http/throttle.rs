//! Bytes per second, summed over all that share an allowance: the workers of a run, the exchanges with a registry.
//!
//! A bucket that fills with time and may be overdrawn: whoever takes more than is there waits until the
//! debt is paid. So a piece larger than a second's allowance passes, and the sum over time still holds.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;

use domain::clock::Clock;

/// One allowance that many share.
pub struct Throttle {
    clock: Arc<dyn Clock>,
    bytes_per_s: u64,
    /// Time until which everything taken so far is paid for, in Unix microseconds.
    paid_until_us: Mutex<i128>,
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("bytes_per_s", &self.bytes_per_s)
            .finish()
    }
}

/// How far the bucket may be behind the present: a quarter of a second's allowance may come at once.
const BURST_US: i128 = 250_000;

impl Throttle {
    /// Allows `bytes_per_s`; 0 allows everything.
    pub fn new(clock: Arc<dyn Clock>, bytes_per_s: u64) -> Self {
        Self {
            clock,
            bytes_per_s,
            paid_until_us: Mutex::new(0),
        }
    }

    /// Returns once `bytes` may pass.
    pub async fn take(&self, bytes: u64) {
        if self.bytes_per_s == 0 || bytes == 0 {
            return;
        }
        let until_ms = self.pay(bytes);
        if until_ms > self.clock.now_ms() {
            self.clock.sleep_until_ms(until_ms).await;
        }
    }

    /// Says whether everything passes at once.
    pub fn is_unlimited(&self) -> bool {
        self.bytes_per_s == 0
    }

    fn pay(&self, bytes: u64) -> i64 {
        let now_us = i128::from(self.clock.now_ms()) * 1000;
        let cost_us = i128::from(bytes) * 1_000_000 / i128::from(self.bytes_per_s);
        let mut paid_until_us = self
            .paid_until_us
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        *paid_until_us = (*paid_until_us).max(now_us - BURST_US) + cost_us;
        i64::try_from(paid_until_us.div_euclid(1000)).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use testkit::ManualClock;

    use super::*;

    #[tokio::test]
    async fn limits_hold_summed_over_all_workers() {
        let clock = Arc::new(ManualClock::at(1_000_000));
        let throttle = Arc::new(Throttle::new(clock.clone(), 1000));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let throttle = throttle.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        throttle.take(100).await;
                    }
                })
            })
            .collect();

        // 4,000 bytes at 1,000 a second, 250 of them at once: not before 3.75 s.
        for _ in 0..37 {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            clock.advance_ms(100);
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(workers.iter().any(|worker| !worker.is_finished()));

        clock.advance_ms(100);
        for worker in workers {
            worker.await.expect("a worker does not panic");
        }
    }

    #[tokio::test]
    async fn no_limit_waits_for_nothing() {
        let throttle = Throttle::new(Arc::new(ManualClock::at(0)), 0);

        throttle.take(u64::MAX).await;
    }
}
