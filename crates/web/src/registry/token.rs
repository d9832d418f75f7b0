//! Tokens of the registry: what a client of it gets for its credentials, or for none, and brings with each request.
//!
//! Format: the token response of the distribution project's token authentication. A token says who, not what for:
//! what its user may do is asked on every request. One for nobody lets clients in that insist on a token, and opens
//! what is public. A removed user and a new password end a token at once.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use domain::cluster::Secret;
use jiff::Timestamp;
use serde_json::json;

use super::Exchange;
use super::error::{Refusal, RegistryError, RegistryResult};
use crate::app::App;
use crate::auth::{Claims, MaybeCaller, caller_of};

/// How long a token is good, in seconds.
const TOKEN_S: i64 = 300;

/// Answers a token for whoever calls.
pub(super) async fn issue(exchange: &Exchange) -> RegistryResult<Response> {
    let app = &exchange.app;
    let (sub, jti) = match &exchange.caller {
        MaybeCaller::User(caller) => {
            let user = app.store().users().get(&caller.name).await;
            let user = user.map_err(RegistryError::internal)?;
            let user = user.ok_or_else(|| RegistryError::new(Refusal::Unauthorized, "the user is gone"))?;
            (caller.name.to_string(), user.modified_ms.to_string())
        }
        MaybeCaller::Anonymous => (String::new(), String::new()),
        MaybeCaller::Platform => {
            return Err(RegistryError::new(
                Refusal::Denied,
                "the platform names no user to act as",
            ));
        }
    };
    let now_s = app.clock().now_ms().div_euclid(1000);
    let claims = Claims {
        sub,
        jti,
        iat: now_s,
        exp: now_s + TOKEN_S,
    };
    let token = claims.sign(&key(app).await?).map_err(RegistryError::internal)?;
    let issued_at = Timestamp::from_second(now_s).map_err(RegistryError::internal)?;
    let body = json!({ "token": token, "access_token": token, "expires_in": TOKEN_S, "issued_at": issued_at.to_string() });
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (axum::http::header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body.to_string()).into_response())
}

/// Returns who was given `token`.
pub(super) async fn recognise(app: &App, token: &str) -> RegistryResult<MaybeCaller> {
    let wrong = || RegistryError::new(Refusal::Unauthorized, "the token is wrong or has ended");
    let claims = Claims::verify(token, &key(app).await?, app.clock().now_ms()).ok_or_else(wrong)?;
    if claims.sub.is_empty() {
        return Ok(MaybeCaller::Anonymous);
    }
    let user = app.store().users().get(&claims.sub).await;
    let user = user.map_err(RegistryError::internal)?;
    let user = user.filter(|user| user.modified_ms.to_string() == claims.jti);
    Ok(MaybeCaller::User(caller_of(user.ok_or_else(wrong)?)))
}

/// The key of these tokens: none of them passes for a ticket of the console, nor the other way round.
async fn key(app: &App) -> RegistryResult<Secret> {
    let key = app.logins().ticket_key().await?;
    Ok(Secret::new(format!("registry {}", key.reveal())))
}
