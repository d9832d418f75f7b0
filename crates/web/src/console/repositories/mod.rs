//! The repositories of this node: projects, repositories, folders, files.

mod change;
mod files;
mod folder;
mod make;
mod packages;
mod projects;
mod properties;
mod upload;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// Returns the routes; a path that is left out is the root.
pub(super) fn router() -> Router<App> {
    let mut router = Router::new()
        .route("/repositories", get(projects::list))
        .route("/repositories/new", get(make::new).post(make::create))
        .route("/repositories/{project}", get(projects::project))
        .route("/repositories/{project}/{repository}", get(folder::show))
        .route("/repositories/{project}/{repository}/{*path}", get(folder::show))
        .route(
            "/files/download/{project}/{repository}/{*path}",
            get(files::download),
        )
        .route(
            "/files/delete/{project}/{repository}/{*path}",
            post(change::delete),
        )
        .route(
            "/files/properties/{project}/{repository}/{*path}",
            post(properties::change),
        );
    for path in [
        "/files/upload/{project}/{repository}",
        "/files/upload/{project}/{repository}/{*path}",
    ] {
        router = router.route(path, post(upload::upload));
    }
    router
}
