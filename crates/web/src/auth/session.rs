//! Logins at this node's own console: a cookie that scripts cannot read, and what its forms carry.
//!
//! The ticket in it is the one of [`super::console`], under another name: this cookie counts for pages only, the
//! other one for the contract's paths under `/web/`.

use axum::http::HeaderMap;
use domain::cluster::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::auth::caller::Caller;
use crate::auth::console::LOGIN_S;
use crate::auth::logins::{Logins, caller};
use crate::codes::Code;
use crate::error::ApiResult;
use crate::params;

const COOKIE: &str = "waybill_session";

/// Returns the ticket in the cookie of a page's request.
pub(crate) fn ticket(headers: &HeaderMap) -> Option<&str> {
    params::cookie(headers, COOKIE)
}

/// Returns the cookie that carries `ticket`, or with `None` the one that takes it back.
///
/// Set over TLS it is sent over TLS only.
pub(crate) fn cookie(ticket: Option<&str>, over_tls: bool) -> String {
    let secure = if over_tls { "; Secure" } else { "" };
    let (value, age_s) = ticket.map_or(("", 0), |ticket| (ticket, LOGIN_S));
    format!("{COOKIE}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}")
}

impl Logins {
    /// Returns whom `ticket` logs in; `None` when it is not good, or not any more.
    pub(crate) async fn console_caller(&self, ticket: &str) -> ApiResult<Option<Caller>> {
        match self.with_ticket(&Secret::new(ticket)).await {
            Ok(user) => Ok(Some(caller(user))),
            Err(error) if error.code() == Code::Unauthenticated => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns what the forms of the login with `ticket` carry: nobody without the ticket can make it.
    pub(crate) async fn csrf_of(&self, ticket: &str) -> ApiResult<String> {
        let key = self.ticket_key().await?;
        let mut mac =
            Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).expect("HMAC takes keys of every length");
        mac.update(b"form ");
        mac.update(ticket.as_bytes());
        let made = mac.finalize().into_bytes();
        Ok(made.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_script_reads_the_cookie_and_no_other_site_sends_it_along() {
        let plain = cookie(Some("t"), false);

        assert_eq!(
            plain,
            "waybill_session=t; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
        );
        assert!(cookie(Some("t"), true).ends_with("; Secure"));
        assert!(cookie(None, false).starts_with("waybill_session=; Path=/; Max-Age=0;"));
    }
}
