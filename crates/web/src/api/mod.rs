//! The native API, `/api/v1`: what the contract cannot say.
//!
//! Plain JSON in and out, times in RFC 3339, errors as RFC 9457 problems.

mod access;
mod answer;
mod details;
pub(crate) mod filter;
mod import;
mod platforms;
pub(crate) mod records;
mod tasks;
pub(crate) mod tokens;
pub(crate) mod users;

use axum::Router;

use crate::app::App;

/// Returns the routes of the native API.
pub fn router() -> Router<App> {
    Router::new()
        .merge(users::router())
        .merge(access::router())
        .merge(tokens::router())
        .merge(platforms::router())
        .merge(tasks::router())
        .merge(records::router())
        .merge(details::router())
        .merge(import::router())
}
