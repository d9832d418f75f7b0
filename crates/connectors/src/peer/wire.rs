//! The peer exchange: what two nodes say to each other, shared by the client here and the server in `web`.
//!
//! Every request and answer below [`PREFIX`] is a sequence of **frames**, except the handshake, which is plain
//! JSON. A frame is 16 bytes of lengths and checksums, a JSON header and raw bytes, so that a flipped bit is
//! found in whatever frame it hits; the last one says how many items came before it, so that an answer cut
//! short is never taken for a whole one. Names travel inside frames and not in URLs for the same reason.

use domain::artifact::{Artifact, ArtifactKey, Existing};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, Cursor, Expect};
use domain::repository::{RepositoryRef, RepositoryType};
use domain::task::Scope;
use serde::{Deserialize, Serialize};

/// Where the exchange lives on a node.
pub const PREFIX: &str = "/api/v1/peer";
/// The version of what is described here; nodes of different versions do not exchange.
pub const EXCHANGE_VERSION: u32 = 3;
/// The name [`Handshake::product`] must have.
pub const PRODUCT: &str = "waybill";
/// Content type of frames.
pub const FRAMES: &str = "application/vnd.waybill.frames";

/// Most bytes of small blobs in one batch.
pub const BATCH_BYTES: u64 = 8 * 1024 * 1024;
/// Most artifacts in one request.
pub const BATCH_ARTIFACTS: usize = 1000;
/// Bytes of one part of a large blob; the last one may be shorter.
pub const PART_BYTES: u64 = 4 * 1024 * 1024;

/// Answer to `GET` [`PREFIX`]: who this is. A stock bk-repo answers 404 there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    /// Always [`PRODUCT`].
    pub product: String,
    /// Version of the program.
    pub version: String,
    /// Version of the exchange.
    pub exchange_version: u32,
    /// Drawn at the node's first start; tells a node that it talks to itself.
    pub node_id: String,
}

/// A question; the first frame of every request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Make sure the repository is there, creating it if `create` is set.
    Prepare {
        /// Which.
        repository: RepositoryRef,
        /// Whether it may be created.
        create: bool,
        /// What it holds.
        repository_type: RepositoryType,
    },
    /// What stands under these keys?
    Inventory {
        /// Where.
        repository: RepositoryRef,
        /// At most [`BATCH_ARTIFACTS`].
        keys: Vec<ArtifactKey>,
        /// Whether every checksum that is known of the bytes is asked for.
        #[serde(default)]
        checksums: bool,
    },
    /// Which of these blobs need not be sent? A yes pins the blob for a while.
    Blobs {
        /// Where they will be referred to.
        repository: RepositoryRef,
        /// At most [`BATCH_ARTIFACTS`].
        digests: Vec<Digest>,
    },
    /// Store the [`Item`]s that follow.
    Batch {
        /// Where.
        repository: RepositoryRef,
    },
    /// I will send this large blob in parts: which are there already?
    Upload {
        /// Where it will be referred to.
        repository: RepositoryRef,
        /// Its digest.
        digest: Digest,
        /// Its size.
        size_bytes: u64,
    },
    /// The bytes of one part follow, in frames without header.
    Part {
        /// Where it will be referred to.
        repository: RepositoryRef,
        /// The upload, as [`Answer::Upload`] named it.
        upload: String,
        /// Which part, from 0.
        part: u32,
    },
    /// All parts are there: verify the whole.
    Finish {
        /// Where it will be referred to.
        repository: RepositoryRef,
        /// The upload.
        upload: String,
    },
    /// Which keys come after `cursor`?
    List {
        /// Where.
        repository: RepositoryRef,
        /// Which part of it.
        scope: Scope,
        /// Where the last page ended.
        cursor: Option<Cursor>,
        /// At most this many.
        limit: usize,
    },
    /// Which paths of the scope name nothing?
    Missing {
        /// Where.
        repository: RepositoryRef,
        /// Which paths.
        scope: Scope,
    },
    /// What stands under these keys, in full?
    Describe {
        /// Where.
        repository: RepositoryRef,
        /// At most [`BATCH_ARTIFACTS`].
        keys: Vec<ArtifactKey>,
    },
    /// Send these small blobs whole, one [`Answer::Blob`] each.
    Read {
        /// Where.
        repository: RepositoryRef,
        /// At most [`BATCH_ARTIFACTS`] and [`BATCH_BYTES`].
        wanted: Vec<Wanted>,
    },
    /// Send a range of this blob, in frames without header.
    Range {
        /// Where.
        repository: RepositoryRef,
        /// Which.
        wanted: Wanted,
        /// First byte.
        offset_bytes: u64,
        /// How many, at most; the blob's end also ends it.
        length_bytes: u64,
    },
}

