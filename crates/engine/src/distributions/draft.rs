//! A distribution as somebody asks for it, and the task it means.

use domain::cluster::Secret;
use domain::task::Settings;

use super::Local;
use crate::error::{EngineError, EngineResult, Why};
use crate::tasks::draft::{ObjectDraft, PathDraft, PlanDraft, ReplicaType, ScopeKind, TaskDraft};

/// How long records of a distribution are kept, in days.
const RESERVE_DAYS: i64 = 30;

/// Where a distribution writes to.
#[derive(Debug, Clone)]
pub enum TargetDraft {
    /// A registered cluster, by id.
    Cluster(String),
    /// A node nobody registered.
    Registry(RegistryDraft),
}

/// A node nobody registered.
#[derive(Debug, Clone)]
pub struct RegistryDraft {
    /// Where it answers: `host[:port][/path]` with or without a scheme; what follows the host is not used.
    pub url: String,
    /// User name there.
    pub username: Option<String>,
    /// Password or token there; `None`: the one known, if address and user are those it was given for.
    pub password: Option<Secret>,
    /// Certificate authority (PEM) that signs its certificate.
    pub certificate: Option<String>,
}

/// A user of the target on whose behalf a distribution writes: asked once, never kept.
#[derive(Debug, Clone)]
pub struct RemoteUser {
    /// User name there.
    pub name: String,
    /// Password there.
    pub password: Secret,
}

/// A distribution as somebody asks for it.
#[derive(Debug, Clone)]
pub struct DistributionDraft {
    /// Its name within the repository.
    pub name: String,
    /// Where it writes to.
    pub target: TargetDraft,
    /// The user of the target that has to be allowed to write there.
    pub remote_user: Option<RemoteUser>,
    /// Project there.
    pub remote_project: Option<String>,
    /// Repository there.
    pub remote_repository: Option<String>,
    /// What it selects; `None`: as the constraints say.
    pub scope: Option<ScopeKind>,
    /// Packages it is limited to: the member that names them and its value.
    pub packages: Option<(&'static str, String)>,
    /// Paths it is limited to.
    pub paths: Vec<PathDraft>,
    /// What makes it run.
    pub replica_type: ReplicaType,
    /// How it replicates, and when.
    pub settings: (Settings, PlanDraft),
    /// Free text.
    pub description: Option<String>,
    /// Whether triggers may start it.
    pub enabled: bool,
}

impl DistributionDraft {
    /// Refuses names of another form than `[A-Za-z_][A-Za-z0-9_-]{1,127}`.
    pub(super) fn check_name(&self) -> EngineResult<()> {
        let name = self.name.as_bytes();
        let begins = name
            .first()
            .is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
        let goes_on = name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if begins && goes_on && (2..=128).contains(&name.len()) {
            Ok(())
        } else {
            Err(EngineError::invalid("name", &self.name, Why::EntryName))
        }
    }

    /// Returns the task it means, without its target.
    pub(super) fn task(&self, local: &Local, name: String) -> EngineResult<TaskDraft> {
        let object = ObjectDraft {
            local_repository: local.repository.name.clone(),
            remote_project: self.remote_project.clone(),
            remote_repository: self.remote_repository.clone(),
            repository_type: local.repository_type.clone(),
            packages: None,
            paths: (!self.paths.is_empty()).then(|| self.paths.clone()),
            choice: None,
            refused: None,
        };
        Ok(TaskDraft {
            name,
            project: local.repository.project.clone(),
            scope: self.checked_scope()?,
            objects: vec![object],
            replica_type: self.replica_type,
            settings: Some(self.settings.clone()),
            targets: Vec::new(),
            enabled: self.enabled,
            description: self.description.clone(),
            keeps_details: true,
            reserve_days: RESERVE_DAYS,
        })
    }

    fn checked_scope(&self) -> EngineResult<ScopeKind> {
        if let Some((member, value)) = &self.packages {
            return Err(EngineError::invalid(*member, value, Why::FilesOnly));
        }
        match self.scope {
            Some(ScopeKind::Package) => Err(EngineError::invalid(
                "replicaObjectType",
                "PACKAGE",
                Why::FilesOnly,
            )),
            Some(ScopeKind::Repository) => Ok(ScopeKind::Repository),
            Some(ScopeKind::Path) | None if self.paths.is_empty() => Err(EngineError::invalid(
                "pathConstraints",
                "[]",
                Why::NothingSelected,
            )),
            Some(ScopeKind::Path) | None => Ok(ScopeKind::Path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::draft::ExecutionStrategy;

    fn named(name: &str) -> DistributionDraft {
        let plan = PlanDraft {
            strategy: ExecutionStrategy::Immediately,
            immediately: true,
            at_ms: None,
            cron: None,
        };
        DistributionDraft {
            name: name.into(),
            target: TargetDraft::Cluster(String::new()),
            remote_user: None,
            remote_project: None,
            remote_repository: None,
            scope: None,
            packages: None,
            paths: Vec::new(),
            replica_type: ReplicaType::RunOnce,
            settings: (Settings::default(), plan),
            description: None,
            enabled: true,
        }
    }

    #[test]
    fn a_name_is_two_to_128_letters_digits_and_dashes() {
        for name in ["ab", "_-", "A1", &"x".repeat(128)] {
            assert!(named(name).check_name().is_ok(), "{name}");
        }
        for name in ["", "a", "1a", "-a", "a/b", "a b", "ä1", "a\n", &"x".repeat(129)] {
            assert!(named(name).check_name().is_err(), "{name}");
        }
    }
}
