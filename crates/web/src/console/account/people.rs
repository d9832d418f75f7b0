//! Everybody who may log in: for administrators.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use messages::text;
use storage::StoreError;
use storage::access::Access;
use storage::users::{Role, User};

use super::super::controls::Field;
use super::super::form::{Form, Typed, button, csrf_field};
use super::super::look::{ForAdmin, Look};
use super::super::shell::{Page, Section, crumbs};
use super::super::show::when;
use super::super::surround::see_other;
use super::own::role_name;
use crate::api::users::{check_name, checked_password, refuse_losing_the_last_admin, unknown};
use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};

/// Lists everybody, with the form of a new user.
pub(super) async fn list(State(app): State<App>, ForAdmin(look): ForAdmin) -> ApiResult<Response> {
    list_page(&app, &look, &Typed::default()).await
}

async fn list_page(app: &App, look: &Look, typed: &Typed) -> ApiResult<Response> {
    let users = app.store().users().all().await?;
    let title = look.say(text!("ui-users"));
    let body = html! {
        div .head { div { (crumbs(look, &[(&look.say(text!("ui-account")), "/account".into())])) h1 { (title) } } }
        section .panel {
            div .scroll { table {
                thead { tr {
                    th { (look.say(text!("ui-name"))) }
                    th { (look.say(text!("ui-role"))) }
                    th .num.wide { (look.say(text!("ui-created"))) }
                    th .num { (look.say(text!("ui-changed"))) }
                } }
                tbody { @for user in &users {
                    tr {
                        td .grow { a href=(format!("/account/users/{}", user.name)) { (user.name) } }
                        td { (role_name(look, &user.role)) }
                        td .num.wide { (when(look, user.created_ms)) }
                        td .num { (when(look, user.modified_ms)) }
                    }
                } }
            } }
        }
        section .panel {
            header { h2 { (look.say(text!("ui-new-user"))) } }
            div .body {
                (typed.summary(look))
                form .form method="post" action="/account/users" {
                    (csrf_field(look))
                    div .pair {
                        (field(look, "name", text!("ui-name")).input(typed, "text", true))
                        (password(look, typed))
                    }
                    (role_fields(look, typed))
                    div .actions { button .main type="submit" { (look.say(text!("ui-make"))) } }
                }
            }
        }
    };
    Ok(Page {
        title,
        section: Section::Account,
        body,
    }
    .show_with(look, typed.status()))
}

fn field<'a>(look: &Look, name: &'a str, label: messages::Text) -> Field<'a> {
    Field {
        name,
        label: look.say(label),
        hint: None,
    }
}

fn password(look: &Look, typed: &Typed) -> Markup {
    field(look, "password", text!("ui-new-password")).secret(typed, true)
}

fn role_fields(look: &Look, typed: &Typed) -> Markup {
    let roles = [
        ("none", look.say(text!("ui-role-none"))),
        ("replicator", look.say(text!("ui-role-replicator-short"))),
        ("admin", look.say(text!("ui-role-admin"))),
    ]
    .map(|(value, name)| (value.to_owned(), name));
    let projects = Field {
        name: "projects",
        label: look.say(text!("ui-projects")),
        hint: Some(look.say(text!("ui-role-projects-hint"))),
    };
    html! {
        div .pair {
            (field(look, "role", text!("ui-role")).select(typed, &roles))
            (projects.input(typed, "text", false))
        }
    }
}

/// Reads a role; names its fault at its field.
fn role(look: &Look, typed: &mut Typed) -> Option<Role> {
    let projects: Vec<String> = typed
        .value("projects")
        .split([',', ' ', '\n'])
        .filter(|name| !name.is_empty())
        .map(String::from)
        .collect();
    match typed.value("role") {
        "admin" => Some(Role::Admin),
        "replicator" if projects.is_empty() => {
            typed.fault("projects", look.say(text!("ui-fault-empty")));
            None
        }
        "replicator" => Some(Role::Replicator { projects }),
        _ => Some(Role::None),
    }
}

/// Adds a user.
pub(super) async fn create(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::of(form);
    let name = typed.value("name").trim().to_owned();
    if let Err(error) = check_name(&name) {
        typed.fault("name", error.message(look.language));
    }
    let password = checked_password(typed.value("password").into());
    if password.is_err() {
        typed.fault("password", look.say(text!("length", least = 8, most = 1024)));
    }
    let role = role(&look, &mut typed);
    if let (true, Ok(password), Some(role)) = (typed.faults.is_empty(), password, role) {
        match app.store().users().create(&name, &password, &role).await {
            Ok(_) => return Ok(see_other(&format!("/account/users/{name}"))),
            Err(StoreError::Taken(_)) => typed.fault("name", look.say(text!("ui-fault-taken"))),
            Err(error) => return Err(error.into()),
        }
    }
    list_page(&app, &look, &typed).await
}

async fn user(app: &App, name: &str) -> ApiResult<User> {
    app.store().users().get(name).await?.ok_or_else(|| unknown(name))
}

/// Shows one user.
pub(super) async fn show(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(name): Segments<String>,
) -> ApiResult<Response> {
    let user = user(&app, &name).await?;
    user_page(&app, &look, &user, &as_it_is(&user)).await
}

/// Returns what the forms of `user` show.
fn as_it_is(user: &User) -> Typed {
    let (role, projects) = match &user.role {
        Role::Admin => ("admin", String::new()),
        Role::Replicator { projects } => ("replicator", projects.join(", ")),
        Role::None => ("none", String::new()),
    };
    Typed::of(Params::from(vec![
        ("role".into(), role.into()),
        ("projects".into(), projects),
    ]))
}

