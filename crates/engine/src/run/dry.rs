//! A dry run: what a task would do, without doing any of it.

use domain::artifact::{Artifact, ArtifactKey, Existing};
use domain::decide::Action;
use domain::ports::{ConnectorError, ConnectorResult, Source, Target};
use domain::record::RunPlan;
use serde::Serialize;

use super::compare;
use super::item::decided;
use super::listing::absent;
use super::renamed::renamed;
use crate::Engine;

/// Artifacts asked about in one exchange.
const PAGE_ARTIFACTS: usize = 1_000;

/// What would happen to one artifact at one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DryItem {
    /// Target cluster.
    pub cluster: String,
    /// Local repository.
    pub repository: String,
    /// The artifact.
    pub artifact: ArtifactKey,
    /// What would be done.
    pub action: Action,
    /// Its size.
    pub size_bytes: u64,
}

/// What would happen to all artifacts, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DryCounts {
    /// Artifacts that are not there.
    pub copy: u64,
    /// Artifacts whose other content or properties would be replaced.
    pub overwrite: u64,
    /// Artifacts that are equal.
    pub keep: u64,
    /// Artifacts whose other content would be left alone.
    pub skip_conflict: u64,
    /// Artifacts that would fail because of other content.
    pub refuse: u64,
    /// Bytes that would be written at most; content a target has under another name does not move.
    pub bytes: u64,
}

/// Problems that are told in words.
const MOST_PROBLEMS: usize = 100;

/// How far a dry run looks.
#[derive(Debug, Clone, Copy)]
pub struct DryBounds {
    /// Artifacts that are named.
    pub items: usize,
    /// Artifacts that are looked at of each repository for each target; `None`: all of them.
    pub artifacts: Option<usize>,
    /// How long it may take, in milliseconds; `None`: as long as it takes.
    pub duration_ms: Option<u64>,
}

impl DryBounds {
    /// For somebody who waits for it: a part of what is large.
    pub const PREVIEW: Self = Self {
        items: 100,
        artifacts: Some(10_000),
        duration_ms: Some(20_000),
    };

    /// Everything, however long it takes.
    pub const WHOLE: Self = Self {
        items: 100,
        artifacts: None,
        duration_ms: None,
    };

    /// Names the first `items` artifacts.
    #[must_use]
    pub fn naming(self, items: usize) -> Self {
        Self { items, ..self }
    }
}

/// The answer of a dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// Artifacts that were looked at, counted.
    pub counts: DryCounts,
    /// Whether there is more that was not looked at, because of the bounds.
    pub more: bool,
    /// The first artifacts that are not equal, up to the limit asked for.
    pub items: Vec<DryItem>,
    /// What could not be looked at, in words: the first hundred; empty when the counts are complete.
    pub problems: Vec<String>,
    /// How many there are in all.
    pub problem_count: u64,
}

impl DryRun {
    fn take(&mut self, item: DryItem, most_items: usize) {
        let counts = &mut self.counts;
        match item.action {
            Action::Copy => counts.copy += 1,
            Action::Overwrite | Action::OverwriteMetadata => counts.overwrite += 1,
            Action::Keep => counts.keep += 1,
            Action::SkipConflict => counts.skip_conflict += 1,
            Action::Refuse => counts.refuse += 1,
        }
        if matches!(item.action, Action::Copy | Action::Overwrite) {
            counts.bytes += item.size_bytes;
        }
        if item.action != Action::Keep && self.items.len() < most_items {
            self.items.push(item);
        }
    }

