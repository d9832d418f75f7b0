//! What a request presents: the header `Authorization`, and at the console its cookie.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::cluster::Secret;
use messages::text;

use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params;

/// Cookie of the console.
pub(crate) const TICKET_COOKIE: &str = "bkrepo_ticket";
/// Header that names the user a platform acts as; without a platform it says nothing.
pub(crate) const PLATFORM_USER: HeaderName = HeaderName::from_static("x-bkrepo-uid");

/// Credentials as they were presented; nobody has checked them yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A user with a password or one of the user's tokens.
    Basic {
        /// User name.
        user: String,
        /// Password or token.
        secret: Secret,
    },
    /// A platform that acts as a user.
    Platform {
        /// The public half of its key.
        access_key: String,
        /// The secret half.
        secret_key: Secret,
        /// The user it names, if it names one.
        acting_as: Option<String>,
    },
    /// A token or a ticket alone.
    Bearer(Secret),
    /// The ticket in the console's cookie.
    Ticket(Secret),
}

impl Credentials {
    /// Reads the header: `None` without one and for schemes nobody knows here, an error when it cannot be read.
    pub(crate) fn of(headers: &HeaderMap) -> ApiResult<Option<Self>> {
        let Some(header) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return Ok(None);
        };
        if let Some(token) = header.strip_prefix("Bearer ") {
            return Ok(Some(Self::Bearer(Secret::new(token.trim()))));
        }
        if let Some(encoded) = header.strip_prefix("Basic ") {
            let (user, secret) = pair(encoded)?;
            return Ok(Some(Self::Basic { user, secret }));
        }
        let Some(encoded) = header.strip_prefix("Platform ") else {
            return Ok(None);
        };
        let (access_key, secret_key) = pair(encoded)?;
        Ok(Some(Self::Platform {
            access_key,
            secret_key,
            acting_as: user_named_in(headers, &PLATFORM_USER)?,
        }))
    }

    /// Reads the console's cookie.
    pub(crate) fn of_cookie(headers: &HeaderMap) -> Option<Self> {
        ticket(headers).map(|ticket| Self::Ticket(Secret::new(ticket)))
    }
}

/// Returns the ticket in the console's cookie; an empty one counts as none.
pub(crate) fn ticket(headers: &HeaderMap) -> Option<&str> {
    params::cookie(headers, TICKET_COOKIE)
}

/// Returns the user that `header` names; one that could be no user's name is refused.
pub(crate) fn user_named_in(headers: &HeaderMap, header: &HeaderName) -> ApiResult<Option<String>> {
    let Some(value) = headers.get(header).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(name) if is_user_name(name) => Ok(Some(name.into())),
        _ => {
            let error = ApiError::invalid(header.as_str(), &String::from_utf8_lossy(value.as_bytes()));
            Err(error.because(text!("user-name-form")))
        }
    }
}

/// Says whether `name` could be a user's.
pub(crate) fn is_user_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'))
}

fn pair(encoded: &str) -> ApiResult<(String, Secret)> {
    let refused = || ApiError::about(Code::Unauthenticated, text!("login-unreadable"));
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| refused())?;
    let decoded = String::from_utf8(decoded).map_err(|_| refused())?;
    let (name, secret) = decoded.split_once(':').ok_or_else(refused)?;
    Ok((name.into(), Secret::new(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header value"));
        }
        headers
    }

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<Option<Credentials>, Code> {
        Credentials::of(&headers(pairs)).map_err(|error| error.code())
    }

    #[test]
    fn a_password_may_hold_colons() {
        let secret = Secret::new("a:b");

        assert_eq!(
            read(&[("authorization", "Basic Ym9iOmE6Yg==")]),
            Ok(Some(Credentials::Basic {
                user: "bob".into(),
                secret
            }))
        );
    }

    #[test]
    fn credentials_of_a_known_scheme_that_cannot_be_read_are_wrong_ones() {
        for header in ["Basic !", "Basic ", "Platform !", "Platform YQ=="] {
            assert_eq!(
                read(&[("authorization", header)]),
                Err(Code::Unauthenticated),
                "{header}"
            );
        }
    }

    #[test]
    fn schemes_nobody_knows_count_as_none() {
        for header in ["Basic", "basic Ym9iOmE=", "Digest x", ""] {
            assert_eq!(read(&[("authorization", header)]), Ok(None), "{header}");
        }
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn a_platform_names_the_user_it_acts_as() {
        let platform = ("authorization", "Platform YTpi");
        let acting = |user: Option<&str>| {
            Ok(Some(Credentials::Platform {
                access_key: "a".into(),
                secret_key: Secret::new("b"),
                acting_as: user.map(String::from),
            }))
        };

        assert_eq!(read(&[platform]), acting(None));
        assert_eq!(read(&[platform, ("x-bkrepo-uid", "")]), acting(None));
        assert_eq!(read(&[platform, ("x-bkrepo-uid", "dev")]), acting(Some("dev")));
        assert_eq!(
            read(&[platform, ("x-bkrepo-uid", "a b")]),
            Err(Code::ParameterInvalid)
        );
    }

    #[test]
    fn the_ticket_is_found_among_other_cookies() {
        let found = |cookies: &'static str| ticket(&headers(&[("cookie", cookies)])).map(String::from);

        assert_eq!(found("a=b; bkrepo_ticket=x.y=; c").as_deref(), Some("x.y="));
        assert_eq!(found("a=b"), None);
        assert_eq!(found("bkrepo_ticket="), None);
    }
}
