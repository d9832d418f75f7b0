//! One artifact across clusters and runs: where it is, whether it is the same there, and every attempt to carry it.

use domain::artifact::{Artifact, ArtifactKey, Existing, Likeness};
use domain::detail::{DetailFilter, RecordDetail};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use domain::record::Record;
use domain::repository::{RepositoryRef, RepositoryType};
use domain::task::{Scope, Task, TaskObject};
use futures_util::{StreamExt, stream};
use storage::PageRequest;
use storage::tasks::TaskFilter;

use crate::Engine;
use crate::error::EngineResult;

/// Targets asked at the same time.
const AT_ONCE: usize = 8;
/// How long a target may take to answer, in milliseconds.
const PATIENCE_MS: u64 = 5_000;
/// Latest records of a task that are looked through.
const RECORDS: usize = 30;
/// Tasks of a project that are looked through.
const TASKS: u32 = 1_000;
/// Attempts that are told.
const ATTEMPTS: usize = 100;

/// Whether an artifact is at one target.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// The same content.
    Same,
    /// Other content, or a part of it.
    Other,
    /// Something of this name and size, and nothing that tells whether it is the same.
    Unsure,
    /// Nothing of this name.
    Absent,
    /// The target did not answer.
    Unknown(Box<Failure>),
}

/// One target an artifact is carried to.
#[derive(Debug, Clone)]
pub struct Side {
    /// The task that carries it there.
    pub task: Task,
    /// The cluster.
    pub cluster: String,
    /// The repository there.
    pub repository: RepositoryRef,
    /// Whether it is there.
    pub presence: Presence,
    /// What stands there under its name.
    pub existing: Option<Existing>,
}

/// What is known of one artifact.
#[derive(Debug, Clone)]
pub struct Trace {
    /// As it is here; `None` when it is not.
    pub artifact: Option<Artifact>,
    /// Where tasks carry it.
    pub sides: Vec<Side>,
    /// What runs did with it, the latest first.
    pub attempts: Vec<(Record, RecordDetail)>,
}

impl Engine {
    /// Returns where the artifact `key` of the repository `local` is, asking every target now, and what the latest
    /// runs did with it.
    pub async fn trace(&self, local: &RepositoryRef, key: &ArtifactKey) -> EngineResult<Trace> {
        let carriers = self.carriers(local, key).await?;
        let artifact = self
            .here(local, carriers.first().map(|(_, object)| object), key)
            .await;
        let clusters = self.clusters(None, None).await?;
        let mut ways = Vec::new();
        for (task, object) in &carriers {
            for id in &task.targets {
                let cluster = clusters.iter().find(|cluster| cluster.id == *id);
                ways.extend(cluster.map(|cluster| (task.clone(), object.clone(), cluster.name.clone())));
            }
        }
        let sides = stream::iter(ways)
            .map(|(task, object, cluster)| self.side(task, object, cluster, key, artifact.as_ref()))
            .buffered(AT_ONCE)
            .collect()
            .await;
        Ok(Trace {
            attempts: self.attempts(&carriers, key).await?,
            artifact,
            sides,
        })
    }

    /// Returns the tasks that carry the artifact, each with the object that covers it.
    async fn carriers(
        &self,
        local: &RepositoryRef,
        key: &ArtifactKey,
    ) -> EngineResult<Vec<(Task, TaskObject)>> {
        let filter = TaskFilter {
            project: Some(local.project.clone()),
            ..TaskFilter::default()
        };
        let tasks = self.task_page(&filter, PageRequest::new(1, TASKS)).await?.rows;
        let carried = tasks.into_iter().filter_map(|task| {
            let covers =
                |object: &&TaskObject| object.local_repository == local.name && covers(&object.scope, key);
            let object = task.objects.iter().find(covers)?.clone();
            Some((task, object))
        });
        Ok(carried.collect())
    }

    /// Returns the artifact as it is on this node.
    async fn here(
        &self,
        local: &RepositoryRef,
        object: Option<&TaskObject>,
        key: &ArtifactKey,
    ) -> Option<Artifact> {
        let whole = TaskObject {
            local_repository: local.name.clone(),
            remote_project: None,
            remote_repository: None,
            repository_type: RepositoryType::generic(),
            scope: Scope::Repository,
            choice: domain::versions::Choice::default(),
        };
        let endpoints = &self.inner.endpoints;
        let source = endpoints
            .source(&local.project, object.unwrap_or(&whole))
            .await
            .ok()?;
        let described = source.describe(std::slice::from_ref(key)).await.ok()?;
        described.into_iter().next()?.ok()
    }

    async fn side(
        &self,
        task: Task,
        object: TaskObject,
        cluster: String,
        key: &ArtifactKey,
        artifact: Option<&Artifact>,
    ) -> Side {
        let repository = object.remote(&task.project);
        let asked = async {
            let endpoints = &self.inner.endpoints;
            let target = endpoints.target(&cluster, &task.project, &object).await?;
            target.find(std::slice::from_ref(key)).await
        };
        let found = tokio::select! {
            found = asked => found,
            () = self.clock().sleep_ms(PATIENCE_MS) => Err(ConnectorError::new(ErrorKind::Unreachable, Stage::Describe, &cluster)),
        };
        let (presence, existing) = presence(found, &cluster, artifact);
        Side {
            task,
            cluster,
            repository,
            presence,
            existing,
        }
    }

    async fn attempts(
        &self,
        carriers: &[(Task, TaskObject)],
        key: &ArtifactKey,
    ) -> EngineResult<Vec<(Record, RecordDetail)>> {
        let mut attempts = Vec::new();
        for (task, object) in carriers {
            let filter = DetailFilter {
                repository: Some(object.local_repository.clone()),
                artifact: Some(key.clone()),
                ..DetailFilter::default()
            };
            for record in self.records_after(&task.key, None, RECORDS).await? {
                let details = self
                    .store()
                    .details()
                    .after(record.id, &filter, None, ATTEMPTS)
                    .await?;
                attempts.extend(details.into_iter().map(|detail| (record.clone(), detail)));
            }
        }
        attempts.sort_by_key(|(_, detail)| std::cmp::Reverse(detail.started_ms));
        attempts.truncate(ATTEMPTS);
        Ok(attempts)
    }
}

fn covers(scope: &Scope, key: &ArtifactKey) -> bool {
    match scope {
        Scope::Repository => true,
        Scope::Paths(paths) => {
            let path = key.path();
            path.is_some_and(|path| {
                paths
                    .iter()
                    .any(|covered| path == *covered || path.is_within(covered))
            })
        }
        Scope::Packages(packages) => packages.iter().any(|package| package.key == key.name),
    }
}

fn presence(
    found: ConnectorResult<Vec<Option<Existing>>>,
    cluster: &str,
    artifact: Option<&Artifact>,
) -> (Presence, Option<Existing>) {
    let existing = match found {
        Ok(found) => found.into_iter().next().flatten(),
        // A repository that is not there yet holds nothing.
        Err(error) if error.kind == ErrorKind::NotFound => None,
        Err(error) => return (Presence::Unknown(Box::new(error.to_failure(cluster, 1))), None),
    };
    let presence = match (&existing, artifact) {
        (None, _) => Presence::Absent,
        (Some(_), None) => Presence::Other,
        (Some(existing), Some(artifact)) => match artifact.likeness(existing) {
            Likeness::Same => Presence::Same,
            Likeness::Different | Likeness::Partial => Presence::Other,
            Likeness::Unknown => Presence::Unsure,
        },
    };
    (presence, existing)
}
