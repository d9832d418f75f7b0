//! Record details as the contract shows them.

use domain::artifact::ArtifactKey;
use domain::detail::{DetailState, DetailStatus, Historical, Outcome, RecordDetail, Settlement};
use messages::Render;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::contract::constraint::{PackageConstraint, PathConstraint};
use crate::contract::names::{
    CONFLICT_STRATEGIES, ConflictStrategyName, EXECUTE_TYPES, ExecuteTypeName, RepositoryTypeName, STATUSES,
    StatusName, name_of,
};
use crate::reader::Reader;

/// A record detail: one artifact to one cluster.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetailView {
    id: String,
    record_id: String,
    local_cluster: String,
    remote_cluster: String,
    local_repo_name: String,
    #[schema(value_type = RepositoryTypeName)]
    repo_type: String,
    package_constraint: Option<PackageConstraint>,
    path_constraint: Option<PathConstraint>,
    artifact_name: Option<String>,
    version: Option<String>,
    #[schema(value_type = Option<ConflictStrategyName>)]
    conflict_strategy: Option<&'static str>,
    size: Option<u64>,
    sha256: Option<String>,
    #[schema(value_type = StatusName)]
    status: &'static str,
    progress: Progress,
    start_time: String,
    end_time: Option<String>,
    error_reason: Option<String>,
    #[schema(value_type = Option<ExecuteTypeName>)]
    execute_type: Option<&'static str>,
}

/// What a row counts for.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    success: u64,
    skip: u64,
    failed: u64,
    total_size: u64,
    conflict: u64,
    file_success: u64,
    file_failed: u64,
}

impl DetailView {
    /// Shows `detail` to `reader`.
    pub fn of(detail: &RecordDetail, reader: &Reader) -> Self {
        let status = detail.status();
        let (artifact_name, version) = match &detail.artifact {
            Some(key) => (Some(shown_name(key).to_owned()), key.version.clone()),
            None => (None, None),
        };
        let (package_constraint, path_constraint) = constraints(detail);
        Self {
            id: detail.id.to_string(),
            record_id: detail.record_id.to_string(),
            local_cluster: detail.local_cluster.clone(),
            remote_cluster: detail.remote_cluster.clone(),
            local_repo_name: detail.local_repository.clone(),
            repo_type: detail.repository_type.to_string(),
            package_constraint,
            path_constraint,
            sha256: detail
                .digest
                .filter(|_| version.is_none())
                .map(|digest| digest.to_hex()),
            artifact_name,
            version,
            conflict_strategy: settlement(detail)
                .and_then(|settled| settled.on_conflict)
                .map(|strategy| name_of(CONFLICT_STRATEGIES, &strategy)),
            size: detail.size_bytes,
            status: name_of(STATUSES, &status),
            progress: progress(detail),
            start_time: reader.date(detail.started_ms),
            end_time: detail.ended_ms.map(|ms| reader.date(ms)),
            error_reason: match status {
                DetailStatus::Failed => reason(detail, reader),
                DetailStatus::Running | DetailStatus::Success => None,
            },
            execute_type: detail
                .execute_type
                .map(|execute_type| name_of(EXECUTE_TYPES, &execute_type)),
        }
    }
}

/// Returns the full path of a file, or the name of a package without its type (`left-pad`).
fn shown_name(key: &ArtifactKey) -> &str {
    match (&key.version, key.name.split_once("://")) {
        (Some(_), Some((_, name))) => name,
        (Some(_), None) | (None, _) => &key.name,
    }
}

fn settlement(detail: &RecordDetail) -> Option<&Settlement> {
    match &detail.state {
        DetailState::Settled(settlement) => Some(settlement),
        DetailState::Running | DetailState::Imported { .. } => None,
    }
}

fn constraints(detail: &RecordDetail) -> (Option<PackageConstraint>, Option<PathConstraint>) {
    match (&detail.artifact, &detail.historical) {
        (Some(key), _) => match &key.version {
            Some(version) => (Some(PackageConstraint::named(&key.name, version)), None),
            None => (None, Some(PathConstraint::named(&key.name))),
        },
        (None, Some(historical)) => (
            historical.package_constraint.as_ref().map(package_constraint),
            historical.path_constraint.as_ref().map(path_constraint),
        ),
        (None, None) => (None, None),
    }
}

fn package_constraint(stored: &Value) -> PackageConstraint {
    PackageConstraint {
        package_key: text(stored, "packageKey"),
        versions: texts(stored, "versions"),
        target_versions: texts(stored, "targetVersions"),
        package_regex: text(stored, "packageRegex"),
        version_regex: text(stored, "versionRegex"),
        deleted_date: text(stored, "deletedDate"),
    }
}

fn path_constraint(stored: &Value) -> PathConstraint {
    PathConstraint {
        path: text(stored, "path"),
        path_regex: text(stored, "pathRegex"),
        deleted_date: text(stored, "deletedDate"),
    }
}

fn text(stored: &Value, member: &str) -> Option<String> {
    stored[member].as_str().map(String::from)
}

fn texts(stored: &Value, member: &str) -> Option<Vec<String>> {
    let items = stored[member].as_array()?;
    let texts = items.iter().filter_map(Value::as_str);
    Some(texts.map(String::from).collect())
}

fn progress(detail: &RecordDetail) -> Progress {
    let stored = detail
        .historical
        .as_ref()
        .and_then(|historical| historical.progress.as_ref());
    if let Some(stored) = stored {
        return stored_progress(stored);
    }
    let Some(settled) = settlement(detail) else {
        return Progress::default();
    };
    let (success, skip, failed) = match settled.outcome {
        Outcome::Copied | Outcome::Overwritten | Outcome::Deleted => (1, 0, 0),
        Outcome::Unchanged | Outcome::SkippedConflict => (0, 1, 0),
        Outcome::Failed => (0, 0, 1),
    };
    Progress {
        success,
        skip,
        failed,
        total_size: detail.size_bytes.unwrap_or(0),
        conflict: u64::from(settled.conflict),
        file_success: settled.moved_blobs.into(),
        file_failed: settled.failed_blobs.into(),
    }
}

fn stored_progress(stored: &Value) -> Progress {
    let count = |member: &str| stored[member].as_u64().unwrap_or(0);
    Progress {
        success: count("success"),
        skip: count("skip"),
        failed: count("failed"),
        total_size: count("totalSize"),
        conflict: count("conflict"),
        file_success: count("fileSuccess"),
        file_failed: count("fileFailed"),
    }
}

fn reason(detail: &RecordDetail, reader: &Reader) -> Option<String> {
    let failure = settlement(detail).and_then(|settled| settled.failure.as_ref());
    if let Some(failure) = failure {
        return Some(failure.render(reader.language));
    }
    let Historical { error_reason, .. } = detail.historical.as_deref()?;
    error_reason.clone().filter(|reason| !reason.is_empty())
}
