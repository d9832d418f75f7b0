//! Task bodies of the contract, turned into drafts.
//!
//! Only the form is checked here; whether a draft makes a task is the engine's business.

use domain::oci::PlatformFilter;
use domain::repository::RepositoryType;
use domain::task::Settings;
use domain::versions::{Choice, VersionFilter};
use engine::tasks::contract_settings;
use engine::tasks::draft::{
    ExecutionStrategy, ObjectDraft, PackageDraft, PathDraft, PlanDraft, ReplicaType, TaskDraft,
};
use jiff::tz::TimeZone;
use messages::Text;
use serde::Deserialize;

use crate::contract::names::{
    CONFLICT_STRATEGIES, ERROR_STRATEGIES, EXECUTION_STRATEGIES, REPLICA_TYPES, REPOSITORY_TYPES, SCOPE_KINDS,
};
use crate::dates;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};

const RESERVE_DAYS: i64 = 30;

/// What a body is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A new task, with the contract's defaults.
    Create,
    /// A changed task: without `setting` it keeps the one it has.
    Update,
    /// A new task of the native API, with its defaults and times of any zone.
    Native,
}

/// Reads a task.
pub fn task(body: &Members, zone: &TimeZone, form: Form) -> ApiResult<TaskDraft> {
    let objects = body.objects("replicaTaskObjects")?;
    let objects = objects.ok_or_else(|| unreadable_member("replicaTaskObjects"))?;
    let setting = body.object("setting")?;
    let setting = match (setting, form) {
        (None, Form::Create) => return Err(unreadable_member("setting")),
        (None, Form::Native) => Some(Members::default()),
        (setting, _) => setting,
    };
    let targets = body.texts("remoteClusterIds")?;
    Ok(TaskDraft {
        name: body.required_text("name")?,
        project: body.required_text("localProjectId")?,
        scope: body
            .choice("replicaObjectType", SCOPE_KINDS)?
            .ok_or_else(|| unreadable_member("replicaObjectType"))?,
        objects: objects
            .iter()
            .map(|body| object(body, form))
            .collect::<ApiResult<_>>()?,
        replica_type: body
            .choice("replicaType", REPLICA_TYPES)?
            .unwrap_or(ReplicaType::Scheduled),
        settings: setting
            .map(|setting| Ok::<_, ApiError>((settings(&setting, form)?, plan(&setting, zone, form)?)))
            .transpose()?,
        targets: targets.ok_or_else(|| unreadable_member("remoteClusterIds"))?,
        enabled: body.flag("enabled")?.unwrap_or(true),
        description: body.text("description")?,
        keeps_details: body.flag("record")?.unwrap_or(true),
        reserve_days: body.number("recordReserveDays")?.unwrap_or(RESERVE_DAYS),
    })
}

fn object(body: &Members, form: Form) -> ApiResult<ObjectDraft> {
    let repository_type = body.required_text("repoType")?;
    if !REPOSITORY_TYPES.contains(&repository_type.as_str()) {
        return Err(unreadable_member("repoType"));
    }
    let repository_type: RepositoryType = repository_type
        .parse()
        .map_err(|_| unreadable_member("repoType"))?;
    let packages = body.objects("packageConstraints")?;
    let paths = body.objects("pathConstraints")?;
    Ok(ObjectDraft {
        local_repository: body.required_text("localRepoName")?,
        remote_project: body.text("remoteProjectId")?,
        remote_repository: body.text("remoteRepoName")?,
        repository_type,
        packages: packages
            .map(|packages| packages.iter().map(package).collect::<ApiResult<_>>())
            .transpose()?,
        paths: paths
            .map(|paths| paths.iter().map(path).collect::<ApiResult<_>>())
            .transpose()?,
        choice: match form {
            Form::Create | Form::Update => None,
            Form::Native => Some(choice(body)?),
        },
        refused: set(body, &["sourceFilter"]),
    })
}

/// Reads what the contract cannot say: which versions and platforms are wanted.
fn choice(body: &Members) -> ApiResult<Choice> {
    let refused = |member: &str, value: &str, error: String| {
        ApiError::invalid(member, value).because(Text::verbatim(error))
    };
    let versions = body.get("versionFilter").map(|value| {
        let filter = VersionFilter::deserialize(value);
        filter.map_err(|error| refused("versionFilter", &value.to_string(), error.to_string()))
    });
    let platforms = body.texts("platforms")?.unwrap_or_default();
    let platforms = platforms.iter().map(|text| {
        let platform = text.parse::<PlatformFilter>();
        platform.map_err(|error| refused("platforms", text, error.to_string()))
    });
    Ok(Choice {
        versions: versions.transpose()?.unwrap_or_default(),
        platforms: platforms.collect::<ApiResult<_>>()?,
    })
}

fn package(body: &Members) -> ApiResult<PackageDraft> {
    Ok(PackageDraft {
        key: body.text("packageKey")?,
        versions: body.texts("versions")?.unwrap_or_default(),
        target_versions: body.texts("targetVersions")?.unwrap_or_default(),
        refused: set(body, &["packageRegex", "versionRegex", "deletedDate"]),
    })
}

pub(crate) fn path(body: &Members) -> ApiResult<PathDraft> {
    Ok(PathDraft {
        path: body.text("path")?,
        refused: set(body, &["pathRegex", "deletedDate"]),
    })
}

/// Returns the first of `names` that is set to anything but an empty text, with its value.
fn set(body: &Members, names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| {
        let value = body.get(name).filter(|value| value.as_str() != Some(""))?;
        let shown = value.as_str().map_or_else(|| value.to_string(), String::from);
        Some((*name, shown))
    })
}

pub(crate) fn settings(body: &Members, form: Form) -> ApiResult<Settings> {
    let defaults = match form {
        Form::Create | Form::Update => contract_settings(),
        Form::Native => Settings::default(),
    };
    let rate = body.number("rateLimit")?.unwrap_or(0);
    Ok(Settings {
        rate_limit_bytes_per_s: u64::try_from(rate).unwrap_or(0),
        include_metadata: body.flag("includeMetadata")?.unwrap_or(defaults.include_metadata),
        on_conflict: body
            .choice("conflictStrategy", CONFLICT_STRATEGIES)?
            .unwrap_or(defaults.on_conflict),
        on_error: body
            .choice("errorStrategy", ERROR_STRATEGIES)?
            .unwrap_or(defaults.on_error),
        storage_consistency_check: body
            .flag("storageConsistencyCheck")?
            .unwrap_or(defaults.storage_consistency_check),
        create_remote_repository: body
            .flag("automaticCreateRemoteRepo")?
            .unwrap_or(defaults.create_remote_repository),
        ..defaults
    })
}

pub(crate) fn plan(setting: &Members, zone: &TimeZone, form: Form) -> ApiResult<PlanDraft> {
    let strategy = setting.choice("executionStrategy", EXECUTION_STRATEGIES)?;
    let plan = setting.object("executionPlan")?.unwrap_or_default();
    let at_ms = match plan.text("executeTime")?.filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => {
            let instant = text
                .parse::<jiff::Timestamp>()
                .ok()
                .filter(|_| form == Form::Native);
            let at_ms = instant
                .map(jiff::Timestamp::as_millisecond)
                .or_else(|| dates::parse(&text, zone));
            Some(at_ms.ok_or_else(|| unreadable_member("executeTime"))?)
        }
    };
    Ok(PlanDraft {
        strategy: strategy.unwrap_or(ExecutionStrategy::Immediately),
        immediately: plan.flag("executeImmediately")?.unwrap_or(true),
        at_ms,
        cron: plan.text("cronExpression")?,
    })
}
