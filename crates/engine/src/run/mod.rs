//! Carries out one record: every repository of its plan to every target.
//!
//! Targets go side by side and do not wait for each other; the repositories of one target go one after
//! the other. Nothing is kept here that the store does not know: killed at any line and claimed again,
//! the record comes to the same end.

pub(crate) mod answers;
mod backoff;
pub(crate) mod batch;
mod burst;
pub(crate) mod compare;
pub(crate) mod content;
pub(crate) mod dry;
mod feed;
mod flight;
pub(crate) mod item;
pub(crate) mod listing;
pub(crate) mod page;
pub(crate) mod part;
pub(crate) mod renamed;
mod started;
pub(crate) mod unit;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use connectors::http::Throttle;
use domain::detail::{DetailFilter, DetailState, DetailStatus, ExecuteType};
use domain::failure::Failure;
use domain::record::{ReasonLine, RetryOf, RunEnd, RunPlan};
use domain::task::{ErrorStrategy, Scope, TaskObject};
use futures_util::future::try_join_all;
use storage::db::StoreResult;
use storage::records::Claimed;
use storage::records::Unit;
use storage::writer::UnitProgress;
use tokio_util::sync::CancellationToken;

use crate::Engine;
use content::RunContent;
use feed::Feed;
use listing::{Listing, Place, Selection};
use part::Part;
use renamed::renamed;
use unit::{UnitEnd, UnitRun};

/// How a run came to its end.
pub(crate) struct Ended {
    pub(crate) end: RunEnd,
    pub(crate) reason: Vec<ReasonLine>,
}

impl Ended {
    /// Ends a run that nothing more can be done for, because of `reason`.
    pub(crate) fn aborted(reason: ReasonLine) -> Self {
        Self {
            end: RunEnd::Aborted,
            reason: vec![reason],
        }
    }
}

/// One claimed record and what it runs with.
pub(crate) struct Run {
    pub(crate) engine: Engine,
    pub(crate) claimed: Claimed,
    pub(crate) plan: RunPlan,
    pub(crate) stop: CancellationToken,
    pub(crate) read_bytes: Arc<AtomicU64>,
}

/// Returns the units of `plan`, one for each object and target it concerns.
pub(crate) fn units(plan: &RunPlan, local_cluster: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    for (target_no, target) in plan.targets.iter().enumerate() {
        for (object_no, object) in plan.objects.iter().enumerate() {
            if plan.concerns(target, object) {
                units.push(unit_of(plan, target_no, object_no, local_cluster));
            }
        }
    }
    units
}

/// Returns the unit that carries object `object_no` of `plan` to target `target_no`, both of which it has.
fn unit_of(plan: &RunPlan, target_no: usize, object_no: usize, local_cluster: &str) -> Unit {
    let object = &plan.objects[object_no];
    let partial = plan.retry_of.is_some() || object.scope != Scope::Repository;
    Unit {
        unit_no: plan.unit_no(target_no, object_no),
        local_cluster: local_cluster.into(),
        remote_cluster: plan.targets[target_no].clone(),
        local_repository: object.local_repository.clone(),
        repository_type: object.repository_type.clone(),
        execute_type: Some(match (plan.by_events, partial) {
            (true, _) => ExecuteType::Delta,
            (false, true) => ExecuteType::Partial,
            (false, false) => ExecuteType::Full,
        }),
    }
}

impl Run {
    /// Carries the record out and says how it ended.
    pub(crate) async fn carry(&self) -> StoreResult<Ended> {
        let inner = &self.engine.inner;
        let throttle = Arc::new(Throttle::new(
            inner.clock.clone(),
            self.plan.settings.rate_limit_bytes_per_s,
        ));
        let not_attempted = if self.plan.by_events {
            self.carry_events(throttle).await?
        } else {
            self.carry_scope(throttle).await?
        };
        self.judge(not_attempted).await
    }

