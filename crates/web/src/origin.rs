//! Where this node was reached: what an absolute URL in an answer has to begin with.

use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;

/// Says that a request came over TLS; the listener puts it among the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// Scheme, host and port a caller reached this node under; empty when the request does not say.
#[derive(Debug, Clone)]
pub struct Origin(String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let Some(host) = header(HOST.as_str()).filter(|host| !host.is_empty()) else {
            return Ok(Self(String::new()));
        };
        // A proxy in front of this node ends TLS itself and says so.
        let by_proxy = header("x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
        let scheme = if by_proxy || parts.extensions.get::<OverTls>().is_some() {
            "https"
        } else {
            "http"
        };
        Ok(Self(format!("{scheme}://{host}")))
    }
}
