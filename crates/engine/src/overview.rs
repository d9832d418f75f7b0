//! Whether everything arrives: what somebody asks who opens the console at three in the morning.

use std::collections::BTreeMap;

use domain::cluster::ClusterStatus;
use domain::record::Record;
use storage::CauseRow;
use storage::checks::Check;
use storage::hours::{HOUR_MS, HourTotal};

use crate::Engine;
use crate::error::{EngineError, EngineResult};
use crate::freshness::{Freshness, Standing, StandingFilter};

/// Most tasks that need somebody, and most runs, that are named.
pub const MOST_NAMED: usize = 50;

/// How everything stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// How many tasks stand how.
    pub tasks: BTreeMap<Freshness, usize>,
    /// The tasks that are silent or failing, the worst first: at most [`MOST_NAMED`].
    pub attention: Vec<Standing>,
    /// The runs that go on or wait, newest first: at most [`MOST_NAMED`].
    pub open: Vec<Record>,
    /// Clusters that answered when they were asked last.
    pub healthy_clusters: usize,
    /// Clusters that did not.
    pub unhealthy_clusters: usize,
    /// The hours asked for, in order, this one last; without gaps.
    pub hours: Vec<HourTotal>,
}

impl Engine {
    /// Returns how everything stands, with the latest `hours` hours.
    pub async fn overview(&self, hours: u16) -> EngineResult<Overview> {
        let standings = self.standings(&StandingFilter::default()).await?;
        let mut tasks: BTreeMap<Freshness, usize> = BTreeMap::new();
        for standing in &standings {
            *tasks.entry(standing.freshness).or_default() += 1;
        }
        let clusters = self.clusters(None, None).await?;
        let healthy = clusters
            .iter()
            .filter(|cluster| cluster.status == ClusterStatus::Healthy)
            .count();
        Ok(Overview {
            tasks,
            attention: standings
                .into_iter()
                .take_while(|standing| standing.freshness <= Freshness::Failing)
                .take(MOST_NAMED)
                .collect(),
            open: self.store().records().open(MOST_NAMED).await?,
            healthy_clusters: healthy,
            unhealthy_clusters: clusters.len() - healthy,
            hours: self.hours(hours).await?,
        })
    }

    /// Returns what was settled in each of the latest `count` hours, this one last.
    pub async fn hours(&self, count: u16) -> EngineResult<Vec<HourTotal>> {
        let now_ms = self.clock().now_ms();
        let this_ms = now_ms - now_ms.rem_euclid(HOUR_MS);
        let first_ms = this_ms - (i64::from(count) - 1) * HOUR_MS;
        let known = self.store().hours().since(first_ms).await?;
        let mut known: BTreeMap<i64, HourTotal> =
            known.into_iter().map(|hour| (hour.hour_ms, hour)).collect();
        let hours = (0..i64::from(count)).map(|n| {
            let hour_ms = first_ms + n * HOUR_MS;
            known.remove(&hour_ms).unwrap_or(HourTotal {
                hour_ms,
                ..HourTotal::default()
            })
        });
        Ok(hours.collect())
    }

    /// Returns why artifacts of a record failed, the most frequent cause first, and how many failed that no
    /// cause is known of: imported ones, and those of earlier versions.
    pub async fn causes(&self, record: &str) -> EngineResult<(Vec<CauseRow>, u64)> {
        let unknown = || EngineError::RecordUnknown(record.into());
        let found = self.record(record).await?.ok_or_else(unknown)?;
        let causes = self.store().details().causes(found.id).await?;
        let known: u64 = causes.iter().map(|cause| cause.rows).sum();
        let failed = found.counts.map_or(known, |counts| counts.failed);
        Ok((causes, failed.saturating_sub(known)))
    }

    /// Returns at most `limit` looks at the cluster `name` since `since_ms`, the latest first.
    pub async fn cluster_checks(&self, name: &str, since_ms: i64, limit: usize) -> EngineResult<Vec<Check>> {
        let unknown = || EngineError::ClusterUnknown(name.into());
        let cluster = self.cluster_named(name).await?.ok_or_else(unknown)?;
        Ok(self
            .store()
            .clusters()
            .checks(cluster.id, since_ms, limit)
            .await?)
    }
}
