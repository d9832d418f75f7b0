//! The list of webhooks, each with what came of the latest call.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use domain::id::{NodeId, TaskKey};
use maud::{Markup, html};
use messages::text;
use storage::webhooks::{Delivery, Webhook};

use super::super::look::{ForAdmin, Look};
use super::super::run;
use super::super::shell::{Page, Section, live};
use super::super::show::when;
use super::event_name;
use super::log::state;
use crate::app::App;
use crate::error::ApiResult;

/// Lists the webhooks.
pub(super) async fn list(State(app): State<App>, ForAdmin(look): ForAdmin) -> ApiResult<Response> {
    let webhooks = app.store().webhooks().all().await?;
    let latest = app.store().webhooks().latest_deliveries().await?;
    let latest: HashMap<NodeId, Delivery> = latest
        .into_iter()
        .map(|delivery| (delivery.webhook, delivery))
        .collect();
    let keys: Vec<TaskKey> = webhooks
        .iter()
        .filter_map(|webhook| webhook.task.clone())
        .collect();
    let names = app.engine().task_names(&keys).await?;
    let body = html! {
        div .head {
            div { h1 { (look.say(text!("ui-webhooks"))) } p .sub { (look.say(text!("ui-webhooks-says"))) } }
            div .actions { a .button.main href="/webhooks/new" { (look.say(text!("ui-new-webhook"))) } }
        }
        section .panel {
            @if webhooks.is_empty() { p .empty { (look.say(text!("ui-no-webhooks-yet"))) } }
            @else {
                div .scroll { table {
                    thead { tr {
                        th { (look.say(text!("ui-name"))) }
                        th { (look.say(text!("ui-told-of"))) }
                        th .wide { (look.say(text!("ui-task"))) }
                        th { (look.say(text!("ui-latest-call"))) }
                        th .num.wide { (look.say(text!("ui-time"))) }
                    } }
                    tbody { @for webhook in &webhooks { (row(&look, webhook, latest.get(&webhook.id), &names)) } }
                } }
            }
        }
    };
    let title = look.say(text!("ui-webhooks"));
    Ok(Page {
        title,
        section: Section::Webhooks,
        body: live(&look, "topics=webhooks", |live| live(&body), None),
    }
    .show(&look))
}

fn row(
    look: &Look,
    webhook: &Webhook,
    latest: Option<&Delivery>,
    names: &HashMap<TaskKey, String>,
) -> Markup {
    html! {
        tr {
            td .grow {
                a href=(format!("/webhooks/{}", webhook.id)) { (webhook.name) }
                @if !webhook.enabled { " " span .tag { (look.say(text!("ui-disabled"))) } }
                div .why { span .mono { (webhook.url) } }
            }
            td .flat { @for kind in &webhook.events { div .small { (look.say(event_name(*kind))) } } }
            td .wide.flat { (of_task(look, webhook.task.as_ref(), names)) }
            td { @match latest { Some(delivery) => (state(look, delivery)), None => "–" } }
            td .num.wide { @match latest { Some(delivery) => (when(look, delivery.created_ms)), None => "–" } }
        }
    }
}

/// Shows the task a webhook is told of.
pub(super) fn of_task(look: &Look, task: Option<&TaskKey>, names: &HashMap<TaskKey, String>) -> Markup {
    let Some(key) = task else {
        return html! { (look.say(text!("ui-every-task"))) };
    };
    match names.get(key) {
        Some(name) => html! { a href=(run::task_path(key)) { (name) } },
        None => html! { code { (key) } },
    }
}
