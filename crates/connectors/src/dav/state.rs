//! What a server says of a file: its size, and when and as what it was written last.

use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_LENGTH, DATE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};

/// A file's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Its length; `None`: not said.
    pub(super) size_bytes: Option<u64>,
    /// Its entity tag, as it was written.
    pub(super) etag: Option<String>,
    /// When it was changed last (Unix seconds).
    pub(super) modified_s: Option<i64>,
}

impl State {
    /// Reads what an answer to `GET` or `HEAD` says.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            size_bytes: text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            etag: text(headers, ETAG).map(String::from),
            modified_s: text(headers, LAST_MODIFIED).and_then(seconds),
        }
    }

    /// Returns the tag, if it changes with every change of the bytes.
    pub(super) fn strong_etag(&self) -> Option<&str> {
        self.etag.as_deref().filter(|tag| tag.starts_with('"'))
    }

    /// Returns one text for tag and time; `None` when neither is known. A weak tag says nothing without a time.
    pub(super) fn mark(&self) -> Option<String> {
        match (self.modified_s, self.strong_etag(), &self.etag) {
            (Some(modified), _, etag) => Some(format!("{modified} {}", etag.as_deref().unwrap_or_default())),
            (None, Some(etag), _) => Some(etag.into()),
            (None, None, _) => None,
        }
    }

    /// Says whether `other` is known to be another state of the file.
    pub(super) fn differs(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(here: Option<T>, there: Option<T>) -> bool {
            here.zip(there).is_some_and(|(here, there)| here != there)
        }
        differ(self.size_bytes, other.size_bytes)
            || differ(self.modified_s, other.modified_s)
            || differ(self.strong_etag(), other.strong_etag())
    }

    /// Says whether every change after an answer with `headers` shows in the time or the tag: times have seconds, so
    /// the second of the last change has to be over.
    pub(super) fn is_lasting(&self, headers: &HeaderMap) -> bool {
        match (self.modified_s, text(headers, DATE).and_then(seconds)) {
            (Some(modified), Some(now)) => modified < now,
            (Some(_), None) => false,
            (None, _) => self.strong_etag().is_some(),
        }
    }
}

/// Reads a date of HTTP as Unix seconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    Some(rfc2822::parse(text.trim()).ok()?.timestamp().as_second())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(modified: &'static str, date: &'static str) -> HeaderMap {
        HeaderMap::from_iter([
            (LAST_MODIFIED, modified.parse().expect("a value")),
            (DATE, date.parse().expect("a value")),
            (ETAG, "\"a-1\"".parse().expect("a value")),
        ])
    }

    #[test]
    fn a_state_lasts_once_its_second_is_over() {
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        let young = headers(now, now);
        let older = headers("Sun, 06 Nov 1994 08:49:36 GMT", now);

        assert!(!State::of(&young).is_lasting(&young));
        assert!(State::of(&older).is_lasting(&older));
    }

    #[test]
    fn a_mark_is_made_of_time_and_tag() {
        let state = State {
            size_bytes: Some(1),
            etag: Some("W/\"x\"".into()),
            modified_s: None,
        };

        assert_eq!(state.mark(), None, "a weak tag alone says nothing");
        let dated = State {
            modified_s: Some(7),
            ..state.clone()
        };
        assert_eq!(dated.mark().as_deref(), Some("7 W/\"x\""));
        let strong = State {
            etag: Some("\"x\"".into()),
            ..state
        };
        assert_eq!(strong.mark().as_deref(), Some("\"x\""));
    }

    #[test]
    fn states_differ_only_in_what_both_say() {
        let said = State {
            size_bytes: Some(1),
            etag: Some("\"x\"".into()),
            modified_s: Some(7),
        };

        assert!(!said.differs(&State::default()));
        assert!(said.differs(&State {
            modified_s: Some(8),
            ..State::default()
        }));
        assert!(!said.differs(&State {
            etag: Some("W/\"y\"".into()),
            ..State::default()
        }));
    }
}
