//! The bytes of files: downloading, uploading, deleting.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::nodes::NodeView;
use crate::api::answer::answer;
use crate::app::App;
use crate::artifacts::{
    UploadHeaders, node_at, path_of, readable, send_file, upload_options, viewer, writable,
};
use crate::auth::{Caller, MaybeCaller};
use crate::body;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::openapi::FileBytes;
use crate::params::Segments;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(download, upload, delete))
}

/// Where a file is.
#[derive(Deserialize)]
struct Place {
    project: String,
    repository: String,
    path: String,
}

/// Sends a file, or one range of it.
#[utoipa::path(get, path = "/api/v1/repositories/{project}/{repository}/files/{*path}", params(("Range" = Option<String>, Header, description = "One range of bytes: `bytes=0-99`")), responses((status = 200, description = "The file", body = inline(FileBytes), content_type = "*/*"), (status = 206, description = "The range of it", body = inline(FileBytes), content_type = "*/*")))]
async fn download(
    caller: Caller,
    State(app): State<App>,
    Segments(place): Segments<Place>,
    parts: Parts,
) -> ApiResult<Response> {
    let caller = MaybeCaller::User(caller);
    let repository = readable(&app, caller, &place.project, &place.repository).await?;
    let path = path_of(&place.path)?;
    let node = node_at(&repository, &path).await?;
    match &node.file {
        Some(file) => send_file(&repository, &node, file, false, &parts).await,
        None => Err(ApiError::new(Code::NodeConflict, [path.as_str()])),
    }
}

/// Stores the body as a file; it is durable when this is answered.
#[utoipa::path(put, path = "/api/v1/repositories/{project}/{repository}/files/{*path}", params(UploadHeaders), request_body(content = inline(FileBytes), content_type = "application/octet-stream"), responses((status = 201, body = NodeView)))]
async fn upload(
    caller: Caller,
    State(app): State<App>,
    Segments(place): Segments<Place>,
    request: Request,
) -> ApiResult<Response> {
    let repository = writable(&app, &caller, &place.project, &place.repository).await?;
    let path = path_of(&place.path)?;
    let options = upload_options(request.headers(), app.clock())?;
    let bytes = body::stream(request.into_body());
    let stored = repository.upload(&path, bytes, options, &viewer(&caller)).await?;
    answer(StatusCode::CREATED, NodeView::of(stored))
}

/// Deletes a file or an empty folder.
#[utoipa::path(delete, path = "/api/v1/repositories/{project}/{repository}/files/{*path}", responses((status = 204)))]
async fn delete(
    caller: Caller,
    State(app): State<App>,
    Segments(place): Segments<Place>,
) -> ApiResult<Response> {
    let repository = writable(&app, &caller, &place.project, &place.repository).await?;
    repository.delete(&path_of(&place.path)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
