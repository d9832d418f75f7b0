//! Platform accounts: keys for programs that act as the users they name. Administrators only.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use messages::text;
use serde::Serialize;
use storage::StoreError;
use storage::platforms::PlatformAccount;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, ok, time};
use crate::app::App;
use crate::auth::{Admin, is_user_name};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::Segments;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(remove))
}

/// A platform account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PlatformView {
    app_id: String,
    access_key: String,
    created_by: String,
    created_at: String,
    last_used_at: Option<String>,
}

/// A platform account that was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PlatformMade {
    #[serde(flatten)]
    made: PlatformView,
    /// The secret half of the key.
    secret_key: String,
}

impl PlatformView {
    fn of(account: PlatformAccount) -> Self {
        Self {
            app_id: account.app_id,
            access_key: account.access_key,
            created_by: account.created_by,
            created_at: time(account.created_ms),
            last_used_at: account.last_used_ms.map(time),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Platforms {
    platforms: Vec<PlatformView>,
}

/// An account that is to be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct PlatformBody {
    app_id: String,
}

/// Lists the accounts; never their secret keys.
#[utoipa::path(get, path = "/api/v1/platforms", responses((status = 200, body = Platforms)))]
async fn list(_: Admin, State(app): State<App>) -> ApiResult<Response> {
    let found = app.store().platforms().all().await?;
    ok(Platforms {
        platforms: found.into_iter().map(PlatformView::of).collect(),
    })
}

/// Makes an account; its secret key is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/platforms", request_body = PlatformBody, responses((status = 201, body = PlatformMade)))]
async fn create(admin: Admin, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let app_id = body.required_text("appId")?;
    if !is_user_name(&app_id) {
        return Err(ApiError::invalid("appId", &app_id).because(text!("user-name-form")));
    }
    match app.store().platforms().create(&app_id, admin.name()).await {
        Ok((account, secret_key)) => {
            let (made, secret_key) = (PlatformView::of(account), secret_key.reveal().into());
            answer(StatusCode::CREATED, PlatformMade { made, secret_key })
        }
        Err(StoreError::Taken(_)) => Err(ApiError::about(Code::Exists, text!("a-platform", name = &app_id))),
        Err(error) => Err(error.into()),
    }
}

/// Removes an account; its keys are worth nothing at once.
#[utoipa::path(delete, path = "/api/v1/platforms/{appId}", responses((status = 204)))]
async fn remove(_: Admin, State(app): State<App>, Segments(app_id): Segments<String>) -> ApiResult<Response> {
    if app.store().platforms().delete(&app_id).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(ApiError::about(
        Code::NotFound,
        text!("a-platform", name = &app_id),
    ))
}
