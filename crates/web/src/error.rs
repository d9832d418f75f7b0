//! Errors turn into HTTP here and nowhere else.
//!
//! A handler says what went wrong with a [`Code`] and its arguments. The outermost layer, which knows the
//! reader, renders it: an envelope for the contract and the artifact APIs, an RFC 9457 problem for
//! `/api/v1`. Causes are logged with the trace id the reader sees; they are never part of the answer.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use domain::ports::BoxError;
use messages::{Language, Render, Text, text};
use serde_json::json;

use crate::codes::Code;
use crate::reader::Reader;

/// What a handler answers.
pub type ApiResult<T> = Result<T, ApiError>;

const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Authentication Required\"");

/// An answer that is not a success.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message(Language::English))]
pub struct ApiError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    status: StatusCode,
    subject: Option<Text>,
    because: Option<Text>,
    retry_after_s: Option<u64>,
    cause: Option<BoxError>,
}

impl ApiError {
    /// Says `code`, about a name or a value where its text has a subject: at most one.
    pub fn new<const N: usize>(code: Code, subject: [&str; N]) -> Self {
        const { assert!(N <= 1, "a code has one subject") };
        Self::of(
            code,
            subject.first().map(|subject| Text::verbatim(shown(subject))),
        )
    }

    /// Says `code` about what `subject` says in the reader's language.
    pub fn about(code: Code, subject: Text) -> Self {
        Self::of(code, Some(subject))
    }

    fn of(code: Code, subject: Option<Text>) -> Self {
        Self(Box::new(Inner {
            code,
            status: code.status(),
            subject,
            because: None,
            retry_after_s: None,
            cause: None,
        }))
    }

    /// Refuses the value of a member or parameter by name.
    pub fn invalid(member: &str, value: &str) -> Self {
        Self::new(Code::ParameterInvalid, [&format!("{member} = {}", shown(value))])
    }

    /// Refuses a filter or paging value by name.
    pub fn validation(member: &str, value: &str) -> Self {
        Self::new(Code::ValidationFailed, [&format!("{member} = {}", shown(value))])
    }

    /// Says that a required member or parameter is absent.
    pub fn missing(member: &str) -> Self {
        Self::new(Code::ParameterMissing, [member])
    }

    /// Hides an unexpected error behind "busy"; it is logged with the trace id.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        let mut error = Self::new(Code::SystemBusy, []);
        error.0.cause = Some(cause.into());
        error
    }

    /// Adds a sentence of explanation.
    #[must_use]
    pub fn because(mut self, reason: Text) -> Self {
        self.0.because = Some(reason);
        self
    }

    /// Answers with another HTTP status than the code's own.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Asks the caller to wait.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns how long the caller is asked to wait, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        self.0.retry_after_s
    }

    /// Returns the message in `language`.
    pub fn message(&self, language: Language) -> String {
        printable(&self.text().render(language), LONGEST_MESSAGE)
    }

    /// Returns the message before its language is known.
    pub fn text(&self) -> Text {
        let message = self.0.code.about(self.0.subject.clone());
        match &self.0.because {
            Some(reason) => text!("with-reason", message = message, reason = reason.clone()),
            None => message,
        }
    }

    /// Returns how long the caller is asked to wait, in seconds.
    pub(crate) fn wait_s(&self) -> Option<u64> {
        self.0.retry_after_s
    }

    /// Logs what the answer does not say, with the trace id that it does say.
    pub(crate) fn log_cause(&self, reader: &Reader) {
        if let Some(cause) = &self.0.cause {
            tracing::error!(trace.id = %reader.trace_id, error = %cause, "request failed");
        }
    }

    /// Renders this for `reader`: as a problem when `native`, otherwise as an envelope.
    pub(crate) fn render(&self, reader: &Reader, native: bool) -> Response {
        self.log_cause(reader);
        let mut response = if native {
            self.problem(reader)
        } else {
            reader.failed(self)
        };
        if self.0.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = self.0.retry_after_s {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn problem(&self, reader: &Reader) -> Response {
        let status = self.native_status();
        let problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": self.message(reader.language),
            "code": self.0.code.number(),
            "traceId": &*reader.trace_id,
        });
        let head = [(CONTENT_TYPE, "application/problem+json")];
        (status, head, problem.to_string()).into_response()
    }

    /// Returns the status the native API answers with: it is not bound to the contract's habit of 400.
    fn native_status(&self) -> StatusCode {
        match self.0.code {
            Code::NotFound | Code::TaskUnknown | Code::ClusterUnknown | Code::ProjectUnknown => {
                StatusCode::NOT_FOUND
            }
            Code::Exists
            | Code::TaskState
            | Code::TaskDisabled
            | Code::ClusterExists
            | Code::ProjectExists
            | Code::RepositoryExists
            | Code::NodeExists
            | Code::NodeConflict
            | Code::FolderNotEmpty => StatusCode::CONFLICT,
            _ => self.0.status,
        }
    }
}

/// Longest value of a caller that is repeated to it, in characters.
const LONGEST_ECHO: usize = 300;
/// Longest message, in characters, whatever a caller's values did to it.
const LONGEST_MESSAGE: usize = 2_000;

/// Returns `text` fit to be echoed.
fn shown(text: &str) -> String {
    printable(text, LONGEST_ECHO)
}

/// Returns at most `most` characters of `text`, without control characters.
fn printable(text: &str, most: usize) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(most).collect()
}

/// Carries an error to the layer that renders it.
#[derive(Clone)]
pub(crate) struct Unrendered(pub(crate) std::sync::Arc<ApiError>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response
            .extensions_mut()
            .insert(Unrendered(std::sync::Arc::new(self)));
        response
    }
}

impl From<storage::db::StoreError> for ApiError {
    fn from(error: storage::db::StoreError) -> Self {
        Self::internal(error)
    }
}
