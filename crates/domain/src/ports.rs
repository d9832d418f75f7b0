//! The ports every repository is reached through: [`Source`], [`Target`], [`Content`].
//!
//! All of them work on batches, so that a peer answers a thousand questions in one exchange; a registry
//! that cannot, loops inside its connector. A failed look-up is an error, never "absent".

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use crate::artifact::{Artifact, ArtifactKey, Blob, Existing, Metadata};
use crate::decide::Action;
use crate::digest::Digest;
use crate::failure::{ErrorKind, Failure, REMOTE_WORDS, Stage, clean_words};
use crate::note::Note;
use crate::task::Scope;

/// The cause of an error, for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Bytes that arrive piece by piece; an error ends them.
pub type ByteStream = Pin<Box<dyn Stream<Item = ConnectorResult<Bytes>> + Send>>;

/// What a port answers.
pub type ConnectorResult<T> = Result<T, ConnectorError>;

/// Blobs up to this size travel together, in memory; larger ones travel alone, as streams.
pub const SMALL_BLOB_BYTES: u64 = 256 * 1024;
/// Bytes of small artifacts that travel together, unless a target says otherwise: enough to hide the way there and back.
pub const BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// Why a repository could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {} `{subject}`: {kind}{}", stage.as_str(), self.shown())]
pub struct ConnectorError {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The step it happened in.
    pub stage: Stage,
    /// What could not be done it to: a key, a URL without its query.
    pub subject: String,
    /// The status the other side answered, where its protocol has one.
    pub remote_status: Option<u16>,
    /// The words it answered, or the local error's words; cleaned.
    pub words: Option<String>,
    /// How long the other side asked to wait.
    pub retry_after: Option<Duration>,
    /// The server that failed, where it is another one than was asked: one that keeps bytes to which a registry points.
    pub elsewhere: Option<String>,
}

impl ConnectorError {
    /// Starts an error without remote status and words.
    pub fn new(kind: ErrorKind, stage: Stage, subject: impl Into<String>) -> Self {
        Self {
            kind,
            stage,
            subject: subject.into(),
            remote_status: None,
            words: None,
            retry_after: None,
            elsewhere: None,
        }
    }

    /// Returns the words, with the server they are of where it is another one than was asked.
    fn said(&self) -> Option<String> {
        match (&self.elsewhere, &self.words) {
            (None, words) => words.clone(),
            (Some(server), None) => Some(server.clone()),
            (Some(server), Some(words)) => Some(clean_words(&format!("{server}: {words}"))),
        }
    }

    fn shown(&self) -> String {
        self.said().map(|words| format!(" ({words})")).unwrap_or_default()
    }

    /// Adds the words of a remote answer or of a local error, cleaned.
    #[must_use]
    pub fn words(mut self, words: impl AsRef<str>) -> Self {
        let words = clean_words(words.as_ref());
        self.words = if words.is_empty() { None } else { Some(words) };
        self
    }

    /// Adds that what arrived of it stays at the target, since `why` it could not be taken out again.
    #[must_use]
    pub fn leaving(self, why: &str) -> Self {
        let said = self.words.clone().unwrap_or_else(|| self.kind.to_string());
        let said: String = said.chars().take(REMOTE_WORDS / 2).collect();
        self.words(format!(
            "{said}; what arrived of it stays there, it could not be taken out again: {why}"
        ))
    }

    /// Adds the status of a remote answer.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.remote_status = Some(status);
        self
    }

    /// Turns a local I/O error into a disk failure, or into not-found where that is what it says.
    pub fn io(stage: Stage, subject: impl Into<String>, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Disk,
        };
        Self::new(kind, stage, subject).words(error.to_string())
    }

    /// Returns what is stored of it: `cluster` failed, after `attempts` tries.
    pub fn to_failure(&self, cluster: &str, attempts: u32) -> Failure {
        Failure {
            stage: self.stage,
            class: self.kind,
            remote_status: self.remote_status,
            words: self.said().or_else(|| Some(self.subject.clone())),
            attempts,
            subject: cluster.into(),
        }
    }

    /// Returns the same error again; its cause was logged where it happened.
    pub fn again(&self) -> Self {
        Self {
            kind: self.kind,
            stage: self.stage,
            subject: self.subject.clone(),
            remote_status: self.remote_status,
            words: self.words.clone(),
            retry_after: self.retry_after,
            elsewhere: self.elsewhere.clone(),
        }
    }
}

/// One page of artifact keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// Keys in the source's lasting order.
    pub keys: Vec<ArtifactKey>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Cursor>,
}

/// A place in a source's listing, in the source's own words. Stays valid across restarts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cursor(pub String);

/// One repository that artifacts are read from.
#[async_trait]
pub trait Source: Send + Sync {
    /// Returns at most `limit` keys of `scope` after `cursor`, in an order that does not change between pages.
    ///
    /// Every key that stands in the repository during the whole listing is returned exactly once. A path
    /// of the scope that names nothing is [`Source::missing`]'s business, not an error here.
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage>;

    /// Returns the paths of `scope` that name neither a file nor a folder.
    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>>;

    /// Returns what stands under each of `keys`, in their order; an item's error is that artifact's alone
    /// ([`ErrorKind::NotFound`] when it vanished since it was listed).
    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>>;

    /// Describes each of `described` again, with all that the protocol can tell of its bytes without sending them: asked
    /// only where the first description tells too little. By default nothing more is known.
    async fn inspect(&self, described: &[Artifact]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        Ok(described.iter().cloned().map(Ok).collect())
    }

