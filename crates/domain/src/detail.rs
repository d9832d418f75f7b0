//! Record details: one artifact to one target within a record.

use serde::{Deserialize, Serialize};

use crate::artifact::ArtifactKey;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::id::{DetailId, RecordId};
use crate::note::Note;
use crate::repository::RepositoryType;
use crate::task::ConflictStrategy;

/// What happened to one artifact at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was not there and now is.
    Copied,
    /// Other content or properties were replaced.
    Overwritten,
    /// It was equal already.
    Unchanged,
    /// Other content stands there and was left alone.
    SkippedConflict,
    /// It did not arrive.
    Failed,
    /// It was removed.
    Deleted,
}

impl Outcome {
    /// Returns its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::Overwritten => "overwritten",
            Self::Unchanged => "unchanged",
            Self::SkippedConflict => "skipped_conflict",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }
}

/// How one artifact was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// What happened.
    pub outcome: Outcome,
    /// Whether other content stood at the target.
    pub conflict: bool,
    /// The strategy that was applied to that other content.
    pub on_conflict: Option<ConflictStrategy>,
    /// Bytes that really moved.
    pub moved_bytes: u64,
    /// Blobs whose bytes really moved.
    pub moved_blobs: u32,
    /// Blobs that failed after all tries.
    pub failed_blobs: u32,
    /// How often it was tried; at least 1.
    pub attempts: u32,
    /// Why it failed; set exactly when `outcome` is [`Outcome::Failed`].
    pub failure: Option<Failure>,
    /// What a reader should know of it although it is there.
    pub notes: Vec<Note>,
}

impl Settlement {
    /// Starts a settlement that moved nothing, met no conflict and was tried once.
    pub fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            conflict: false,
            on_conflict: None,
            moved_bytes: 0,
            moved_blobs: 0,
            failed_blobs: 0,
            attempts: 1,
            failure: None,
            notes: Vec::new(),
        }
    }
}

/// What made an artifact part of a run, as the contract names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecuteType {
    /// An event.
    Delta,
    /// The whole repository is replicated.
    Full,
    /// It, or a folder above it, was listed in the task or selected for a retry.
    Partial,
}

/// What only historical rows carry: things the contract can show that no new row has in this form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Historical {
    /// Package constraint as it was, JSON of the contract's object.
    pub package_constraint: Option<serde_json::Value>,
    /// Path constraint as it was, JSON of the contract's object.
    pub path_constraint: Option<serde_json::Value>,
    /// Progress as it was, JSON of the contract's object.
    pub progress: Option<serde_json::Value>,
    /// Reason as it was.
    pub error_reason: Option<String>,
}

/// Where a detail stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetailState {
    /// In flight for more than a second.
    Running,
    /// Settled.
    Settled(Settlement),
    /// Imported: only whether it ended well is known.
    Imported {
        /// Whether it ended well.
        succeeded: bool,
    },
}

/// One artifact to one target within a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordDetail {
    /// Its id.
    pub id: DetailId,
    /// Record it belongs to.
    pub record_id: RecordId,
    /// Name of this cluster when it ran.
    pub local_cluster: String,
    /// Name of the target cluster.
    pub remote_cluster: String,
    /// Repository it was read from.
    pub local_repository: String,
    /// What the repository holds.
    pub repository_type: RepositoryType,
    /// The artifact; `None` for historical rows.
    pub artifact: Option<ArtifactKey>,
    /// Its size; `None` for historical rows and when it was never described.
    pub size_bytes: Option<u64>,
    /// Its digest; `None` for package versions, historical rows and when it was never described.
    pub digest: Option<Digest>,
    /// Where it stands.
    pub state: DetailState,
    /// When it was taken in hand (Unix milliseconds).
    pub started_ms: i64,
    /// When it was settled; `None` while running.
    pub ended_ms: Option<i64>,
    /// What made it part of the run; `None` for historical rows.
    pub execute_type: Option<ExecuteType>,
    /// What only historical rows carry.
    pub historical: Option<Box<Historical>>,
}

/// Whether a detail is in flight, ended well or failed: what the contract filters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DetailStatus {
    /// In flight.
    Running,
    /// Ended well, skipped and unchanged ones included.
    Success,
    /// Failed.
    Failed,
}

impl RecordDetail {
    /// Returns the status the contract shows.
    pub fn status(&self) -> DetailStatus {
        match &self.state {
            DetailState::Running => DetailStatus::Running,
            DetailState::Settled(Settlement {
                outcome: Outcome::Failed,
                ..
            })
            | DetailState::Imported { succeeded: false } => DetailStatus::Failed,
            DetailState::Settled(_) | DetailState::Imported { succeeded: true } => DetailStatus::Success,
        }
    }
}

/// Selects details of a record; every member given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DetailFilter {
    /// Exactly this status.
    pub status: Option<DetailStatus>,
    /// Exactly this target cluster.
    pub cluster: Option<String>,
    /// Exactly this local repository.
    pub repository: Option<String>,
    /// Package keys that begin so, or package names that begin so. Literal, case-sensitive.
    pub package_prefix: Option<String>,
    /// Paths that begin so. Literal, case-sensitive.
    pub path_prefix: Option<String>,
    /// Artifact names that begin so. Literal, case-sensitive.
    pub artifact_prefix: Option<String>,
    /// Exactly this version.
    pub version: Option<String>,
    /// Exactly this outcome.
    pub outcome: Option<Outcome>,
    /// Exactly this class of failure.
    pub class: Option<crate::failure::ErrorKind>,
    /// Exactly this cause of failure, by its number within the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<i64>,
    /// Causes of failure in whose words, class or cluster this is found, whatever the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Those with notes only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub noted: bool,
    /// Exactly this artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactKey>,
}
