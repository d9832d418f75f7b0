//! Why a use case was refused: structure, never words for a reader.
//!
//! A variant exists because a caller branches on it; `web` gives each its code and its text.

use domain::cron::Fault;
use domain::failure::Failure;
use storage::db::StoreError;

/// What a use case answers.
pub type EngineResult<T> = Result<T, EngineError>;

/// Why a use case was refused, or could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A member that is needed is absent.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member that is needed is blank.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A member has a value that is refused.
    #[error("`{member}` = `{value}` is refused: {reason:?}")]
    Invalid {
        /// The member, as the caller named it.
        member: String,
        /// Its value.
        value: String,
        /// Why it is refused.
        reason: Why,
    },
    /// Members that do not go together.
    #[error("the request contradicts itself at `{0}`")]
    Contradiction(&'static str),
    /// A text that is no path.
    #[error("`{0}` is no path")]
    PathInvalid(String),
    /// The task's name is taken.
    #[error("task `{0}` exists already")]
    TaskExists(String),
    /// There is no such task.
    #[error("task `{0}` is unknown")]
    TaskUnknown(String),
    /// The task is switched off.
    #[error("the task is disabled")]
    TaskDisabled,
    /// A run of the task is going on.
    #[error("a run of the task is going on")]
    RunGoingOn,
    /// The task is about to run by itself.
    #[error("task `{0}` is about to run by itself")]
    TaskNotLoaded(String),
    /// The task has run and may not be edited any more.
    #[error("task `{0}` may not be edited any more")]
    TaskFrozen(String),
    /// There is no such record.
    #[error("record `{0}` is unknown")]
    RecordUnknown(String),
    /// There is no such open failure.
    #[error("failure `{0}` is unknown")]
    FailureUnknown(String),
    /// The cluster's name is taken.
    #[error("cluster `{0}` exists already")]
    ClusterExists(String),
    /// There is no such cluster.
    #[error("cluster `{0}` is unknown")]
    ClusterUnknown(String),
    /// There is a centre already.
    #[error("there is a centre already")]
    SecondCenter,
    /// The cluster does not answer as a peer does.
    #[error("cluster `{name}` does not answer as a peer")]
    ClusterUnreachable {
        /// The cluster.
        name: String,
        /// What went wrong.
        failure: Box<Failure>,
    },
    /// The caller may not do this.
    #[error("`{subject}` is forbidden: {reason:?}")]
    Forbidden {
        /// What may not be done, or what it may not be done to.
        subject: String,
        /// Why not.
        reason: Why,
    },
    /// The task does not run when somebody asks for it.
    #[error("task `{0}` is no RUN_ONCE task")]
    NotRunOnce(String),
    /// Something about to be made has a name that is taken.
    #[error("{0} exists already")]
    Exists(String),
    /// Something asked for by name is not there.
    #[error("{0} is not found")]
    NotFound(String),
    /// The store broke.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// This version cannot do it, and says so instead of doing nothing.
    NotSupported,
    /// It has to lie between these.
    Between {
        /// Smallest that is accepted.
        least: i64,
        /// Largest that is accepted.
        most: i64,
    },
    /// Its length has to lie between these, in characters.
    Length {
        /// Shortest that is accepted.
        least: usize,
        /// Longest that is accepted.
        most: usize,
    },
    /// The time is not in the future.
    Past {
        /// Zone the time was read in.
        zone: String,
    },
    /// It is no valid cron expression.
    Cron(Fault),
    /// It names this cluster itself, which cannot be a target of its own.
    OwnCluster,
    /// It names this very repository, reached as if it were a peer's.
    OwnRepository,
    /// Two objects of the task would write to this one repository.
    SharedTarget,
    /// It is no `http` or `https` address of a host.
    Url,
    /// The repository holds files, no packages.
    FilesOnly,
    /// The repository holds packages, no files.
    PackagesOnly,
    /// The local repository is of another type.
    OtherType {
        /// What it is of.
        found: String,
    },
    /// The target does not take what the repository holds.
    Pairing {
        /// Name of the target.
        target: String,
    },
    /// The source is a registry elsewhere, which tells nobody what changes in it.
    NoEvents,
    /// Only one version of one package can be given other names at the target.
    OneVersion,
    /// It names no foreign registry.
    NotARegistry,
    /// Something else than a node answers there.
    NotANode,
    /// Neither paths nor the whole repository are selected.
    NothingSelected,
    /// It is no name of a distribution.
    EntryName,
    /// Two distributions of one request have this name.
    NamedTwice,
    /// It is the cluster that came with this very distribution.
    OwnEntry,
    /// The task is no RUN_ONCE task.
    NotRunOnce,
    /// A run of it goes on.
    RunGoesOn,
    /// Only administrators may have this host reached.
    HostNotAllowed,
    /// The target does not let a user write.
    RemoteUserRefused {
        /// The user there.
        user: String,
        /// The repository there.
        repository: String,
    },
    /// Tasks that run once run when somebody executes them, not by a plan.
    RunOnceByHand,
    /// Tasks in real time run whenever something changes, not by a plan.
    RealTimeByChange,
    /// The strategy IMMEDIATELY needs it to be true.
    ImmediatelyIsTrue,
    /// The task came with imported records and says nothing of what to replicate.
    TaskSaysNothing,
    /// The record was imported and does not say what it ran with.
    RecordSaysNothing,
    /// A task of this key or name is being removed.
    TaskBeingRemoved,
    /// In another program's words.
    Words(String),
}

impl EngineError {
    /// Forbids something.
    pub fn forbidden(subject: impl Into<String>, reason: Why) -> Self {
        Self::Forbidden {
            subject: subject.into(),
            reason,
        }
    }

    /// Refuses the value of a member.
    pub fn invalid(member: impl Into<String>, value: impl Into<String>, reason: Why) -> Self {
        Self::Invalid {
            member: member.into(),
            value: value.into(),
            reason,
        }
    }
}
