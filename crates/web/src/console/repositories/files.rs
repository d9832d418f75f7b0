//! Downloading a file: always saved, never shown as if it were a page of this node.

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;

use super::super::look::Person;
use super::folder::Place;
use crate::app::App;
use crate::artifacts::send_file;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Segments;

/// Sends a file, or one range of it.
pub(super) async fn download(
    State(app): State<App>,
    Person { caller, .. }: Person,
    Segments(place): Segments<Place>,
    parts: Parts,
) -> ApiResult<Response> {
    let (repository, path) = place.find(&app, &caller).await?;
    let node = repository.node(&path).await?;
    let node = node.ok_or_else(|| ApiError::new(Code::NodeUnknown, [path.as_str()]))?;
    match &node.file {
        Some(file) => send_file(&repository, &node, file, false, &parts).await,
        None => Err(ApiError::new(Code::NodeUnknown, [path.as_str()])),
    }
}
