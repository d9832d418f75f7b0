//! Refusals as the distribution specification writes them: `{"errors": [{code, message, detail}]}`.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ports::BoxError;
use hosted::HostedError;
use messages::Language;
use serde_json::{Value, json};

use super::access::Challenge;
use crate::codes::Code;
use crate::error::ApiError;

/// What a handler of the registry answers.
pub(super) type RegistryResult<T> = Result<T, RegistryError>;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident;)*) => {
        /// Why something is refused, in the specification's words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Refusal {
            $($(#[$doc])* $name,)*
        }

        impl Refusal {
            fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }
        }
    };
}

refusals! {
    /// No such blob.
    BlobUnknown = "BLOB_UNKNOWN", NOT_FOUND;
    /// An upload cannot go on.
    BlobUploadInvalid = "BLOB_UPLOAD_INVALID", BAD_REQUEST;
    /// No such upload.
    BlobUploadUnknown = "BLOB_UPLOAD_UNKNOWN", NOT_FOUND;
    /// The digest is none, or not the one of the bytes.
    DigestInvalid = "DIGEST_INVALID", BAD_REQUEST;
    /// A manifest names a blob that is not here.
    ManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN", NOT_FOUND;
    /// The manifest is none.
    ManifestInvalid = "MANIFEST_INVALID", BAD_REQUEST;
    /// No such manifest.
    ManifestUnknown = "MANIFEST_UNKNOWN", NOT_FOUND;
    /// The name is none.
    NameInvalid = "NAME_INVALID", BAD_REQUEST;
    /// No such repository.
    NameUnknown = "NAME_UNKNOWN", NOT_FOUND;
    /// The number of rows is none.
    PaginationNumberInvalid = "PAGINATION_NUMBER_INVALID", BAD_REQUEST;
    /// The range is none, or not the next one.
    RangeInvalid = "RANGE_INVALID", RANGE_NOT_SATISFIABLE;
    /// The size is not the one announced, or too large.
    SizeInvalid = "SIZE_INVALID", BAD_REQUEST;
    /// The caller has to log in.
    Unauthorized = "UNAUTHORIZED", UNAUTHORIZED;
    /// The caller may not do this.
    Denied = "DENIED", FORBIDDEN;
    /// It is not done here.
    Unsupported = "UNSUPPORTED", BAD_REQUEST;
    /// Too many of these.
    TooManyRequests = "TOOMANYREQUESTS", TOO_MANY_REQUESTS;
    /// Something broke here; the log knows.
    Unknown = "UNKNOWN", INTERNAL_SERVER_ERROR;
}

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct RegistryError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    refusal: Refusal,
    status: StatusCode,
    message: String,
    detail: Value,
    headers: HeaderMap,
    /// What a login would be good for: `repository:demo/images/app:pull`.
    scope: Option<String>,
    cause: Option<BoxError>,
}

impl RegistryError {
    pub(super) fn new(refusal: Refusal, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            refusal,
            status: refusal.status(),
            message: message.into(),
            detail: Value::Null,
            headers: HeaderMap::new(),
            scope: None,
            cause: None,
        }))
    }

    /// Hides an unexpected error; it is logged.
    pub(super) fn internal(cause: impl Into<BoxError>) -> Self {
        let mut error = Self::new(Refusal::Unknown, "something broke here; the log knows more");
        error.0.cause = Some(cause.into());
        error
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(super) fn with_detail(mut self, detail: Value) -> Self {
        self.0.detail = detail;
        self
    }

    pub(super) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.0.headers.extend(headers);
        self
    }

    /// Says what a login would have to be good for.
    pub(super) fn for_scope(mut self, scope: String) -> Self {
        self.0.scope = Some(scope);
        self
    }

    /// Renders it; one that asks for a login says where, as `challenge` knows.
    pub(super) fn render(self, challenge: &Challenge) -> Response {
        let Inner {
            refusal,
            status,
            message,
            detail,
            headers,
            scope,
            cause,
        } = *self.0;
        if let Some(cause) = cause {
            tracing::error!(error = %cause, "registry request failed");
        }
        let body = json!({ "errors": [{ "code": refusal.code(), "message": message, "detail": detail }] });
        let kind = [(CONTENT_TYPE, "application/json")];
        let mut response = (status, kind, body.to_string()).into_response();
        response.headers_mut().extend(headers);
        if status == StatusCode::UNAUTHORIZED
            && let Ok(value) = HeaderValue::from_str(&challenge.text(scope.as_deref()))
        {
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }
}

/// What the rest of the node refuses: credentials, permissions, too many tries.
impl From<ApiError> for RegistryError {
    fn from(error: ApiError) -> Self {
        let refusal = match error.code() {
            Code::Unauthenticated => Refusal::Unauthorized,
            Code::AccessDenied => Refusal::Denied,
            Code::TooManyRequests => Refusal::TooManyRequests,
            Code::SystemBusy => return Self::internal(error),
            _ => Refusal::Unsupported,
        };
        let mut refused = Self::new(refusal, error.message(Language::English));
        if let Some(seconds) = error.retry_after() {
            refused.0.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        refused
    }
}

impl From<HostedError> for RegistryError {
    fn from(error: HostedError) -> Self {
        let message = error.to_string();
        match &error {
            HostedError::Invalid { member: "image", .. } => Self::new(Refusal::NameInvalid, message),
            HostedError::Invalid { .. } | HostedError::Manifest(_) => {
                Self::new(Refusal::ManifestInvalid, message)
            }
            HostedError::RepositoryUnknown(_) | HostedError::ProjectUnknown(_) | HostedError::NoImages(_) => {
                Self::new(Refusal::NameUnknown, message)
            }
            HostedError::BlobsMissing(missing) => {
                let missing: Vec<String> = missing.iter().take(100).map(ToString::to_string).collect();
                Self::new(Refusal::ManifestBlobUnknown, message).with_detail(json!({ "digests": missing }))
            }
            HostedError::NodeUnknown(_) | HostedError::BlobAbsent(_) => {
                Self::new(Refusal::BlobUnknown, message)
            }
            HostedError::UploadUnknown(_) => Self::new(Refusal::BlobUploadUnknown, message),
            HostedError::Mismatch(_) => Self::new(Refusal::DigestInvalid, message),
            HostedError::WrongSize { .. } => Self::new(Refusal::SizeInvalid, message),
            HostedError::RangeOutside => Self::new(Refusal::RangeInvalid, message),
            HostedError::OverQuota(_) => Self::new(Refusal::Denied, message),
            HostedError::UploadBudget(_) => {
                Self::new(Refusal::TooManyRequests, message).with_status(StatusCode::INSUFFICIENT_STORAGE)
            }
            HostedError::Arriving(_) => Self::new(Refusal::BlobUploadInvalid, message),
            HostedError::Disk(full) if full.kind() == std::io::ErrorKind::StorageFull => {
                Self::new(Refusal::Unknown, "the disk is full").with_status(StatusCode::INSUFFICIENT_STORAGE)
            }
            _ => Self::internal(error),
        }
    }
}
