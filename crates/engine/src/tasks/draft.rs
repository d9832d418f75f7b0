//! A task as somebody asks for it, and the checks that make it a task.
//!
//! A draft holds what the contract can say, also what this version refuses by name. The order of the
//! checks is part of the contract: the first one that fails is the answer.

use std::collections::HashSet;

use connectors::registry::by_type;
use domain::cron::CronExpression;
use domain::path::FilePath;
use domain::repository::{RepositoryRef, RepositoryType};
use domain::task::{PackageSelection, Scope, Settings, TaskObject, Trigger};
use domain::versions::{Choice, VersionFilter};
use jiff::tz::TimeZone;

use crate::error::{EngineError, EngineResult, Why};

/// What kind of things a draft selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// Whole repositories.
    Repository,
    /// Packages.
    Package,
    /// Paths.
    Path,
}

/// What makes a draft's task run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaType {
    /// Its plan.
    Scheduled,
    /// Every change of its repository.
    RealTime,
    /// Whoever asks for it.
    RunOnce,
    /// An edge that pulls.
    EdgePull,
    /// A federation.
    Federation,
}

impl ReplicaType {
    /// Returns the contract's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::RealTime => "REAL_TIME",
            Self::RunOnce => "RUN_ONCE",
            Self::EdgePull => "EDGE_PULL",
            Self::Federation => "FEDERATION",
        }
    }
}

/// When a draft's task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionStrategy {
    /// As soon as it is saved.
    Immediately,
    /// At one time.
    SpecifiedTime,
    /// By a cron expression.
    Cron,
}

impl ExecutionStrategy {
    /// Returns the contract's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immediately => "IMMEDIATELY",
            Self::SpecifiedTime => "SPECIFIED_TIME",
            Self::Cron => "CRON_EXPRESSION",
        }
    }
}

/// When a draft's task runs, in detail.
#[derive(Debug, Clone)]
pub struct PlanDraft {
    /// Which of the members below counts.
    pub strategy: ExecutionStrategy,
    /// Whether it runs as soon as it is saved.
    pub immediately: bool,
    /// When it runs (Unix milliseconds).
    pub at_ms: Option<i64>,
    /// The expression it runs by.
    pub cron: Option<String>,
}

/// One package of an object.
#[derive(Debug, Clone)]
pub struct PackageDraft {
    /// Its key.
    pub key: Option<String>,
    /// Its versions.
    pub versions: Vec<String>,
    /// What its only version is called at the target.
    pub target_versions: Vec<String>,
    /// A member this version refuses when it is set: its name and value.
    pub refused: Option<(&'static str, String)>,
}

/// One path of an object.
#[derive(Debug, Clone, Default)]
pub struct PathDraft {
    /// The path.
    pub path: Option<String>,
    /// Members this version refuses when they are set: their names and values.
    pub refused: Option<(&'static str, String)>,
}

/// One repository to replicate.
#[derive(Debug, Clone)]
pub struct ObjectDraft {
    /// Repository here.
    pub local_repository: String,
    /// Project there.
    pub remote_project: Option<String>,
    /// Repository there.
    pub remote_repository: Option<String>,
    /// What it holds.
    pub repository_type: RepositoryType,
    /// Packages it is limited to.
    pub packages: Option<Vec<PackageDraft>>,
    /// Paths it is limited to.
    pub paths: Option<Vec<PathDraft>>,
    /// What of those is wanted; `None`: as it was before an update, and everything in a new task.
    pub choice: Option<Choice>,
    /// A member this version refuses when it is set: its name and value.
    pub refused: Option<(&'static str, String)>,
}

/// A task as somebody asks for it.
#[derive(Debug, Clone)]
pub struct TaskDraft {
    /// Its name.
    pub name: String,
    /// Project it reads.
    pub project: String,
    /// What it selects.
    pub scope: ScopeKind,
    /// What it replicates.
    pub objects: Vec<ObjectDraft>,
    /// What makes it run.
    pub replica_type: ReplicaType,
    /// How it replicates; its trigger is not looked at, `plan` says it. `None` in an update: as it was.
    pub settings: Option<(Settings, PlanDraft)>,
    /// Clusters it writes to, by id.
    pub targets: Vec<String>,
    /// Whether triggers may start it.
    pub enabled: bool,
    /// Free text.
    pub description: Option<String>,
    /// Whether details of artifacts that did not fail are kept.
    pub keeps_details: bool,
    /// How long records are kept, in days.
    pub reserve_days: i64,
}

impl TaskDraft {
    /// Refuses blank members.
    pub(crate) fn check_filled(&self) -> EngineResult<()> {
        let no_targets = self.targets.is_empty() && self.replica_type != ReplicaType::EdgePull;
        let blank = [
            ("name", self.name.trim().is_empty()),
            ("localProjectId", self.project.trim().is_empty()),
            ("replicaTaskObjects", self.objects.is_empty()),
            ("remoteClusterIds", no_targets),
        ];
        match blank.into_iter().find(|(_, blank)| *blank) {
            Some((member, _)) => Err(EngineError::Empty(member)),
            None => Ok(()),
        }
    }

