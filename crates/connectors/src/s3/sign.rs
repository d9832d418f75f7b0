//! Signatures of requests: AWS Signature Version 4, in the headers.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>. The bytes of an object are not part of the
//! signature; their MD5 is, which stands in a header.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::bkrepo::PLAIN;

/// What is said instead of the digest of a body that is not signed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// A key to sign with.
#[derive(Clone)]
pub(super) struct Key {
    /// Its public half.
    pub(super) id: String,
    /// Its secret half.
    pub(super) secret: String,
}

/// Returns `pairs` as the query of a URL, in the order and writing signatures need.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, PLAIN).to_string();
    let mut pairs: Vec<(String, String)> = pairs
        .iter()
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// Returns how `url` names its host in a request.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.into(),
    }
}

/// Returns the headers that sign a request: the time, the note about the body, and the signature of all `headers`
/// (names in lower case).
pub(super) fn signed(
    key: &Key,
    region: &str,
    method: &str,
    url: &Url,
    headers: &[(String, String)],
    now_ms: i64,
) -> Vec<(String, String)> {
    let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &time[..8];
    let mut all = headers.to_vec();
    all.push(("host".into(), host_of(url)));
    all.push(("x-amz-content-sha256".into(), UNSIGNED.into()));
    all.push(("x-amz-date".into(), time.clone()));
    all.sort();
    let lines: String = all
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let request = format!(
        "{method}\n{}\n{}\n{lines}\n{names}\n{UNSIGNED}",
        url.path(),
        url.query().unwrap_or_default()
    );
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(request))
    );
    let mut signing = format!("AWS4{}", key.secret).into_bytes();
    for part in [day, region, "s3", "aws4_request"] {
        signing = mac(&signing, part);
    }
    let signature = hex::encode(mac(&signing, &text));
    let credential = format!("{}/{scope}", key.id);
    vec![
        ("x-amz-content-sha256".into(), UNSIGNED.into()),
        ("x-amz-date".into(), time),
        (
            "authorization".into(),
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"),
        ),
    ]
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_day_is_the_one_the_documentation_computes() {
        // "Deriving the signing key", AWS General Reference: 20150830, us-east-1, iam.
        let mut signing = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        for part in ["20150830", "us-east-1", "iam", "aws4_request"] {
            signing = mac(&signing, part);
        }

        let expected = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";
        assert_eq!(hex::encode(signing), expected);
    }

    #[test]
    fn a_query_is_sorted_and_encoded() {
        assert_eq!(
            query(&[("prefix", "a b/é"), ("list-type", "2"), ("uploads", "")]),
            "list-type=2&prefix=a%20b%2F%C3%A9&uploads="
        );
    }

    #[test]
    fn a_signature_names_every_header_and_never_the_secret() {
        let key = Key {
            id: "id".into(),
            secret: "secret".into(),
        };
        let url: Url = "http://127.0.0.1:9000/bucket/key?x=".parse().expect("a URL");
        let headers = [("content-md5".to_owned(), "abc=".to_owned())];

        let signed = signed(&key, "eu-west-3", "PUT", &url, &headers, 1_721_877_600_000);

        let authorization = &signed.last().expect("the signature").1;
        assert!(authorization.contains("Credential=id/20240725/eu-west-3/s3/aws4_request"));
        assert!(authorization.contains("SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date,"));
        assert!(!authorization.contains("secret"));
    }
}
