//! Who may do what in a project; for those who manage it.

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use messages::text;
use serde::Serialize;
use storage::access::Access;

use crate::api::answer::ok;
use crate::app::App;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::Segments;

/// Returns the routes.
pub fn router() -> Router<App> {
    const BASE: &str = "/api/v1/projects/{project}/access";
    Router::new()
        .route(BASE, get(list))
        .route(&format!("{BASE}/{{user}}"), put(set).delete(remove))
}

#[derive(Serialize)]
struct AccessView {
    user: String,
    access: Access,
}

#[derive(Serialize)]
struct Accesses {
    access: Vec<AccessView>,
}

/// Lists who may do what in a project; administrators and replicators are not among them.
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
