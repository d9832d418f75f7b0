//! Which details are meant: the same members in a query and in a body.

use domain::detail::{DetailFilter, DetailStatus, Outcome};
use domain::failure::ErrorKind;
use messages::text;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::Params;

const STATUSES: &[(&str, DetailStatus)] = &[
    ("running", DetailStatus::Running),
    ("success", DetailStatus::Success),
    ("failed", DetailStatus::Failed),
];

const OUTCOMES: &[Outcome] = &[
    Outcome::Copied,
    Outcome::Overwritten,
    Outcome::Unchanged,
    Outcome::SkippedConflict,
    Outcome::Failed,
    Outcome::Deleted,
];

const CLASSES: &[ErrorKind] = &[
    ErrorKind::Unreachable,
    ErrorKind::Tls,
    ErrorKind::Unauthorised,
    ErrorKind::NotFound,
    ErrorKind::Conflict,
    ErrorKind::Limit,
    ErrorKind::Corrupt,
    ErrorKind::Changed,
    ErrorKind::Disk,
    ErrorKind::Protocol,
    ErrorKind::Stopped,
];

/// A filter as it is shown and sent; members that are null select nothing and exclude nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = DetailFilter)]
#[serde(rename_all = "camelCase")]
pub struct FilterView {
    status: Option<&'static str>,
    cluster: Option<String>,
    repository: Option<String>,
    package: Option<String>,
    path: Option<String>,
    artifact: Option<String>,
    version: Option<String>,
    outcome: Option<&'static str>,
    class: Option<&'static str>,
    cause: Option<i64>,
    words: Option<String>,
    noted: Option<bool>,
}

/// Selects details: every member given holds.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
pub struct FilterParams {
    /// `running`, `success` or `failed`.
    status: Option<String>,
    /// Name of the target cluster.
    cluster: Option<String>,
    /// Name of the local repository.
    repository: Option<String>,
    /// Beginning of a package's key or name.
    package: Option<String>,
    /// Beginning of a path.
    path: Option<String>,
    /// Beginning of an artifact's name.
    artifact: Option<String>,
    /// Version.
    version: Option<String>,
    /// `copied`, `overwritten`, `unchanged`, `skipped_conflict`, `failed` or `deleted`.
    outcome: Option<String>,
    /// Class of the failure, such as `unreachable`.
    class: Option<String>,
    /// Number of a root cause of this record.
    #[param(minimum = 1)]
    cause: Option<i64>,
    /// Part of the words, class or cluster of a root cause; numbers, digests and ids in it stand for any.
    words: Option<String>,
    /// `true`: those with a note only.
    noted: Option<bool>,
}

impl FilterView {
    /// Shows `filter`.
    pub fn of(filter: DetailFilter) -> Self {
        Self {
            status: filter.status.map(status_name),
            cluster: filter.cluster,
            repository: filter.repository,
            package: filter.package_prefix,
            path: filter.path_prefix,
            artifact: filter.artifact_prefix,
            version: filter.version,
            outcome: filter.outcome.map(Outcome::as_str),
            class: filter.class.map(ErrorKind::as_str),
            cause: filter.cause,
            words: filter.words,
            noted: filter.noted.then_some(true),
        }
    }
}

/// Returns the native API's word for `status`.
pub fn status_name(status: DetailStatus) -> &'static str {
    match status {
        DetailStatus::Running => "running",
        DetailStatus::Success => "success",
        DetailStatus::Failed => "failed",
    }
}

/// Reads a filter from a query.
pub fn of_query(params: &Params) -> ApiResult<DetailFilter> {
    read(|name| Ok(params.text(name)))
}

const MEMBERS: &[&str] = &[
    "status",
    "cluster",
    "repository",
    "package",
    "path",
    "artifact",
    "version",
    "outcome",
    "class",
    "cause",
    "words",
    "noted",
];

/// Reads a filter from a body; a member it does not know is refused, since ignoring it would select more.
pub fn of_body(body: &Members) -> ApiResult<DetailFilter> {
    body.only(MEMBERS)?;
    read(|name| Ok(body.text(name)?.filter(|text| !text.is_empty())))
}

fn read(member: impl Fn(&str) -> ApiResult<Option<String>>) -> ApiResult<DetailFilter> {
    let status = member("status")?.map(|text| {
        let known = STATUSES.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, status)| *status)
            .ok_or_else(|| ApiError::invalid("status", &text))
    });
    let outcome = member("outcome")?.map(|text| {
        let known = OUTCOMES.iter().find(|outcome| outcome.as_str() == text);
        known.copied().ok_or_else(|| ApiError::invalid("outcome", &text))
    });
    let class = member("class")?.map(|text| {
        let known = CLASSES.iter().find(|class| class.as_str() == text);
        known.copied().ok_or_else(|| ApiError::invalid("class", &text))
    });
    let cause = member("cause")?.map(|text| {
        let known = text.parse::<i64>().ok().filter(|cause| *cause > 0);
        known.ok_or_else(|| ApiError::invalid("cause", &text))
    });
    let noted = member("noted")?.map(|text| {
        let known = text.parse::<bool>().ok();
        known.ok_or_else(|| {
            ApiError::invalid("noted", &text).because(text!("choose-among", choices = "true, false"))
        })
    });
    Ok(DetailFilter {
        status: status.transpose()?,
        cluster: member("cluster")?,
        repository: member("repository")?,
        package_prefix: member("package")?,
        path_prefix: member("path")?,
        artifact_prefix: member("artifact")?,
        version: member("version")?,
        outcome: outcome.transpose()?,
        class: class.transpose()?,
        cause: cause.transpose()?,
        words: member("words")?,
        noted: noted.transpose()?.unwrap_or(false),
        artifact: None,
    })
}
