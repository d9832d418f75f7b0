//! Notices: what somebody who does not look is told.

use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::id::TaskKey;
use crate::record::ReasonLine;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoticeKind {
    /// A run failed.
    #[serde(rename = "run.failed")]
    RunFailed,
    /// A run succeeded after one that failed, and nothing is owed any more.
    #[serde(rename = "run.recovered")]
    RunRecovered,
    /// A task should have started, or carried a change, and did not.
    #[serde(rename = "schedule.silent")]
    ScheduleSilent,
    /// Somebody tries a webhook.
    #[serde(rename = "test")]
    Test,
}

impl NoticeKind {
    /// What a webhook can be told, besides that somebody tries it.
    pub const TOLD: [Self; 3] = [Self::RunFailed, Self::RunRecovered, Self::ScheduleSilent];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunFailed => "run.failed",
            Self::RunRecovered => "run.recovered",
            Self::ScheduleSilent => "schedule.silent",
            Self::Test => "test",
        }
    }
}

/// What is told: the facts, before they are words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// When (Unix milliseconds).
    pub at_ms: i64,
    /// The task it happened to; `None` for a test.
    pub task: Option<NoticeTask>,
    /// The run; `None` where there is none.
    pub run: Option<NoticeRun>,
    /// Since when it has been failing or silent (Unix milliseconds).
    pub since_ms: Option<i64>,
}

/// A task, as a notice names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeTask {
    /// Its key.
    pub key: TaskKey,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: String,
}

/// A run, as a notice tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeRun {
    /// Id of its record.
    pub record: String,
    /// Who or what triggered it.
    pub triggered_by: String,
    /// When it started (Unix milliseconds).
    pub started_ms: Option<i64>,
    /// What its artifacts ended as.
    pub counts: Counts,
    /// Why it did not succeed.
    pub reason: Vec<ReasonLine>,
}
