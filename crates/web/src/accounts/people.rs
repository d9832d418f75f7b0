//! What the console asks about people: who is logged in, who there is, who manages a project.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use storage::users::Role;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::BASE;
use crate::app::App;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Segments;
use crate::reader::Reader;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(info))
        .routes(routes!(user_info))
        .routes(routes!(list))
        .routes(routes!(manages))
}

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InfoView<'a> {
    user_id: &'a str,
    display_name: &'a str,
    tenant_id: Option<&'a str>,
    time_zone: Option<&'a str>,
}

/// One user, as far as this node knows people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserInfoView<'a> {
    user_id: &'a str,
    name: &'a str,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    created_date: String,
    locked: bool,
    admin: bool,
    group: bool,
    #[schema(value_type = Vec<String>)]
    asst_users: [&'a str; 0],
    tenant_id: Option<&'a str>,
}

/// One user of many.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserView {
    user_id: String,
    name: String,
}

/// Answers the caller; the time zone is the one that dates are in.
#[utoipa::path(get, context_path = BASE, path = "/info", responses((status = 200, body = InfoView<'_>)))]
async fn info(State(app): State<App>, reader: Reader, caller: Caller) -> ApiResult<Response> {
    reader.ok(InfoView {
        user_id: &caller.name,
        display_name: &caller.name,
        tenant_id: None,
        time_zone: app.zone().iana_name(),
    })
}

/// Answers one user: everybody may ask about themselves, administrators about everybody.
#[utoipa::path(get, context_path = BASE, path = "/userinfo/{uid}", responses((status = 200, body = UserInfoView<'_>)))]
async fn user_info(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(name): Segments<String>,
) -> ApiResult<Response> {
    if *caller.name != name {
        caller.need_admin()?;
    }
    let user = app.store().users().get(&name).await?;
    let user = user.ok_or_else(|| ApiError::new(Code::NotFound, [&name]))?;
    reader.ok(UserInfoView {
        user_id: &user.name,
        name: &user.name,
        email: None,
        phone: None,
        created_date: reader.date(user.created_ms),
        locked: false,
        admin: user.role == Role::Admin,
        group: false,
        asst_users: [],
        tenant_id: None,
    })
}

/// Lists the names of all users, which the console shows instead of ids.
#[utoipa::path(get, context_path = BASE, path = "/list", responses((status = 200, body = Vec<UserView>)))]
async fn list(State(app): State<App>, reader: Reader, _: Caller) -> ApiResult<Response> {
    let users = app.store().users().all().await?;
    let views = users.into_iter().map(|user| UserView {
        user_id: user.name.clone(),
        name: user.name,
    });
    reader.ok(views.collect::<Vec<_>>())
}

/// Says whether the caller manages a project.
#[utoipa::path(get, context_path = BASE, path = "/admin/{projectId}", responses((status = 200, body = bool)))]
async fn manages(reader: Reader, caller: Caller, Segments(project): Segments<String>) -> ApiResult<Response> {
    reader.ok(caller.may_manage(&project))
}
