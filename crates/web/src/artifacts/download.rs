//! Files over HTTP: `/generic/{project}/{repository}/{path}`.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ports::SMALL_BLOB_BYTES;
use hosted::{HostedError, HostedRepository, Node, NodeFile};
use jiff::Timestamp;
use messages::text;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::node_view::{self, NodeDetail};
use super::upload::{self, add_checksums};
use super::{content_type, path_of, range, readable, writable};
use crate::app::App;
use crate::auth::{Caller, MaybeCaller};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::openapi::FileBytes;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// What a file name keeps in `filename*`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(download, upload::upload, delete))
        .routes(routes!(detail))
        .routes(routes!(no_blocks))
}

/// Sends a file, or one range of it.
#[utoipa::path(get, path = "/generic/{projectId}/{repoName}/{*path}", params(("preview" = Option<bool>, Query, description = "Leaves Content-Disposition out, so that a browser shows the file"), ("Range" = Option<String>, Header, description = "One range of bytes: `bytes=0-99`")), responses((status = 200, description = "The file", body = inline(FileBytes), content_type = "*/*"), (status = 206, description = "The range of it", body = inline(FileBytes), content_type = "*/*")), security(()))]
async fn download(
    State(app): State<App>,
    method: Method,
    caller: MaybeCaller,
    Segments((project, name, path)): Segments<(String, String, String)>,
    params: Params,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let repository = readable(&app, caller, &project, &name).await?;
    let path = path_of(&path)?;
    let node = repository
        .node(&path)
        .await?
        .ok_or(HostedError::NodeUnknown(path.clone()));
    let node = match node {
        Err(_) if path.is_root() => return Err(no_listing("/", &params)),
        other => other?,
    };
    let Some(file) = &node.file else {
        return Err(no_listing(path.as_str(), &params));
    };
    let asked = headers
        .get(RANGE)
        .map(|value| range::of(value.to_str().unwrap_or_default(), file.size_bytes));
    let asked = asked.transpose()?;
    let bytes = asked.clone().unwrap_or(0..file.size_bytes);
    let mut response = if method == Method::HEAD {
        Body::empty().into_response()
    } else {
        Response::new(body(&repository, &node, file, bytes.clone()).await?)
    };
    let preview = params.get("preview") == Some("true");
    describe(response.headers_mut(), &node, file, preview);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
    if asked.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let shown = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, file.size_bytes);
        insert(response.headers_mut(), CONTENT_RANGE, &shown);
    }
    Ok(response)
}

async fn body(
    repository: &HostedRepository,
    node: &Node,
    file: &NodeFile,
    bytes: std::ops::Range<u64>,
) -> ApiResult<Body> {
    let whole = bytes == (0..file.size_bytes);
    if whole && file.size_bytes <= SMALL_BLOB_BYTES {
        let read = repository.read_small(&[node]).await.into_iter().next();
        if let Some(Ok(bytes)) = read {
            return Ok(Body::from(bytes));
        }
        // The stream finds bytes that were moved meanwhile, or says that they are lost.
    }
    Ok(Body::from_stream(repository.read(node, Some(bytes)).await?))
}

fn no_listing(path: &str, params: &Params) -> ApiError {
    if params.get("download") == Some("true") {
        return ApiError::invalid("download", "true").because(text!("folders-not-downloaded"));
    }
    ApiError::new(Code::ListingForbidden, [path])
}

/// Sets what a file's answer says about it.
fn describe(headers: &mut HeaderMap, node: &Node, file: &NodeFile, preview: bool) {
    let name = node.path.name();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type::of(name)));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let caching = node
        .metadata
        .get("cache-control")
        .map_or("no-cache", String::as_str);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    insert(headers, CACHE_CONTROL, caching);
    insert(headers, ETAG, &file.digest.to_hex());
    if let Ok(modified) = Timestamp::from_millisecond(node.modified_ms) {
        insert(
            headers,
            LAST_MODIFIED,
            &modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        );
    }
    if !preview {
        insert(headers, CONTENT_DISPOSITION, &disposition(name));
    }
    add_checksums(headers, node);
}

fn insert(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn disposition(name: &str) -> String {
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

/// Deletes a file or an empty folder.
#[utoipa::path(delete, path = "/generic/{projectId}/{repoName}/{*path}")]
async fn delete(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments((project, name, path)): Segments<(String, String, String)>,
) -> ApiResult<Response> {
    let repository = writable(&app, &caller, &project, &name).await?;
    repository.delete(&path_of(&path)?).await?;
    reader.done()
}

/// Answers a file or folder in detail.
#[utoipa::path(get, path = "/generic/detail/{projectId}/{repoName}/{*path}", responses((status = 200, body = NodeDetail)), security(()))]
async fn detail(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments((project, name, path)): Segments<(String, String, String)>,
) -> ApiResult<Response> {
    let repository = readable(&app, caller, &project, &name).await?;
    let node = node_view::node_at(&repository, &path_of(&path)?).await?;
    reader.ok(node_view::detail(&repository, &node, &reader)?)
}

/// Refuses uploads in blocks: this version does not support them.
#[utoipa::path(
    method(get, post, put, delete),
    path = "/generic/block/{projectId}/{repoName}/{*path}"
)]
async fn no_blocks(_: Caller, method: Method) -> ApiError {
    ApiError::invalid("block", method.as_str()).because(text!("blocks-not-supported"))
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
