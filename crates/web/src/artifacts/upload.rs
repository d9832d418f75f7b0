//! Uploading a file: the request's body is the file, its headers say the rest.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::artifact::{Metadata, PROPERTY_BYTES};
use domain::clock::Clock;
use hosted::{MOST_BLOCKS, UploadOptions};
use messages::text;
use percent_encoding::percent_decode_str;
use utoipa::IntoParams;

use super::blocks::UPLOAD_ID;
use super::headers::add_checksums;
use super::node_view::{self, NodeDetail};
use super::place::Place;
use super::viewer;
use crate::app::App;
use crate::auth::Caller;
use crate::body;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::openapi::FileBytes;
use crate::params::Segments;
use crate::reader::Reader;

/// Header that numbers a block.
const SEQUENCE: &str = "X-BKREPO-SEQUENCE";
const META: &str = "x-bkrepo-meta";
const META_PREFIX: &str = "x-bkrepo-meta-";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What the headers of an upload say.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what options and metadata read")]
pub(crate) struct UploadHeaders {
    /// Digest the body must have: 64 hex digits.
    #[param(rename = "X-BKREPO-SHA256")]
    sha256: Option<String>,
    /// Digest the body must have: 32 hex digits.
    #[param(rename = "X-BKREPO-MD5")]
    md5: Option<String>,
    /// Checksum the body must have, in decimal.
    #[param(rename = "X-BKREPO-CRC64ECMA")]
    crc64ecma: Option<String>,
    /// Whether an existing file is replaced; false unless said otherwise.
    #[param(rename = "X-BKREPO-OVERWRITE")]
    overwrite: Option<bool>,
    /// Days after which the file goes; 0 keeps it.
    #[param(rename = "X-BKREPO-EXPIRES")]
    expires: Option<i64>,
    /// Properties: base64 of `key=value&key=value`. One property also fits into `X-BKREPO-META-{key}`.
    #[param(rename = "X-BKREPO-META")]
    metadata: Option<String>,
}

/// What the headers of a block say besides.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what block_of reads")]
struct BlockHeaders {
    /// The upload that the body is a block of.
    #[param(rename = "X-BKREPO-UPLOAD-ID")]
    upload_id: Option<String>,
    /// Number of the block, from 1. With the same bytes it may be sent again, with others only to overwrite.
    #[param(rename = "X-BKREPO-SEQUENCE")]
    sequence: Option<u32>,
}

/// Stores the body as a file, or as a block of one; it is durable when this is answered.
#[utoipa::path(put, path = "/generic/{projectId}/{repoName}/{*path}", params(UploadHeaders, BlockHeaders), request_body(content = inline(FileBytes), content_type = "application/octet-stream"), responses((status = 200, description = "The file; null for a block", body = inline(Option<NodeDetail>))))]
pub(super) async fn upload(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    request: Request,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    let options = options(request.headers(), app.clock())?;
    let block = block_of(request.headers())?.map(|(id, sequence)| (id.to_owned(), sequence));
    let bytes = body::stream(request.into_body());
    if let Some((id, sequence)) = block {
        repository
            .put_block(&path, &id, sequence, bytes, &options, &viewer(&caller))
            .await?;
        return reader.done();
    }
    let node = repository.upload(&path, bytes, options, &viewer(&caller)).await?;
    let mut response = reader.ok(node_view::detail(&repository, &node, &reader)?)?;
    add_checksums(response.headers_mut(), &node);
    Ok(response)
}

/// Reads what the headers of an upload say.
pub(crate) fn options(headers: &HeaderMap, clock: &dyn Clock) -> ApiResult<UploadOptions> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let mismatch = |algorithm| ApiError::new(Code::DigestMismatch, [algorithm]);
    let sha256 = header("x-bkrepo-sha256").filter(|text| !text.is_empty());
    let crc64 = header("x-bkrepo-crc64ecma").filter(|text| !text.is_empty());
    let days: Option<i64> = header("x-bkrepo-expires").and_then(|text| text.parse().ok());
    Ok(UploadOptions {
        // What is no checksum at all is not the one of any bytes.
        sha256: sha256
            .map(|text| text.to_ascii_lowercase().parse().map_err(|_| mismatch("sha256")))
            .transpose()?,
        md5: header("x-bkrepo-md5")
            .filter(|text| !text.is_empty())
            .map(String::from),
        crc64ecma: crc64
            .map(|text| text.parse().map_err(|_| mismatch("crc64ecma")))
            .transpose()?,
        overwrite: overwrite(headers),
        expires_ms: days.and_then(|days| expiry_ms(days, clock)),
        metadata: metadata(headers)?,
        size_bytes: header("content-length").and_then(|text| text.parse().ok()),
    })
}