    /// Returns the days records are kept, refusing what is out of range.
    pub(crate) fn checked_reserve_days(&self) -> EngineResult<u32> {
        let days = self.reserve_days;
        u32::try_from(days)
            .ok()
            .filter(|days| (1..=60).contains(days))
            .ok_or_else(|| {
                EngineError::invalid(
                    "recordReserveDays",
                    days.to_string(),
                    Why::Between { least: 1, most: 60 },
                )
            })
    }

    /// Refuses names that are too short or too long.
    pub(crate) fn check_name(&self) -> EngineResult<()> {
        check_name_length("name", &self.name)
    }

    /// Returns the one time it would run at, if it runs by one.
    pub(crate) fn at_ms(&self) -> Option<i64> {
        let (_, plan) = self.settings.as_ref()?;
        plan.at_ms
            .filter(|_| plan.strategy == ExecutionStrategy::SpecifiedTime)
    }

    /// Refuses what this version cannot make run.
    pub(crate) fn check_replica_type(&self) -> EngineResult<()> {
        match self.replica_type {
            ReplicaType::Scheduled | ReplicaType::RunOnce | ReplicaType::RealTime => Ok(()),
            other @ (ReplicaType::EdgePull | ReplicaType::Federation) => Err(EngineError::invalid(
                "replicaType",
                other.as_str(),
                Why::NotSupported,
            )),
        }
    }

    /// Returns what the task replicates.
    pub(crate) fn checked_objects(&self) -> EngineResult<Vec<TaskObject>> {
        match self.scope {
            ScopeKind::Repository => self.check_whole_repositories()?,
            ScopeKind::Package | ScopeKind::Path => self.check_only_object()?,
        }
        let objects = self.objects.iter().map(|object| self.checked_object(object));
        let objects: Vec<TaskObject> = objects.collect::<EngineResult<_>>()?;
        let mut remotes = HashSet::new();
        for object in &objects {
            self.check_alone(object, &mut remotes)?;
        }
        Ok(objects)
    }

    /// Refuses an object that writes where one of `remotes` does, which it then is among.
    fn check_alone(&self, object: &TaskObject, remotes: &mut HashSet<RepositoryRef>) -> EngineResult<()> {
        let remote = object.remote(&self.project);
        let shared = remote.to_string();
        match remotes.insert(remote) {
            true => Ok(()),
            false => Err(EngineError::invalid("remoteRepoName", shared, Why::SharedTarget)),
        }
    }

    /// Returns what is wrong with each object that cannot be, by its place: a form says all of it at once.
    pub fn object_faults(&self) -> Vec<(usize, EngineError)> {
        let mut remotes = HashSet::new();
        let checked = self.objects.iter().map(|object| {
            let object = self.checked_object(object)?;
            self.check_alone(&object, &mut remotes)
        });
        let faults = checked
            .enumerate()
            .filter_map(|(n, checked)| Some((n, checked.err()?)));
        faults.collect()
    }

    fn check_whole_repositories(&self) -> EngineResult<()> {
        let limited = self.objects.iter().any(|object| {
            object.packages.as_ref().is_some_and(|list| !list.is_empty())
                || object.paths.as_ref().is_some_and(|list| !list.is_empty())
        });
        if limited {
            return Err(EngineError::Contradiction("replicaTaskObjects"));
        }
        Ok(())
    }

    fn check_only_object(&self) -> EngineResult<()> {
        if self.objects.len() == 1 {
            Ok(())
        } else {
            Err(EngineError::Contradiction("replicaTaskObjects"))
        }
    }

