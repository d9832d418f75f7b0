//! Manners towards one foreign server: how many requests it gets at once, and from when on.
//!
//! Shared by everything on this node that speaks to the server, so that many runs together are as polite as one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::answer::retry_after;

/// Requests one server gets at the same time.
const AT_ONCE: usize = 32;

/// How one server is treated.
#[derive(Debug)]
pub struct Manners {
    permits: Arc<Semaphore>,
    not_before: Mutex<Option<Instant>>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            not_before: Mutex::default(),
        }
    }
}

impl Manners {
    /// Waits until the next request may be sent; it counts as under way until the permit is dropped.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let permit = self.permits.clone().acquire_owned().await.ok();
        while let Some(due) = self.due() {
            tokio::time::sleep_until(due).await;
        }
        permit
    }

    /// Returns when the next request may be sent; `None` when that is now.
    fn due(&self) -> Option<Instant> {
        let due = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        due.filter(|due| *due > Instant::now())
    }

    /// Notes what an answer asks for: whoever says when to come back is not asked before.
    pub fn note(&self, status: u16, headers: &HeaderMap) {
        if !matches!(status, 429 | 503) {
            return;
        }
        if let Some(wait) = retry_after(headers) {
            self.rest(wait);
        }
    }

    fn rest(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = Some(not_before.map_or(until, |earlier| earlier.max(until)));
    }
}

/// The manners towards all servers, by scheme, host and port.
#[derive(Debug, Clone, Default)]
pub struct AllManners(Arc<Mutex<HashMap<String, Arc<Manners>>>>);

impl AllManners {
    /// Returns those towards the server called `origin`.
    pub fn towards(&self, origin: &str) -> Arc<Manners> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(origin.to_owned()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;

    #[test]
    fn whoever_says_when_to_come_back_is_not_asked_before() {
        let manners = AllManners::default();
        let here = manners.towards("https://registry.example");
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("700"))]);

        here.note(200, &headers);
        assert!(here.due().is_none(), "only a refusal asks for it");
        here.note(429, &headers);

        let due = manners.towards("https://registry.example").due();
        assert!(due.is_some(), "everybody waits");
        assert!(
            manners.towards("https://other.example").due().is_none(),
            "nobody else's server"
        );
    }
}
