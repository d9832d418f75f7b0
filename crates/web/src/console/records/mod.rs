//! Records: what one run carried, what failed and why, and what can be done about it.

mod act;
mod causes;
mod details;
mod filters;
mod view;

pub(super) use details::{note, outcome, reason};

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/records/{id}", get(view::view))
        .route("/records/{id}/export", get(act::export))
        .route("/records/{id}/stop", post(act::stop))
        .route("/records/{id}/retry", post(act::retry))
}