    fn checked_object(&self, object: &ObjectDraft) -> EngineResult<TaskObject> {
        if object.local_repository.trim().is_empty() {
            return Err(EngineError::Empty("localRepoName"));
        }
        let scope = match self.scope {
            ScopeKind::Path => Scope::Paths(checked_paths(object)?),
            ScopeKind::Package => Scope::Packages(checked_packages(object)?),
            ScopeKind::Repository => Scope::Repository,
        };
        let held = &object.repository_type;
        if by_type(held).is_none() && *held != RepositoryType::generic() {
            return Err(EngineError::invalid("repoType", held.as_str(), Why::NotSupported));
        }
        // What changes in them is not told tag by tag, or version by version.
        if *held != RepositoryType::generic() && self.replica_type == ReplicaType::RealTime {
            return Err(EngineError::invalid("repoType", held.as_str(), Why::NotSupported));
        }
        let wrong = match self.scope {
            ScopeKind::Package if *held == RepositoryType::generic() => Some(Why::FilesOnly),
            ScopeKind::Path if *held != RepositoryType::generic() => Some(Why::PackagesOnly),
            ScopeKind::Package | ScopeKind::Path | ScopeKind::Repository => None,
        };
        if let Some(reason) = wrong {
            let kind = if self.scope == ScopeKind::Path {
                "PATH"
            } else {
                "PACKAGE"
            };
            return Err(EngineError::invalid("replicaObjectType", kind, reason));
        }
        if let Some((member, value)) = &object.refused {
            return Err(EngineError::invalid(*member, value, Why::NotSupported));
        }
        let choice = object.choice.clone().unwrap_or_default();
        check_choice(&choice, held, &scope)?;
        let filled = |name: &Option<String>| name.clone().filter(|name| !name.trim().is_empty());
        Ok(TaskObject {
            local_repository: object.local_repository.clone(),
            remote_project: filled(&object.remote_project),
            remote_repository: filled(&object.remote_repository),
            repository_type: object.repository_type.clone(),
            scope,
            choice,
        })
    }

    /// Returns the settings, with the trigger that the plan means at `now_ms`.
    pub(crate) fn checked_settings(&self, now_ms: i64, zone: &TimeZone) -> EngineResult<Option<Settings>> {
        let Some((settings, plan)) = &self.settings else {
            return Ok(None);
        };
        let trigger = match self.replica_type {
            ReplicaType::RunOnce => {
                plan.check_none(Why::RunOnceByHand)?;
                Trigger::Manual
            }
            ReplicaType::RealTime => {
                plan.check_none(Why::RealTimeByChange)?;
                Trigger::RealTime
            }
            ReplicaType::Scheduled | ReplicaType::EdgePull | ReplicaType::Federation => {
                plan.checked_trigger(now_ms, zone)?
            }
        };
        Ok(Some(Settings {
            trigger,
            ..settings.clone()
        }))
    }
}

/// Refuses a choice that nobody would heed.
fn check_choice(choice: &Choice, held: &RepositoryType, scope: &Scope) -> EngineResult<()> {
    let heeds = |choice: &Choice| by_type(held).is_some_and(|connector| connector.chooses(choice));
    let refused = |member: &'static str| {
        let reason = match held == &RepositoryType::generic() {
            true => Why::FilesOnly,
            false => Why::NotSupported,
        };
        Err(EngineError::invalid(member, held.as_str(), reason))
    };
    let versions_only = Choice {
        platforms: Vec::new(),
        ..choice.clone()
    };
    if !heeds(&versions_only) {
        return refused("versionFilter");
    }
    if !heeds(choice) {
        return refused("platforms");
    }
    match scope {
        // Whatever is named is wanted, so there is nothing left to choose among.
        Scope::Packages(named)
            if choice.versions != VersionFilter::default()
                && named.iter().all(|package| !package.versions.is_empty()) =>
        {
            Err(EngineError::Contradiction("versionFilter"))
        }
        Scope::Packages(_) | Scope::Paths(_) | Scope::Repository => Ok(()),
    }
}

/// Refuses names that are shorter than 2 or longer than 256 characters.
pub(crate) fn check_name_length(member: &str, name: &str) -> EngineResult<()> {
    if (2..=256).contains(&name.chars().count()) {
        return Ok(());
    }
    let reason = Why::Length { least: 2, most: 256 };
    Err(EngineError::invalid(member, name, reason))
}

fn checked_paths(object: &ObjectDraft) -> EngineResult<Vec<FilePath>> {
    let paths = object
        .paths
        .as_ref()
        .ok_or(EngineError::Missing("pathConstraints"))?;
    if paths.is_empty() {
        return Err(EngineError::Empty("pathConstraints"));
    }
    if object.packages.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(EngineError::Contradiction("packageConstraints"));
    }
    let mut checked = Vec::with_capacity(paths.len());
    for path in paths {
        if let Some((member, value)) = &path.refused {
            return Err(EngineError::invalid(*member, value, Why::NotSupported));
        }
        let text = path.path.as_ref().ok_or(EngineError::Missing("path"))?;
        let path: FilePath = text.parse().map_err(|_| EngineError::PathInvalid(text.clone()))?;
        if !checked.contains(&path) {
            checked.push(path);
        }
    }
    Ok(checked)
}

fn checked_packages(object: &ObjectDraft) -> EngineResult<Vec<PackageSelection>> {
    let packages = object
        .packages
        .as_ref()
        .ok_or(EngineError::Missing("packageConstraints"))?;
    if packages.is_empty() {
        return Err(EngineError::Empty("packageConstraints"));
    }
    if object.paths.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(EngineError::Contradiction("pathConstraints"));
    }
    let mut checked: Vec<PackageSelection> = Vec::with_capacity(packages.len());
    for package in packages {
        let key = package.key.as_ref().ok_or(EngineError::Missing("packageKey"))?;
        if key.trim().is_empty() {
            return Err(EngineError::Empty("packageKey"));
        }
        if package.versions.iter().any(|version| version.trim().is_empty()) {
            return Err(EngineError::Empty("version"));
        }
        if let Some((member, value)) = &package.refused {
            return Err(EngineError::invalid(*member, value, Why::NotSupported));
        }
        let one = packages.len() == 1 && package.versions.len() == 1;
        if let (Some(first), false) = (package.target_versions.first(), one) {
            return Err(EngineError::invalid("targetVersions", first, Why::OneVersion));
        }
        if package
            .target_versions
            .iter()
            .any(|version| version.trim().is_empty())
        {
            return Err(EngineError::Empty("targetVersions"));
        }
        checked.push(PackageSelection {
            key: key.clone(),
            versions: package.versions.clone(),
            target_versions: package.target_versions.clone(),
        });
    }
    Ok(checked)
}

