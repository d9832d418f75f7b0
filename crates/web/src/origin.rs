//! Where this node was reached: what an absolute URL in an answer has to begin with.

use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;

/// Says that a request came over TLS; the listener puts it among the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// Says whether the caller spoke TLS, to this node or to a proxy in front of it that says so.
pub(crate) fn is_over_tls(parts: &Parts) -> bool {
    let by_proxy = parts
        .headers
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    by_proxy || parts.extensions.get::<OverTls>().is_some()
}

/// Scheme, host and port a caller reached this node under; empty when the request does not say.
#[derive(Debug, Clone)]
pub struct Origin(String);

impl Origin {
    /// Reads how this node was reached.
    pub(crate) fn of(parts: &Parts) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let Some(host) = header(HOST.as_str()).filter(|host| !host.is_empty()) else {
            return Self(String::new());
        };
        let scheme = if is_over_tls(parts) { "https" } else { "http" };
        Self(format!("{scheme}://{host}"))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}
