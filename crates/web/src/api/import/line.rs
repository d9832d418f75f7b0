//! One line of an import: the contract's own objects, read back.

use domain::artifact::ArtifactKey;
use domain::detail::{DetailState, DetailStatus, Historical, Outcome, RecordDetail, Settlement};
use domain::digest::Digest;
use domain::id::TaskKey;
use domain::record::{ReasonLine, Record, RecordStatus};
use domain::repository::RepositoryType;
use domain::task::ConflictStrategy;
use engine::import::ImportItem;
use jiff::tz::TimeZone;
use messages::{Text, text};
use serde_json::Value;

use crate::contract::names::{CONFLICT_STRATEGIES, EXECUTE_TYPES, STATUSES};
use crate::dates;
use crate::json::Members;

type Read<T> = Result<T, Text>;

/// Reads a line; dates are wall-clock times of `zone`. The error says what is wrong with it.
pub fn item(line: &[u8], zone: &TimeZone) -> Read<ImportItem> {
    let line = Members::parse(line).map_err(|_| text!("not-json-object"))?;
    let (record, detail) = (object(&line, "record")?, object(&line, "detail")?);
    match (record, detail) {
        (Some(record), None) => self::record(&record, zone),
        (None, Some(detail)) => self::detail(&detail, zone),
        (Some(_), Some(_)) | (None, None) => Err(text!("record-or-detail")),
    }
}

fn record(body: &Members, zone: &TimeZone) -> Read<ImportItem> {
    let status = match status(body)? {
        DetailStatus::Success => RecordStatus::Succeeded,
        DetailStatus::Failed => RecordStatus::Failed,
        DetailStatus::Running => return Err(text!("running-not-imported")),
    };
    let key = required(body, "taskKey")?;
    if key.is_empty() || key.len() > 64 || key.chars().any(char::is_control) {
        return Err(about("taskKey", text!("length", least = 1, most = 64)));
    }
    let started_ms = date(body, "startTime", zone)?.ok_or_else(|| missing("startTime"))?;
    let reason = text(body, "errorReason")?.filter(|reason| !reason.trim().is_empty());
    let record = Record {
        id: parsed(body, "id")?,
        task_key: TaskKey(key),
        status,
        created_ms: started_ms,
        started_ms: Some(started_ms),
        ended_ms: date(body, "endTime", zone)?,
        counts: None,
        reason: reason.map(|text| ReasonLine::Text { text }).into_iter().collect(),
        triggered_by: "import".into(),
        plan: None,
    };
    let task_name = text(body, "taskName")?.filter(|name| (2..=256).contains(&name.chars().count()));
    Ok(ImportItem::Record {
        record: Box::new(record),
        task_name,
    })
}

fn detail(body: &Members, zone: &TimeZone) -> Read<ImportItem> {
    let status = status(body)?;
    let repository_type: RepositoryType = parsed(body, "repoType")?;
    let digest = text(body, "sha256")?.map(|hex| {
        hex.parse::<Digest>()
            .map_err(|_| about("sha256", text!("not-hex", digits = 64)))
    });
    let size =
        number(body, "size")?.map(|size| u64::try_from(size).map_err(|_| about("size", text!("negative"))));
    let strategy = choice(body, "conflictStrategy", CONFLICT_STRATEGIES)?;
    let detail = RecordDetail {
        id: parsed(body, "id")?,
        record_id: parsed(body, "recordId")?,
        local_cluster: text(body, "localCluster")?.unwrap_or_default(),
        remote_cluster: required(body, "remoteCluster")?,
        local_repository: required(body, "localRepoName")?,
        artifact: artifact(body, &repository_type)?,
        repository_type,
        size_bytes: size.transpose()?,
        digest: digest.transpose()?,
        state: state(status, strategy)?,
        started_ms: date(body, "startTime", zone)?.ok_or_else(|| missing("startTime"))?,
        ended_ms: date(body, "endTime", zone)?,
        execute_type: choice(body, "executeType", EXECUTE_TYPES)?,
        historical: Some(Box::new(Historical {
            package_constraint: constraint(body, "packageConstraint")?,
            path_constraint: constraint(body, "pathConstraint")?,
            progress: constraint(body, "progress")?,
            error_reason: text(body, "errorReason")?,
        })),
    };
    Ok(ImportItem::Detail(Box::new(detail)))
}

