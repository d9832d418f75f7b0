//! The contract: bk-repo's replication API, exactly as its clients expect it.

mod clusters;
mod constraint;
mod failures;
pub(crate) mod names;
mod records;
pub(crate) mod tasks;

use axum::Router;

use crate::app::App;

/// Returns the routes of the contract.
pub fn router() -> Router<App> {
    Router::new()
        .merge(clusters::router())
        .merge(tasks::router())
        .merge(records::router())
        .merge(failures::router())
}