    /// Returns the bytes of `blob` of the artifact `key` from `offset_bytes` on.
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream>;

    /// Returns the whole bytes of each of `wanted` (each at most [`SMALL_BLOB_BYTES`]), in their order.
    ///
    /// Nothing is verified here: the caller compares digests.
    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>>;
}

/// What must stand at the target when an artifact is put there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// Nothing.
    Absent,
    /// Content with this digest.
    Digest(Digest),
    /// The state that the target calls this ([`Existing::mark`]).
    Mark(String),
    /// Whatever does.
    Anything,
}

/// One artifact to be put at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The artifact.
    pub artifact: Artifact,
    /// What must stand there for it to be put.
    pub expect: Expect,
    /// Whether its properties replace those at the target; otherwise existing ones stay.
    pub with_metadata: bool,
}

/// What became of one [`Put`].
#[derive(Debug)]
pub enum PutOutcome {
    /// The target confirmed the digest and keeps the artifact durably.
    Stored {
        /// Bytes that really moved.
        moved_bytes: u64,
        /// Blobs whose bytes really moved.
        moved_blobs: u32,
    },
    /// What stands there is not what was expected; nothing was changed.
    Raced {
        /// What stands there.
        found: Option<Existing>,
    },
    /// It is not stored.
    Failed(ConnectorError),
}

/// Takes the outcomes of a batch, each as soon as it is known.
pub trait Settled: Send + Sync {
    /// Takes the outcome of `batch[index]`; called at most once per item.
    fn settled(&self, index: usize, outcome: PutOutcome);
}

/// The bytes of a batch, read from the source through throttle, count and digest check.
#[async_trait]
pub trait Content: Send + Sync {
    /// Returns the bytes of `blob` of the artifact `key` from `offset_bytes` on, verified where
    /// [`Capabilities::verifies`] leaves that to the run.
    ///
    /// A stream that is shorter or longer than the blob ends with [`ErrorKind::Changed`], one with other bytes
    /// with [`ErrorKind::Corrupt`].
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream>;

    /// Returns the whole, verified bytes of each of `wanted` (each at most [`SMALL_BLOB_BYTES`]), in their order.
    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>>;
}

/// Facts about a target that decide how it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether [`Expect`] is checked in one step with the write; otherwise only before it.
    pub conditional_write: bool,
    /// Whether properties can be kept.
    pub metadata: bool,
    /// Most artifacts of one [`Target::put`].
    pub batch_artifacts: usize,
    /// Most bytes of the small artifacts of one [`Target::put`]; [`BATCH_BYTES`] where nothing speaks for another number.
    pub batch_bytes: u64,
    /// Batches that may be put at the same time.
    pub parallel_batches: usize,
    /// Whether every blob's SHA-256 has to be known before it is put. A blob whose source does not know it is then
    /// read once more, to learn it.
    pub needs_sha256: bool,
    /// Whether it digests what it receives before it acknowledges. Where it does not, [`Content::open`] does: the
    /// last piece of a blob that is read from its beginning is held back until everything that is known of it is
    /// right, so that no wrong body is ever completed.
    pub verifies: bool,
}

/// One repository that artifacts are written to.
#[async_trait]
pub trait Target: Send + Sync {
    /// Returns what this target can do.
    fn capabilities(&self) -> Capabilities;

    /// Says whether `existing` properties are those `wanted`, as far as this target can keep them.
    fn same_metadata(&self, wanted: &Metadata, existing: &Metadata) -> bool {
        wanted == existing
    }

    /// Says whether this target can keep the property of this name.
    fn keeps_property(&self, _name: &str) -> bool {
        self.capabilities().metadata
    }

    /// Returns what a reader should know of an artifact, besides its properties, once the action brought it here or left
    /// it as it was; `_before` is what stood here when that was decided.
    ///
    /// Nothing is asked for it, so that a run that goes on after a crash comes to the same.
    fn notes(&self, _artifact: &Artifact, _before: Option<&Existing>, _action: Action) -> Vec<Note> {
        Vec::new()
    }

    /// Makes sure the repository is there and can be written, creating it (and its project) if `create` is set.
    async fn prepare(&self, create: bool) -> ConnectorResult<()>;

    /// Returns what stands under each of `keys`, in their order; `None` when it is known to be absent.
    ///
    /// A failed look-up is an error, never `None`: the caller copies on `None`.
    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>>;

    /// Returns what stands under each of `keys` as [`Target::find`] does, with the SHA-256 of every blob, reading the
    /// bytes where the protocol has no digest.
    ///
    /// Asked where nothing else tells whether content is the same. A target that knows its digests finds.
    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.find(keys).await
    }

    /// Stores each item of `batch` whose `expect` holds, reading the blobs it lacks from `content`.
    ///
    /// Per artifact, readers see all of it or none of it, and repeating the call is harmless. `settled`
    /// is called once per item, as soon as the target has acknowledged it. After an error the items not
    /// settled by then are not known to be stored.
    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()>;
}

/// Returns the SHA-256 of `blob` of `key`, which has to be known before it is put.
pub fn known_digest(key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Digest> {
    blob.digest.ok_or_else(|| {
        ConnectorError::new(ErrorKind::Protocol, Stage::Write, key.to_string())
            .words("the SHA-256 of its bytes is not known")
    })
}
