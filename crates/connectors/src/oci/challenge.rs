//! What a registry asks for when it refuses a request (RFC 9110 section 11, `WWW-Authenticate`).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With user and password in each request.
    Basic,
    /// With a token, which a token server gives.
    Bearer {
        /// URL of the token server.
        realm: String,
        /// What the token server calls the registry.
        service: Option<String>,
        /// What the token has to allow.
        scope: Option<String>,
    },
}

/// Returns the challenge of an answer that can be met; the one for a token if there are several.
pub(super) fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter();
    let found: Vec<Challenge> = texts
        .filter_map(|text| text.to_str().ok())
        .flat_map(challenges)
        .collect();
    let bearer = found
        .iter()
        .find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
    bearer.or(found.first()).cloned()
}

/// Reads one header, which can hold several challenges.
fn challenges(text: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut scheme = String::new();
    let mut parameters: Vec<(String, String)> = Vec::new();
    for item in items(text) {
        match item {
            Item::Scheme(next) => {
                found.extend(complete(&scheme, &parameters));
                (scheme, parameters) = (next, Vec::new());
            }
            Item::Parameter(name, value) => parameters.push((name, value)),
        }
    }
    found.extend(complete(&scheme, &parameters));
    found
}

fn complete(scheme: &str, parameters: &[(String, String)]) -> Option<Challenge> {
    let named = |name: &str| {
        let found = parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: named("realm")?,
            service: named("service"),
            scope: named("scope"),
        }),
        _ => None,
    }
}

enum Item {
    Scheme(String),
    Parameter(String, String),
}

/// Cuts a header into schemes and parameters; both in lower case, values as they are.
fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
            .unwrap_or(rest.len());
        if end == 0 {
            return items;
        }
        let (word, after) = rest.split_at(end);
        let word = word.to_ascii_lowercase();
        let Some(value) = after.trim_start().strip_prefix('=') else {
            items.push(Item::Scheme(word));
            rest = after;
            continue;
        };
        let (value, after) = value_of(value.trim_start());
        items.push(Item::Parameter(word, value));
        rest = after;
    }
}

/// Returns a parameter's value, quoted or not, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].into(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Option<Challenge> {
        let headers = texts.iter().map(|text| {
            let value = text.parse().expect("a header value");
            (WWW_AUTHENTICATE, value)
        });
        let mut all = HeaderMap::new();
        headers.for_each(|(name, value)| {
            all.append(name, value);
        });
        challenge(&all)
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.into(),
            service: service.map(String::from),
            scope: scope.map(String::from),
        })
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;

        assert_eq!(
            read(&[hub]),
            bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:a/b:pull,push")
            )
        );
        assert_eq!(
            read(&["bearer REALM=https://x/t , error=\"a \\\"b\\\"\""]),
            bearer("https://x/t", None, None)
        );
        assert_eq!(read(&["Basic realm=\"Registry, v2\""]), Some(Challenge::Basic));
    }

    #[test]
    fn a_token_goes_before_a_password() {
        let token = bearer("https://x", None, None);

        assert_eq!(read(&["Basic realm=x", "Bearer realm=\"https://x\""]), token);
        assert_eq!(read(&["Basic realm=\"a\", Bearer realm=\"https://x\""]), token);
    }

    #[test]
    fn what_is_no_challenge_is_none() {
        for text in [
            "",
            "Negotiate",
            "Bearer service=x",
            "=,=",
            "\"",
            "Digest realm=x, nonce=y",
        ] {
            assert_eq!(read(&[text]), None, "{text}");
        }
    }
}
