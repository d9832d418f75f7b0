//! The contract: bk-repo's replication API, exactly as its clients expect it.

pub(crate) mod clusters;
mod constraint;
mod distributions;
mod events;
mod failures;
pub(crate) mod names;
mod records;
pub(crate) mod tasks;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Returns the routes of the contract.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(clusters::router())
        .merge(tasks::router())
        .merge(records::router())
        .merge(events::router())
        .merge(failures::router())
        .merge(distributions::router())
}