impl PlanDraft {
    /// Refuses a time or an expression, for `reason`.
    fn check_none(&self, reason: Why) -> EngineResult<()> {
        match self.strategy {
            ExecutionStrategy::Immediately => Ok(()),
            other @ (ExecutionStrategy::SpecifiedTime | ExecutionStrategy::Cron) => {
                Err(EngineError::invalid("executionStrategy", other.as_str(), reason))
            }
        }
    }

    fn checked_trigger(&self, now_ms: i64, zone: &TimeZone) -> EngineResult<Trigger> {
        match self.strategy {
            ExecutionStrategy::Immediately if self.immediately => Ok(Trigger::Immediately),
            ExecutionStrategy::Immediately => {
                let reason = Why::ImmediatelyIsTrue;
                Err(EngineError::invalid("executeImmediately", "false", reason))
            }
            ExecutionStrategy::SpecifiedTime => {
                let at_ms = self.at_ms.ok_or(EngineError::Missing("executeTime"))?;
                if at_ms > now_ms {
                    return Ok(Trigger::At(at_ms));
                }
                let shown = jiff::Timestamp::from_millisecond(at_ms).map_or_else(
                    |_| at_ms.to_string(),
                    |at| at.to_zoned(zone.clone()).datetime().to_string(),
                );
                let zone = zone.iana_name().unwrap_or("a fixed offset").into();
                Err(EngineError::invalid("executeTime", shown, Why::Past { zone }))
            }
            ExecutionStrategy::Cron => {
                let text = self.cron.as_ref().ok_or(EngineError::Missing("cronExpression"))?;
                if text.trim().is_empty() {
                    return Err(EngineError::Empty("cronExpression"));
                }
                match text.parse::<CronExpression>() {
                    Ok(_) => Ok(Trigger::Cron(text.clone())),
                    Err(error) => {
                        let reason = Why::Cron(error.reason);
                        Err(EngineError::invalid("cronExpression", text, reason))
                    }
                }
            }
        }
    }
}
