//! What a request presents in `Authorization`.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::cluster::Secret;
use messages::text;

use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

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
    /// A token alone.
    Bearer(Secret),
}

impl Credentials {
    /// Reads the header: `None` without one, an error for one that is not understood.
    pub(crate) fn of(headers: &HeaderMap) -> ApiResult<Option<Self>> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Ok(None);
        };
        let refused = || ApiError::about(Code::Unauthenticated, text!("login-schemes"));
        let header = header.to_str().map_err(|_| refused())?;
        if let Some(token) = header.strip_prefix("Bearer ") {
            return Ok(Some(Self::Bearer(Secret::new(token.trim()))));
        }
        let encoded = header.strip_prefix("Basic ").ok_or_else(refused)?;
        let decoded = STANDARD.decode(encoded.trim()).map_err(|_| refused())?;
        let decoded = String::from_utf8(decoded).map_err(|_| refused())?;
        let (user, secret) = decoded.split_once(':').ok_or_else(refused)?;
        Ok(Some(Self::Basic {
            user: user.into(),
            secret: Secret::new(secret),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &'static str) -> Result<Option<Credentials>, Code> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().expect("a header value"));
        Credentials::of(&headers).map_err(|error| error.code())
    }

    #[test]
    fn a_password_may_hold_colons() {
        let secret = Secret::new("a:b");

        assert_eq!(
            read("Basic Ym9iOmE6Yg=="),
            Ok(Some(Credentials::Basic {
                user: "bob".into(),
                secret
            }))
        );
    }

    #[test]
    fn schemes_that_are_not_understood_are_refused_and_never_anonymous() {
        for header in [
            "Basic",
            "Basic !",
            "basic Ym9iOmE=",
            "Digest x",
            "Platform YTpi",
            "",
        ] {
            assert_eq!(read(header), Err(Code::Unauthenticated), "{header}");
        }
        assert_eq!(Credentials::of(&HeaderMap::new()).ok(), Some(None));
    }
}