impl Question {
    /// Returns the endpoint below [`PREFIX`] that takes it.
    pub fn endpoint(&self) -> &'static str {
        match self {
            Self::Prepare { .. } => "/prepare",
            Self::Inventory { .. } => "/inventory",
            Self::Blobs { .. } => "/blobs",
            Self::Batch { .. } => "/batch",
            Self::Upload { .. } => "/upload",
            Self::Part { .. } => "/part",
            Self::Finish { .. } => "/finish",
            Self::List { .. } => "/list",
            Self::Missing { .. } => "/missing",
            Self::Describe { .. } => "/describe",
            Self::Read { .. } => "/read",
            Self::Range { .. } => "/range",
        }
    }

    /// Returns the repository it is about.
    pub fn repository(&self) -> &RepositoryRef {
        match self {
            Self::Prepare { repository, .. }
            | Self::Inventory { repository, .. }
            | Self::Blobs { repository, .. }
            | Self::Batch { repository }
            | Self::Upload { repository, .. }
            | Self::Part { repository, .. }
            | Self::Finish { repository, .. }
            | Self::List { repository, .. }
            | Self::Missing { repository, .. }
            | Self::Describe { repository, .. }
            | Self::Read { repository, .. }
            | Self::Range { repository, .. } => repository,
        }
    }
}

/// A blob of an artifact that is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The artifact.
    pub key: ArtifactKey,
    /// The blob.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
}

/// How the receiver of an [`Item`] comes by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supply {
    /// They are in this frame.
    Here,
    /// They came in an earlier frame of this request.
    Earlier,
    /// The receiver said it has them.
    Present,
}

/// One artifact of a batch; its frame carries the bytes of its only blob if `supply` is [`Supply::Here`]. A version of
/// a package is always [`Supply::Present`]: what of it the receiver lacked came before, in frames of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item<A = Artifact> {
    /// The artifact, or a reference to it.
    pub artifact: A,
    /// What must stand there.
    pub expect: Expect,
    /// Whether its properties replace those that stand there.
    pub with_metadata: bool,
    /// Where its bytes are.
    pub supply: Supply,
}

/// What follows a [`Question::Batch`] or [`Question::Part`]; each is the header of one frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parcel<A = Artifact> {
    /// One artifact of a batch.
    Item(Item<A>),
    /// The bytes of one blob of versions that follow.
    Blob(Digest),
    /// The end, after this many frames that were not empty.
    End(u64),
}

/// What the other side says; each is the header of one frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done.
    Done,
    /// To [`Question::Inventory`], in the order of its keys.
    Inventory(Vec<Option<Existing>>),
    /// To [`Question::Blobs`], in the order of its digests.
    Blobs(Vec<bool>),
    /// To [`Question::Batch`]: what became of some items, by their place in the request.
    Settled(Vec<(usize, Fate)>),
    /// To [`Question::Upload`].
    Upload {
        /// Names the upload; `None`: the blob is there already.
        upload: Option<String>,
        /// Bytes of each part but the last.
        part_bytes: u64,
        /// Parts that are there, ascending.
        parts: Vec<u32>,
    },
    /// To [`Question::List`].
    Keys {
        /// The keys.
        keys: Vec<ArtifactKey>,
        /// Where the next page begins.
        next: Option<Cursor>,
    },
    /// To [`Question::Missing`].
    Missing(Vec<ArtifactKey>),
    /// To [`Question::Describe`], in the order of its keys.
    Artifacts(Vec<Result<Artifact, Trouble>>),
    /// To [`Question::Read`]: the frame carries the bytes, unless there is trouble.
    Blob(Option<Trouble>),
    /// Nothing of the rest of the request was or will be done.
    Refused(Trouble),
    /// The end, after this many frames that were not empty.
    End(u64),
}

impl Answer {
    /// Returns every trouble it tells of.
    pub fn troubles(&mut self) -> Vec<&mut Trouble> {
        match self {
            Self::Refused(trouble) | Self::Blob(Some(trouble)) => vec![trouble],
            Self::Artifacts(artifacts) => artifacts.iter_mut().filter_map(|it| it.as_mut().err()).collect(),
            Self::Settled(fates) => fates.iter_mut().filter_map(|(_, fate)| fate.trouble()).collect(),
            Self::Done
            | Self::Inventory(_)
            | Self::Blobs(_)
            | Self::Upload { .. }
            | Self::Keys { .. }
            | Self::Missing(_)
            | Self::Blob(None)
            | Self::End(_) => Vec::new(),
        }
    }
}

/// What became of one item of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is there, verified and durable.
    Stored,
    /// Something else than expected stands there.
    Raced(Option<Existing>),
    /// It was said to be present and is not any more: send the bytes.
    Lacks,
    /// It is not stored.
    Failed(Trouble),
}

impl Fate {
    /// Returns why it is not stored.
    fn trouble(&mut self) -> Option<&mut Trouble> {
        match self {
            Self::Failed(trouble) => Some(trouble),
            Self::Stored | Self::Raced(_) | Self::Lacks => None,
        }
    }
}

/// An error as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The step it happened in.
    pub stage: Stage,
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// Its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// How long to wait before another try, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl From<&ConnectorError> for Trouble {
    fn from(error: &ConnectorError) -> Self {
        Self {
            stage: error.stage,
            kind: error.kind,
            words: error.words.clone(),
            retry_after_ms: error
                .retry_after
                .and_then(|wait| u64::try_from(wait.as_millis()).ok()),
        }
    }
}

impl Trouble {
    /// Returns the error it was, about `subject`.
    pub fn into_error(self, subject: impl Into<String>) -> ConnectorError {
        let mut error = ConnectorError::new(self.kind, self.stage, subject);
        error.retry_after = self.retry_after_ms.map(std::time::Duration::from_millis);
        match self.words {
            Some(words) => error.words(words),
            None => error,
        }
    }
}
