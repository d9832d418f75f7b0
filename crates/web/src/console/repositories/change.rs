//! Deleting a file or an empty folder.

use axum::extract::State;
use axum::response::Response;
use domain::path::FilePath;

use super::super::form::Form;
use super::super::look::Person;
use super::super::surround::see_other;
use super::folder::{Place, link};
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Segments;

/// Deletes what the path names and shows the folder it lay in.
pub(super) async fn delete(
    State(app): State<App>,
    Person { caller, .. }: Person,
    Segments(place): Segments<Place>,
    _: Form,
) -> ApiResult<Response> {
    caller.need_write(&place.project)?;
    let (repository, path) = place.find(&app, &caller).await?;
    repository.delete(&path).await?;
    let folder = path.parent().unwrap_or_else(FilePath::root);
    Ok(see_other(&link(
        "/repositories",
        &repository.info().name,
        &folder,
    )))
}
