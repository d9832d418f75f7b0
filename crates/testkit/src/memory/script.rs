//! What goes wrong with a repository in memory, and when: the script of a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::artifact::ArtifactKey;
use domain::failure::{ErrorKind, Stage};
use domain::ports::ConnectorError;
use tokio::sync::watch;

use crate::artifact::key;

/// A moment in the life of a repository that a script can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// A page is listed.
    List,
    /// Missing paths are asked for.
    Missing,
    /// Artifacts are described.
    Describe,
    /// A large blob is opened.
    Open,
    /// Small blobs are read.
    Read,
    /// The repository is made ready to be written to.
    Prepare,
    /// Existing artifacts are looked up.
    Find,
    /// A batch arrives.
    Put,
    /// One artifact of a batch is stored, and not acknowledged yet.
    Stored,
    /// One artifact of a batch is acknowledged.
    Acknowledged,
}

impl Op {
    pub(super) fn stage(self) -> Stage {
        match self {
            Self::List | Self::Missing => Stage::List,
            Self::Describe | Self::Find => Stage::Describe,
            Self::Open | Self::Read => Stage::Read,
            Self::Prepare | Self::Put => Stage::Write,
            Self::Stored | Self::Acknowledged => Stage::Commit,
        }
    }
}

/// Starts a line of a script: every time `op` happens.
pub fn on(op: Op) -> Occasion {
    Occasion {
        op: Some(op),
        ..on_any()
    }
}

/// Starts a line of a script: every time anything happens.
pub fn on_any() -> Occasion {
    Occasion {
        op: None,
        from: 1,
        times: usize::MAX,
        about: None,
    }
}

/// When a line of a script applies.
#[derive(Debug, Clone)]
pub struct Occasion {
    op: Option<Op>,
    from: usize,
    times: usize,
    about: Option<ArtifactKey>,
}

impl Occasion {
    /// Only the `n`-th time, counted from 1 and from when the line is added.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.from = n;
        self.times = 1;
        self
    }

    /// From the `n`-th time on.
    #[must_use]
    pub fn from_nth(mut self, n: usize) -> Self {
        self.from = n;
        self
    }

    /// At most `times` times.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Only where `path` is concerned; of a batch, nothing else is.
    #[must_use]
    pub fn about(mut self, path: &str) -> Self {
        self.about = Some(key(path));
        self
    }

    /// It fails as `kind`.
    pub fn fails(self, kind: ErrorKind) -> Line {
        self.does(Effect::Fail(Refusal::new(kind)))
    }

    /// A put is carried out, but its acknowledgement is lost: the caller sees `kind`.
    pub fn loses_the_answer(self, kind: ErrorKind) -> Line {
        self.does(Effect::Lose(Refusal::new(kind)))
    }

    /// One bit of the bytes that pass is flipped.
    pub fn flips_a_bit(self) -> Line {
        self.does(Effect::Flip)
    }

    /// The last byte of what passes is missing.
    pub fn cuts_the_end(self) -> Line {
        self.does(Effect::Cut)
    }

    /// What is read is replaced by `bytes` while it is read.
    pub fn changes_to(self, bytes: impl AsRef<[u8]>) -> Line {
        self.does(Effect::Change(Bytes::copy_from_slice(bytes.as_ref())))
    }

    /// Somebody else writes `bytes` under the key the line is about, just before.
    pub fn is_raced_by(self, bytes: impl AsRef<[u8]>) -> Line {
        self.does(Effect::Race(Some(Bytes::copy_from_slice(bytes.as_ref()))))
    }

    /// Somebody else removes the key the line is about, just before.
    pub fn is_raced_by_a_removal(self) -> Line {
        self.does(Effect::Race(None))
    }

    /// It waits until `hold` is released.
    pub fn waits_for(self, hold: &Hold) -> Line {
        self.does(Effect::Wait(hold.clone()))
    }

    /// The program breaks, as by a fault of its own.
    pub fn panics(self) -> Line {
        self.does(Effect::Panic)
    }

    fn does(self, effect: Effect) -> Line {
        Line {
            occasion: self,
            effect,
            seen: Arc::default(),
        }
    }
}

/// One line of a script: an occasion and what happens then.
#[derive(Debug, Clone)]
pub struct Line {
    occasion: Occasion,
    effect: Effect,
    seen: Arc<AtomicUsize>,
}

impl Line {
    /// The error carries this status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        if let Effect::Fail(refusal) | Effect::Lose(refusal) = &mut self.effect {
            refusal.status = Some(status);
        }
        self
    }

    /// The error carries these words.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        if let Effect::Fail(refusal) | Effect::Lose(refusal) = &mut self.effect {
            refusal.words = Some(words.into());
        }
        self
    }

    /// The error asks to wait this long.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        if let Effect::Fail(refusal) | Effect::Lose(refusal) = &mut self.effect {
            refusal.retry_after = Some(Duration::from_secs(seconds));
        }
        self
    }

    /// Returns what happens when `op` happens to `keys`, and to which of them (`None`: to all).
    pub(super) fn strikes(&self, op: Op, keys: &[&ArtifactKey]) -> Option<(Option<ArtifactKey>, Effect)> {
        let Occasion {
            op: wanted,
            from,
            times,
            about,
        } = &self.occasion;
        let named = about.as_ref().is_none_or(|about| keys.contains(&about));
        if wanted.is_some_and(|wanted| wanted != op) || !named {
            return None;
        }
        let seen = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let strikes = seen >= *from && seen - from < *times;
        strikes.then(|| (about.clone(), self.effect.clone()))
    }
}

#[derive(Debug, Clone)]
pub(super) enum Effect {
    Fail(Refusal),
    Lose(Refusal),
    Flip,
    Cut,
    Change(Bytes),
    Race(Option<Bytes>),
    Wait(Hold),
    Panic,
}

/// The error a script answers with.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    kind: ErrorKind,
    status: Option<u16>,
    words: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            status: None,
            words: None,
            retry_after: None,
        }
    }

    pub(super) fn error(&self, op: Op) -> ConnectorError {
        let mut error = ConnectorError::new(self.kind, op.stage(), "memory");
        error.remote_status = self.status;
        error.retry_after = self.retry_after;
        match &self.words {
            Some(words) => error.words(words),
            None => error,
        }
    }
}

/// Keeps calls waiting until it is released, and tells how many wait.
#[derive(Debug, Clone)]
pub struct Hold {
    waiting: Arc<watch::Sender<usize>>,
    released: Arc<watch::Sender<bool>>,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            waiting: Arc::new(watch::Sender::new(0)),
            released: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Hold {
    /// Returns how many calls wait now.
    pub fn waiting(&self) -> usize {
        *self.waiting.borrow()
    }

    /// Returns once `calls` calls wait.
    pub async fn reached(&self, calls: usize) {
        let mut waiting = self.waiting.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = waiting.wait_for(|waiting| *waiting >= calls).await;
    }

    /// Lets everybody pass, now and later.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    pub(super) async fn wait(&self) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        let _leaves = Leaves(self);
        let mut released = self.released.subscribe();
        // As above.
        let _ = released.wait_for(|released| *released).await;
    }
}

struct Leaves<'a>(&'a Hold);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}
