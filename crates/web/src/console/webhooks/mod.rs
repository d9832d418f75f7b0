//! Webhooks: who is called when a run fails or recovers or a schedule falls silent, and what they were told.

mod act;
mod edit;
mod list;
mod log;
mod view;

use axum::Router;
use axum::routing::{get, post};
use domain::notice::NoticeKind;
use messages::{Text, text};

use crate::app::App;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/webhooks", get(list::list).post(edit::create))
        .route("/webhooks/new", get(edit::new))
        .route("/webhooks/{id}", get(view::view).post(edit::update))
        .route("/webhooks/{id}/edit", get(edit::edit))
        .route("/webhooks/{id}/test", post(act::test))
        .route("/webhooks/{id}/delete", get(act::ask_delete).post(act::delete))
        .route(
            "/webhooks/{id}/deliveries/{delivery}/deliver",
            post(act::deliver_again),
        )
}

/// Says what a webhook is told of.
fn event_name(kind: NoticeKind) -> Text {
    match kind {
        NoticeKind::RunFailed => text!("ui-event-failed"),
        NoticeKind::RunRecovered => text!("ui-event-recovered"),
        NoticeKind::ScheduleSilent => text!("ui-event-silent"),
        NoticeKind::Test => text!("ui-event-test"),
    }
}
