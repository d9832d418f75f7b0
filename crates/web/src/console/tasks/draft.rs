//! The form of a task, turned into a draft, and a task turned into what its form shows.

use domain::repository::RepositoryRef;
use domain::task::{ConflictStrategy, ErrorStrategy, PackageSelection, Scope, Settings, Task, Trigger};
use engine::error::EngineError;
use engine::tasks::draft::{
    ExecutionStrategy, ObjectDraft, PackageDraft, PathDraft, PlanDraft, ReplicaType, ScopeKind, TaskDraft,
};
use hosted::Repository;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use messages::text;

use super::super::form::Typed;
use super::super::look::Look;
use crate::app::App;
use crate::dates;
use crate::error::{ApiError, ApiResult};
use crate::params::Params;
use crate::refusals::words;

const MIB: f64 = 1024.0 * 1024.0;
/// Days records are kept unless the form says otherwise.
const DAYS: i64 = 30;

pub(super) const CONFLICTS: [(&str, ConflictStrategy); 3] = [
    ("skip", ConflictStrategy::Skip),
    ("overwrite", ConflictStrategy::Overwrite),
    ("fail", ConflictStrategy::FastFail),
];
pub(super) const ERRORS: [(&str, ErrorStrategy); 2] = [
    ("continue", ErrorStrategy::Continue),
    ("stop", ErrorStrategy::FastFail),
];

/// Returns what the form of a new task shows.
pub(super) fn blank() -> Params {
    let settings = Settings::default();
    let mut pairs = pairs_of(&settings);
    pairs.extend(owned(&[
        ("scope", "repository"),
        ("trigger", "cron"),
        ("cron", "0 30 2 * * ?"),
        ("details", "on"),
        ("days", &DAYS.to_string()),
        ("enabled", "on"),
    ]));
    Params::from(pairs)
}

/// Returns what the form of `task` shows, times on the clocks of `zone`; a task of several repositories, or one that
/// calls a version otherwise at its targets, has no form.
pub(super) fn of_task(task: &Task, zone: &TimeZone) -> Option<Params> {
    let [object] = task.objects.as_slice() else {
        return None;
    };
    let mut pairs = pairs_of(&task.settings);
    let (trigger, at, cron) = match &task.settings.trigger {
        Trigger::Immediately => ("now", String::new(), String::new()),
        Trigger::At(at_ms) => ("at", minute(*at_ms, zone), String::new()),
        Trigger::Cron(cron) => ("cron", String::new(), cron.clone()),
        Trigger::Manual => ("manual", String::new(), String::new()),
        Trigger::RealTime => ("real_time", String::new(), String::new()),
    };
    let (scope, paths, packages) = match &object.scope {
        Scope::Repository => ("repository", String::new(), String::new()),
        Scope::Paths(paths) => {
            let lines: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
            ("paths", lines.join("\n"), String::new())
        }
        Scope::Packages(packages) => {
            if packages.iter().any(|package| !package.target_versions.is_empty()) {
                return None;
            }
            ("packages", String::new(), package_lines(packages))
        }
    };
    pairs.extend(owned(&[
        ("name", &task.name),
        ("description", task.description.as_deref().unwrap_or_default()),
        (
            "repository",
            &format!("{}/{}", task.project, object.local_repository),
        ),
        (
            "remote_project",
            object.remote_project.as_deref().unwrap_or_default(),
        ),
        (
            "remote_repository",
            object.remote_repository.as_deref().unwrap_or_default(),
        ),
        ("scope", scope),
        ("paths", &paths),
        ("packages", &packages),
        ("trigger", trigger),
        ("at", &at),
        ("cron", &cron),
        ("days", &task.reserve_days.to_string()),
    ]));
    pairs.extend(task.targets.iter().map(|id| ("targets".into(), id.to_string())));
    for (name, on) in [("details", task.keeps_details), ("enabled", task.enabled)] {
        if on {
            pairs.push((name.into(), "on".into()));
        }
    }
    Some(Params::from(pairs))
}