async fn user_page(app: &App, look: &Look, user: &User, typed: &Typed) -> ApiResult<Response> {
    let path = format!("/account/users/{}", user.name);
    let projects = app.hosted().projects().await?;
    let body = html! {
        div .head {
            div {
                (crumbs(look, &[(&look.say(text!("ui-account")), "/account".into()), (&look.say(text!("ui-users")), "/account/users".into())]))
                h1 { (user.name) }
                p .sub { (role_name(look, &user.role)) }
            }
            div .actions { (button(look, &format!("{path}/delete"), "danger", &text!("ui-delete"), Some(&text!("ui-delete-user-ask", name = &user.name)))) }
        }
        (typed.summary(look))
        div .two {
            section .panel {
                header { h2 { (look.say(text!("ui-role"))) } }
                div .body {
                    form .form method="post" action=(format!("{path}/role")) {
                        (csrf_field(look))
                        (role_fields(look, typed))
                        div .actions { button type="submit" { (look.say(text!("ui-save"))) } }
                    }
                }
            }
            section .panel {
                header { h2 { (look.say(text!("ui-password"))) } }
                div .body {
                    form .form method="post" action=(format!("{path}/password")) {
                        (csrf_field(look))
                        (password(look, typed))
                        div .actions { button type="submit" { (look.say(text!("ui-change-password"))) } }
                    }
                }
            }
        }
        section .panel {
            header { h2 { (look.say(text!("ui-projects"))) } }
            @if !user.access.is_empty() { (access_table(look, user, &path)) }
            div .body {
                form .actions method="post" action=(format!("{path}/access")) {
                    (csrf_field(look))
                    select name="project" aria-label=(look.say(text!("ui-project"))) required {
                        @for project in &projects { option value=(project.name) { (project.name) } }
                    }
                    select name="access" aria-label=(look.say(text!("ui-may"))) {
                        @for access in ACCESSES { option value=(access.0) { (access_name(look, access.1)) } }
                    }
                    button type="submit" { (look.say(text!("ui-allow"))) }
                }
            }
        }
    };
    let title = user.name.clone();
    Ok(Page {
        title,
        section: Section::Account,
        body,
    }
    .show_with(look, typed.status()))
}

const ACCESSES: [(&str, Access); 3] = [
    ("read", Access::Read),
    ("write", Access::Write),
    ("manage", Access::Manage),
];

const ACCESSES_OR_NONE: [(&str, Option<Access>); 4] = [
    ("read", Some(Access::Read)),
    ("write", Some(Access::Write)),
    ("manage", Some(Access::Manage)),
    ("none", None),
];

/// Says what somebody may do in a project.
pub(super) fn access_name(look: &Look, access: Access) -> String {
    look.say(match access {
        Access::Read => text!("ui-access-read"),
        Access::Write => text!("ui-access-write"),
        Access::Manage => text!("ui-access-manage"),
    })
}

fn access_table(look: &Look, user: &User, path: &str) -> Markup {
    html! {
        div .scroll { table { tbody { @for (project, access) in &user.access {
            tr {
                td .grow { (project) }
                td { (access_name(look, *access)) }
                td {
                    form method="post" action=(format!("{path}/access")) {
                        (csrf_field(look))
                        input type="hidden" name="project" value=(project);
                        input type="hidden" name="access" value="none";
                        button .danger type="submit" { (look.say(text!("ui-take-away"))) }
                    }
                }
            }
        } } } }
    }
}

/// Gives a user another role.
pub(super) async fn set_role(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(name): Segments<String>,
    Form(form): Form,
) -> ApiResult<Response> {
    let known = user(&app, &name).await?;
    let mut typed = Typed::of(form);
    let Some(role) = role(&look, &mut typed) else {
        return user_page(&app, &look, &known, &typed).await;
    };
    if known.role == Role::Admin && role != Role::Admin {
        refuse_losing_the_last_admin(&app, &name).await?;
    }
    app.store().users().set_role(&name, &role).await?;
    Ok(see_other(&format!("/account/users/{name}")))
}

/// Gives a user another password.
pub(super) async fn set_password(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(name): Segments<String>,
    Form(form): Form,
) -> ApiResult<Response> {
    let known = user(&app, &name).await?;
    match checked_password(form.get("password").unwrap_or_default().into()) {
        Ok(password) => {
            app.store().users().set_password(&name, &password).await?;
            Ok(see_other(&format!("/account/users/{name}")))
        }
        Err(_) => {
            let mut typed = as_it_is(&known);
            typed.fault("password", look.say(text!("length", least = 8, most = 1024)));
            user_page(&app, &look, &known, &typed).await
        }
    }
}

/// Lets a user do something in a project, or nothing any more.
pub(super) async fn set_access(
    State(app): State<App>,
    _: ForAdmin,
    Segments(name): Segments<String>,
    Form(form): Form,
) -> ApiResult<Response> {
    let project = form.get("project").unwrap_or_default();
    let access = app.store().access();
    match form.filter("access", &ACCESSES_OR_NONE)?.flatten() {
        Some(chosen) => {
            if app.hosted().project(project).await?.is_none() {
                return Err(ApiError::new(crate::codes::Code::ProjectUnknown, [project]));
            }
            if !access.set(&name, project, chosen).await? {
                return Err(unknown(&name));
            }
        }
        None => {
            access.remove(&name, project).await?;
        }
    }
    Ok(see_other(&format!("/account/users/{name}")))
}

/// Removes a user and what they are logged in with.
pub(super) async fn delete(
    State(app): State<App>,
    _: ForAdmin,
    Segments(name): Segments<String>,
    _: Form,
) -> ApiResult<Response> {
    let known = user(&app, &name).await?;
    if known.role == Role::Admin {
        refuse_losing_the_last_admin(&app, &name).await?;
    }
    app.store().users().delete(&name).await?;
    Ok(see_other("/account/users"))
}
