//! One's own account: who one is, the password, the tokens.

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use domain::cluster::Secret;
use maud::{Markup, html};
use messages::text;
use storage::users::{Role, User};

use super::super::controls::Field;
use super::super::form::{Form, Typed, csrf_field};
use super::super::look::{Look, Person};
use super::super::shell::{self, Page, Section};
use super::super::surround::see_other;
use super::tokens;
use crate::api::users::checked_password;
use crate::app::App;
use crate::auth::Address;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// Shows the account of whoever looks.
pub(super) async fn show(State(app): State<App>, Person { look, .. }: Person) -> ApiResult<Response> {
    page(&app, &look, &Typed::default(), html! {}).await
}

/// Shows the account, with what a form of it was refused for and what a new token is.
pub(super) async fn page(app: &App, look: &Look, typed: &Typed, made: Markup) -> ApiResult<Response> {
    let user = app.store().users().get(look.user()).await?;
    let user = user.ok_or_else(|| ApiError::new(Code::NotFound, [look.user()]))?;
    let known = app.store().tokens().list(look.user()).await?;
    let body = html! {
        div .head {
            div { h1 { (user.name) } p .sub { (role_name(look, &user.role)) } }
            @if look.is_admin() { div .actions { a .button href="/account/users" { (look.say(text!("ui-users"))) } } }
        }
        (made)
        (tokens::section(look, &known, typed))
        div .two {
            section .panel {
                header { h2 { (look.say(text!("ui-password"))) } }
                div .body { (password_form(look, typed)) }
            }
            div .stack {
                section .panel {
                    header { h2 { (look.say(text!("ui-looks"))) } }
                    div .body { (shell::looks(look)) }
                }
                (may(look, &user))
            }
        }
    };
    let title = look.say(text!("ui-account"));
    Ok(Page {
        title,
        section: Section::Account,
        body,
    }
    .show_with(look, typed.status()))
}

/// Says what a role is.
pub(super) fn role_name(look: &Look, role: &Role) -> String {
    look.say(match role {
        Role::Admin => text!("ui-role-admin"),
        Role::Replicator { projects } => text!("ui-role-replicator", projects = projects.join(", ")),
        Role::None => text!("ui-role-none"),
    })
}

/// Shows what a user may do in single projects.
fn may(look: &Look, user: &User) -> Markup {
    html! {
        @if !user.access.is_empty() {
            section .panel {
                header { h2 { (look.say(text!("ui-projects"))) } }
                div .body { dl .facts { @for (project, access) in &user.access { dt { (project) } dd { (super::people::access_name(look, *access)) } } } }
            }
        }
    }
}

fn password_form(look: &Look, typed: &Typed) -> Markup {
    let field =
        |name, label, autocomplete: &'static str| {
            let field = Field {
                name,
                label: look.say(label),
                hint: None,
            };
            field.show(typed, |field| html! {
            input id=(field.name) name=(field.name) type="password" required autocomplete=(autocomplete)
                aria-invalid=[field.invalid] aria-describedby=[field.described];
        })
        };
    html! {
        form .form method="post" action="/account/password" {
            (csrf_field(look))
            (field("current", text!("ui-current-password"), "current-password"))
            (field("new", text!("ui-new-password"), "new-password"))
            p .soft.small { (look.say(text!("ui-password-says"))) }
            div .actions { button type="submit" { (look.say(text!("ui-change-password"))) } }
        }
    }
}

/// Changes the password, which ends every login of the account: this one too.
pub(super) async fn change_password(
    State(app): State<App>,
    Person { look, .. }: Person,
    parts: Parts,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::default();
    let current = Secret::new(form.get("current").unwrap_or_default());
    let address = Address::of(&parts.extensions).0;
    match app.logins().with_password(look.user(), &current, address).await {
        Ok(_) => {}
        Err(error) if error.code() == Code::Unauthenticated => {
            typed.fault("current", look.say(text!("ui-fault-password")))
        }
        Err(error) => return Err(error),
    }
    match checked_password(form.get("new").unwrap_or_default().into()) {
        Ok(password) if typed.faults.is_empty() => {
            app.store().users().set_password(look.user(), &password).await?;
            return Ok(see_other("/login"));
        }
        Ok(_) => {}
        Err(_) => typed.fault("new", look.say(text!("length", least = 8, most = 1024))),
    }
    page(&app, &look, &typed, html! {}).await
}
