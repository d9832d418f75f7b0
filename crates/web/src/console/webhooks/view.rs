//! One webhook: what it is told of, and the log of its deliveries.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use messages::text;
use storage::webhooks::Webhook;

use super::super::form::button;
use super::super::look::{ForAdmin, Look};
use super::super::shell::{Page, Section, crumbs, live};
use super::super::show::{pill, when};
use super::list::of_task;
use super::{event_name, log};
use crate::app::App;
use crate::error::ApiResult;
use crate::params::{Params, Segments};

/// Deliveries of one page.
const ROWS: usize = 50;

/// Shows a webhook with a page of its deliveries.
pub(super) async fn view(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let webhook = app.engine().webhook(&id).await?;
    let before = params.parsed::<i64>("before")?;
    page(&app, &look, &webhook, before, html! {}).await
}

/// Shows a webhook, with `made` above what is known of it.
pub(super) async fn page(
    app: &App,
    look: &Look,
    webhook: &Webhook,
    before: Option<i64>,
    made: Markup,
) -> ApiResult<Response> {
    let mut deliveries = app
        .store()
        .webhooks()
        .deliveries(webhook.id, before, ROWS + 1)
        .await?;
    let more = deliveries.len() > ROWS;
    deliveries.truncate(ROWS);
    let path = format!("/webhooks/{}", webhook.id);
    let facts = facts(app, look, webhook).await?;
    let log = html! {
        section .panel aria-labelledby="log" {
            header { h2 #log { (look.say(text!("ui-deliveries"))) } span .soft.small { (look.say(text!("ui-deliveries-says"))) } }
            @if deliveries.is_empty() { p .empty { (look.say(text!("ui-no-deliveries-yet"))) } }
            @else { (log::table(look, &deliveries)) }
            @if let Some(last) = deliveries.last().filter(|_| more) {
                div .pager { span {} a rel="next" href=(format!("{path}?before={}", last.no)) { (look.say(text!("ui-older"))) } }
            }
        }
    };
    // A secret that is shown once stays until somebody leaves: only the log below it is renewed.
    let whole = |live: &dyn Fn(&Markup) -> Markup| {
        html! {
            (head(look, webhook, &path))
            (made)
            section .panel { div .body { (facts) } }
            (live(&log))
        }
    };
    // The page may be the answer to a form.
    let here = Look {
        place: before.map_or_else(|| path.clone(), |before| format!("{path}?before={before}")),
        ..look.clone()
    };
    Ok(Page {
        title: webhook.name.clone(),
        section: Section::Webhooks,
        body: live(&here, "topics=webhooks", whole, None),
    }
    .show(look))
}

fn head(look: &Look, webhook: &Webhook, path: &str) -> Markup {
    html! {
        div .head {
            div {
                (crumbs(look, &[(&look.say(text!("ui-webhooks")), "/webhooks".into())]))
                h1 { (webhook.name) }
                @if !webhook.enabled { p .sub { (pill("", &look.say(text!("ui-disabled")))) } }
            }
            div .actions {
                (button(look, &format!("{path}/test"), "main", &text!("ui-call-now"), None))
                a .button href=(format!("{path}/edit")) { (look.say(text!("ui-edit"))) }
                a .button.danger href=(format!("{path}/delete")) { (look.say(text!("ui-delete"))) }
            }
        }
    }
}

async fn facts(app: &App, look: &Look, webhook: &Webhook) -> ApiResult<Markup> {
    let names = app.engine().task_names(webhook.task.as_slice()).await?;
    Ok(html! {
        dl .facts {
            dt { (look.say(text!("ui-address"))) }
            dd { span .mono { (webhook.url) } }
            dt { (look.say(text!("ui-told-of"))) }
            dd { @for kind in &webhook.events { div { (look.say(event_name(*kind))) } } }
            dt { (look.say(text!("ui-task"))) }
            dd { (of_task(look, webhook.task.as_ref(), &names)) }
            dt { (look.say(text!("ui-secret"))) }
            dd { "••••••" }
            dt { (look.say(text!("ui-made-by"))) }
            dd { (webhook.audit.created_by) ", " (when(look, webhook.audit.created_ms)) }
        }
    })
}
