//! What this process has done since it started, for a collector: runs, artifacts, bytes, failures.
//!
//! Counted once a group of details is durable; about any one run, the log in the store is the truth.

use std::collections::HashMap;

use domain::detail::Outcome;
use domain::failure::{ErrorKind, Stage};
use domain::record::RecordEnd;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use storage::writer::{DetailRow, RowState};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct At {
    cluster: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Settled {
    cluster: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    cluster: String,
    stage: &'static str,
    class: &'static str,
}

/// The counters of one engine; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    runs: Family<Ended, Counter>,
    artifacts: Family<Settled, Counter>,
    bytes: Family<At, Counter>,
    failures: Family<Failed, Counter>,
}

/// What some details add to the counters.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    outcomes: HashMap<Outcome, u64>,
    failures: HashMap<(Stage, ErrorKind), u64>,
    moved_bytes: u64,
}

impl Tally {
    /// Counts the settled ones of `rows`.
    pub(crate) fn of(rows: &[DetailRow]) -> Self {
        let mut tally = Self::default();
        for row in rows {
            let RowState::Settled(settlement) = &row.state else {
                continue;
            };
            *tally.outcomes.entry(settlement.outcome).or_default() += 1;
            tally.moved_bytes += settlement.moved_bytes;
            if let Some(failure) = &settlement.failure {
                *tally.failures.entry((failure.stage, failure.class)).or_default() += 1;
            }
        }
        tally
    }
}

impl Metrics {
    /// Names the counters in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("waybill_runs", "Runs that ended", self.runs.clone());
        registry.register(
            "waybill_artifacts",
            "Artifacts that were settled",
            self.artifacts.clone(),
        );
        registry.register(
            "waybill_moved_bytes",
            "Bytes that really moved",
            self.bytes.clone(),
        );
        registry.register("waybill_failures", "Artifacts that failed", self.failures.clone());
    }

    pub(crate) fn run_ended(&self, end: RecordEnd) {
        let end = match end {
            RecordEnd::Succeeded => "succeeded",
            RecordEnd::Failed => "failed",
            RecordEnd::Stopped => "stopped",
        };
        self.runs.get_or_create(&Ended { end }).inc();
    }

    pub(crate) fn settled(&self, cluster: &str, tally: &Tally) {
        let cluster = || cluster.to_owned();
        for (outcome, count) in &tally.outcomes {
            let labels = Settled {
                cluster: cluster(),
                outcome: outcome.as_str(),
            };
            self.artifacts.get_or_create(&labels).inc_by(*count);
        }
        for ((stage, class), count) in &tally.failures {
            let labels = Failed {
                cluster: cluster(),
                stage: stage.as_str(),
                class: class.as_str(),
            };
            self.failures.get_or_create(&labels).inc_by(*count);
        }
        if tally.moved_bytes > 0 {
            self.bytes
                .get_or_create(&At { cluster: cluster() })
                .inc_by(tally.moved_bytes);
        }
    }
}
