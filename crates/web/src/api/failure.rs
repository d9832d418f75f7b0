//! The shape of a failure in the document of the native API: [`domain::failure::Failure`] as it is written.

use utoipa::ToSchema;

/// Why something failed.
#[derive(ToSchema)]
#[schema(as = Failure)]
#[expect(dead_code, reason = "describes what Failure writes")]
pub(crate) struct FailureSchema {
    /// Step it happened in: `list`, `describe`, `read`, `write`, `verify` or `commit`.
    stage: String,
    /// Class, such as `unreachable`: what kind of failure it was.
    class: String,
    /// Status the other side answered.
    remote_status: Option<u16>,
    /// Words it answered, or those of the local error.
    words: Option<String>,
    /// How often it was tried.
    attempts: u32,
    /// Who failed.
    subject: String,
}
