//! Time as a port, so that promises about time can be tested without waiting.

use async_trait::async_trait;

/// Tells the time and waits for it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the present in Unix milliseconds.
    fn now_ms(&self) -> i64;

    /// Returns once [`Clock::now_ms`] is at least `until_ms`.
    async fn sleep_until_ms(&self, until_ms: i64);

    /// Returns once `duration_ms` has passed from now.
    async fn sleep_ms(&self, duration_ms: u64) {
        let until_ms = self
            .now_ms()
            .saturating_add(i64::try_from(duration_ms).unwrap_or(i64::MAX));
        self.sleep_until_ms(until_ms).await;
    }
}
