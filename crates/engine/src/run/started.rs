//! When an artifact was taken in hand: when its bytes were asked for, which the target decides.
//!
//! A batch holds more than a target has in hand at once. An artifact that waits in it is not in flight yet, and its
//! row must not say that it took as long as those before it. Where a target asks for nothing at all, the whole batch
//! is in flight.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob};
use domain::ports::{ByteStream, ConnectorResult, Content};

use super::content::RunContent;
use super::part::Part;

/// How long an artifact may be in flight before it is shown as running.
pub(super) const SHOWN_RUNNING_AFTER: Duration = Duration::from_secs(1);

/// When one artifact was taken in hand (Unix milliseconds); its copies tell the same.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    begun: Arc<OnceLock<i64>>,
    looked_at_ms: i64,
}

impl Started {
    /// It was looked at just now, and is not begun.
    pub(crate) fn not_yet(now_ms: i64) -> Self {
        Self {
            begun: Arc::default(),
            looked_at_ms: now_ms,
        }
    }

    /// It has been in flight since then, in a run that was interrupted.
    pub(crate) fn already(since_ms: i64) -> Self {
        Self {
            begun: Arc::new(OnceLock::from(since_ms)),
            looked_at_ms: since_ms,
        }
    }

    /// Notes that the target was asked to take it; what needs no bytes counts from then on.
    pub(crate) fn put(&mut self, now_ms: i64) {
        self.looked_at_ms = now_ms;
    }

    /// Notes that it is in flight; only the first time counts.
    pub(crate) fn begin(&self, now_ms: i64) {
        // It is begun once, however often its bytes are asked for.
        let _ = self.begun.set(now_ms);
    }

    /// Returns since when it has been in flight; `None` if it is not.
    pub(crate) fn begun_ms(&self) -> Option<i64> {
        self.begun.get().copied()
    }

    /// Returns since when it has been in flight or, where no bytes were needed, when it was looked at last.
    pub(crate) fn ms(&self) -> i64 {
        self.begun_ms().unwrap_or(self.looked_at_ms)
    }
}

/// The bytes of a batch: an artifact is in flight from the first time its bytes are asked for.
pub(crate) struct Noticing<'a> {
    content: &'a RunContent,
    part: &'a Part,
    started: HashMap<ArtifactKey, Started>,
    asked: AtomicBool,
}

impl<'a> Noticing<'a> {
    /// Begins to notice what is asked for of a batch that `content` is for; one that is alone in it is in flight.
    pub(crate) fn new(
        content: &'a RunContent,
        part: &'a Part,
        started: HashMap<ArtifactKey, Started>,
    ) -> Self {
        let it = Self {
            content,
            part,
            started,
            asked: AtomicBool::new(false),
        };
        if it.started.len() == 1 {
            it.begin_all();
        }
        it
    }

    /// Returns what `putting` returns. A batch of which nothing is asked for is in flight as a whole.
    pub(crate) async fn during<T>(&self, putting: impl Future<Output = T>) -> T {
        let mut putting = std::pin::pin!(putting);
        tokio::select! {
            biased;
            put = &mut putting => return put,
            () = self.part.rest(SHOWN_RUNNING_AFTER) => {}
        }
        if !self.asked.load(Ordering::Relaxed) {
            self.begin_all();
        }
        putting.await
    }

    fn begin_all(&self) {
        for started in self.started.values() {
            started.begin(started.looked_at_ms);
        }
    }

    fn begin(&self, key: &ArtifactKey) {
        self.asked.store(true, Ordering::Relaxed);
        if let Some(started) = self.started.get(key) {
            started.begin(self.part.now_ms());
        }
    }
}

#[async_trait]
impl Content for Noticing<'_> {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        self.begin(key);
        self.content.open(key, blob, offset_bytes).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        wanted.iter().for_each(|(key, _)| self.begin(key));
        self.content.read(wanted).await
    }
}
