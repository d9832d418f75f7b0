//! One artifact across clusters and runs: where it is, whether it is the same there, and if not, why not yet.
//!
//! Every target is asked now, all at once and for a few seconds; the log says what became of the attempts.

mod verdict;

use domain::artifact::{Artifact, ArtifactKey, Existing};
use domain::detail::{DetailState, RecordDetail};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::note::Note;
use domain::ports::{ConnectorError, ConnectorResult};
use domain::repository::{RepositoryRef, RepositoryType};
use domain::task::{Scope, TaskObject};
use futures_util::future::join_all;

use crate::Engine;
use crate::error::EngineResult;
use crate::freshness::{Standing, StandingFilter};
use crate::run::renamed::renamed;
pub use verdict::Verdict;

/// How long a cluster may take to say what it holds, in milliseconds.
const PATIENCE_MS: u64 = 5_000;
/// Targets that are asked, all at the same time.
const MOST_SIDES: usize = 64;
/// Attempts of each task that are told, at least: for each of its targets there are [`ATTEMPTS_OF_TARGET`].
const ATTEMPTS: usize = 50;
const ATTEMPTS_OF_TARGET: usize = 4;
/// Attempts that are told in all.
const MOST_ATTEMPTS: usize = 500;

/// One target of one task that carries an artifact.
#[derive(Debug, Clone)]
pub struct Side {
    /// The task that carries it there, and how it stands.
    pub standing: Standing,
    /// The cluster.
    pub cluster: String,
    /// The repository there.
    pub repository: RepositoryRef,
    /// What stands there under its name; an error says why that is not known.
    pub there: Result<Option<Existing>, Failure>,
    /// The latest attempt to carry it there.
    pub latest: Option<RecordDetail>,
    /// How it compares with what is here, and what it waits for.
    pub verdict: Verdict,
}

impl Side {
    /// Returns what the latest attempt to carry it there noted; `None` when it is not settled.
    pub fn notes(&self) -> Option<&[Note]> {
        match &self.latest.as_ref()?.state {
            DetailState::Settled(settled) => Some(&settled.notes),
            DetailState::Running | DetailState::Imported { .. } => None,
        }
    }
}

/// What is known of one artifact.
#[derive(Debug, Clone)]
pub struct Trace {
    /// As it is here; an error says why that is not known, or that it is not here.
    pub here: Result<Artifact, Failure>,
    /// Where tasks carry it, those first that stand worst.
    pub sides: Vec<Side>,
    /// How many more targets tasks carry it to, which were not asked.
    pub unasked: usize,
    /// What the latest 200 runs of each task did with it, the latest first; of each task 50, or four for
    /// each of its targets if that is more, and 500 in all.
    pub attempts: Vec<RecordDetail>,
}

/// A target that is asked.
struct Way {
    standing: Standing,
    object: TaskObject,
    cluster: String,
    latest: Option<RecordDetail>,
}

impl Engine {
    /// Returns where the artifact `key` of the repository `local` is, asking at most 64 targets now, each for five
    /// seconds at most, and what the latest runs did with it.
    pub async fn trace(&self, local: &RepositoryRef, key: &ArtifactKey) -> EngineResult<Trace> {
        let clusters = self.clusters(None, None).await?;
        let (mut ways, mut attempts) = (Vec::new(), Vec::new());
        for (standing, object) in self.carriers(local, key).await? {
            let details = self.store().details();
            let most = ATTEMPTS.max(standing.task.targets.len() * ATTEMPTS_OF_TARGET);
            let tried = details
                .attempts(&standing.task.key, &local.name, key, most)
                .await?;
            for id in &standing.task.targets {
                let Some(cluster) = clusters.iter().find(|cluster| cluster.id == *id) else {
                    continue;
                };
                let there = |row: &&RecordDetail| row.remote_cluster == cluster.name;
                ways.push(Way {
                    standing: standing.clone(),
                    object: object.clone(),
                    cluster: cluster.name.clone(),
                    latest: tried.iter().find(there).cloned(),
                });
            }
            attempts.extend(tried);
        }
        let unasked = ways.len().saturating_sub(MOST_SIDES);
        ways.truncate(MOST_SIDES);
        attempts.sort_by_key(|row| std::cmp::Reverse((row.started_ms, row.id)));
        attempts.truncate(MOST_ATTEMPTS);
        let here = self.here(local, key).await?;
        let sides = join_all(ways.into_iter().map(|way| self.side(&here, key, way))).await;
        Ok(Trace {
            here,
            sides,
            unasked,
            attempts,
        })
    }

