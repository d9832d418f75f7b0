//! What a store says of an object.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::artifact::Blob;
use domain::checksums::Checksums;
use domain::digest::Digest;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_LENGTH, DATE, ETAG, HeaderMap, LAST_MODIFIED};

/// Metadata that holds the SHA-256 of an object, in hex.
pub(super) const SHA256: &str = "x-amz-meta-waybill-sha256";

/// An object's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Its length.
    pub(super) size_bytes: u64,
    /// Its entity tag, without quotes.
    pub(super) etag: Option<String>,
    /// When it was written, as a listing says it.
    pub(super) modified: Option<String>,
    /// When it was written (Unix seconds), as an answer about it says; only once that second is over.
    pub(super) settled_s: Option<i64>,
    /// Its SHA-256, as its metadata or the store's own checksum has it.
    pub(super) digest: Option<Digest>,
    /// Whether it is encrypted so that its entity tag is no MD5; `None`: not said.
    pub(super) sealed: Option<bool>,
}

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Nothing,
    /// Objects whose keys go on with a slash.
    Folder,
    /// An object.
    Object(State),
}

impl State {
    /// Reads what an answer to `GET`, `HEAD` or `PUT` says.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let kms = text("x-amz-server-side-encryption").is_some_and(|kind| kind.starts_with("aws:kms"));
        let own_key = text("x-amz-server-side-encryption-customer-algorithm").is_some();
        // "COMPOSITE" is a checksum of the checksums of parts.
        let whole = text("x-amz-checksum-type") != Some("COMPOSITE");
        let checksum = text("x-amz-checksum-sha256")
            .filter(|_| whole)
            .and_then(of_base64);
        Self {
            size_bytes: text(CONTENT_LENGTH.as_str())
                .and_then(|length| length.parse().ok())
                .unwrap_or(0),
            etag: text(ETAG.as_str()).map(unquoted),
            modified: None,
            settled_s: settled_s(headers),
            digest: checksum.or_else(|| text(SHA256).and_then(|hex| format!("sha256:{hex}").parse().ok())),
            sealed: Some(kms || own_key),
        }
    }

    /// Returns one text that changes with every change of the object; `None` if there is none.
    pub(super) fn mark(&self) -> Option<String> {
        match (&self.etag, &self.modified) {
            (Some(etag), _) => Some(etag.clone()),
            (None, Some(modified)) => Some(format!("{WRITTEN}{modified}")),
            (None, None) => None,
        }
    }

    /// Returns what listings call this state, if every later one will be called otherwise.
    pub(super) fn listed_mark(&self) -> Option<String> {
        let modified = self.modified.as_deref()?;
        let listed_s = modified.parse::<Timestamp>().ok()?.as_second();
        (self.settled_s == Some(listed_s)).then(|| format!("{WRITTEN}{modified}"))
    }

    /// Returns the MD5, if the entity tag is one.
    pub(super) fn md5(&self) -> Option<[u8; 16]> {
        let etag = self.etag.as_deref().filter(|_| self.sealed != Some(true))?;
        let mut md5 = [0; 16];
        hex::decode_to_slice(etag, &mut md5).ok()?;
        Some(md5)
    }

    /// Describes the bytes, as far as they are known.
    pub(super) fn blob(&self) -> Blob {
        Blob {
            digest: self.digest,
            checksums: Checksums {
                md5: self.md5(),
                ..Checksums::default()
            },
            ..Blob::unknown(self.size_bytes)
        }
    }
}

/// Begins a mark that is a time.
const WRITTEN: &str = "written ";

/// Says whether `mark` is a time of a listing.
pub(super) fn is_of_listing(mark: &str) -> bool {
    mark.starts_with(WRITTEN)
}

/// Returns an entity tag without its quotes.
pub(super) fn unquoted(etag: &str) -> String {
    etag.trim().trim_matches('"').to_owned()
}

/// Returns when what an answer with `headers` is about was written (Unix seconds), if that second is over by the store's
/// own clock.
fn settled_s(headers: &HeaderMap) -> Option<i64> {
    let seconds = |name| {
        let text: &str = headers.get(name)?.to_str().ok()?;
        Some(rfc2822::parse(text).ok()?.timestamp().as_second())
    };
    let (written, now) = (seconds(LAST_MODIFIED)?, seconds(DATE)?);
    (written < now).then_some(written)
}

fn of_base64(text: &str) -> Option<Digest> {
    let bytes = STANDARD.decode(text).ok()?;
    Some(Digest::from_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tag_of_an_object_written_at_once_and_in_the_open_is_its_md5() {
        let state = |etag: &str, sealed| State {
            etag: Some(etag.into()),
            sealed,
            ..State::default()
        };
        let md5 = "900150983cd24fb0d6963f7d28e17f72";

        assert_eq!(state(md5, None).md5().map(hex::encode).as_deref(), Some(md5));
        assert_eq!(state(md5, Some(true)).md5(), None);
        assert_eq!(state(&format!("{md5}-3"), None).md5(), None);
        assert_eq!(state("anything", None).md5(), None);
    }

    #[test]
    fn a_time_in_a_listing_is_a_mark_once_its_second_is_over() {
        let state = |now: &'static str| State {
            modified: Some("2026-10-14T17:46:40.083Z".into()),
            ..State::of(&HeaderMap::from_iter([
                (
                    LAST_MODIFIED,
                    "Wed, 14 Oct 2026 17:46:40 GMT".parse().expect("a value"),
                ),
                (DATE, now.parse().expect("a value")),
            ]))
        };

        let mark = state("Wed, 14 Oct 2026 17:46:41 GMT").listed_mark();
        assert_eq!(mark.as_deref(), Some("written 2026-10-14T17:46:40.083Z"));
        assert_eq!(state("Wed, 14 Oct 2026 17:46:40 GMT").listed_mark(), None);
    }

    #[test]
    fn a_checksum_of_checksums_is_no_digest() {
        let digest = Digest::of(b"abc");
        let headers = |kind: &'static str| {
            let sum = STANDARD.encode(digest.as_bytes());
            HeaderMap::from_iter([
                (
                    "x-amz-checksum-sha256".parse().expect("a name"),
                    sum.parse().expect("a value"),
                ),
                (
                    "x-amz-checksum-type".parse().expect("a name"),
                    kind.parse().expect("a value"),
                ),
            ])
        };

        assert_eq!(State::of(&headers("FULL_OBJECT")).digest, Some(digest));
        assert_eq!(State::of(&headers("COMPOSITE")).digest, None);
    }
}
