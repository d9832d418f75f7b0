//! The form of a task, turned into a draft, and a task turned into what its form shows.

use domain::task::{ConflictStrategy, ErrorStrategy, Scope, Settings, Task, Trigger};
use engine::tasks::draft::{
    ExecutionStrategy, ObjectDraft, PathDraft, PlanDraft, ReplicaType, ScopeKind, TaskDraft,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use messages::text;

use super::super::form::Typed;
use super::super::look::Look;
use super::{faults, lines, objects};
use crate::app::App;
use crate::dates;
use crate::error::ApiResult;
use crate::params::Params;

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

/// Returns what the form of `task` shows, times on the clocks of `zone`.
pub(super) fn of_task(task: &Task, zone: &TimeZone) -> Params {
    let mut pairs = pairs_of(&task.settings);
    let (trigger, at, cron) = match &task.settings.trigger {
        Trigger::Immediately => ("now", String::new(), String::new()),
        Trigger::At(at_ms) => ("at", moment(*at_ms, zone), String::new()),
        Trigger::Cron(cron) => ("cron", String::new(), cron.clone()),
        Trigger::Manual => ("manual", String::new(), String::new()),
        Trigger::RealTime => ("real_time", String::new(), String::new()),
    };
    pairs.extend(owned(&[
        ("name", &task.name),
        ("description", task.description.as_deref().unwrap_or_default()),
        ("trigger", trigger),
        ("at", &at),
        ("cron", &cron),
        ("days", &task.reserve_days.to_string()),
    ]));
    // Paths and packages are chosen in one repository only.
    let scope = task
        .objects
        .first()
        .map_or(&Scope::Repository, |object| &object.scope);
    pairs.extend(scope_pairs(scope));
    for (n, object) in task.objects.iter().enumerate() {
        pairs.extend(objects::pairs_of(&task.project, object, n));
    }
    pairs.extend(task.targets.iter().map(|id| ("targets".into(), id.to_string())));
    for (name, on) in [("details", task.keeps_details), ("enabled", task.enabled)] {
        if on {
            pairs.push((name.into(), "on".into()));
        }
    }
    Params::from(pairs)
}

fn scope_pairs(scope: &Scope) -> Vec<(String, String)> {
    match scope {
        Scope::Repository => owned(&[("scope", "repository")]),
        Scope::Paths(paths) => {
            let lines = lines::of_lines(paths.iter().map(|path| path.as_str()));
            owned(&[("scope", "paths"), ("paths", &lines)])
        }
        Scope::Packages(packages) => {
            let elsewhere = packages.iter().flat_map(|package| &package.target_versions);
            owned(&[
                ("scope", "packages"),
                ("packages", &lines::of_packages(packages)),
                ("target_versions", &lines::of_words(elsewhere)),
            ])
        }
    }
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

/// Returns `ms` as a control for dates and times shows it: to the minute if it is a whole one.
fn moment(ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let form = match ms % 60_000 {
        0 => "%Y-%m-%dT%H:%M",
        _ => "%Y-%m-%dT%H:%M:%S%.3f",
    };
    at.to_zoned(zone.clone()).strftime(form).to_string()
}

/// Reads the form; what cannot be read or cannot be is noted as a fault, and then there is no draft.
pub(super) async fn read(app: &App, look: &Look, typed: &mut Typed) -> ApiResult<Option<TaskDraft>> {
    let scope = match typed.value("scope") {
        "paths" => ScopeKind::Path,
        "packages" => ScopeKind::Package,
        _ => ScopeKind::Repository,
    };
    let (project, objects) = objects::read(app, look, typed, scope).await?;
    if scope != ScopeKind::Repository && objects.len() > 1 {
        typed.fault("scope", look.say(text!("ui-fault-one-repository")));
    }
    let form = &typed.values;
    let (replica_type, strategy) = match form.get("trigger") {
        Some("manual") => (ReplicaType::RunOnce, ExecutionStrategy::Immediately),
        Some("real_time") => (ReplicaType::RealTime, ExecutionStrategy::Immediately),
        Some("at") => (ReplicaType::Scheduled, ExecutionStrategy::SpecifiedTime),
        Some("cron") => (ReplicaType::Scheduled, ExecutionStrategy::Cron),
        _ => (ReplicaType::Scheduled, ExecutionStrategy::Immediately),
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
        project,
        scope,
        objects: selected(form, scope, objects),
        replica_type,
        settings: Some((settings, plan)),
        targets: form.all("targets").map(String::from).collect(),
        enabled: chosen("enabled"),
        description: form.text("description"),
        keeps_details: chosen("details"),
        reserve_days: 0,
    };
    let draft = with_numbers(look, typed, draft);
    if let Some(draft) = draft.as_ref().filter(|_| typed.faults.is_empty()) {
        for (n, error) in draft.object_faults() {
            faults::of_object(look, typed, n, error)?;
        }
    }
    Ok(draft.filter(|_| typed.faults.is_empty()))
}

/// Returns `objects` with the packages or paths that are chosen in them.
fn selected(form: &Params, scope: ScopeKind, objects: Vec<ObjectDraft>) -> Vec<ObjectDraft> {
    let mut packages = lines::packages(form.get("packages").unwrap_or_default());
    if let Some(first) = packages.first_mut() {
        first.target_versions = lines::words(form.get("target_versions").unwrap_or_default());
    }
    let paths: Vec<PathDraft> = lines::filled(form.get("paths").unwrap_or_default())
        .into_iter()
        .map(|line| PathDraft {
            path: Some(line),
            refused: None,
        })
        .collect();
    let selected = objects.into_iter().map(|object| ObjectDraft {
        packages: (scope == ScopeKind::Package).then(|| packages.clone()),
        paths: (scope == ScopeKind::Path).then(|| paths.clone()),
        ..object
    });
    selected.collect()
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
