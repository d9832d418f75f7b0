//! One router for everything this node answers, and the layer around it that every exchange passes.
//!
//! The layer makes the [`Reader`], strips the gateway's prefixes so that `/replication/...`,
//! `/api/replication/...` and `/web/replication/...` are one resource, and renders errors.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::ALLOW;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::auth::AtConsole;
use crate::codes::Code;
use crate::dates;
use crate::error::{ApiError, Unrendered};
use crate::openapi;
use crate::reader::{Reader, TRACE_HEADER};

/// The services a gateway of the contract knows; each answers under `/`, `/api/` and `/web/`.
const SERVICES: [&str; 4] = ["replication", "generic", "repository", "auth"];

/// Those that do not mind a slash at the end of a path; `generic` has folders there, `replication` does mind.
const LENIENT: [&str; 2] = ["/repository/api/", "/auth/api/"];

/// Where the documents of the APIs are.
const CONTRACT_DOCUMENT: &str = "/v3/api-docs";
const NATIVE_DOCUMENT: &str = "/api/v1/openapi.json";

/// Puts every route of this node together.
pub fn router(app: App) -> Router {
    let (described, document) = openapi::describe(described());
    let (native, native_document) = openapi::describe_native(crate::api::router());
    let shown = [
        (NATIVE_DOCUMENT, &native_document),
        (CONTRACT_DOCUMENT, &document),
    ];
    let routes = described
        .merge(native)
        .merge(crate::console::router(&app))
        .merge(crate::peer::router())
        .merge(crate::registry::router())
        .merge(openapi::router(CONTRACT_DOCUMENT, &document))
        .merge(openapi::router(NATIVE_DOCUMENT, &native_document))
        .merge(openapi::viewer::router("/api/v1/docs", &shown))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app.clone());
    Router::new()
        .fallback_service(routes)
        .layer(from_fn_with_state(app, exchange))
}

/// Returns the routes that the document describes: the contract and the artifact API.
pub(crate) fn described() -> OpenApiRouter<App> {
    crate::contract::router()
        .merge(crate::artifacts::router())
        .merge(crate::accounts::router())
        .merge(crate::replica::router())
}

async fn unknown(uri: Uri) -> ApiError {
    ApiError::new(Code::UrlUnknown, [uri.path()])
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::new(Code::MethodNotAllowed, [method.as_str()])
}

/// Surrounds every exchange: makes its reader, finds its resource, renders its error, sets its headers.
async fn exchange(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let reader = Reader::of(request.headers(), app.zone());
    let path = request.uri().path();
    let native = path == "/api/v1" || path.starts_with("/api/v1/");
    let (method, shown_path) = (request.method().clone(), path.to_owned());
    let resource = resource(path);
    let started_ms = app.clock().now_ms();
    request.extensions_mut().insert(reader.clone());
    let answered = match resource {
        Resource::Hidden => ApiError::new(Code::UrlUnknown, [&shown_path]).into_response(),
        Resource::AsIs => guarded(&app, request, next).await,
        Resource::Within(prefix) => {
            if shown_path.starts_with("/web/") {
                request.extensions_mut().insert(AtConsole);
            }
            strip(request.uri_mut(), prefix);
            guarded(&app, request, next).await
        }
    };
    let mut response = rendered(answered, &reader, native);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&reader.trace_id) {
        headers.insert(TRACE_HEADER, value);
    }
    if let Ok(value) = HeaderValue::from_str(&dates::offset_text(&reader.zone, app.clock())) {
        headers.insert(dates::ZONE_HEADER, value);
    }
    tracing::debug!(
        trace.id = %reader.trace_id,
        http.method = %method,
        http.path = %shown_path,
        http.status = response.status().as_u16(),
        duration_ms = app.clock().now_ms() - started_ms,
        "request answered"
    );
    response
}

