//! How an artifact at a target compares, and if it is not there, why not yet.

use domain::artifact::{Artifact, Existing, Likeness};
use domain::detail::{DetailState, Outcome, RecordDetail};
use domain::failure::{ErrorKind, Failure};
use domain::task::Trigger;

use crate::freshness::{Freshness, Standing};

/// How an artifact at a target compares, and if it is not there, why not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is there, equal.
    Same,
    /// Something stands there under its name that cannot be compared without reading it.
    Uncompared,
    /// Nobody can say: one of the two sides did not answer.
    Unknown,
    /// It is not here.
    NotHere,
    /// Other content stands there and was left alone by the task's conflict strategy.
    LeftAlone,
    /// A run of the task is going on.
    Running,
    /// The latest attempt failed.
    Failed,
    /// The task should have run and did not.
    Silent,
    /// The task is switched off.
    Off,
    /// The next run of the task will carry it.
    NextRun,
    /// Somebody has to start the task.
    ByHand,
}

impl Verdict {
    /// Returns its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Uncompared => "uncompared",
            Self::Unknown => "unknown",
            Self::NotHere => "not_here",
            Self::LeftAlone => "left_alone",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Off => "off",
            Self::NextRun => "next_run",
            Self::ByHand => "by_hand",
        }
    }

    /// Compares both sides; where they differ, the task and the latest attempt say why.
    pub(super) fn of(
        here: &Result<Artifact, Failure>,
        there: &Result<Option<Existing>, Failure>,
        standing: &Standing,
        latest: Option<&RecordDetail>,
    ) -> Self {
        let here = match here {
            Ok(here) => here,
            Err(failure) if failure.class == ErrorKind::NotFound => return Self::NotHere,
            Err(_) => return Self::Unknown,
        };
        match there {
            Err(_) => return Self::Unknown,
            Ok(None) => {}
            Ok(Some(there)) => match here.likeness(there) {
                Likeness::Same => return Self::Same,
                Likeness::Unknown => return Self::Uncompared,
                Likeness::Different | Likeness::Partial => {}
            },
        }
        let outcome = match latest.map(|row| &row.state) {
            Some(DetailState::Settled(settlement)) => Some(settlement.outcome),
            Some(DetailState::Running | DetailState::Imported { .. }) | None => None,
        };
        let starts_by_itself =
            standing.task.settings.trigger == Trigger::RealTime || standing.task.next_run_ms.is_some();
        match (standing.freshness, outcome) {
            (Freshness::Running, _) => Self::Running,
            (_, Some(Outcome::Failed)) => Self::Failed,
            (Freshness::Off, _) => Self::Off,
            (_, Some(Outcome::SkippedConflict)) => Self::LeftAlone,
            (Freshness::Silent, _) => Self::Silent,
            (Freshness::Failing | Freshness::Waiting | Freshness::Fresh, _) if starts_by_itself => {
                Self::NextRun
            }
            (Freshness::Failing | Freshness::Waiting | Freshness::Fresh, _) => Self::ByHand,
        }
    }
}
