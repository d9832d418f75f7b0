//! What registries say (distribution-spec 1.1; the token specification of Docker's registry).

use domain::failure::ErrorKind;
use domain::ports::ConnectorError;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;

/// Header with the digest of a manifest or blob.
pub const CONTENT_DIGEST: &str = "docker-content-digest";
/// Header by which a registry says that it lists a manifest among the referrers of its subject.
pub const OCI_SUBJECT: &str = "oci-subject";
/// Header with the least bytes of a piece of an upload.
pub const CHUNK_MIN: &str = "oci-chunk-min-length";

/// Tags of an image.
#[derive(Debug, Deserialize)]
pub struct TagList {
    /// The tags; `null` where there are none.
    pub tags: Option<Vec<String>>,
}

/// Images of a registry.
#[derive(Debug, Deserialize)]
pub struct Catalog {
    /// Their names; `null` where there are none.
    pub repositories: Option<Vec<String>>,
}

/// An answer of a token server.
#[derive(Deserialize)]
pub struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    /// Seconds it is good for; 60 where they are not said.
    pub expires_in: Option<u64>,
}

impl TokenAnswer {
    /// Returns the token, whichever of its two names it has.
    pub fn token(self) -> Option<String> {
        self.token.or(self.access_token).filter(|token| !token.is_empty())
    }
}

#[derive(Deserialize)]
struct Refusal {
    errors: Option<Vec<RefusedFor>>,
}

#[derive(Deserialize)]
struct RefusedFor {
    code: Option<String>,
    message: Option<String>,
    detail: Option<serde_json::Value>,
}

/// A refusal, as far as it was understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The specification's error code.
    pub code: Option<String>,
    /// Code, message and the beginning of its detail.
    pub words: String,
}

/// Returns what the body of a refusal says.
pub fn said(body: &[u8]) -> Said {
    let refusal = serde_json::from_slice::<Refusal>(body).ok();
    let first = refusal
        .and_then(|refusal| refusal.errors)
        .and_then(|errors| errors.into_iter().next());
    let Some(first) = first else {
        return Said {
            code: None,
            words: crate::http::words_of(body),
        };
    };
    let detail = first.detail.and_then(|detail| match detail {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    });
    let parts = [first.code.clone(), first.message, detail];
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    Said {
        code: first.code,
        words: parts.join(": "),
    }
}

/// Returns what kind of failure a refusal is: its code says it more exactly than its status.
pub fn kind_of(status: StatusCode, code: Option<&str>) -> ErrorKind {
    match code {
        Some("UNAUTHORIZED" | "DENIED") => ErrorKind::Unauthorised,
        Some("NAME_UNKNOWN" | "MANIFEST_UNKNOWN" | "BLOB_UNKNOWN" | "BLOB_UPLOAD_UNKNOWN") => {
            ErrorKind::NotFound
        }
        Some("DIGEST_INVALID" | "SIZE_INVALID") => ErrorKind::Corrupt,
        Some("TOOMANYREQUESTS") => ErrorKind::Limit,
        _ => crate::http::kind_of(status).unwrap_or(ErrorKind::Protocol),
    }
}

/// Says whether a refusal is about the image or its manifest, not about what was asked of the registry.
pub fn is_about_the_image(refusal: &ConnectorError) -> bool {
    let words = refusal.words.as_deref().unwrap_or_default();
    words.starts_with("NAME_UNKNOWN") || words.starts_with("MANIFEST_UNKNOWN")
}

/// Returns the target of the answer's link to its next page.
pub fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
    links.flat_map(|links| links.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().to_ascii_lowercase();
            parameter == "rel=next" || parameter == "rel=\"next\""
        });
        is_next.then(|| target.to_owned())
    })
}

/// Returns how many bytes an upload has by its `Range` header (`0-99`: 100).
pub fn uploaded_bytes(range: &str) -> Option<u64> {
    let (first, last) = range.strip_prefix("bytes=").unwrap_or(range).split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    match first.trim() {
        // Registries write an upload without any bytes and one with a single byte the same; none is written as a lone
        // byte far more often, and a byte that is sent again is refused, not stored twice.
        "0" if last == 0 => Some(0),
        "0" => last.checked_add(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_its_code_its_message_and_its_detail() {
        let body =
            br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"x"}}]}"#;

        let said = said(body);

        assert_eq!(said.words, r#"MANIFEST_UNKNOWN: manifest unknown: {"Tag":"x"}"#);
        let kind = |code| kind_of(StatusCode::BAD_REQUEST, code);
        assert_eq!(kind(said.code.as_deref()), ErrorKind::NotFound);
        assert_eq!(kind(Some("DIGEST_INVALID")), ErrorKind::Corrupt);
        assert_eq!(kind(Some("NEWS")), ErrorKind::Protocol);
        assert_eq!(super::said(b"slow down").words, "slow down");
        assert_eq!(super::said(br#"{"errors":[]}"#).words, "");
    }

    #[test]
    fn the_next_page_is_the_link_that_says_so() {
        let headers = |text: &str| HeaderMap::from_iter([(LINK, text.parse().expect("a header value"))]);
        let two = r#"</v2/_catalog?n=0>; rel="prev", </v2/_catalog?last=b&n=2>; rel="next""#;

        assert_eq!(
            next_page(&headers(two)).as_deref(),
            Some("/v2/_catalog?last=b&n=2")
        );
        assert_eq!(next_page(&headers("</x>;REL=next")).as_deref(), Some("/x"));
        for text in ["</x>", "x; rel=next", "<x"] {
            assert_eq!(next_page(&headers(text)), None, "{text}");
        }
    }

    #[test]
    fn a_range_says_how_far_an_upload_is() {
        assert_eq!(uploaded_bytes("0-99"), Some(100));
        assert_eq!(uploaded_bytes("bytes=0-9"), Some(10));
        assert_eq!(uploaded_bytes("0-0"), Some(0));
        for text in ["", "5-9", "0-", "x", "0-18446744073709551615"] {
            assert_eq!(uploaded_bytes(text), None, "{text}");
        }
    }
}
