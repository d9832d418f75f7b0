//! The native API, `/api/v1`: what the contract cannot say.

use axum::Router;

use crate::app::App;

/// Returns the routes of the native API.
pub fn router() -> Router<App> {
    Router::new()
}
