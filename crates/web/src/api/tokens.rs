//! Tokens: texts that act as their user, so that scripts need no password.
//!
//! Everybody has tokens of their own; an administrator names another user with `user`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::id::NodeId;
use messages::text;
use serde::Serialize;
use storage::StoreError;
use storage::tokens::Token;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, ok, time};
use crate::app::App;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::{Params, Segments};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Longest life of a token that ends at all, in days.
pub(crate) const MOST_DAYS: i64 = 3650;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

/// A token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TokenView {
    id: String,
    user: String,
    name: String,
    created_at: String,
    last_used_at: Option<String>,
    expires_at: Option<String>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
struct TokenMade {
    #[serde(flatten)]
    made: TokenView,
    /// The text itself.
    token: String,
}

impl TokenView {
    fn of(token: Token) -> Self {
        Self {
            id: token.id.to_string(),
            user: token.user,
            name: token.name,
            created_at: time(token.created_ms),
            last_used_at: token.last_used_ms.map(time),
            expires_at: token.expires_ms.map(time),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Tokens {
    tokens: Vec<TokenView>,
}

/// A token that is to be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct TokenBody {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// Days until it ends; without it, it never does.
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<i64>,
    /// User it acts as; the caller unless said otherwise.
    user: Option<String>,
}

async fn owner(app: &App, caller: &Caller, named: Option<&str>) -> ApiResult<String> {
    let Some(name) = named.filter(|name| **name != *caller.name) else {
        return Ok((*caller.name).into());
    };
    caller.need_admin()?;
    match app.store().users().get(name).await? {
        Some(user) => Ok(user.name),
        None => Err(ApiError::about(Code::NotFound, text!("a-user", name = name))),
    }
}

/// Lists tokens; never their texts.
#[utoipa::path(get, path = "/api/v1/tokens", params(("user" = Option<String>, Query, description = "Whose; the caller's unless said otherwise")), responses((status = 200, body = Tokens)))]
async fn list(caller: Caller, State(app): State<App>, params: Params) -> ApiResult<Response> {
    let owner = owner(&app, &caller, params.filled("user")).await?;
    let tokens = app.store().tokens().list(&owner).await?;
    ok(Tokens {
        tokens: tokens.into_iter().map(TokenView::of).collect(),
    })
}

/// Makes a token; its text is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", request_body = TokenBody, responses((status = 201, body = TokenMade)))]
async fn create(caller: Caller, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let owner = owner(&app, &caller, body.text("user")?.as_deref()).await?;
    let name = body.required_text("name")?;
    if !is_token_name(&name) {
        return Err(ApiError::invalid("name", &name));
    }
    let expires_ms = match body.number("expiresInDays")? {
        None => None,
        Some(days) if (1..=MOST_DAYS).contains(&days) => Some(app.clock().now_ms() + days * DAY_MS),
        Some(days) => return Err(ApiError::invalid("expiresInDays", &days.to_string())),
    };
    match app.store().tokens().create(&owner, &name, expires_ms).await {
        Ok((token, text)) => {
            let (made, token) = (TokenView::of(token), text.reveal().into());
            answer(StatusCode::CREATED, TokenMade { made, token })
        }
        Err(StoreError::Taken(_)) => Err(ApiError::about(Code::Exists, text!("a-token", name = &name))),
        Err(error) => Err(error.into()),
    }
}

/// Says whether `name` can be a token's.
pub(crate) fn is_token_name(name: &str) -> bool {
    (1..=64).contains(&name.trim().chars().count())
}

/// Makes a token stop working.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", params(("user" = Option<String>, Query, description = "Whose; the caller's unless said otherwise")), responses((status = 204)))]
async fn revoke(
    caller: Caller,
    State(app): State<App>,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let owner = owner(&app, &caller, params.filled("user")).await?;
    let revoked = match id.parse::<NodeId>() {
        Ok(id) => app.store().tokens().revoke(&owner, id).await?,
        Err(_) => false,
    };
    if revoked {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(ApiError::about(Code::NotFound, text!("a-token", name = &id)))
    }
}
