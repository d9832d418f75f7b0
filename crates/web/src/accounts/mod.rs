//! The contract's service `auth`: how the console logs people in, and what it asks about them.

mod login;
mod people;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

const BASE: &str = "/auth/api/user";

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(login::router())
        .merge(people::router())
}