/// Renders the error an answer may carry; which methods a path allows is the router's to say, and stays.
fn rendered(answered: Response, reader: &Reader, native: bool) -> Response {
    let Some(error) = answered.extensions().get::<Unrendered>() else {
        return answered;
    };
    let mut response = error.0.render(reader, native);
    if let Some(allowed) = answered.headers().get(ALLOW) {
        response.headers_mut().insert(ALLOW, allowed.clone());
    }
    response
}

/// Answers even when a handler panics, so that one broken request never costs a connection.
async fn guarded(app: &App, request: Request, next: Next) -> Response {
    let answered = async {
        let path = within_service(request.uri().path()).to_owned();
        match app.logins().recognise_signed(request, &path).await {
            Ok(mut request) => {
                if let Some(bare) = without_slash(request.uri()) {
                    *request.uri_mut() = bare;
                }
                next.run(request).await
            }
            Err(error) => error.into_response(),
        }
    };
    match AssertUnwindSafe(answered).catch_unwind().await {
        Ok(response) => response,
        Err(_) => ApiError::internal("a handler panicked").into_response(),
    }
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
enum Resource {
    /// It is its own resource.
    AsIs,
    /// This many bytes before it are the gateway's.
    Within(usize),
    /// A gateway hides it.
    Hidden,
}

fn resource(path: &str) -> Resource {
    let prefix = ["/api/", "/web/"]
        .into_iter()
        .find(|prefix| path.starts_with(prefix))
        .map_or(0, |prefix| prefix.len() - 1);
    let mut names = path[prefix..].split('/').skip(1);
    if !names.next().is_some_and(|name| SERVICES.contains(&name)) {
        return Resource::AsIs;
    }
    if names.next() == Some("service") {
        return Resource::Hidden;
    }
    if prefix == 0 {
        Resource::AsIs
    } else {
        Resource::Within(prefix)
    }
}

/// Returns `path` as the service it belongs to sees it: without the service's name.
fn within_service(path: &str) -> &str {
    let named = SERVICES
        .iter()
        .find_map(|name| path.strip_prefix('/')?.strip_prefix(name));
    named.filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

fn strip(uri: &mut Uri, prefix: usize) {
    let whole = uri.path_and_query().map(PathAndQuery::as_str);
    if let Some(stripped) = whole.and_then(|whole| with_path_and_query(uri, &whole[prefix..])) {
        *uri = stripped;
    }
}

/// Returns `uri` without the slash at the end of its path, where the contract's services do not mind one.
fn without_slash(uri: &Uri) -> Option<Uri> {
    let minds_none = LENIENT.iter().any(|service| uri.path().starts_with(service));
    let bare = uri.path().strip_suffix('/').filter(|_| minds_none)?;
    match uri.query() {
        Some(query) => with_path_and_query(uri, &format!("{bare}?{query}")),
        None => with_path_and_query(uri, bare),
    }
}

fn with_path_and_query(uri: &Uri, path_and_query: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_sees_paths_without_its_name() {
        assert_eq!(within_service("/replication/replica/ping"), "/replica/ping");
        assert_eq!(within_service("/replicationx/ping"), "/replicationx/ping");
        assert_eq!(within_service("/api/v1/me"), "/api/v1/me");
    }

    #[test]
    fn a_gateways_prefix_is_stripped_from_its_services_only() {
        assert_eq!(resource("/replication/api/task"), Resource::AsIs);
        assert_eq!(resource("/api/replication/api/task"), Resource::Within(4));
        assert_eq!(resource("/web/generic/p/r/x"), Resource::Within(4));
        assert_eq!(resource("/api/v1/records"), Resource::AsIs);
        assert_eq!(resource("/web/api/replication"), Resource::AsIs);
        assert_eq!(resource("/web/replication/service/x"), Resource::Hidden);
        assert_eq!(resource("/generic/service/r/x"), Resource::Hidden);
        assert_eq!(resource("/"), Resource::AsIs);
    }
}
