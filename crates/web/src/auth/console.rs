//! Logging in and out at the console: tickets, the cookie they travel in, and who may make a browser send it.
//!
//! The cookie counts under `/web/` only. The stock console logs out by removing it in the browser, so scripts
//! of the page have to see it (no `HttpOnly`). Against other sites: `SameSite=Lax` keeps the cookie from their
//! forms and scripts, and a change that a browser says comes from elsewhere is refused here once more.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method};
use domain::cluster::Secret;
use messages::text;
use storage::users::User;

use crate::auth::credentials::TICKET_COOKIE;
use crate::auth::logins::{Logins, wrong};
use crate::auth::ticket::Claims;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// How long a login lasts.
pub(crate) const LOGIN_S: i64 = 24 * 60 * 60;
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Marks a request that came to the console's paths, `/web/...`, where its cookie counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtConsole;

impl Logins {
    /// Logs `user` in at the console and returns the ticket.
    pub(crate) async fn open_console(&self, user: &str) -> ApiResult<String> {
        let now_s = self.store().now_ms().div_euclid(1000);
        let exp = now_s + LOGIN_S;
        let claims = Claims {
            sub: user.into(),
            jti: self.store().console_logins().open(user, exp * 1000).await?,
            iat: now_s,
            exp,
        };
        claims.sign(self.ticket_key().await?).map_err(ApiError::internal)
    }

    /// Returns whom `ticket` logs in, if it is good.
    pub(crate) async fn with_ticket(&self, ticket: &Secret) -> ApiResult<User> {
        let user = match self.claims(ticket.reveal()).await? {
            Some(claims) => {
                let user = self.store().console_logins().user(&claims.jti).await?;
                user.filter(|user| user.name == claims.sub)
            }
            None => None,
        };
        user.ok_or_else(|| wrong(text!("login-token-unknown")))
    }

    /// Ends the login that `ticket` is about; one that is not good is none.
    pub(crate) async fn close_console(&self, ticket: &str) -> ApiResult<()> {
        if let Some(claims) = self.claims(ticket).await? {
            self.store().console_logins().close(&claims.jti).await?;
        }
        Ok(())
    }

    async fn claims(&self, ticket: &str) -> ApiResult<Option<Claims>> {
        let key = self.ticket_key().await?;
        Ok(Claims::verify(ticket, key, self.store().now_ms()))
    }
}

/// Returns the cookie that carries `ticket`, or with `None` the one that takes it back.
///
/// Set over TLS it is sent over TLS only.
pub(crate) fn cookie(ticket: Option<&str>, over_tls: bool) -> String {
    let secure = if over_tls { "; Secure" } else { "" };
    let (value, age_s) = ticket.map_or(("", 0), |ticket| (ticket, LOGIN_S));
    format!("{TICKET_COOKIE}={value}; Path=/; Max-Age={age_s}; SameSite=Lax{secure}")
}

/// Refuses to change anything for a browser that says another site made it ask.
pub(crate) fn refuse_other_sites(method: &Method, headers: &HeaderMap) -> ApiResult<()> {
    if method.is_safe() || !comes_from_elsewhere(headers) {
        return Ok(());
    }
    Err(ApiError::about(Code::AccessDenied, text!("other-site")))
}

fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = value(FETCH_SITE) {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = value(ORIGIN) else {
        return false;
    };
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    ![value(HOST), value(FORWARDED_HOST)].contains(&Some(host))
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

    #[test]
    fn changes_that_another_site_made_a_browser_ask_for_are_refused() {
        let host = ("host", "repo.example:8080");
        for (pairs, refused) in [
            (vec![host], false),
            (vec![host, ("sec-fetch-site", "same-origin")], false),
            (vec![host, ("sec-fetch-site", "none")], false),
            (vec![host, ("sec-fetch-site", "same-site")], true),
            (
                vec![
                    host,
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "http://repo.example:8080"),
                ],
                true,
            ),
            (vec![host, ("origin", "http://repo.example:8080")], false),
            (vec![host, ("origin", "https://evil.example")], true),
            (vec![host, ("origin", "null")], true),
            (
                vec![
                    ("host", "inner"),
                    ("x-forwarded-host", "repo.example"),
                    ("origin", "https://repo.example"),
                ],
                false,
            ),
        ] {
            let headers = headers(&pairs);
            assert_eq!(
                refuse_other_sites(&Method::POST, &headers).is_err(),
                refused,
                "{pairs:?}"
            );
            assert!(refuse_other_sites(&Method::GET, &headers).is_ok());
        }
    }

    #[test]
    fn the_cookie_is_only_sent_over_tls_where_it_was_set_over_tls() {
        let plain = cookie(Some("t"), false);
        assert_eq!(plain, "bkrepo_ticket=t; Path=/; Max-Age=86400; SameSite=Lax");
        assert!(cookie(Some("t"), true).ends_with("; Secure"));
    }
}
