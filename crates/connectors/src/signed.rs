//! Signed calls: the query proves that the caller knows a platform's secret key, which itself never travels.
//!
//! As bk-repo does it (wire.md 9.4): `sig` is the HMAC-SHA1, in hex, of one lowercase text: the path within the
//! service, the method, every other parameter in the order of its name (percent-encoded, name and values run
//! together), and the SHA-256 of the body in hex. `sign_time` says from when until when, in Unix seconds. What is
//! signed here has a `nonce` besides, so that no two calls have the same signature.

use std::collections::BTreeMap;

use domain::cluster::Secret;
use domain::digest::Digest;
use domain::id::random_hex32;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use url::form_urlencoded::byte_serialize;

/// Parameter with the platform's name.
pub const APP_ID: &str = "app_id";
/// Parameter with the public half of the platform's key.
pub const ACCESS_KEY: &str = "access_key";
/// Parameter with `start;end` in Unix seconds.
pub const SIGN_TIME: &str = "sign_time";
/// Parameter that names the algorithm; [`ALGORITHM`] is the only one.
pub const SIGN_ALGORITHM: &str = "sign_algorithm";
/// Parameter with a random text that no other call has; a stock bk-repo neither sends nor minds it.
pub const NONCE: &str = "nonce";
/// Parameter with the signature.
pub const SIGNATURE: &str = "sig";
/// Header that names the user a signed call acts as.
pub const ACTING_USER: &str = "x-bkrepo-ms-uid";
/// The algorithm, as the contract spells it.
pub const ALGORITHM: &str = "HmacSHA1";

/// How long a signature made here is good, in seconds.
const GOOD_FOR_S: i64 = 5 * 60;
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A platform and its keys.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Its name.
    pub app_id: String,
    /// The public half of the key.
    pub access_key: String,
    /// The secret half.
    pub secret_key: Secret,
}

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Path within the service, as sent: `/replica/ping`, not `/replication/replica/ping`.
    pub path: &'a str,
    /// Method in capitals.
    pub method: &'a str,
    /// Parameters of the query, decoded; a `sig` among them does not count.
    pub parameters: &'a [(String, String)],
    /// The body; empty where [`covers_body`] says that bodies of its type do not count.
    pub body: &'a [u8],
}

impl Platform {
    /// Returns the parameters that sign `call` from `now_ms` (Unix milliseconds) on, to be added to its query.
    pub fn sign(&self, call: &Call<'_>, now_ms: i64) -> Vec<(String, String)> {
        let now_s = now_ms.div_euclid(1000);
        let time = format!("{now_s};{}", now_s + GOOD_FOR_S);
        let nonce = random_hex32();
        let mut added: Vec<(String, String)> = [
            (APP_ID, self.app_id.as_str()),
            (ACCESS_KEY, self.access_key.as_str()),
            (SIGN_TIME, time.as_str()),
            (SIGN_ALGORITHM, ALGORITHM),
            (NONCE, nonce.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let parameters = [call.parameters, added.as_slice()].concat();
        let whole = Call {
            parameters: &parameters,
            ..*call
        };
        let signature = mac(&self.secret_key, &whole.text(form_encoded)).finalize();
        added.push((SIGNATURE.to_owned(), hex::encode(signature.into_bytes())));
        added
    }
}

/// Returns the bytes of a signature, whichever way its digits are written; `None` for a text that is none.
pub fn bytes_of(signature: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    hex::decode_to_slice(signature, &mut bytes).ok()?;
    Some(bytes)
}

impl Call<'_> {
    /// Says whether `signature` was made for this call with `secret_key`; takes equally long for every wrong one.
    ///
    /// Parameters count in either of the two usual encodings, which differ in blanks, `*` and `~` only.
    pub fn is_signed(&self, signature: &str, secret_key: &Secret) -> bool {
        let Some(signature) = bytes_of(signature) else {
            return false;
        };
        [form_encoded, strictly_encoded].into_iter().any(|encoded| {
            mac(secret_key, &self.text(encoded))
                .verify_slice(&signature)
                .is_ok()
        })
    }

    fn text(&self, encoded: fn(&str) -> String) -> String {
        let mut parameters: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in self.parameters {
            if name != SIGNATURE {
                parameters.entry(name).or_default().push_str(value);
            }
        }
        let mut text = format!("{}{}", self.path, self.method);
        for (name, values) in parameters {
            text.push_str(&encoded(&format!("{name}{values}")));
        }
        text.push_str(&hex::encode(Digest::of(self.body).as_bytes()));
        text.to_lowercase()
    }
}

/// Says whether a body of this type is signed too; files and forms count as empty.
pub fn covers_body(content_type: Option<&str>) -> bool {
    let media = content_type.unwrap_or_default().to_ascii_lowercase();
    let media = media.split(';').next().unwrap_or_default().trim();
    let left_out = media.starts_with("multipart/")
        || ["application/octet-stream", "application/x-www-form-urlencoded"].contains(&media);
    !left_out
}

fn mac(key: &Secret, text: &str) -> Hmac<Sha1> {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(key.reveal().as_bytes()).expect("HMAC takes keys of every length");
    mac.update(text.as_bytes());
    mac
}

fn form_encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

fn strictly_encoded(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_721_877_600_123;

    fn platform() -> Platform {
        Platform {
            app_id: "ci".into(),
            access_key: "ak".into(),
            secret_key: Secret::new("sk"),
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn the_signed_text_is_the_contracts() {
        let parameters = pairs(&[("b", "x y/"), ("a", "1"), ("sig", "zz"), ("a", "2")]);
        let call = Call {
            path: "/replica/Blob",
            method: "POST",
            parameters: &parameters,
            body: b"",
        };

        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            call.text(form_encoded),
            format!("/replica/blobposta12bx+y%2f{empty}")
        );
        assert_eq!(
            call.text(strictly_encoded),
            format!("/replica/blobposta12bx%20y%2f{empty}")
        );
    }

    #[test]
    fn a_signature_fits_its_call_and_no_other() {
        let given = pairs(&[("path", "/a b*~")]);
        let call = Call {
            path: "/replica/ping",
            method: "GET",
            parameters: &given,
            body: b"{}",
        };

        let added = platform().sign(&call, NOW_MS);

        let signature = added.last().expect("it is last").1.clone();
        let whole = [given.as_slice(), added.as_slice()].concat();
        let signed = Call {
            parameters: &whole,
            ..call
        };
        let key = Secret::new("sk");
        assert!(signed.is_signed(&signature, &key));
        assert!(!signed.is_signed(&signature, &Secret::new("other")));
        assert!(!signed.is_signed(&signature[2..], &key) && !signed.is_signed("no hex", &key));
        assert!(
            !Call {
                method: "PUT",
                ..signed
            }
            .is_signed(&signature, &key)
        );
        assert!(!Call { body: b"", ..signed }.is_signed(&signature, &key));
        assert!(
            !Call {
                path: "/replica",
                ..signed
            }
            .is_signed(&signature, &key)
        );
        assert!(!call.is_signed(&signature, &key));
        assert_eq!(added[2], ("sign_time".into(), "1721877600;1721877900".into()));
    }

    #[test]
    fn files_and_forms_are_not_part_of_the_signature() {
        for (media, covered) in [
            (None, true),
            (Some("application/json; charset=utf-8"), true),
            (Some("Multipart/form-data; boundary=x"), false),
            (Some("application/octet-stream"), false),
            (Some("application/x-www-form-urlencoded"), false),
        ] {
            assert_eq!(covers_body(media), covered, "{media:?}");
        }
    }
}
