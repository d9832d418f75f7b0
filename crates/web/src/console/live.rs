//! Tells an open page that something it shows changed: the page then asks for its part again.
//!
//! What happened meanwhile is one event, however much it is, so a busy run costs a page two small requests a second.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use storage::live::Subject;

use super::look::ForAdmin;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Params;
use crate::sse::{self, Event, Interest, Teller};

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new().route("/live", get(live))
}

/// Follows one record, one task with its records, or topics.
async fn live(
    State(app): State<App>,
    _: ForAdmin,
    headers: HeaderMap,
    params: Params,
) -> ApiResult<Response> {
    let after = sse::begins_after(&headers, params.filled("after"));
    sse::answer(&app, Interest::of(&params)?, after, Arc::new(Nudge))
}

/// Says that something changed, and nothing more.
struct Nudge;

#[async_trait]
impl Teller for Nudge {
    async fn tell(&self, _: Subject) -> ApiResult<Vec<Event>> {
        Ok(vec![Event {
            name: "changed".into(),
            data: String::new(),
        }])
    }
}
