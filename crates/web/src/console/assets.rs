//! What pages load: part of the binary, under names that change with their bytes, so that browsers keep them for good.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::digest::Digest;

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

async fn send(Path((_, name)): Path<(String, String)>) -> ApiResult<Response> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| ApiError::new(Code::UrlUnknown, [&name]))?;
    let head = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((head, asset.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_assets_together_are_below_the_limit_even_before_they_are_compressed() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();

        assert!(bytes < 120 * 1024, "{bytes}");
    }
}
