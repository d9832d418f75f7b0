//! Accounts: one's own with its tokens, and for administrators everybody's.

mod own;
mod people;
mod tokens;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/account", get(own::show))
        .route("/account/password", post(own::change_password))
        .route("/account/tokens", post(tokens::create))
        .route("/account/tokens/{id}/revoke", post(tokens::revoke))
        .route("/account/users", get(people::list).post(people::create))
        .route("/account/users/{name}", get(people::show))
        .route("/account/users/{name}/role", post(people::set_role))
        .route("/account/users/{name}/password", post(people::set_password))
        .route("/account/users/{name}/access", post(people::set_access))
        .route("/account/users/{name}/delete", post(people::delete))
}
