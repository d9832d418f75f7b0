//! Trying a webhook, telling it something again, and removing it.

use axum::extract::State;
use axum::response::Response;
use maud::html;
use messages::text;

use super::super::form::{Form, csrf_field};
use super::super::look::ForAdmin;
use super::super::shell::{Page, Section, crumbs};
use super::super::surround::see_other;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Segments;

/// Calls a webhook now, as a test; the log says what came of it.
pub(super) async fn test(
    State(app): State<App>,
    _: ForAdmin,
    Segments(id): Segments<String>,
    _: Form,
) -> ApiResult<Response> {
    app.engine().test_webhook(&id).await?;
    Ok(see_other(&format!("/webhooks/{id}")))
}

/// Lets a delivery be tried from the beginning.
pub(super) async fn deliver_again(
    State(app): State<App>,
    _: ForAdmin,
    Segments((id, delivery)): Segments<(String, String)>,
    _: Form,
) -> ApiResult<Response> {
    app.engine().deliver_again(&id, &delivery).await?;
    Ok(see_other(&format!("/webhooks/{id}")))
}

/// Says what goes with a webhook before it is removed.
pub(super) async fn ask_delete(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let webhook = app.engine().webhook(&id).await?;
    let path = format!("/webhooks/{id}");
    let body = html! {
        div .head { div {
            (crumbs(&look, &[(&look.say(text!("ui-webhooks")), "/webhooks".into()), (&webhook.name, path.clone())]))
            h1 { (look.say(text!("ui-delete-webhook", name = &webhook.name))) }
        } }
        p .note.warn { (look.say(text!("ui-delete-webhook-says"))) }
        form .actions method="post" action=(format!("{path}/delete")) {
            (csrf_field(&look))
            button .danger.main type="submit" { (look.say(text!("ui-delete"))) }
            a .button href=(path) { (look.say(text!("ui-cancel"))) }
        }
    };
    let title = look.say(text!("ui-delete"));
    Ok(Page {
        title,
        section: Section::Webhooks,
        body,
    }
    .show(&look))
}

/// Removes a webhook and the log of its deliveries.
pub(super) async fn delete(
    State(app): State<App>,
    _: ForAdmin,
    Segments(id): Segments<String>,
    _: Form,
) -> ApiResult<Response> {
    let webhook = app.engine().webhook(&id).await?;
    app.store().webhooks().delete(webhook.id).await?;
    Ok(see_other("/webhooks"))
}
