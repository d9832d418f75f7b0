//! Turns what HTTP can say into what a port says: one `match` on the status, one on a broken connection.

use std::time::Duration;

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_RANGE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::activity::Activity;
use super::chain;
use super::secrets::Secrets;

/// Most bytes of a refusal that are read for its words.
const WORDS_BYTES: usize = 4096;
/// Longest wait another side can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Returns `answer` if its status says success, and otherwise the error it tells of.
pub async fn answered(
    answer: Response,
    activity: &Activity,
    stage: Stage,
    subject: &str,
) -> ConnectorResult<Response> {
    let status = answer.status();
    let Some(kind) = kind_of(status) else {
        return Ok(answer);
    };
    let mut error = ConnectorError::new(kind, stage, subject).status(status.as_u16());
    error.retry_after = retry_after(answer.headers());
    Err(error.words(read_words(answer, activity, stage, subject).await))
}

/// Returns what a status means; `None`: success.
pub fn kind_of(status: StatusCode) -> Option<ErrorKind> {
    match status.as_u16() {
        200..=299 => None,
        401 | 403 | 407 => Some(ErrorKind::Unauthorised),
        404 | 410 => Some(ErrorKind::NotFound),
        409 | 412 => Some(ErrorKind::Conflict),
        413 | 429 => Some(ErrorKind::Limit),
        422 => Some(ErrorKind::Corrupt),
        408 | 502..=504 => Some(ErrorKind::Unreachable),
        507 => Some(ErrorKind::Disk),
        // Redirects are not followed; everything else is no answer to what was asked.
        _ => Some(ErrorKind::Protocol),
    }
}

/// Returns the wait a refusal asks for, in seconds or as a date (taken relative to the answer's own date).
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = |text: &str| rfc2822::parse(text).ok().map(|date| date.timestamp());
            let now = date(headers.get(DATE)?.to_str().ok()?)?;
            let seconds = date(text)?.as_second() - now.as_second();
            Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Says whether the part of a file that came with `headers` begins with the byte at `offset_bytes`:
/// `Content-Range: bytes FIRST-LAST/LENGTH` (RFC 9110, section 14.4).
pub fn begins_at(headers: &HeaderMap, offset_bytes: u64) -> bool {
    let range = headers
        .get(CONTENT_RANGE)
        .and_then(|said| said.to_str().ok()?.strip_prefix("bytes "));
    let first = range.and_then(|range| range.split_once('-')?.0.trim().parse().ok());
    first == Some(offset_bytes)
}

/// Returns the words of a refusal.
pub async fn read_words(answer: Response, activity: &Activity, stage: Stage, subject: &str) -> String {
    words_of(&read_beginning(answer, activity, stage, subject).await)
}

/// Returns the beginning of a refusal's body, as much of it as can be had, without the secrets its request came with.
pub async fn read_beginning(
    mut answer: Response,
    activity: &Activity,
    stage: Stage,
    subject: &str,
) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < WORDS_BYTES {
        match activity.chunk(&mut answer, stage, subject).await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) | Err(_) => break,
        }
    }
    body.truncate(WORDS_BYTES);
    let secrets = Secrets::of(&answer);
    if secrets.is_empty() {
        return body;
    }
    secrets.masked(&String::from_utf8_lossy(&body)).into_bytes()
}

/// Returns the words in the body of a refusal: its `message` if it is JSON with one, else the beginning of a plain text.
pub fn words_of(body: &[u8]) -> String {
    if let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(body) {
        let said = ["message", "error", "detail"]
            .iter()
            .find_map(|name| members.get(*name)?.as_str());
        return said.unwrap_or_default().into();
    }
    let text = String::from_utf8_lossy(body);
    if text.trim_start().starts_with('<') {
        String::new()
    } else {
        text.into_owned()
    }
}

/// Returns the error for an exchange that broke before its answer was complete.
pub fn broken(error: &reqwest::Error, stage: Stage, subject: &str) -> ConnectorError {
    // Not its own words: they repeat the URL.
    let what = if error.is_connect() {
        "no connection"
    } else {
        "the exchange broke"
    };
    let words = match std::error::Error::source(error) {
        Some(cause) => format!("{what}: {}", chain(cause)),
        None => what.into(),
    };
    let kind = if is_tls(error) {
        ErrorKind::Tls
    } else if error.is_builder() || error.is_decode() && !is_io(error) || is_garbage(error) {
        ErrorKind::Protocol
    } else {
        ErrorKind::Unreachable
    };
    ConnectorError::new(kind, stage, subject).words(words)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}

fn is_tls(error: &reqwest::Error) -> bool {
    causes(error).any(holds_tls)
}

/// Looks into what an I/O error wraps, which is not among its causes.
fn holds_tls(cause: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = cause
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    cause.is::<rustls::Error>() || wrapped.is_some_and(|wrapped| holds_tls(wrapped))
}

fn is_io(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.is::<std::io::Error>())
}

/// Says whether what came is no HTTP: the parser's words, since its error type is not ours to name.
fn is_garbage(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.to_string().starts_with("invalid HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_class_has_its_kind() {
        let kind = |status| kind_of(StatusCode::from_u16(status).expect("a status"));

        assert_eq!(kind(200), None);
        assert_eq!(kind(301), Some(ErrorKind::Protocol));
        assert_eq!(kind(400), Some(ErrorKind::Protocol));
        assert_eq!(kind(401), Some(ErrorKind::Unauthorised));
        assert_eq!(kind(404), Some(ErrorKind::NotFound));
        assert_eq!(kind(413), Some(ErrorKind::Limit));
        assert_eq!(kind(422), Some(ErrorKind::Corrupt));
        assert_eq!(kind(429), Some(ErrorKind::Limit));
        assert_eq!(kind(500), Some(ErrorKind::Protocol));
        assert_eq!(kind(503), Some(ErrorKind::Unreachable));
        assert_eq!(kind(507), Some(ErrorKind::Disk));
    }

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date() {
        let headers = |wait: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, wait.parse().expect("a header value"));
            headers.insert(
                DATE,
                "Wed, 21 Oct 2015 07:28:00 GMT".parse().expect("a header value"),
            );
            headers
        };

        assert_eq!(retry_after(&headers("7")), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after(&headers("Wed, 21 Oct 2015 07:28:30 GMT")),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after(&headers("Wed, 21 Oct 2015 07:00:00 GMT")),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after(&headers("soon")), None);
        assert_eq!(retry_after(&headers("99999999999")), Some(LONGEST_WAIT));
    }

    #[test]
    fn words_come_from_an_envelope_or_a_plain_text_but_not_from_a_page() {
        assert_eq!(
            words_of(br#"{"code":250114,"message":"slow down","data":null}"#),
            "slow down"
        );
        assert_eq!(words_of(b"quota used up"), "quota used up");
        assert_eq!(words_of(b"<html>502 Bad Gateway</html>"), "");
        assert_eq!(words_of(b"{}"), "");
    }
}
