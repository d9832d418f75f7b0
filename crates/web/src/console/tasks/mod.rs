//! Tasks: the list, one with its runs, making and changing one, and what can be done with it.

mod act;
mod draft;
mod edit;
mod faults;
mod fields;
mod lines;
mod list;
mod objects;
mod preview;
mod sources;
mod view;
mod words;

pub(super) use list::last_end;
pub(super) use view::started_by;
pub(super) use words::repositories;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/tasks", get(list::list).post(edit::create))
        .route("/tasks/new", get(edit::new))
        .route("/tasks/preview", post(preview::preview))
        .route("/tasks/form", post(edit::reshape))
        .route("/tasks/cron", get(edit::firings))
        .route("/tasks/{key}", get(view::view).post(edit::update))
        .route("/tasks/{key}/edit", get(edit::edit))
        .route("/tasks/{key}/run", post(act::run))
        .route("/tasks/{key}/stop", post(act::stop))
        .route("/tasks/{key}/toggle", post(act::toggle))
        .route("/tasks/{key}/copy", get(act::ask_copy).post(act::copy))
        .route("/tasks/{key}/delete", get(act::ask_delete).post(act::delete))
}