    /// Carries all that the plan covers; returns what was not attempted.
    async fn carry_scope(&self, throttle: Arc<Throttle>) -> StoreResult<Vec<ReasonLine>> {
        let inner = &self.engine.inner;
        let no = self.claimed.no;
        inner
            .store
            .records()
            .set_units(no, &units(&self.plan, &inner.cluster_name))
            .await?;
        let progress = inner.store.writer().progress(no).await?;
        let targets = self.plan.targets.iter().enumerate();
        let parts =
            targets.map(|(target_no, target)| self.part(target_no, target, &progress, throttle.clone()));
        Ok(try_join_all(parts).await?.into_iter().flatten().collect())
    }

    fn new_part(&self, cluster: &str) -> Arc<Part> {
        let inner = &self.engine.inner;
        Arc::new(Part::new(
            cluster,
            &inner.lines,
            inner.clock.clone(),
            inner.limits.patience_ms,
            self.stop.clone(),
        ))
    }

    /// Carries every repository to one target, one after the other.
    async fn part(
        &self,
        target_no: usize,
        cluster: &str,
        progress: &[UnitProgress],
        throttle: Arc<Throttle>,
    ) -> StoreResult<Vec<ReasonLine>> {
        let part = self.new_part(cluster);
        let mut lines = Vec::new();
        for (object_no, object) in self.plan.objects.iter().enumerate() {
            if !self.plan.concerns(cluster, object) {
                continue;
            }
            let unit_no = self.plan.unit_no(target_no, object_no);
            if let Some(failure) = self.failed_before(cluster, object).await? {
                part.end(failure);
            }
            let progress = progress
                .iter()
                .find(|progress| progress.unit_no == unit_no)
                .cloned();
            let end = match self.unit(object, &part, throttle.clone(), unit_no, None).await? {
                Ok(unit) => {
                    unit.run(progress.unwrap_or_else(|| UnitProgress::new(unit_no)))
                        .await?
                }
                Err(failure) => UnitEnd::Ended {
                    from_key: None,
                    failure,
                },
            };
            if let UnitEnd::Ended { from_key, failure } = end {
                lines.push(ReasonLine::NotAttempted {
                    cluster: cluster.into(),
                    repository: object.local_repository.clone(),
                    from_key,
                    failure,
                });
            }
        }
        Ok(lines)
    }

    /// Returns the failure that ended this part's plan before the run was interrupted.
    async fn failed_before(&self, cluster: &str, object: &TaskObject) -> StoreResult<Option<Failure>> {
        let strategy = self.plan.settings.on_error_within(&object.scope);
        if !self.claimed.resumed || strategy == ErrorStrategy::Continue {
            return Ok(None);
        }
        let filter = DetailFilter {
            status: Some(DetailStatus::Failed),
            cluster: Some(cluster.into()),
            repository: Some(object.local_repository.clone()),
            ..DetailFilter::default()
        };
        let details = self.engine.inner.store.details();
        let rows = details.after(self.claimed.record.id, &filter, None, 1).await?;
        Ok(rows.into_iter().find_map(|row| match row.state {
            DetailState::Settled(settlement) => settlement.failure,
            DetailState::Running | DetailState::Imported { .. } => None,
        }))
    }

