//! Who an answer is for: the trace id, the language and the zone it is rendered with.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use domain::failure::Language;
use domain::id::random_hex32;
use jiff::tz::TimeZone;

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
            language: language_of(header(ACCEPT_LANGUAGE.as_str()).unwrap_or_default()),
            zone: zone.unwrap_or_else(|| node_zone.clone()),
        }
    }

    /// Returns the contract's text of the instant `ms`.
    pub fn date(&self, ms: i64) -> String {
        dates::text(ms, &self.zone)
    }
}

/// Returns the language of the best tag of an `Accept-Language` header; English for everything unknown.
fn language_of(header: &str) -> Language {
    let weighed = header.split(',').map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(Some(1.0), |weight| weight.parse::<f32>().ok())
            .unwrap_or(0.0);
        (tag, weight)
    });
    let mut best = ("", 0.0);
    for (tag, weight) in weighed {
        if weight > best.1 {
            best = (tag, weight);
        }
    }
    let tag = best.0.to_ascii_lowercase();
    let chinese = tag.starts_with("zh-") && tag.ends_with("-cn");
    if chinese || tag == "zh-hans" {
        Language::SimplifiedChinese
    } else {
        Language::English
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let made = parts.extensions.get::<Self>().cloned();
        Ok(made.unwrap_or_else(|| Self::of(&parts.headers, &TimeZone::UTC)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_tag_decides_and_unknown_ones_mean_english() {
        use Language::{English, SimplifiedChinese};
        for (header, language) in [
            ("zh-CN", SimplifiedChinese),
            ("zh-Hans-CN", SimplifiedChinese),
            ("en-US,zh-CN;q=0.9", English),
            ("en;q=0.1, zh-cn;q=0.8", SimplifiedChinese),
            ("zh", English),
            ("zh-TW", English),
            ("", English),
            (";;q=x,,", English),
        ] {
            assert_eq!(language_of(header), language, "{header}");
        }
    }
}
