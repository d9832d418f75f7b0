//! What pages load: part of the binary, under names that change with their bytes, so that browsers keep them for good;
//! compressed once, for all who take it so.

use std::io::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use domain::digest::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::App;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// A file of `assets/`.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static ASSETS: [Asset; 5] = [
    Asset {
        name: "htmx.min.js",
        media_type: SCRIPT,
        bytes: include_bytes!("../../assets/htmx.min.js"),
    },
    Asset {
        name: "htmx-sse.min.js",
        media_type: SCRIPT,
        bytes: include_bytes!("../../assets/htmx-sse.min.js"),
    },
    Asset {
        name: "console.js",
        media_type: SCRIPT,
        bytes: include_bytes!("../../assets/console.js"),
    },
    Asset {
        name: "console.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/console.css"),
    },
    Asset {
        name: "mark.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../assets/mark.svg"),
    },
];

/// Names all assets together: the beginning of the digest of all their bytes.
static EDITION: LazyLock<String> = LazyLock::new(|| {
    let all: Vec<u8> = ASSETS.iter().flat_map(|asset| asset.bytes).copied().collect();
    Digest::of(&all).to_hex()[..12].to_owned()
});

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new().route("/assets/{edition}/{name}", get(send))
}

/// Returns where the asset `name` is found.
pub(super) fn path(name: &str) -> String {
    format!("/assets/{}/{name}", *EDITION)
}

/// The same bytes compressed, in the order of [`ASSETS`].
static COMPRESSED: LazyLock<Vec<Bytes>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| compressed(asset.bytes)).collect());

fn compressed(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory takes every byte").into()
}

/// Says whether whoever sent `headers` takes bytes compressed with gzip.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let said = headers.get_all(ACCEPT_ENCODING).iter();
    said.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let is_named = name.trim().eq_ignore_ascii_case("gzip");
            let taken = weight.trim().strip_prefix("q=").map(str::parse) != Some(Ok(0.0));
            (is_named || name.trim() == "*").then_some((is_named, taken))
        })
        // What is said of it by name counts before what is said of all.
        .max_by_key(|(is_named, _)| *is_named)
        .is_some_and(|(_, taken)| taken)
}

async fn send(Path((edition, name)): Path<(String, String)>, headers: HeaderMap) -> ApiResult<Response> {
    let found = ASSETS
        .iter()
        .zip(&*COMPRESSED)
        .find(|(asset, _)| asset.name == name);
    let (asset, smaller) = found.ok_or_else(|| ApiError::new(Code::UrlUnknown, [&name]))?;
    // A page of another version of this program is served what there is, and does not keep it.
    let kept = match edition == *EDITION {
        true => "public, max-age=31536000, immutable",
        false => "no-store",
    };
    let head = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, kept),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (VARY, "accept-encoding"),
    ];
    if !takes_gzip(&headers) {
        return Ok((head, asset.bytes).into_response());
    }
    let encoding = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
    Ok((head, encoding, smaller.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_assets_together_are_far_below_their_limit_once_compressed() {
        let bytes: usize = COMPRESSED.iter().map(Bytes::len).sum();

        // The limit is 120 KiB; what is added is looked at long before it is reached.
        assert!(bytes < 32 * 1024, "{bytes}");
    }

    #[test]
    fn a_coding_that_is_refused_is_not_used() {
        let takes = |said: &'static str| {
            takes_gzip(&HeaderMap::from_iter([(
                ACCEPT_ENCODING,
                HeaderValue::from_static(said),
            )]))
        };

        assert!(takes("br, gzip;q=0.5") && takes("*") && takes("GZIP"));
        assert!(takes("gzip, *;q=0") && !takes("gzip;q=0, *"));
        assert!(!takes("br, gzip;q=0") && !takes("identity") && !takes("gzip; q=0.0"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
