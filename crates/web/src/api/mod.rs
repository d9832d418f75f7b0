//! The native API, `/api/v1`: what the contract cannot say.
//!
//! Plain JSON in and out, times in RFC 3339, errors as RFC 9457 problems.

mod access;
pub(crate) mod answer;
mod artifacts;
mod causes;
mod clusters;
mod cron;
pub(crate) mod details;
pub(crate) mod export;
mod failure;
pub(crate) mod filter;
mod import;
mod live;
mod overview;
mod platforms;
pub(crate) mod records;
mod repositories;
mod tasks;
pub(crate) mod tokens;
pub(crate) mod users;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Returns the routes of the native API.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(users::router())
        .merge(access::router())
        .merge(tokens::router())
        .merge(platforms::router())
        .merge(tasks::router())
        .merge(cron::router())
        .merge(clusters::router())
        .merge(overview::router())
        .merge(artifacts::router())
        .merge(repositories::router())
        .merge(webhooks::router())
        .merge(causes::router())
        .merge(export::router())
        .merge(live::router())
        .merge(records::router())
        .merge(details::router())
        .merge(import::router())
}
