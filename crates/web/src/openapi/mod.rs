//! The document of the contract and artifact APIs, made from the routes: OpenAPI 3.1 at `/v3/api-docs`.
//!
//! A handler says what is its own in `#[utoipa::path]`: path, parameters, body, and the *data* of its
//! answer. What is the same everywhere is added here, once: the envelope around the data, the refusals
//! every operation can answer, path parameters, names and logins. The native API, `/api/v1`, has a document
//! of its own, made in the same way: [`native`].
//!
//! To describe a new endpoint, write `#[utoipa::path(get, path = "...")]` on its handler, with
//! `params(...)` for what the query holds, `request_body = ...` for what is sent, and
//! `responses((status = 200, body = T))` for the data it answers; without it the data is null.
//! `security(())` says that nobody has to log in. `routes!(handler)` makes the route of it.

mod native;
mod operation;
mod schema;
pub(crate) mod viewer;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
pub(crate) use schema::{FileBytes, joined, reshaped};

/// What is the same for every operation of a document.
struct Form {
    /// What each path is about: the longest beginning that fits counts. Beginning, name, words.
    tags: &'static [(&'static str, &'static str, &'static str)],
    /// What every operation can answer besides its success: status, name, meaning.
    refusals: &'static [(u16, &'static str, &'static str)],
    /// Media type of refusals.
    refusal_type: &'static str,
    /// Whether data travels in an envelope.
    enveloped: bool,
}

const CONTRACT: Form = Form {
    tags: TAGS,
    refusals: operation::REFUSALS,
    refusal_type: operation::JSON,
    enveloped: true,
};

const TAGS: &[(&str, &str, &str)] = &[
    (
        "/replication/api/task/record",
        "records",
        "Runs of tasks, artifact by artifact",
    ),
    (
        "/replication/api/task",
        "tasks",
        "What is replicated, where to, and when",
    ),
    (
        "/replication/api/cluster",
        "clusters",
        "Named places that hold repositories",
    ),
    (
        "/replication/api/remote/distribution",
        "distributions",
        "Distribution of one repository",
    ),
    (
        "/replication/api/replica/failure",
        "failures",
        "Artifacts that did not arrive",
    ),
    (
        "/replication/api/replica/event",
        "events",
        "Changes that wait to be replicated",
    ),
    (
        "/replication/replica",
        "peers",
        "What other clusters call when they replicate to this one",
    ),
    ("/generic", "files", "Files of repositories"),
    (
        "/repository/api/node",
        "nodes",
        "Files and folders of repositories",
    ),
    (
        "/repository/api/package",
        "packages",
        "What repositories hold that are not of files",
    ),
    ("/repository/api/version", "packages", "Versions of packages"),
    ("/repository/api/project", "projects", "Projects"),
    ("/repository/api/repo", "repositories", "Repositories"),
    ("/auth", "accounts", "Users, logins and tokens"),
];

const ABOUT: &str = "\
The replication contract of bk-repo and the artifact API around it, as Waybill answers them. Every path also answers \
behind `/api` and `/web`. `HEAD` works wherever `GET` does. A path of a repository may be sent with plain slashes or \
as one segment with `%2F`; left out, it is the root. Unknown members of bodies are ignored; numbers and booleans \
are read from texts too.";

/// Returns the routes of `router`, and the document that describes them.
pub fn describe(router: OpenApiRouter<App>) -> (Router<App>, Value) {
    let (routes, document) = split(router);
    (routes, complete(document))
}

/// Returns the routes of `router`, the native API, and the document that describes them.
pub fn describe_native(router: OpenApiRouter<App>) -> (Router<App>, Value) {
    let (routes, document) = split(router);
    (routes, native::complete(document))
}

fn split(router: OpenApiRouter<App>) -> (Router<App>, Value) {
    let (routes, described) = router.split_for_parts();
    // Descriptions are plain data: they always turn into JSON.
    (routes, serde_json::to_value(&described).unwrap_or_default())
}

/// Returns the route that answers `document` at `path`.
pub fn router(path: &str, document: &Value) -> Router<App> {
    let document = Bytes::from(document.to_string());
    let answer = async move || ([(CONTENT_TYPE, "application/json")], document);
    Router::new().route(path, get(answer))
}

fn complete(mut document: Value) -> Value {
    document["info"] = json!({
        "title": "Waybill",
        "description": ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/" }, { "url": "/api" }, { "url": "/web" }]);
    document["tags"] = TAGS
        .iter()
        .map(|(_, name, about)| json!({ "name": name, "description": about }))
        .collect();
    document["security"] = logins();
    document["components"]["securitySchemes"] = login_schemes();
    document["components"]["responses"] = operation::refusals(&CONTRACT);
    document["components"]["schemas"]["Refusal"] = operation::refusal_schema();
    complete_paths(&mut document, &CONTRACT);
    schema::require_what_is_answered(&mut document);
    document
}

/// Describes the logins.
fn login_schemes() -> Value {
    json!({
        "basic": { "type": "http", "scheme": "basic", "description": "A user with a password or one of the user's tokens" },
        "bearer": { "type": "http", "scheme": "bearer", "description": "A token, or the ticket of a console login" },
        "platform": { "type": "http", "scheme": "platform", "description":
            "A platform: base64 of accessKey:secretKey; the header `X-BKREPO-UID` names the user it acts as" },
        "ticket": { "type": "apiKey", "in": "cookie", "name": "bkrepo_ticket", "description": "A console login; under `/web` only" },
    })
}

/// Returns the logins, any of which will do.
fn logins() -> Value {
    json!([{ "basic": [] }, { "bearer": [] }, { "platform": [] }, { "ticket": [] }])
}

fn complete_paths(document: &mut Value, form: &Form) {
    let mut paths = serde_json::Map::new();
    let mut ids = std::collections::HashSet::new();
    let described = document["paths"].as_object().cloned().unwrap_or_default();
    for (route, mut item) in described {
        let path = route.replace("{*", "{");
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            operation::complete(operation, method, &path, &mut ids, form);
        }
        paths.insert(path, item);
    }
    document["paths"] = paths.into();
}

#[cfg(test)]
mod tests;
