//! Files over HTTP: `/generic/{project}/{repository}/{path}`.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::ports::SMALL_BLOB_BYTES;
use hosted::{HostedRepository, Node, NodeFile};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::headers::{describe, insert};
use super::node_view::{self, NodeDetail};
use super::place::Place;
use super::{listing, range, upload, zips};
use crate::app::App;
use crate::auth::{Caller, MaybeCaller};
use crate::error::ApiResult;
use crate::openapi::FileBytes;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(download, upload::upload, delete))
        .routes(routes!(detail))
        .route("/generic/{projectId}/{repoName}", get(download))
        .route("/generic/{projectId}/{repoName}/", get(download))
}

/// Sends a file, or one range of it; of a folder, a page of links or a zip archive.
#[utoipa::path(get, path = "/generic/{projectId}/{repoName}/{*path}", params(("preview" = Option<bool>, Query, description = "Leaves Content-Disposition out, so that a browser shows the file"), ("download" = Option<bool>, Query, description = "Sends a folder as a zip archive"), ("Range" = Option<String>, Header, description = "One range of bytes: `bytes=0-99`")), responses((status = 200, description = "The file, or what a folder was asked for as", body = inline(FileBytes), content_type = "*/*"), (status = 206, description = "The range of it", body = inline(FileBytes), content_type = "*/*")), security(()))]
async fn download(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments(place): Segments<Place>,
    params: Params,
    parts: Parts,
) -> ApiResult<Response> {
    let (repository, path) = place.readable(&app, caller).await?;
    let node = node_view::node_at(&repository, &path).await?;
    match &node.file {
        Some(file) => {
            let preview = params.get("preview") == Some("true");
            send(&repository, &node, file, preview, &parts).await
        }
        None if params.get("download") == Some("true") => {
            zips::folder(&app, repository, &path, &parts.method, &reader).await
        }
        None => listing::page(repository, path, parts.uri.path(), &reader).await,
    }
}

pub(crate) async fn send(
    repository: &HostedRepository,
    node: &Node,
    file: &NodeFile,
    preview: bool,
    parts: &Parts,
) -> ApiResult<Response> {
    let asked = parts
        .headers
        .get(RANGE)
        .map(|value| range::of(value.to_str().unwrap_or_default(), file.size_bytes));
    let asked = asked.transpose()?;
    let bytes = asked.clone().unwrap_or(0..file.size_bytes);
    let mut response = if parts.method == Method::HEAD {
        Body::empty().into_response()
    } else {
        Response::new(body(repository, node, file, bytes.clone()).await?)
    };
    describe(response.headers_mut(), node, file, preview);
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

/// Deletes a file or an empty folder.
#[utoipa::path(delete, path = "/generic/{projectId}/{repoName}/{*path}")]
async fn delete(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    repository.delete(&path).await?;
    reader.done()
}

/// Answers a file or folder in detail.
#[utoipa::path(get, path = "/generic/detail/{projectId}/{repoName}/{*path}", responses((status = 200, body = NodeDetail)), security(()))]
async fn detail(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments(place): Segments<Place>,
) -> ApiResult<Response> {
    let (repository, path) = place.readable(&app, caller).await?;
    let node = node_view::node_at(&repository, &path).await?;
    reader.ok(node_view::detail(&repository, &node, &reader)?)
}
