//! What was sent along to log in, so that the other side's words never bring it into a log.
//!
//! A server may repeat what it refuses: the password, the token, the whole header. Answers carry what their
//! request was sent with, and whoever reads words from them masks it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::cluster::Credentials;
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use url::form_urlencoded::byte_serialize;

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Shorter ones are left alone: they are found in any words, and would make them unreadable.
const SHORTEST: usize = 4;

/// Secrets the other side knows, in every spelling its words may have.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Vec<String>>);

impl Secrets {
    /// Returns those in the headers of a request: the header's own value, and the password encoded in it.
    pub fn sent_in(headers: &HeaderMap) -> Self {
        let mut secrets = Vec::new();
        for value in headers.get_all(AUTHORIZATION) {
            let Some(value) = value.to_str().ok().and_then(|value| value.split(' ').next_back()) else {
                continue;
            };
            let decoded = STANDARD.decode(value).ok();
            let decoded = decoded.and_then(|login| String::from_utf8(login).ok());
            if let Some((_, password)) = decoded.as_deref().and_then(|login| login.split_once(':')) {
                add(&mut secrets, password);
            }
            add(&mut secrets, value);
        }
        Self(Arc::new(secrets))
    }

    /// Returns those an answer came with.
    pub fn of(answer: &Response) -> Self {
        answer.extensions().get::<Self>().cloned().unwrap_or_default()
    }

    /// Adds to `answer` what its server may know from other requests.
    pub fn know(answer: &mut Response, credentials: &Credentials) {
        let known = [&credentials.password, &credentials.secret_key];
        let mut secrets = Self::of(answer).0.to_vec();
        for secret in known.into_iter().flatten() {
            add(&mut secrets, secret.reveal());
        }
        answer.extensions_mut().insert(Self(Arc::new(secrets)));
    }

    /// Returns `words` without any of them.
    pub fn masked(&self, words: &str) -> String {
        let mask = |words: String, secret: &String| words.replace(secret.as_str(), MASK);
        self.0.iter().fold(words.into(), mask)
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Adds `secret` as it is, and as it is written in JSON and in URLs; the longest spelling is masked first.
fn add(secrets: &mut Vec<String>, secret: &str) {
    if secret.len() < SHORTEST {
        return;
    }
    let quoted = serde_json::Value::from(secret).to_string();
    let in_json = &quoted[1..quoted.len() - 1];
    let in_url: String = byte_serialize(secret.as_bytes()).collect();
    for spelling in [in_json, &in_url, secret] {
        if !secrets.iter().any(|known| known == spelling) {
            secrets.push(spelling.into());
        }
    }
    secrets.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn sent(value: &str) -> Secrets {
        let mut headers = HeaderMap::new();
        headers.insert(
            AUTHORIZATION,
            HeaderValue::from_str(value).expect("a header value"),
        );
        Secrets::sent_in(&headers)
    }

    #[test]
    fn a_login_is_masked_however_it_is_repeated() {
        // bob:p/w "x"
        let secrets = sent("Basic Ym9iOnAvdyAieCI=");

        for (words, masked) in [
            ("wrong password p/w \"x\" of bob", "wrong password *** of bob"),
            (r#"{"message":"no p/w \"x\""}"#, r#"{"message":"no ***"}"#),
            ("login=bob&password=p%2Fw+%22x%22", "login=bob&password=***"),
            (
                "Authorization: Basic Ym9iOnAvdyAieCI=",
                "Authorization: Basic ***",
            ),
            ("nothing to hide", "nothing to hide"),
        ] {
            assert_eq!(secrets.masked(words), masked);
        }
        assert_eq!(
            sent("Bearer abc.def").masked("abc.def is no token"),
            "*** is no token"
        );
    }

    #[test]
    fn what_is_too_short_to_be_told_from_other_words_is_left() {
        assert_eq!(sent("Basic YTpi").masked("a bad b"), "a bad b");
    }
}
