//! Records: one run of one task, from its trigger to its end.

use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::failure::Failure;
use crate::id::{RecordId, TaskKey};
use crate::task::{Settings, TaskObject, unit_no};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordStatus {
    /// Triggered; no node has claimed it.
    Waiting,
    /// A node with a live lease carries it out.
    Running,
    /// Somebody asked it to stop; what is in flight is being settled.
    Stopping,
    /// Every target's plan was exhausted and no artifact failed.
    Succeeded,
    /// Something failed, or was not reached.
    Failed,
    /// It was stopped.
    Stopped,
}

/// How a finished run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordEnd {
    /// Everything is there.
    Succeeded,
    /// Something is not.
    Failed,
    /// Somebody stopped it.
    Stopped,
}

/// What can happen to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordEvent {
    /// A node took it.
    Claimed,
    /// Somebody asked to stop it.
    StopRequested,
    /// Its node is done with it.
    Finished(RunEnd),
    /// Its node died, or lost the lease.
    LeaseLost,
}

/// What its node says of a run it is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// Every target's plan was exhausted; `failed` artifacts did not arrive.
    Complete {
        /// How many artifacts failed.
        failed: u64,
    },
    /// A list broke, a target was never reached, or planning ended early.
    Aborted,
}

impl RecordStatus {
    /// Returns the status after `event`, or `None` when it cannot happen here.
    ///
    /// `Complete` means every target's plan was exhausted; a failed list, an unreachable target or a
    /// stopped plan is `Aborted`, whatever the rows say.
    pub fn after(self, event: RecordEvent) -> Option<Self> {
        use {RecordEvent::*, RecordStatus::*};
        match (self, event) {
            (Waiting, Claimed) => Some(Running),
            (Waiting, StopRequested) => Some(Stopped),
            (Running, Finished(RunEnd::Complete { failed: 0 })) => Some(Succeeded),
            (Running, Finished(RunEnd::Complete { .. } | RunEnd::Aborted)) => Some(Failed),
            (Running, StopRequested) => Some(Stopping),
            (Running, LeaseLost) => Some(Waiting),
            (Stopping, Finished(_) | LeaseLost) => Some(Stopped),
            (Waiting, LeaseLost | Finished(_))
            | (Running | Stopping, Claimed)
            | (Stopping, StopRequested) => None,
            (Succeeded | Failed | Stopped, _) => None,
        }
    }

    /// Returns its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Returns how it ended; `None` while it has not.
    pub fn end(self) -> Option<RecordEnd> {
        match self {
            Self::Waiting | Self::Running | Self::Stopping => None,
            Self::Succeeded => Some(RecordEnd::Succeeded),
            Self::Failed => Some(RecordEnd::Failed),
            Self::Stopped => Some(RecordEnd::Stopped),
        }
    }
}

/// One line of a record's reason: why one target's part is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ReasonLine {
    /// Artifacts of this target failed; `first` is the first of their failures.
    ArtifactsFailed {
        /// Cluster that lacks them.
        cluster: String,
        /// How many.
        failed: u64,
        /// The first one's name.
        artifact: String,
        /// Why the first one failed.
        first: Failure,
    },
    /// The target's part ended before its plan did.
    NotAttempted {
        /// Cluster that lacks the rest.
        cluster: String,
        /// Local repository that was being replicated.
        repository: String,
        /// The first artifact that was not attempted; `None`: from the very beginning.
        from_key: Option<String>,
        /// Why.
        failure: Failure,
    },
    /// Somebody stopped the run.
    StoppedBy {
        /// Who.
        user: String,
    },
    /// The record does not say what it runs with.
    NoPlan,
    /// The node broke the run off by a fault of its own; trying again by itself would end the same way.
    BrokeOff {
        /// What its program said; cleaned.
        words: String,
    },
    /// Text of an imported record.
    Text {
        /// As it was.
        text: String,
    },
}

/// What a record does again, when it is a retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryOf {
    /// Record whose details were selected.
    pub parent: RecordId,
    /// The selection.
    pub filter: crate::detail::DetailFilter,
}

/// What a record runs with: copied from the task when it was triggered, so later edits do not change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlan {
    /// Project whose repositories are read.
    pub project: String,
    /// What is replicated.
    pub objects: Vec<TaskObject>,
    /// Clusters written to, by name.
    pub targets: Vec<String>,
    /// How.
    pub settings: Settings,
    /// Whether details of artifacts that did not fail are kept.
    pub keeps_details: bool,
    /// Whether it carries what changed, as noted for its task, instead of listing what its objects cover.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_events: bool,
    /// Set when this record retries a selection of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RetryOf>,
}

impl RunPlan {
    /// Returns the number of the unit that carries object `object_no` to target `target_no`.
    pub fn unit_no(&self, target_no: usize, object_no: usize) -> u16 {
        unit_no(self.objects.len(), target_no, object_no)
    }

    /// Returns what unit `unit_no` carries.
    pub fn object_of(&self, unit_no: u16) -> Option<&TaskObject> {
        let unit_no = usize::from(unit_no);
        let known = unit_no < self.targets.len() * self.objects.len();
        known.then(|| &self.objects[unit_no % self.objects.len()])
    }

    /// Says whether anything of `object` to `cluster` may be part of this run: a retry leaves alone what
    /// its selection cannot name.
    pub fn concerns(&self, cluster: &str, object: &TaskObject) -> bool {
        self.retry_of.as_ref().is_none_or(|RetryOf { filter, .. }| {
            filter.cluster.as_deref().is_none_or(|wanted| wanted == cluster)
                && filter
                    .repository
                    .as_deref()
                    .is_none_or(|wanted| wanted == object.local_repository)
        })
    }
}

/// One run of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// Task it belongs to.
    pub task_key: TaskKey,
    /// Where it stands.
    pub status: RecordStatus,
    /// When it was triggered (Unix milliseconds).
    pub created_ms: i64,
    /// When a node first claimed it.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// What its artifacts ended as; `None` for historical records, which have no overview.
    pub counts: Option<Counts>,
    /// Why it did not succeed: one line per failing target. Empty unless failed or stopped.
    pub reason: Vec<ReasonLine>,
    /// Who or what triggered it: a user's name, `schedule`, `event`.
    pub triggered_by: String,
    /// What it runs with; `None` for historical records.
    pub plan: Option<RunPlan>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_was_not_exhausted_never_succeeds() {
        let aborted = RecordStatus::Running.after(RecordEvent::Finished(RunEnd::Aborted));
        let failed = RecordStatus::Running.after(RecordEvent::Finished(RunEnd::Complete { failed: 1 }));

        assert_eq!(aborted, Some(RecordStatus::Failed));
        assert_eq!(failed, Some(RecordStatus::Failed));
    }

    #[test]
    fn a_finished_record_never_changes_again() {
        for status in [
            RecordStatus::Succeeded,
            RecordStatus::Failed,
            RecordStatus::Stopped,
        ] {
            for event in [
                RecordEvent::Claimed,
                RecordEvent::StopRequested,
                RecordEvent::LeaseLost,
                RecordEvent::Finished(RunEnd::Complete { failed: 0 }),
            ] {
                assert_eq!(status.after(event), None);
            }
        }
    }
}
