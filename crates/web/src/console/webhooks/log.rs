//! What a webhook was told and is still to be told.

use maud::{Markup, html};
use messages::text;
use storage::webhooks::{Delivery, DeliveryState};

use super::super::form::button;
use super::super::look::Look;
use super::super::run;
use super::super::show::{pill, when};
use super::event_name;

/// Shows where a delivery stands.
pub(super) fn state(look: &Look, delivery: &Delivery) -> Markup {
    let (class, name) = match delivery.state {
        DeliveryState::Waiting => ("run", text!("ui-delivery-waiting")),
        DeliveryState::Delivered => ("ok", text!("ui-delivery-delivered")),
        DeliveryState::GivenUp => ("bad", text!("ui-delivery-given-up")),
    };
    pill(class, &look.say(name))
}

/// Shows deliveries, the latest first.
pub(super) fn table(look: &Look, deliveries: &[Delivery]) -> Markup {
    html! {
        div .scroll { table {
            thead { tr {
                th { (look.say(text!("ui-time"))) }
                th { (look.say(text!("ui-event"))) }
                th { (look.say(text!("ui-state"))) }
                th { (look.say(text!("ui-answer"))) }
                th .num.wide { (look.say(text!("ui-attempts"))) }
                th { span .sr { (look.say(text!("ui-actions"))) } }
            } }
            tbody { @for delivery in deliveries { (row(look, delivery)) } }
        } }
    }
}

fn row(look: &Look, delivery: &Delivery) -> Markup {
    let notice = &delivery.notice;
    html! {
        tr {
            td { (when(look, delivery.created_ms)) }
            td {
                @match &notice.run {
                    Some(ran) => a .flat href=(format!("/records/{}", ran.record)) { (look.say(event_name(notice.kind))) },
                    None => span .flat { (look.say(event_name(notice.kind))) },
                }
                @if let Some(task) = &notice.task { div .why { a href=(run::task_path(&task.key)) { (task.name) } } }
            }
            td {
                (state(look, delivery))
                @if let Some(due_ms) = delivery.due_ms { div .why { (look.say(text!("ui-tried-again"))) " " (when(look, due_ms)) } }
            }
            td .grow.break {
                @if let Some(status) = delivery.status { span .tab { "HTTP " (status) } }
                @if let Some(words) = &delivery.words { div .why.bad { (words) } }
            }
            td .num.wide { (delivery.attempts) }
            td {
                @if delivery.state == DeliveryState::GivenUp {
                    (button(look, &format!("/webhooks/{}/deliveries/{}/deliver", delivery.webhook, delivery.id), "", &text!("ui-deliver-again"), None))
                }
            }
        }
    }
}
