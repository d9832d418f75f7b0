//! Clusters: the list with their health, one with what replicates there, and registering one.

mod act;
mod edit;
mod health;
mod list;
mod view;

pub(super) use view::task_table;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

pub(super) use health::status;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/clusters", get(list::list).post(edit::create))
        .route("/clusters/new", get(edit::new))
        .route("/clusters/{id}", get(view::view).post(edit::update))
        .route("/clusters/{id}/edit", get(edit::edit))
        .route("/clusters/{id}/check", post(act::check))
        .route("/clusters/{id}/delete", get(act::ask_delete).post(act::delete))
}