/// A version makes it a package; its key is in the constraint, or made of its type and name.
fn artifact(body: &Members, repository_type: &RepositoryType) -> Read<Option<ArtifactKey>> {
    let Some(name) = text(body, "artifactName")? else {
        return Ok(None);
    };
    let Some(version) = text(body, "version")? else {
        return Ok(Some(ArtifactKey { name, version: None }));
    };
    let package = object(body, "packageConstraint")?.unwrap_or_default();
    let key = match text(&package, "packageKey")? {
        Some(key) => key,
        None => format!("{}://{name}", repository_type.as_str().to_ascii_lowercase()),
    };
    Ok(Some(ArtifactKey {
        name: key,
        version: Some(version),
    }))
}

/// A strategy tells what became of a conflict; without one only the status is known.
fn state(status: DetailStatus, strategy: Option<ConflictStrategy>) -> Read<DetailState> {
    let succeeded = match status {
        DetailStatus::Running => return Err(text!("running-not-imported")),
        DetailStatus::Success => true,
        DetailStatus::Failed => false,
    };
    let outcome = match (strategy, succeeded) {
        (None, _) => return Ok(DetailState::Imported { succeeded }),
        (Some(_), false) => Outcome::Failed,
        (Some(ConflictStrategy::Skip), true) => Outcome::SkippedConflict,
        (Some(ConflictStrategy::Overwrite | ConflictStrategy::FastFail), true) => Outcome::Overwritten,
    };
    Ok(DetailState::Settled(Settlement {
        conflict: true,
        on_conflict: strategy,
        ..Settlement::of(outcome)
    }))
}

fn missing(name: &str) -> Text {
    about(name, text!("absent"))
}

fn about(name: &str, reason: Text) -> Text {
    text!("about-member", member = name, reason = reason)
}

fn status(body: &Members) -> Read<DetailStatus> {
    choice(body, "status", STATUSES)?.ok_or_else(|| missing("status"))
}

fn constraint(body: &Members, name: &str) -> Read<Option<Value>> {
    match body.get(name) {
        None => Ok(None),
        Some(value) if value.is_object() => Ok(Some(value.clone())),
        Some(_) => Err(about(name, text!("not-object"))),
    }
}

fn object(body: &Members, name: &str) -> Read<Option<Members>> {
    body.object(name).map_err(|_| about(name, text!("not-object")))
}

fn text(body: &Members, name: &str) -> Read<Option<String>> {
    body.text(name).map_err(|_| about(name, text!("not-text")))
}

fn required(body: &Members, name: &str) -> Read<String> {
    text(body, name)?.ok_or_else(|| missing(name))
}

fn number(body: &Members, name: &str) -> Read<Option<i64>> {
    body.number(name)
        .map_err(|_| about(name, text!("not-whole-number")))
}

fn choice<T: Copy>(body: &Members, name: &str, names: &[(&str, T)]) -> Read<Option<T>> {
    body.choice(name, names)
        .map_err(|_| about(name, text!("not-of-contract")))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(body: &Members, name: &str) -> Read<T> {
    let text = required(body, name)?;
    text.parse()
        .map_err(|error: T::Err| about(name, Text::verbatim(error.to_string())))
}

fn date(body: &Members, name: &str, zone: &TimeZone) -> Read<Option<i64>> {
    let Some(text) = text(body, name)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let ms = dates::parse(&text, zone);
    ms.map(Some).ok_or_else(|| about(name, text!("not-date")))
}