    fn note(&mut self, problem: String) {
        self.problem_count += 1;
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

impl Engine {
    /// Returns what `plan` would do, as far as `bounds` let it look. Changes nothing anywhere.
    pub async fn dry_run(&self, plan: &RunPlan, bounds: &DryBounds) -> DryRun {
        let mut answer = DryRun::default();
        let looked = self.look_at_all(plan, bounds, &mut answer);
        let in_time = match bounds.duration_ms {
            None => {
                looked.await;
                true
            }
            Some(duration_ms) => tokio::select! {
                biased;
                () = looked => true,
                () = self.clock().sleep_ms(duration_ms) => false,
            },
        };
        answer.more |= !in_time;
        answer
    }

    async fn look_at_all(&self, plan: &RunPlan, bounds: &DryBounds, answer: &mut DryRun) {
        for cluster in &plan.targets {
            for object in &plan.objects {
                if let Err(error) = self.look(plan, cluster, object, bounds, answer).await {
                    let local = &object.local_repository;
                    answer.note(format!("{local} to {cluster}: {error}"));
                }
            }
        }
    }

    async fn look(
        &self,
        plan: &RunPlan,
        cluster: &str,
        object: &domain::task::TaskObject,
        bounds: &DryBounds,
        answer: &mut DryRun,
    ) -> ConnectorResult<()> {
        let endpoints = &self.inner.endpoints;
        let source = endpoints.source(&plan.project, object).await?;
        let target = endpoints.target(cluster, &plan.project, object).await?;
        let target = renamed(target, &object.scope);
        for missing in source.missing(&object.scope).await? {
            answer.note(absent(&object.scope, &missing));
        }
        let (mut cursor, mut rest) = (None, bounds.artifacts.unwrap_or(usize::MAX));
        loop {
            let most = rest.min(PAGE_ARTIFACTS);
            let page = source.list(&object.scope, cursor.as_ref(), most).await?;
            rest -= page.keys.len().min(rest);
            let described = source.describe(&page.keys).await?;
            let mut artifacts = Vec::with_capacity(described.len());
            for described in described {
                match described {
                    Ok(artifact) => artifacts.push(artifact),
                    Err(error) => answer.note(error.to_string()),
                }
            }
            let keys: Vec<_> = artifacts.iter().map(|artifact| artifact.key.clone()).collect();
            let mut found = found_or_nothing(target.find(&keys).await)?;
            let ends = (&*source, &*target);
            match told_apart(ends, &mut artifacts, &mut found).await? {
                0 => {}
                unread => answer.note(format!(
                    "{local} to {cluster}: {unread} artifacts have to be read to be compared, and count as different",
                    local = object.local_repository
                )),
            }
            for (index, artifact) in artifacts.into_iter().enumerate() {
                let existing = found.get(index).and_then(Option::as_ref);
                let action = decided(&*target, &artifact, existing, &plan.settings);
                let item = DryItem {
                    cluster: cluster.into(),
                    repository: object.local_repository.clone(),
                    size_bytes: artifact.size_bytes(),
                    artifact: artifact.key,
                    action,
                };
                answer.take(item, bounds.items);
            }
            match page.next {
                Some(_) if rest == 0 => {
                    answer.more = true;
                    return Ok(());
                }
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// A repository that is not there yet holds nothing: a dry run does not create it.
fn found_or_nothing(
    found: ConnectorResult<Vec<Option<domain::artifact::Existing>>>,
) -> Result<Vec<Option<domain::artifact::Existing>>, ConnectorError> {
    match found {
        Err(error) if error.kind == domain::failure::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

/// Asks both ends for more where what is known does not tell whether content is the same; returns how many artifacts
/// still cannot be told apart from what was `found`.
async fn told_apart(
    (source, target): (&dyn Source, &dyn Target),
    artifacts: &mut [Artifact],
    found: &mut [Option<Existing>],
) -> ConnectorResult<usize> {
    let known: Vec<&Artifact> = artifacts.iter().collect();
    let unknown = compare::unknown(&known, found);
    if !unknown.is_empty() {
        compare::read_back(target, &known, found, &unknown).await?;
    }
    let unknown = compare::unknown(&known, found);
    if unknown.is_empty() {
        return Ok(0);
    }
    let wanted: Vec<Artifact> = unknown.iter().map(|index| known[*index].clone()).collect();
    for (index, told) in unknown.into_iter().zip(source.inspect(&wanted).await?) {
        if let Ok(told) = told {
            artifacts[index] = told;
        }
    }
    let known: Vec<&Artifact> = artifacts.iter().collect();
    Ok(compare::unknown(&known, found).len())
}
