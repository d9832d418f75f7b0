//! Uploads in numbered blocks: `/generic/block/{project}/{repository}/{path}`.
//!
//! The blocks themselves come as uploads with two headers more, see [`super::upload`].

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use hosted::{Block, UPLOAD_MS};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::place::Place;
use super::upload::{UploadHeaders, options, overwrite};
use super::viewer;
use crate::app::App;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Segments;
use crate::reader::Reader;

/// Header that names an upload.
pub(super) const UPLOAD_ID: &str = "X-BKREPO-UPLOAD-ID";

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(start, list, complete, abort))
}

/// An upload that has begun.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BlockUploadView {
    /// Names the upload in everything that follows.
    upload_id: String,
    /// How long it lives behind its last block.
    expire_seconds: i64,
}

/// A block that is here.
#[derive(Serialize, ToSchema)]
struct BlockView {
    size: u64,
    sha256: String,
    sequence: u32,
}

impl From<&Block> for BlockView {
    fn from(block: &Block) -> Self {
        Self {
            size: block.place.size_bytes,
            sha256: block.digest.to_hex(),
            sequence: block.sequence,
        }
    }
}

/// Returns the upload a request is about.
fn upload_id(headers: &HeaderMap) -> ApiResult<&str> {
    let value = headers
        .get(UPLOAD_ID)
        .ok_or_else(|| ApiError::new(Code::HeaderMissing, [UPLOAD_ID]))?;
    let id = value.to_str().unwrap_or_default().trim();
    if id.is_empty() {
        return Err(ApiError::new(Code::UploadIdEmpty, []));
    }
    Ok(id)
}

/// Begins an upload in blocks. The blocks follow as uploads of the file with X-BKREPO-UPLOAD-ID and X-BKREPO-SEQUENCE.
#[utoipa::path(post, path = "/generic/block/{projectId}/{repoName}/{*path}", params(("X-BKREPO-OVERWRITE" = Option<bool>, Header, description = "Whether an existing file is replaced; false unless said otherwise")), responses((status = 200, body = inline(BlockUploadView))))]
async fn start(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    let upload_id = repository
        .start_blocks(&path, overwrite(&headers), &viewer(&caller))
        .await?;
    reader.ok(BlockUploadView {
        upload_id,
        expire_seconds: UPLOAD_MS / 1000,
    })
}

/// Answers the blocks that are here, by number.
#[utoipa::path(get, path = "/generic/block/{projectId}/{repoName}/{*path}", params(("X-BKREPO-UPLOAD-ID" = String, Header, description = "The upload")), responses((status = 200, body = inline(Vec<BlockView>))))]
async fn list(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    let id = upload_id(&headers)?;
    let blocks = repository.blocks(&path, id, &viewer(&caller)).await?;
    reader.ok(blocks.iter().map(BlockView::from).collect::<Vec<_>>())
}

/// Joins the blocks by number into the file. A missing number is refused, and the upload goes on.
#[utoipa::path(put, path = "/generic/block/{projectId}/{repoName}/{*path}", params(("X-BKREPO-UPLOAD-ID" = String, Header, description = "The upload"), UploadHeaders))]
async fn complete(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    let id = upload_id(&headers)?;
    let options = options(&headers, app.clock())?;
    repository
        .complete_blocks(&path, id, options, &viewer(&caller))
        .await?;
    reader.done()
}

/// Gives an upload up and removes its blocks.
#[utoipa::path(delete, path = "/generic/block/{projectId}/{repoName}/{*path}", params(("X-BKREPO-UPLOAD-ID" = String, Header, description = "The upload")))]
async fn abort(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    repository
        .abort_blocks(&path, upload_id(&headers)?, &viewer(&caller))
        .await?;
    reader.done()
}
