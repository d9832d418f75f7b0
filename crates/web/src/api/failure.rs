//! A failure as the native API shows it: what is not known is null.

use domain::failure::Failure;
use serde::Serialize;
use utoipa::ToSchema;

/// Why something failed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Failure)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureView {
    /// Step it happened in: `list`, `describe`, `read`, `write`, `verify` or `commit`.
    stage: &'static str,
    /// Class, such as `unreachable`: what kind of failure it was.
    class: &'static str,
    /// Status the other side answered.
    remote_status: Option<u16>,
    /// Words it answered, or those of the local error.
    words: Option<String>,
    /// How often it was tried.
    attempts: u32,
    /// Who failed.
    subject: String,
}

impl From<Failure> for FailureView {
    fn from(failure: Failure) -> Self {
        Self {
            stage: failure.stage.as_str(),
            class: failure.class.as_str(),
            remote_status: failure.remote_status,
            words: failure.words,
            attempts: failure.attempts,
            subject: failure.subject,
        }
    }
}
