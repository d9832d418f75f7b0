//! The registry: `/v2/`, the OCI distribution specification 1.1, over the images of hosted repositories.
//!
//! A name is `project/repository/image`, and the image may have parts of its own. Answers and refusals are the
//! specification's, not the contract's: nothing here is enveloped or translated.

mod access;
mod blobs;
mod catalog;
mod error;
mod manifests;
mod name;
mod token;
mod uploads;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use domain::digest::Digest;

use crate::app::App;
use crate::auth::MaybeCaller;
use error::{Refusal, RegistryError, RegistryResult};
use name::Asked;

const VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Returns the routes.
pub fn router() -> Router<App> {
    Router::new()
        .route("/v2", any(answer))
        .route("/v2/", any(answer))
        .route("/v2/{*name}", any(answer))
}

/// What every handler here gets.
struct Exchange {
    app: App,
    caller: MaybeCaller,
    parts: Parts,
}

async fn answer(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let origin = access::Challenge::of(&parts);
    let answered = handle(app, parts, body).await;
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => error.render(&origin),
    };
    let version = HeaderValue::from_static("registry/2.0");
    response.headers_mut().insert(VERSION, version);
    response
}

async fn handle(app: App, parts: Parts, body: Body) -> RegistryResult<Response> {
    let asked = Asked::of(parts.uri.path())?;
    let caller = access::caller(&app, &parts).await?;
    let exchange = Exchange { app, caller, parts };
    let method = exchange.parts.method.clone();
    let reading = method == Method::GET || method == Method::HEAD;
    match asked {
        Asked::Base if reading => exchange.base(),
        Asked::Token if method == Method::GET => token::issue(&exchange).await,
        Asked::Catalog if reading => catalog::images(&exchange).await,
        Asked::Tags(name) if reading => catalog::tags(&exchange, &name).await,
        Asked::Referrers(name, digest) if reading => catalog::referrers(&exchange, &name, &digest).await,
        Asked::Blob(name, digest) => match method {
            Method::GET | Method::HEAD => blobs::get(&exchange, &name, &digest).await,
            Method::DELETE => blobs::delete(&exchange, &name, &digest).await,
            _ => Err(not_allowed(&method)),
        },
        Asked::Manifest(name, reference) => match method {
            Method::GET | Method::HEAD => manifests::get(&exchange, &name, &reference).await,
            Method::PUT => manifests::put(&exchange, &name, &reference, body).await,
            Method::DELETE => manifests::delete(&exchange, &name, &reference).await,
            _ => Err(not_allowed(&method)),
        },
        Asked::Uploads(name) if method == Method::POST => uploads::open(&exchange, &name, body).await,
        Asked::Upload(name, id) => match method {
            Method::GET => uploads::status(&exchange, &name, &id).await,
            Method::PATCH => uploads::push(&exchange, &name, &id, body).await,
            Method::PUT => uploads::finish(&exchange, &name, &id, body).await,
            Method::DELETE => uploads::give_up(&exchange, &name, &id).await,
            _ => Err(not_allowed(&method)),
        },
        Asked::Base
        | Asked::Token
        | Asked::Catalog
        | Asked::Tags(_)
        | Asked::Referrers(..)
        | Asked::Uploads(_) => Err(not_allowed(&method)),
    }
}

fn not_allowed(method: &Method) -> RegistryError {
    RegistryError::new(Refusal::Unsupported, format!("{method} is not answered here"))
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}

impl Exchange {
    /// Answers whether this is a registry, to those who said who they are: others are told how.
    fn base(&self) -> RegistryResult<Response> {
        if matches!(self.caller, MaybeCaller::Anonymous) && !access::has_token(&self.parts.headers) {
            return Err(RegistryError::new(Refusal::Unauthorized, "log in first"));
        }
        Ok(([(CONTENT_TYPE, "application/json")], "{}").into_response())
    }

    fn param(&self, name: &str) -> Option<String> {
        crate::params::Params::of(self.parts.uri.query().unwrap_or_default()).text(name)
    }

    fn header(&self, name: HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }
}

/// Returns the headers that name a blob or a manifest.
fn described(digest: &Digest, media_type: &str, size_bytes: u64) -> RegistryResult<HeaderMap> {
    let mut headers = HeaderMap::new();
    let text = |text: String| HeaderValue::from_str(&text).map_err(RegistryError::internal);
    headers.insert(CONTENT_DIGEST, text(digest.to_string())?);
    headers.insert(axum::http::header::ETAG, text(format!("\"{digest}\""))?);
    headers.insert(CONTENT_TYPE, text(media_type.to_owned())?);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size_bytes));
    Ok(headers)
}

/// Answers that something was made: where it is and what it is called.
fn made(location: String, digest: &Digest) -> RegistryResult<Response> {
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    let text = |text: String| HeaderValue::from_str(&text).map_err(RegistryError::internal);
    headers.insert(axum::http::header::LOCATION, text(location)?);
    headers.insert(CONTENT_DIGEST, text(digest.to_string())?);
    Ok(response)
}
