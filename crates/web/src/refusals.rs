//! The engine's refusals in the contract's codes and texts.

use axum::http::StatusCode;
use domain::failure::ErrorKind;
use engine::error::{EngineError, Why};
use messages::{Text, text};

use crate::codes::Code;
use crate::error::ApiError;
use crate::json::unreadable_member;

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Missing(member) => Self::missing(member),
            EngineError::Empty(member) => Self::new(Code::ParameterEmpty, [member]),
            EngineError::Invalid {
                member,
                value,
                reason,
            } => Self::invalid(&member, &value).because(words(reason)),
            EngineError::Contradiction(member) => unreadable_member(member),
            EngineError::PathInvalid(path) => Self::new(Code::PathInvalid, [&path]),
            EngineError::TaskExists(name) | EngineError::Exists(name) => Self::new(Code::Exists, [&name]),
            EngineError::TaskUnknown(key) | EngineError::RecordUnknown(key) => {
                Self::new(Code::TaskUnknown, [&key])
            }
            EngineError::FailureUnknown(id) => Self::new(Code::FailureUnknown, [&id]),
            EngineError::TaskDisabled => Self::new(Code::TaskDisabled, []),
            EngineError::RunGoingOn => Self::new(Code::TaskState, []),
            EngineError::TaskNotLoaded(key) => Self::new(Code::TaskNotLoaded, [&key]),
            EngineError::TaskFrozen(key) => Self::new(Code::TaskFrozen, [&key]),
            EngineError::ClusterExists(name) => Self::new(Code::ClusterExists, [&name]),
            EngineError::ClusterUnknown(name) => Self::new(Code::ClusterUnknown, [&name]),
            EngineError::SecondCenter => Self::new(Code::SecondCenter, []),
            EngineError::ClusterUnreachable { name, failure } => {
                let code = match failure.class {
                    ErrorKind::Tls => Code::PeerCertificate,
                    _ => Code::PeerUnreachable,
                };
                Self::new(code, [&name]).because(Text::from(&*failure))
            }
            EngineError::Forbidden { subject, reason } => {
                Self::new(Code::AccessDenied, [&subject]).because(words(reason))
            }
            EngineError::NotRunOnce(name) => Self::new(Code::MethodNotAllowed, [&name])
                .with_status(StatusCode::BAD_REQUEST)
                .because(text!("not-run-once")),
            EngineError::NotFound(what) => Self::new(Code::NotFound, [&what]),
            EngineError::Store(error) => error.into(),
        }
    }
}

/// Returns why a value is refused.
pub(crate) fn words(reason: Why) -> Text {
    match reason {
        Why::NotSupported => text!("not-supported"),
        Why::Between { least, most } => text!("between", least = least, most = most),
        Why::Length { least, most } => text!("length", least = least, most = most),
        Why::Past { zone } => text!("past", zone = zone),
        Why::Cron(fault) => text!("not-cron", fault = Text::from(&fault)),
        Why::OwnCluster => text!("own-cluster"),
        Why::OwnRepository => text!("own-repository"),
        Why::SharedTarget => text!("shared-target"),
        Why::Url => text!("not-url"),
        Why::FilesOnly => text!("files-only"),
        Why::PackagesOnly => text!("packages-only"),
        Why::OtherType { found } => text!("other-repository-type", found = found),
        Why::Pairing { target } => text!("pairing-impossible", target = target),
        Why::NoEvents => text!("no-events-from-registry"),
        Why::OneVersion => text!("one-version-renamed"),
        Why::NotARegistry => text!("not-a-registry"),
        Why::NotANode => text!("not-a-node"),
        Why::NothingSelected => text!("nothing-selected"),
        Why::EntryName => text!("entry-name"),
        Why::NamedTwice => text!("named-twice"),
        Why::OwnEntry => text!("own-entry"),
        Why::NotRunOnce => text!("not-run-once"),
        Why::RunGoesOn => text!("run-goes-on"),
        Why::HostNotAllowed => text!("host-not-allowed"),
        Why::RemoteUserRefused { user, repository } => {
            text!("remote-user-refused", user = user, repository = repository)
        }
        Why::RunOnceByHand => text!("run-once-by-hand"),
        Why::RealTimeByChange => text!("real-time-by-change"),
        Why::ImmediatelyIsTrue => text!("immediately-is-true"),
        Why::TaskSaysNothing => text!("task-says-nothing"),
        Why::RecordSaysNothing => text!("record-says-nothing"),
        Why::TaskBeingRemoved => text!("task-being-removed"),
        Why::Words(words) => Text::verbatim(words),
    }
}
