//! What the headers of an answer say about a file.

use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use hosted::{Node, NodeFile};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::content_type;

const SHA256: &str = "x-checksum-sha256";
const MD5: &str = "x-checksum-md5";
const CRC64: &str = "x-checksum-crc64ecma";

/// What is not encoded in a name: RFC 5987 and URLs agree on these.
pub(super) const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// Sets what a file's answer says about it; a `preview` is shown by browsers instead of being saved.
pub(super) fn describe(headers: &mut HeaderMap, node: &Node, file: &NodeFile, preview: bool) {
    let name = node.path.name();
    let media = content_type::of(name);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let caching = node
        .metadata
        .get("cache-control")
        .map_or("no-cache", String::as_str);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    insert(headers, CACHE_CONTROL, caching);
    insert(headers, ETAG, &file.digest.to_hex());
    if let Ok(modified) = Timestamp::from_millisecond(node.modified_ms) {
        let modified = modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        insert(headers, LAST_MODIFIED, &modified);
    }
    if !preview {
        insert(headers, CONTENT_DISPOSITION, &disposition(name));
    } else if content_type::is_active(media) {
        // Whoever uploads a page must not act as whoever looks at it.
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
    add_checksums(headers, node);
}

/// Adds the checksums that are known of a file.
pub(super) fn add_checksums(headers: &mut HeaderMap, node: &Node) {
    let Some(file) = &node.file else {
        return;
    };
    let known = [
        (SHA256, Some(file.digest.to_hex())),
        (MD5, file.md5.clone()),
        (CRC64, file.crc64.map(|crc| crc.to_string())),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            insert(headers, HeaderName::from_static(name), &value);
        }
    }
}

/// Sets a header, unless `value` does not fit into one.
pub(super) fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Returns the `Content-Disposition` of a file to be saved as `name` (RFC 6266, RFC 5987).
pub(super) fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let encoded = utf8_percent_encode(name, PLAIN);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_survives_the_header_it_is_sent_in() {
        assert_eq!(disposition("a b.tgz"), "attachment; filename=\"a b.tgz\"");
        assert_eq!(
            disposition("ü\".txt"),
            "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%BC%22.txt"
        );
    }
}
