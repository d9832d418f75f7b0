//! What surrounds every page: who looks, refusals as pages, and the headers that keep a page to itself.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::look::Look;
use super::shell;
use crate::app::App;
use crate::codes::Code;
use crate::error::{ApiError, Unrendered};
use crate::reader::Reader;

/// Nothing inline, nothing evaluated, nothing from or to another host, in nobody's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
/// A request that htmx makes for a part of a page.
const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");

/// Surrounds the handler of a page.
pub(super) async fn surround(
    State(app): State<App>,
    reader: Reader,
    mut request: Request,
    next: Next,
) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let place = request.uri().path_and_query().map_or("/", |place| place.as_str());
    let mut response = match Look::of(&app, &reader, &headers, place.into()).await {
        Ok(look) => {
            request.extensions_mut().insert(look.clone());
            let answered = next.run(request).await;
            match answered.extensions().get::<Unrendered>() {
                Some(refusal) => {
                    refusal.0.log_cause(&reader);
                    refused(&look, &refusal.0, &method, &headers)
                }
                None => answered,
            }
        }
        // Rendered like any other refusal, further out.
        Err(error) => return error.into_response(),
    };
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    response.headers_mut().extend(fixed);
    response
        .headers_mut()
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Shows a refusal as a page; whoever has no login is led to it, and from there back.
fn refused(look: &Look, refusal: &ApiError, method: &Method, headers: &HeaderMap) -> Response {
    if refusal.status() == StatusCode::UNAUTHORIZED
        && look.session.is_none()
        && !headers.contains_key(HX_REQUEST)
    {
        let back = if *method == Method::GET {
            look.place.as_str()
        } else {
            "/"
        };
        return see_other(&login_for(back));
    }
    let mut response = shell::refusal(look, status_of(refusal, method), &refusal.message(look.language));
    if let Some(seconds) = refusal.wait_s() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Returns the status of a page that could not be shown: the contract answers 400 for some things that are not there,
/// people expect what browsers do.
fn status_of(refusal: &ApiError, method: &Method) -> StatusCode {
    let unknown = matches!(
        refusal.code(),
        Code::NotFound | Code::TaskUnknown | Code::ProjectUnknown | Code::ClusterUnknown
    );
    match unknown && matches!(*method, Method::GET | Method::HEAD) {
        true => StatusCode::NOT_FOUND,
        false => refusal.status(),
    }
}

fn login_for(back: &str) -> String {
    if back == "/" {
        return "/login".into();
    }
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", back)
        .finish();
    format!("/login?{query}")
}

/// Sends the browser to `place` of this node, by a new request.
pub(super) fn see_other(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response(),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// Returns `place` if it is one of this node, otherwise the first page: nobody is sent elsewhere.
pub(super) fn own_place(place: &str) -> &str {
    let own = place.starts_with('/')
        && !place.starts_with("//")
        && !place.contains('\\')
        && !place.chars().any(char::is_control);
    if own { place } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_this_node_are_gone_back_to() {
        assert_eq!(own_place("/records/1?x=%2F"), "/records/1?x=%2F");
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nb",
        ] {
            assert_eq!(own_place(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
