//! Users: who may log in. Administrators only, except that everybody may see who they are and change
//! their own password.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::cluster::Secret;
use messages::text;
use serde::Serialize;
use storage::StoreError;
use storage::access::Access;
use storage::users::{Role, User};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, ok, time};
use crate::app::App;
use crate::auth::{ANONYMOUS, Admin, Caller, SYSTEM, is_user_name};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::Segments;

/// Shortest password that is accepted, in characters.
const SHORTEST_PASSWORD: usize = 8;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(me))
}

/// A user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserView {
    name: String,
    /// `admin`, `replicator` or `none`.
    role: &'static str,
    /// What a replicator may replicate into and out of.
    projects: Vec<String>,
    /// What the user may do in single projects, by project name.
    #[schema(value_type = BTreeMap<String, String>)]
    access: BTreeMap<String, Access>,
    created_at: String,
    modified_at: String,
}

impl UserView {
    fn of(user: User) -> Self {
        let (role, projects) = match user.role {
            Role::Admin => ("admin", Vec::new()),
            Role::Replicator { projects } => ("replicator", projects),
            Role::None => ("none", Vec::new()),
        };
        Self {
            name: user.name,
            role,
            projects,
            access: user.access,
            created_at: time(user.created_ms),
            modified_at: time(user.modified_ms),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Users {
    users: Vec<UserView>,
}

/// A user that is to be.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct UserBody {
    name: String,
    #[schema(min_length = 8, max_length = 1024)]
    password: String,
    /// `admin`, `replicator` or `none`.
    role: String,
    /// What a replicator may replicate into and out of; for replicators only.
    projects: Option<Vec<String>>,
}

/// What changes of a user; what is absent stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct UserChange {
    #[schema(min_length = 8, max_length = 1024)]
    password: Option<String>,
    role: Option<String>,
    projects: Option<Vec<String>>,
}

pub(crate) fn unknown(name: &str) -> ApiError {
    ApiError::about(Code::NotFound, text!("a-user", name = name))
}

async fn user(app: &App, name: &str) -> ApiResult<User> {
    let user = app.store().users().get(name).await?;
    user.ok_or_else(|| unknown(name))
}

/// Lists every user.
#[utoipa::path(get, path = "/api/v1/users", responses((status = 200, body = Users)))]
async fn list(_: Admin, State(app): State<App>) -> ApiResult<Response> {
    let users = app.store().users().all().await?;
    ok(Users {
        users: users.into_iter().map(UserView::of).collect(),
    })
}

/// Answers one user.
#[utoipa::path(get, path = "/api/v1/users/{name}", responses((status = 200, body = UserView)))]
async fn show(_: Admin, State(app): State<App>, Segments(name): Segments<String>) -> ApiResult<Response> {
    ok(UserView::of(user(&app, &name).await?))
}

/// Answers the caller.
#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = UserView)))]
async fn me(caller: Caller, State(app): State<App>) -> ApiResult<Response> {
    ok(UserView::of(user(&app, &caller.name).await?))
}

/// Adds a user.
#[utoipa::path(post, path = "/api/v1/users", request_body = UserBody, responses((status = 201, body = UserView)))]
async fn create(_: Admin, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let name = body.required_text("name")?;
    check_name(&name)?;
    let password = checked_password(body.required_text("password")?)?;
    let role = role(&body)?.ok_or_else(|| ApiError::missing("role"))?;
    match app.store().users().create(&name, &password, &role).await {
        Ok(user) => answer(StatusCode::CREATED, UserView::of(user)),
        Err(StoreError::Taken(_)) => Err(ApiError::about(Code::Exists, text!("a-user", name = &name))),
        Err(error) => Err(error.into()),
    }
}

/// Changes a user's password, role, or both.
#[utoipa::path(put, path = "/api/v1/users/{name}", request_body = UserChange, responses((status = 200, body = UserView)))]
async fn change(
    caller: Caller,
    State(app): State<App>,
    Segments(name): Segments<String>,
    body: Members,
) -> ApiResult<Response> {
    let role = role(&body)?;
    if role.is_some() || *caller.name != name {
        caller.need_admin()?;
    }
    let known = user(&app, &name).await?;
    let password = body.text("password")?.map(checked_password).transpose()?;
    if let Some(role) = role {
        if known.role == Role::Admin && role != Role::Admin {
            refuse_losing_the_last_admin(&app, &name).await?;
        }
        app.store().users().set_role(&name, &role).await?;
    }
    if let Some(password) = password {
        app.store().users().set_password(&name, &password).await?;
    }
    ok(UserView::of(user(&app, &name).await?))
}

/// Removes a user and their tokens.
#[utoipa::path(delete, path = "/api/v1/users/{name}", responses((status = 204)))]
async fn remove(_: Admin, State(app): State<App>, Segments(name): Segments<String>) -> ApiResult<Response> {
    let known = user(&app, &name).await?;
    if known.role == Role::Admin {
        refuse_losing_the_last_admin(&app, &name).await?;
    }
    if !app.store().users().delete(&name).await? {
        return Err(unknown(&name));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn refuse_losing_the_last_admin(app: &App, name: &str) -> ApiResult<()> {
    let users = app.store().users().all().await?;
    let another = users
        .iter()
        .any(|user| user.name != name && user.role == Role::Admin);
    if another {
        return Ok(());
    }
    let error = ApiError::invalid("name", name);
    Err(error.because(text!("last-administrator")))
}

fn role(body: &Members) -> ApiResult<Option<Role>> {
    let projects = body.texts("projects")?;
    let named = body.text("role")?;
    match (named.as_deref(), projects) {
        (None, None) => Ok(None),
        (Some("admin"), None) => Ok(Some(Role::Admin)),
        (Some("none"), None) => Ok(Some(Role::None)),
        (Some("replicator"), Some(projects)) if !projects.is_empty() => {
            Ok(Some(Role::Replicator { projects }))
        }
        (Some("replicator"), _) => Err(ApiError::missing("projects")),
        (Some("admin" | "none") | None, Some(_)) => {
            let error = ApiError::invalid("projects", "[...]");
            Err(error.because(text!("only-replicators-have-projects")))
        }
        (Some(other), _) => {
            let error = ApiError::invalid("role", other);
            Err(error.because(text!("choose-among", choices = "admin, replicator, none")))
        }
    }
}

pub(crate) fn check_name(name: &str) -> ApiResult<()> {
    if [ANONYMOUS, SYSTEM].contains(&name) {
        return Err(ApiError::invalid("name", name).because(text!("user-name-reserved")));
    }
    if is_user_name(name) {
        return Ok(());
    }
    Err(ApiError::invalid("name", name).because(text!("user-name-form")))
}

pub(crate) fn checked_password(password: String) -> ApiResult<Secret> {
    if (SHORTEST_PASSWORD..=1024).contains(&password.chars().count()) {
        return Ok(Secret::new(password));
    }
    let error = ApiError::invalid("password", "***");
    Err(error.because(text!("length", least = SHORTEST_PASSWORD, most = 1024)))
}