/// Returns a line for each package: its key, then its versions unless all are meant.
fn package_lines(packages: &[PackageSelection]) -> String {
    let lines = packages.iter().map(|package| {
        let words = std::iter::once(&package.key).chain(&package.versions);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn pairs_of(settings: &Settings) -> Vec<(String, String)> {
    let conflict = CONFLICTS
        .iter()
        .find(|(_, strategy)| *strategy == settings.on_conflict);
    let error = ERRORS.iter().find(|(_, strategy)| *strategy == settings.on_error);
    let rate = settings.rate_limit_bytes_per_s as f64 / MIB;
    let mut pairs = owned(&[
        ("conflict", conflict.map_or("skip", |(name, _)| *name)),
        ("error", error.map_or("continue", |(name, _)| *name)),
        (
            "rate",
            &if rate > 0.0 {
                rate.to_string()
            } else {
                String::new()
            },
        ),
    ]);
    for (name, on) in [
        ("metadata", settings.include_metadata),
        ("create", settings.create_remote_repository),
    ] {
        if on {
            pairs.push((name.into(), "on".into()));
        }
    }
    pairs
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

/// Returns `ms` as a control for dates and times shows it.
fn minute(ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// Reads the form; what cannot be read is noted as a fault, and then there is no draft.
pub(super) async fn read(app: &App, look: &Look, typed: &mut Typed) -> ApiResult<Option<TaskDraft>> {
    let Some(local) = repository(app, look, typed).await? else {
        return Ok(None);
    };
    let form = &typed.values;
    let (replica_type, strategy) = match form.get("trigger") {
        Some("manual") => (ReplicaType::RunOnce, ExecutionStrategy::Immediately),
        Some("real_time") => (ReplicaType::RealTime, ExecutionStrategy::Immediately),
        Some("at") => (ReplicaType::Scheduled, ExecutionStrategy::SpecifiedTime),
        Some("cron") => (ReplicaType::Scheduled, ExecutionStrategy::Cron),
        _ => (ReplicaType::Scheduled, ExecutionStrategy::Immediately),
    };
    let scope = match form.get("scope") {
        Some("paths") => ScopeKind::Path,
        Some("packages") => ScopeKind::Package,
        _ => ScopeKind::Repository,
    };
    let chosen = |name: &str| form.get(name) == Some("on");
    let plan = PlanDraft {
        strategy,
        immediately: true,
        at_ms: form.filled("at").and_then(|at| dates::parse(at, &look.zone)),
        cron: Some(form.get("cron").unwrap_or_default().trim().into()),
    };
    let settings = Settings {
        include_metadata: chosen("metadata"),
        create_remote_repository: chosen("create"),
        on_conflict: form
            .filter("conflict", &CONFLICTS)?
            .unwrap_or(ConflictStrategy::Skip),
        on_error: form.filter("error", &ERRORS)?.unwrap_or(ErrorStrategy::Continue),
        ..Settings::default()
    };
    let draft = TaskDraft {
        name: form.get("name").unwrap_or_default().trim().into(),
        project: local.name.project,
        scope,
        objects: vec![ObjectDraft {
            local_repository: local.name.name,
            remote_project: form.text("remote_project"),
            remote_repository: form.text("remote_repository"),
            repository_type: local.repository_type,
            packages: (scope == ScopeKind::Package).then(|| packages(form)),
            paths: (scope == ScopeKind::Path).then(|| paths(form)),
            choice: None,
            refused: None,
        }],
        replica_type,
        settings: Some((settings, plan)),
        targets: form.all("targets").map(String::from).collect(),
        enabled: chosen("enabled"),
        description: form.text("description"),
        keeps_details: chosen("details"),
        reserve_days: 0,
    };
    Ok(with_numbers(look, typed, draft))
}

fn paths(form: &Params) -> Vec<PathDraft> {
    let lines = form.get("paths").unwrap_or_default().lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .map(|line| PathDraft {
            path: Some(line.into()),
            refused: None,
        })
        .collect()
}

fn packages(form: &Params) -> Vec<PackageDraft> {
    let lines = form.get("packages").unwrap_or_default().lines();
    let packages = lines.filter_map(|line| {
        let mut words = line.split_whitespace().map(String::from);
        Some(PackageDraft {
            key: Some(words.next()?),
            versions: words.collect(),
            target_versions: Vec::new(),
            refused: None,
        })
    });
    packages.collect()
}

/// Finds the repository the form names among those of this node: kept here, or standing for a registry elsewhere.
async fn repository(app: &App, look: &Look, typed: &mut Typed) -> ApiResult<Option<Repository>> {
    let typed_name = typed.value("repository").trim().to_owned();
    if let Some((project, name)) = typed_name.split_once('/') {
        let named = RepositoryRef::new(project, name);
        if let Some(found) = app.hosted().repository(&named).await? {
            return Ok(Some(found.info().clone()));
        }
    }
    typed.fault(
        "repository",
        look.say(if typed_name.is_empty() {
            text!("ui-fault-empty")
        } else {
            text!("ui-fault-no-repository", name = typed_name)
        }),
    );
    Ok(None)
}

fn with_numbers(look: &Look, typed: &mut Typed, mut draft: TaskDraft) -> Option<TaskDraft> {
    let rate = match typed.value("rate").trim() {
        "" => Some(0.0),
        text => text
            .parse::<f64>()
            .ok()
            .filter(|rate| (0.0..=1_000_000.0).contains(rate)),
    };
    let days = typed.value("days").trim().parse::<i64>().ok();
    if rate.is_none() {
        typed.fault("rate", look.say(text!("ui-fault-number")));
    }
    if days.is_none() {
        typed.fault("days", look.say(text!("ui-fault-number")));
    }
    let (rate, days) = (rate?, days?);
    draft.reserve_days = days;
    if let Some((settings, _)) = &mut draft.settings {
        // In range by the check above.
        settings.rate_limit_bytes_per_s = (rate * MIB) as u64;
    }
    Some(draft)
}

/// Notes at its field why the engine refused a draft; what is no refusal of a draft is given back.
pub(super) fn faults_of(look: &Look, typed: &mut Typed, error: EngineError) -> ApiResult<()> {
    let (field, says) = match error {
        EngineError::Store(_) | EngineError::TaskUnknown(_) | EngineError::TaskFrozen(_) => {
            return Err(error.into());
        }
        EngineError::Missing(member) | EngineError::Empty(member) => {
            (field_of(member), look.say(text!("ui-fault-empty")))
        }
        EngineError::Invalid { member, reason, .. } => (field_of(&member), look.say(words(reason))),
        EngineError::PathInvalid(path) => ("paths", look.say(text!("ui-fault-path", path = path))),
        EngineError::TaskExists(_) => ("name", look.say(text!("ui-fault-taken"))),
        EngineError::ClusterUnreachable { .. } | EngineError::ClusterUnknown(_) => {
            ("targets", ApiError::from(error).message(look.language))
        }
        other => ("", ApiError::from(other).message(look.language)),
    };
    typed.fault(field, says);
    Ok(())
}

/// Returns the field of the form that the engine's `member` comes from; `""` is the form as a whole.
fn field_of(member: &str) -> &'static str {
    match member {
        "name" => "name",
        "localProjectId" | "replicaTaskObjects" | "localRepoName" | "repoType" => "repository",
        "remoteClusterIds" => "targets",
        "remoteProjectId" => "remote_project",
        "remoteRepoName" => "remote_repository",
        "pathConstraints" | "path" => "paths",
        "packageConstraints" | "packageKey" | "version" => "packages",
        "replicaObjectType" => "scope",
        "replicaType" => "trigger",
        "executeTime" => "at",
        "cronExpression" => "cron",
        "recordReserveDays" => "days",
        _ => "",
    }
}
