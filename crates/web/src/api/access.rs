//! Who may do what in a project; for those who manage it.

use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use messages::text;
use serde::Serialize;
use storage::access::Access;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::ok;
use crate::app::App;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::Segments;

const BASE: &str = "/api/v1/projects/{project}/access";

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(set, remove))
}

/// What a user may do in a project.
#[derive(Serialize, ToSchema)]
struct AccessView {
    user: String,
    /// `read`, `write` or `manage`.
    #[schema(value_type = String)]
    access: Access,
}

#[derive(Serialize, ToSchema)]
struct Accesses {
    access: Vec<AccessView>,
}

/// How much a user may do.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct AccessBody {
    /// `read`, `write` or `manage`.
    access: String,
}

/// Lists who may do what in a project; administrators and replicators are not among them.
#[utoipa::path(get, context_path = BASE, path = "", responses((status = 200, body = Accesses)))]
async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments(project): Segments<String>,
) -> ApiResult<Response> {
    caller.need_manage(&project)?;
    need_project(&app, &project).await?;
    let found = app.store().access().of_project(&project).await?;
    ok(Accesses {
        access: found
            .into_iter()
            .map(|(user, access)| AccessView { user, access })
            .collect(),
    })
}

/// Lets a user do this much in a project, instead of what was allowed before.
#[utoipa::path(put, context_path = BASE, path = "/{user}", request_body = AccessBody, responses((status = 200, body = AccessView)))]
async fn set(
    caller: Caller,
    State(app): State<App>,
    Segments((project, user)): Segments<(String, String)>,
    request: Request,
) -> ApiResult<Response> {
    caller.need_manage(&project)?;
    need_project(&app, &project).await?;
    let body = Members::from_request(request, &app).await?;
    let named = body.required_text("access")?;
    let access = match named.as_str() {
        "read" => Access::Read,
        "write" => Access::Write,
        "manage" => Access::Manage,
        other => {
            let error = ApiError::invalid("access", other);
            return Err(error.because(text!("choose-among", choices = "read, write, manage")));
        }
    };
    if !app.store().access().set(&user, &project, access).await? {
        return Err(ApiError::about(Code::NotFound, text!("a-user", name = &user)));
    }
    ok(AccessView { user, access })
}

/// Takes away what a user may do in a project.
#[utoipa::path(delete, context_path = BASE, path = "/{user}", responses((status = 204)))]
async fn remove(
    caller: Caller,
    State(app): State<App>,
    Segments((project, user)): Segments<(String, String)>,
) -> ApiResult<Response> {
    caller.need_manage(&project)?;
    if app.store().access().remove(&user, &project).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(ApiError::about(Code::NotFound, text!("a-user", name = &user)))
}

async fn need_project(app: &App, project: &str) -> ApiResult<()> {
    match app.hosted().project(project).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::new(Code::ProjectUnknown, [project])),
    }
}
