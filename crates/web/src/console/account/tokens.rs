//! Tokens: made here, shown once, revoked here.

use axum::extract::State;
use axum::response::Response;
use domain::id::NodeId;
use maud::{Markup, html};
use messages::text;
use storage::StoreError;
use storage::tokens::Token;

use super::super::controls::{Field, shown_once};
use super::super::form::{Form, Typed, button, csrf_field};
use super::super::look::{Look, Person};
use super::super::show::{maybe_when, when};
use super::super::surround::see_other;
use super::own;
use crate::api::tokens::{MOST_DAYS, is_token_name};
use crate::app::App;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Segments;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Shows the tokens of whoever looks, and the form of a new one.
pub(super) fn section(look: &Look, tokens: &[Token], typed: &Typed) -> Markup {
    let name = Field {
        name: "token",
        label: look.say(text!("ui-name")),
        hint: Some(look.say(text!("ui-token-hint"))),
    };
    let days = Field {
        name: "days",
        label: look.say(text!("ui-token-days")),
        hint: Some(look.say(text!("ui-token-days-hint"))),
    };
    html! {
        section .panel aria-labelledby="tokens" {
            header { h2 #tokens { (look.say(text!("ui-tokens"))) } span .soft.small { (look.say(text!("ui-tokens-says"))) } }
            @if !tokens.is_empty() { div .scroll { (table(look, tokens)) } }
            div .body {
                form .form method="post" action="/account/tokens" {
                    (csrf_field(look))
                    div .pair {
                        (name.input(typed, "text", true))
                        (days.input(typed, "number", false))
                    }
                    div .actions { button type="submit" { (look.say(text!("ui-new-token"))) } }
                }
            }
        }
    }
}

fn table(look: &Look, tokens: &[Token]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (look.say(text!("ui-name"))) }
                th .num { (look.say(text!("ui-created"))) }
                th .num { (look.say(text!("ui-last-used"))) }
                th .num.wide { (look.say(text!("ui-expires"))) }
                th { span .sr { (look.say(text!("ui-revoke"))) } }
            } }
            tbody { @for token in tokens {
                tr {
                    td .grow.break { (token.name) }
                    td .num { (when(look, token.created_ms)) }
                    td .num { (maybe_when(look, token.last_used_ms)) }
                    td .num.wide { (maybe_when(look, token.expires_ms)) }
                    td { (button(look, &format!("/account/tokens/{}/revoke", token.id), "danger", &text!("ui-revoke"), Some(&text!("ui-revoke-ask", name = &token.name)))) }
                }
            } }
        }
    }
}

/// Makes a token and shows it, this once.
pub(super) async fn create(
    State(app): State<App>,
    Person { look, .. }: Person,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::of(form);
    let name = typed.value("token").trim().to_owned();
    if !is_token_name(&name) {
        typed.fault("token", look.say(text!("length", least = 1, most = 64)));
    }
    let days = match typed.value("days").trim() {
        "" => None,
        days => Some(
            days.parse::<i64>()
                .ok()
                .filter(|days| (1..=MOST_DAYS).contains(days)),
        ),
    };
    if days == Some(None) {
        typed.fault("days", look.say(text!("between", least = 1, most = MOST_DAYS)));
    }
    if typed.faults.is_empty() {
        let expires_ms = days.flatten().map(|days| app.clock().now_ms() + days * DAY_MS);
        match app.store().tokens().create(look.user(), &name, expires_ms).await {
            Ok((token, secret)) => {
                let title = text!("ui-token-made", name = &token.name);
                let made = shown_once(&look, &title, secret.reveal(), &text!("ui-token-once"));
                return own::page(&app, &look, &Typed::default(), made).await;
            }
            Err(StoreError::Taken(_)) => typed.fault("token", look.say(text!("ui-fault-taken"))),
            Err(error) => return Err(error.into()),
        }
    }
    own::page(&app, &look, &typed, html! {}).await
}

/// Makes a token stop working.
pub(super) async fn revoke(
    State(app): State<App>,
    Person { look, .. }: Person,
    Segments(id): Segments<String>,
    _: Form,
) -> ApiResult<Response> {
    let known: Option<NodeId> = id.parse().ok();
    let revoked = match known {
        Some(id) => app.store().tokens().revoke(look.user(), id).await?,
        None => false,
    };
    if revoked {
        return Ok(see_other("/account"));
    }
    Err(ApiError::about(Code::NotFound, text!("a-token", name = &id)))
}