    async fn unit(
        &self,
        object: &TaskObject,
        part: &Arc<Part>,
        throttle: Arc<Throttle>,
        unit_no: u16,
        feed: Option<Arc<Feed>>,
    ) -> StoreResult<Result<Arc<UnitRun>, Failure>> {
        let inner = &self.engine.inner;
        let project = &self.plan.project;
        let source = match inner.endpoints.source(project, object).await {
            Ok(source) => source,
            Err(error) => return Ok(Err(error.to_failure(&inner.cluster_name, 1))),
        };
        let target = match inner.endpoints.target(&part.cluster, project, object).await {
            Ok(target) => renamed(target, &object.scope),
            Err(error) => return Ok(Err(error.to_failure(&part.cluster, 1))),
        };
        let content = RunContent {
            source: source.clone(),
            throttle,
            read_bytes: self.read_bytes.clone(),
            verifies: !target.capabilities().verifies,
        };
        let listing = Listing {
            source,
            scope: object.scope.clone(),
            selections: self.selections(unit_no).await?,
            feed,
        };
        Ok(Ok(Arc::new(UnitRun {
            store: inner.store.clone(),
            clock: inner.clock.clone(),
            metrics: inner.metrics.clone(),
            record_no: self.claimed.no,
            fence: self.claimed.fence,
            unit_no,
            carrier: batch::Carrier {
                part: part.clone(),
                target,
                content,
                settings: self.plan.settings.clone(),
                local_cluster: inner.cluster_name.clone(),
            },
            listing,
        })))
    }

    /// Returns what a retry selects of unit `unit_no`: of its parent, and of what that one retried itself.
    ///
    /// What a record never attempted belongs to a retry of all its failures, unless it carried events: those
    /// are still there, and the next record takes them.
    async fn selections(&self, unit_no: u16) -> StoreResult<Vec<Selection>> {
        let store = &self.engine.inner.store;
        let records = store.records();
        let all_failures = DetailFilter {
            status: Some(DetailStatus::Failed),
            ..DetailFilter::default()
        };
        let mut selections = Vec::new();
        let mut retry = self.plan.retry_of.clone();
        while let Some(RetryOf { parent, filter }) = retry {
            let (Some(parent_no), Some(record)) = (records.no_of(parent).await?, records.get(parent).await?)
            else {
                break;
            };
            let by_events = record.plan.as_ref().is_some_and(|plan| plan.by_events);
            retry = record.plan.and_then(|plan| plan.retry_of);
            let level = selections.len();
            let units = records.units(parent_no).await?;
            let rest = units
                .iter()
                .find(|unit| {
                    unit.unit.unit_no == unit_no && unit.rest && filter == all_failures && !by_events
                })
                .map(|unit| Place::from_cursor(unit.rest_cursor.as_ref()))
                .map(|place| place.behind_selection(level, retry.is_some()));
            selections.push(Selection {
                store: store.clone(),
                parent_no,
                unit_no,
                filter,
                rest,
            });
        }
        Ok(selections)
    }

    /// Says how the record ended, from its rows.
    async fn judge(&self, not_attempted: Vec<ReasonLine>) -> StoreResult<Ended> {
        let store = &self.engine.inner.store;
        let mut reason = Vec::new();
        let mut all_failed = 0;
        for cluster in &self.plan.targets {
            let filter = DetailFilter {
                status: Some(DetailStatus::Failed),
                cluster: Some(cluster.clone()),
                ..DetailFilter::default()
            };
            let failed = store.details().count(self.claimed.record.id, &filter).await?;
            all_failed += failed;
            if failed > 0 {
                reason.extend(self.first_failed(cluster, failed, &filter).await?);
            }
        }
        let complete = not_attempted.is_empty() && !self.stop.is_cancelled();
        reason.extend(not_attempted);
        let end = if complete {
            RunEnd::Complete { failed: all_failed }
        } else {
            RunEnd::Aborted
        };
        Ok(Ended { end, reason })
    }

    async fn first_failed(
        &self,
        cluster: &str,
        failed: u64,
        filter: &DetailFilter,
    ) -> StoreResult<Option<ReasonLine>> {
        let rows = self
            .engine
            .inner
            .store
            .details()
            .after(self.claimed.record.id, filter, None, 1)
            .await?;
        Ok(rows.into_iter().next().and_then(|row| match row.state {
            DetailState::Settled(settlement) => Some(ReasonLine::ArtifactsFailed {
                cluster: cluster.into(),
                failed,
                artifact: row.artifact.map(|key| key.to_string()).unwrap_or_default(),
                first: settlement.failure?,
            }),
            DetailState::Running | DetailState::Imported { .. } => None,
        }))
    }
}
