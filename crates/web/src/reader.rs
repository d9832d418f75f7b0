//! Who an answer is for: the trace id, the language and the zone it is rendered with.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use domain::id::random_hex32;
use jiff::tz::TimeZone;
use messages::Language;

use crate::dates;

/// Header that carries the trace id.
pub const TRACE_HEADER: HeaderName = HeaderName::from_static("x-bkrepo-rid");

/// What an answer is rendered with; made once per request, before anything else.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Names this exchange in the answer and in the log: 32 hex digits.
    pub trace_id: Arc<str>,
    /// Language of messages and reasons.
    pub language: Language,
    /// Zone of the dates shown.
    pub zone: TimeZone,
}

impl Reader {
    /// Reads language and zone from `headers`; the zone is `node_zone` unless they name one.
    pub fn of(headers: &HeaderMap, node_zone: &TimeZone) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let zone = header(dates::ZONE_HEADER).and_then(dates::zone_of_header);
        Self {
            trace_id: random_hex32().into(),
            language: Language::of_header(header(ACCEPT_LANGUAGE.as_str()).unwrap_or_default()),
            zone: zone.unwrap_or_else(|| node_zone.clone()),
        }
    }

    /// Returns the contract's text of the instant `ms`.
    pub fn date(&self, ms: i64) -> String {
        dates::text(ms, &self.zone)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let made = parts.extensions.get::<Self>().cloned();
        Ok(made.unwrap_or_else(|| Self::of(&parts.headers, &TimeZone::UTC)))
    }
}
