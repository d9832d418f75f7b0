//! The document of the native API: OpenAPI 3.1 at `/api/v1/openapi.json`.
//!
//! Plain JSON without an envelope; a refusal is a problem of RFC 9457, whatever refused.

use serde_json::{Value, json};

use super::{Form, operation, schema};

const ABOUT: &str = "\
Waybill's own API: everything the console does, and what the contract of bk-repo cannot say. Times are RFC 3339 in \
UTC; refusals are problems (RFC 9457), in the language of `Accept-Language`. A list that goes on names the next \
page's `cursor` in `next`. `HEAD` works wherever `GET` does.";

/// What is the same for every operation of the native API.
pub(super) const NATIVE: Form = Form {
    tags: TAGS,
    refusals: REFUSALS,
    refusal_type: "application/problem+json",
    enveloped: false,
};

const TAGS: &[(&str, &str, &str)] = &[
    ("/api/v1/events", "events", "What changes, as it changes"),
    ("/api/v1/overview", "overview", "Whether everything arrives"),
    ("/api/v1/tasks", "tasks", "What is replicated, where to and when"),
    ("/api/v1/cron", "tasks", "What is replicated, where to and when"),
    (
        "/api/v1/records",
        "records",
        "Runs of tasks, artifact by artifact",
    ),
    (
        "/api/v1/artifacts",
        "artifacts",
        "One artifact at every cluster and in every run",
    ),
    (
        "/api/v1/clusters",
        "clusters",
        "Named places that hold repositories",
    ),
    (
        "/api/v1/webhooks",
        "webhooks",
        "Calls to others when a run fails or recovers",
    ),
    ("/api/v1/users", "users", "Users that may log in"),
    ("/api/v1/me", "users", "Users that may log in"),
    ("/api/v1/tokens", "tokens", "Texts that act as their user"),
    (
        "/api/v1/projects",
        "repositories",
        "Projects, repositories and the files in them",
    ),
    (
        "/api/v1/repositories",
        "repositories",
        "Projects, repositories and the files in them",
    ),
    (
        "/api/v1/projects/{project}/access",
        "access",
        "Who may do what in a project",
    ),
    (
        "/api/v1/platforms",
        "platforms",
        "Programs that act as the users they name",
    ),
];

const REFUSALS: &[(u16, &str, &str)] = &[
    (
        400,
        "BadRequest",
        "What was sent cannot be done; `detail` says why",
    ),
    (401, "Unauthenticated", "The login is absent or wrong"),
    (403, "Forbidden", "The caller may not do this"),
    (404, "NotFound", "There is no such thing"),
    (409, "Conflict", "What exists, or goes on, does not allow this"),
    (413, "TooLarge", "The body is too large"),
    (
        415,
        "UnsupportedMediaType",
        "The body is of a type that is not read here",
    ),
    (
        416,
        "RangeNotSatisfiable",
        "The range is not one range within the file",
    ),
    (
        429,
        "TooManyRequests",
        "Too many requests of one kind; `Retry-After` says when to come back",
    ),
    (
        500,
        "Broken",
        "Something broke here; the log knows it by the trace id",
    ),
    (507, "StorageFull", "The disk is full"),
];

/// Adds what all operations share.
pub(super) fn complete(mut document: Value) -> Value {
    document["info"] = json!({
        "title": "Waybill, native API",
        "description": ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/" }]);
    let mut tags: Vec<Value> = Vec::new();
    for (_, name, about) in TAGS {
        if !tags.iter().any(|tag| tag["name"] == *name) {
            tags.push(json!({ "name": name, "description": about }));
        }
    }
    document["tags"] = tags.into();
    document["security"] = super::logins();
    document["components"]["securitySchemes"] = super::login_schemes();
    document["components"]["responses"] = operation::refusals(&NATIVE);
    document["components"]["schemas"]["Refusal"] = problem();
    super::complete_paths(&mut document, &NATIVE);
    schema::require_what_is_answered(&mut document);
    document
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A problem of RFC 9457",
        "required": ["type", "title", "status", "detail", "code", "traceId"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What went wrong, in the caller's language" },
            "code": { "type": "integer", "minimum": 250_000, "description": "What went wrong, for programs" },
            "traceId": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
        },
    })
}
