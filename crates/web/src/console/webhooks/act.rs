//! Trying a webhook, telling it something again, and removing it.

use axum::extract::State;
use axum::response::Response;
use maud::Markup;
use messages::text;

use super::super::form::Form;
use super::super::look::ForAdmin;
use super::super::removal::Removal;
use super::super::shell::Section;
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
    let removal = Removal {
        section: Section::Webhooks,
        list: (text!("ui-webhooks"), "/webhooks"),
        name: &webhook.name,
        path: &path,
        asks: text!("ui-delete-webhook", name = &webhook.name),
        says: text!("ui-delete-webhook-says"),
        more: Markup::default(),
    };
    Ok(removal.ask(&look))
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