    /// Returns the tasks that carry the artifact, each with the object that covers it.
    async fn carriers(
        &self,
        local: &RepositoryRef,
        key: &ArtifactKey,
    ) -> EngineResult<Vec<(Standing, TaskObject)>> {
        let standings = self.standings(&StandingFilter::of(local)).await?.into_iter();
        let carried = standings.filter_map(|standing| {
            let covers = |object: &&TaskObject| object.local_repository == local.name && covers(object, key);
            let object = standing.task.objects.iter().find(covers)?.clone();
            Some((standing, object))
        });
        Ok(carried.collect())
    }

    /// Returns the artifact as it is on this node, or why that is not known.
    async fn here(
        &self,
        local: &RepositoryRef,
        key: &ArtifactKey,
    ) -> EngineResult<Result<Artifact, Failure>> {
        let kind = self.store().repository_kind(local).await?;
        let object = TaskObject {
            local_repository: local.name.clone(),
            remote_project: None,
            remote_repository: None,
            repository_type: kind.map_or_else(RepositoryType::generic, |kind| kind.repository_type),
            scope: Scope::Repository,
            choice: domain::versions::Choice::default(),
        };
        let look = async {
            let source = self.inner.endpoints.source(&local.project, &object).await?;
            let described = source.describe(std::slice::from_ref(key)).await?;
            let missing = || ConnectorError::new(ErrorKind::NotFound, Stage::Describe, key.to_string());
            described.into_iter().next().unwrap_or_else(|| Err(missing()))
        };
        let found = self.patiently(&local.to_string(), look).await;
        Ok(found.map_err(|error| error.to_failure(self.cluster_name(), 1)))
    }

    async fn side(&self, here: &Result<Artifact, Failure>, key: &ArtifactKey, way: Way) -> Side {
        let project = &way.standing.task.project;
        let look = async {
            let endpoints = &self.inner.endpoints;
            let target = endpoints.target(&way.cluster, project, &way.object).await?;
            let target = renamed(target, &way.object.scope);
            let found = target.find(std::slice::from_ref(key)).await?;
            Ok(found.into_iter().next().flatten())
        };
        let there = match self.patiently(&way.cluster, look).await {
            // A repository that is not there yet holds nothing.
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            found => found.map_err(|error| error.to_failure(&way.cluster, 1)),
        };
        Side {
            verdict: Verdict::of(here, &there, &way.standing, way.latest.as_ref()),
            repository: way.object.remote(project),
            standing: way.standing,
            cluster: way.cluster,
            there,
            latest: way.latest,
        }
    }

    async fn patiently<T>(
        &self,
        subject: &str,
        look: impl Future<Output = ConnectorResult<T>>,
    ) -> ConnectorResult<T> {
        tokio::select! {
            biased;
            found = look => found,
            () = self.clock().sleep_ms(PATIENCE_MS) => {
                let silent = ConnectorError::new(ErrorKind::Unreachable, Stage::Describe, subject);
                Err(silent.words("no answer in time"))
            }
        }
    }
}

/// Says whether `object` carries the artifact, or may: whether a version is among the newest is not asked for.
fn covers(object: &TaskObject, key: &ArtifactKey) -> bool {
    let version = key.version.as_ref();
    let is_wanted = version.is_none_or(|version| object.choice.versions.fits(version));
    match &object.scope {
        Scope::Repository => is_wanted,
        Scope::Paths(paths) => key
            .path()
            .is_some_and(|path| paths.iter().any(|covered| path.is_within(covered))),
        Scope::Packages(packages) => packages.iter().any(|package| {
            // What is named is carried whatever the choice says.
            let is_named = version.is_some_and(|version| package.versions.contains(version));
            package.key == key.name && (is_named || package.versions.is_empty() && is_wanted)
        }),
    }
}

#[cfg(test)]
mod tests {
    use domain::task::PackageSelection;
    use domain::versions::{Choice, VersionFilter};

    use super::*;

    #[test]
    fn a_choice_of_versions_covers_what_it_takes_and_what_is_named() {
        let object = |scope| TaskObject {
            local_repository: "images".into(),
            remote_project: None,
            remote_repository: None,
            repository_type: RepositoryType::generic(),
            scope,
            choice: Choice {
                versions: VersionFilter {
                    include: vec!["1.*".parse().expect("a glob")],
                    ..VersionFilter::default()
                },
                ..Choice::default()
            },
        };
        let key = |version: &str| ArtifactKey {
            name: "docker://app".into(),
            version: Some(version.into()),
        };
        let package = |versions: &[&str]| {
            Scope::Packages(vec![PackageSelection {
                key: "docker://app".into(),
                versions: versions.iter().map(|version| (*version).into()).collect(),
                target_versions: Vec::new(),
            }])
        };

        for scope in [Scope::Repository, package(&[])] {
            assert!(covers(&object(scope.clone()), &key("1.2")));
            assert!(!covers(&object(scope), &key("2.0")));
        }
        assert!(covers(&object(package(&["2.0"])), &key("2.0")));
        assert!(!covers(&object(package(&["2.0"])), &key("1.2")));
    }
}
