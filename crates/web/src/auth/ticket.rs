//! The ticket a console login is carried in: a JWT (RFC 7519), signed with HMAC-SHA256.
//!
//! One algorithm, compared as text with the header, so that a ticket never chooses how it is checked. That it
//! is genuine is only half: the login it names must still be open, which the store says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::cluster::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a ticket says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// User name.
    pub(crate) sub: String,
    /// Id of the login.
    pub(crate) jti: String,
    /// When it was issued, in Unix seconds.
    pub(crate) iat: i64,
    /// When it ends, in Unix seconds.
    pub(crate) exp: i64,
}

impl Claims {
    /// Returns the ticket that says this, signed with `key`.
    pub(crate) fn sign(&self, key: &Secret) -> serde_json::Result<String> {
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self)?);
        let signed = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(HEADER));
        let signature = mac(key, &signed).finalize().into_bytes();
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Returns what `ticket` says, if it was signed with `key` and is good at `now_ms`.
    pub(crate) fn verify(ticket: &str, key: &Secret, now_ms: i64) -> Option<Self> {
        let (signed, signature) = ticket.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        mac(key, signed).verify_slice(&signature).ok()?;
        let (header, claims) = signed.split_once('.')?;
        if header != URL_SAFE_NO_PAD.encode(HEADER) {
            return None;
        }
        let claims: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        (claims.exp > now_ms.div_euclid(1000)).then_some(claims)
    }
}

fn mac(key: &Secret, text: &str) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).expect("HMAC takes keys of every length");
    mac.update(text.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7515_is_signed_as_there() {
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .expect("base64");
        let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0d\
            HA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(text.as_bytes());

        assert_eq!(
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }

    #[test]
    fn a_ticket_is_good_with_its_key_until_it_ends_and_only_as_it_was_signed() {
        let key = Secret::new("key");
        let claims = Claims {
            sub: "ann".into(),
            jti: "id".into(),
            iat: 1,
            exp: 10,
        };
        let ticket = claims.sign(&key).expect("it is JSON");

        assert_eq!(Claims::verify(&ticket, &key, 9_999), Some(claims));
        assert_eq!(Claims::verify(&ticket, &key, 10_000), None);
        assert_eq!(Claims::verify(&ticket, &Secret::new("other"), 0), None);
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let parts: Vec<&str> = ticket.split('.').collect();
        for forged in [
            String::new(),
            "a.b".into(),
            "a.b.c".into(),
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}.{}", parts[0], parts[0], parts[2]),
        ] {
            assert_eq!(Claims::verify(&forged, &key, 0), None, "{forged}");
        }
    }
}
