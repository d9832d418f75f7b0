//! Open failures: artifacts whose latest detail failed.

use crate::artifact::ArtifactKey;
use crate::failure::Failure;
use crate::id::{ClusterId, DetailId, RecordId, TaskKey};
use crate::repository::RepositoryRef;

/// One artifact of one task that did not arrive at one target when it was carried last.
///
/// It is there until the artifact is settled well there, somebody dismisses it, or the record it failed in
/// is cleared away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFailure {
    /// The detail it failed as first since it last went well.
    pub id: DetailId,
    /// Task it belongs to.
    pub task_key: TaskKey,
    /// Name of the target cluster.
    pub cluster: String,
    /// Its id; `None` when it was gone already.
    pub cluster_id: Option<ClusterId>,
    /// Repository it was read from.
    pub local: RepositoryRef,
    /// Repository it was to be written to.
    pub remote: RepositoryRef,
    /// The artifact.
    pub artifact: ArtifactKey,
    /// Why it failed last.
    pub failure: Option<Failure>,
    /// The record it failed in last.
    pub record_id: RecordId,
    /// How many retries of it failed.
    pub retries: u32,
    /// Whether a record that does it alone again is open.
    pub retrying: bool,
    /// When it failed first (Unix milliseconds).
    pub created_ms: i64,
    /// When it failed last.
    pub modified_ms: i64,
}
