//! The console: pages for people, made on this node.
//!
//! A page is whole without scripts: every action is a form, every filter a link. Scripts renew parts of a page
//! while it is open. Nothing stands inline and nothing comes from elsewhere, so that the content policy can forbid
//! both. Handlers make the same calls to the engine as the APIs do; names and words of others are always text.

mod account;
mod artifact;
mod assets;
mod chart;
mod clusters;
mod controls;
mod form;
mod home;
mod links;
mod live;
mod login;
mod look;
mod records;
mod removal;
mod repositories;
mod run;
mod shell;
mod show;
mod surround;
mod tasks;
mod webhooks;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::app::App;

/// Returns the pages and what they load.
pub fn router(app: &App) -> Router<App> {
    let pages = Router::new()
        .merge(login::router())
        .merge(home::router())
        .merge(live::router())
        .merge(tasks::router())
        .merge(records::router())
        .merge(artifact::router())
        .merge(clusters::router())
        .merge(repositories::router())
        .merge(webhooks::router())
        .merge(account::router())
        .layer(from_fn_with_state(app.clone(), surround::surround));
    pages.merge(assets::router())
}