/// Returns when a file that is kept for `days` goes away; `None`: never.
pub(crate) fn expiry_ms(days: i64, clock: &dyn Clock) -> Option<i64> {
    let kept_ms = days.checked_mul(DAY_MS).filter(|ms| *ms > 0)?;
    clock.now_ms().checked_add(kept_ms)
}

/// Says whether what stands there may be replaced.
pub(super) fn overwrite(headers: &HeaderMap) -> bool {
    let value = headers.get("x-bkrepo-overwrite").map(HeaderValue::as_bytes);
    value.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"true"))
}

/// Returns the block upload a file is part of, and its number in it; one header without the other says nothing.
fn block_of(headers: &HeaderMap) -> ApiResult<Option<(&str, u32)>> {
    let header = |name: &str| {
        let text = headers.get(name).and_then(|value| value.to_str().ok());
        text.map(str::trim).filter(|text| !text.is_empty())
    };
    let (Some(id), Some(sequence)) = (header(UPLOAD_ID), header(SEQUENCE)) else {
        return Ok(None);
    };
    let wrong = || {
        let bounds = text!("between", least = 1, most = i64::from(MOST_BLOCKS));
        ApiError::invalid(SEQUENCE, sequence).because(bounds)
    };
    let number = sequence.parse().ok();
    let number = number.filter(|number| (1..=MOST_BLOCKS).contains(number));
    Ok(Some((id, number.ok_or_else(wrong)?)))
}

/// Reads the properties: one header each, then those of the encoded header over them.
fn metadata(headers: &HeaderMap) -> ApiResult<Metadata> {
    let mut metadata = Metadata::new();
    for (name, value) in headers {
        let Some(key) = name
            .as_str()
            .strip_prefix(META_PREFIX)
            .filter(|key| !key.is_empty())
        else {
            continue;
        };
        let value = String::from_utf8_lossy(value.as_bytes());
        metadata.insert(key.into(), decoded(&value));
    }
    let encoded = headers
        .get(META)
        .map(|value| STANDARD.decode(value.as_bytes().trim_ascii()));
    if let Some(Ok(pairs)) = encoded
        && let Ok(pairs) = String::from_utf8(pairs)
    {
        for pair in pairs.split('&') {
            if let Some((key, value)) = pair.split_once('=')
                && !key.is_empty()
            {
                metadata.insert(decoded(key), decoded(value));
            }
        }
    }
    let length: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    if length > PROPERTY_BYTES {
        return Err(ApiError::invalid("metadata", &format!("{length} bytes")));
    }
    Ok(metadata)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use testkit::ManualClock;

    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> ApiResult<UploadOptions> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        options(&headers, &ManualClock::at(1_000))
    }

    #[test]
    fn properties_come_from_single_headers_and_the_encoded_one_overrides_them() {
        let options = read(&[
            ("X-BKREPO-META-Build", "a%20b"),
            ("X-BKREPO-META-keep", "1"),
            // build=x%3Dy&Big=2&junk
            ("X-BKREPO-META", "YnVpbGQ9eCUzRHkmQmlnPTImanVuaw=="),
        ]);

        let metadata = options.expect("well formed").metadata;
        let shown: Vec<(&str, &str)> = metadata.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(shown, [("Big", "2"), ("build", "x=y"), ("keep", "1")]);
    }

    #[test]
    fn junk_in_optional_headers_counts_as_absent() {
        let options = read(&[
            ("X-BKREPO-EXPIRES", "soon"),
            ("X-BKREPO-OVERWRITE", "yes"),
            ("X-BKREPO-META", "!"),
            ("X-BKREPO-MD5", ""),
        ])
        .expect("nothing to refuse");

        assert!(options.expires_ms.is_none() && !options.overwrite && options.metadata.is_empty());
        assert!(options.md5.is_none());
    }

    #[test]
    fn a_checksum_that_is_none_is_a_mismatch() {
        let code = |pairs| read(pairs).map(|_| ()).map_err(|error| error.code());

        assert_eq!(code(&[("X-BKREPO-SHA256", "xyz")]), Err(Code::DigestMismatch));
        assert_eq!(code(&[("X-BKREPO-CRC64ECMA", "-1")]), Err(Code::DigestMismatch));
        assert_eq!(
            read(&[("X-BKREPO-EXPIRES", "2")])
                .expect("well formed")
                .expires_ms,
            Some(1_000 + 2 * DAY_MS)
        );
    }
}
