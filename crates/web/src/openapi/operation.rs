//! What is the same for every operation: envelope, refusals, path parameters, name, logins.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::Form;

pub(super) const JSON: &str = "application/json";

/// What every operation of the contract can answer besides its success: status, name, meaning.
pub(super) const REFUSALS: &[(u16, &str, &str)] = &[
    (
        400,
        "BadRequest",
        "What was sent cannot be done; the code and message say why",
    ),
    (401, "Unauthenticated", "The login is absent or wrong"),
    (403, "Forbidden", "The caller may not do this"),
    (404, "NotFound", "There is no such thing, or no such URL"),
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

/// Path parameters whose meaning does not depend on where they stand.
const PARAMETERS: &[(&str, &str)] = &[
    ("projectId", "Name of the project"),
    ("repoName", "Name of the repository"),
    (
        "path",
        "Path within the repository; slashes may be sent as they are",
    ),
    ("key", "Key of the task"),
    ("recordId", "Id of the record"),
    ("eventId", "Id of the event"),
    ("id", "Id"),
    ("name", "Name"),
    ("uid", "Name of the user"),
    ("uuid", "Id of the upload session"),
];

/// Returns the responses all operations share.
pub(super) fn refusals(form: &Form) -> Value {
    let responses = form.refusals.iter().map(|(_, name, meaning)| {
        let schema = json!({ "$ref": "#/components/schemas/Refusal" });
        let response =
            json!({ "description": meaning, "content": { form.refusal_type: { "schema": schema } } });
        ((*name).to_owned(), response)
    });
    Value::Object(responses.collect())
}

/// Returns the schema of an envelope that carries a refusal.
pub(super) fn refusal_schema() -> Value {
    let code =
        json!({ "type": "integer", "minimum": 250_000, "description": "What went wrong, for programs" });
    let message = json!({ "type": "string", "description": "What went wrong, in the caller's language" });
    let mut schema = envelope(&code, &message, &json!({ "type": "null" }));
    schema["description"] = "An envelope that carries a refusal".into();
    schema
}

fn envelope(code: &Value, message: &Value, data: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["code", "message", "data", "traceId"],
        "properties": {
            "code": code,
            "message": message,
            "data": data,
            "traceId": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
        },
    })
}

/// Completes the description of `method` at `path`; `ids` are the names operations have by now.
pub(super) fn complete(
    operation: &mut Value,
    method: &str,
    path: &str,
    ids: &mut HashSet<String>,
    form: &Form,
) {
    let tag = form
        .tags
        .iter()
        .filter(|(beginning, ..)| path.starts_with(beginning))
        .max_by_key(|(beginning, ..)| beginning.len())
        .map_or("other", |(_, tag, _)| tag);
    let handler = operation["operationId"].as_str().unwrap_or(method);
    let mut id = format!("{tag}_{handler}");
    if ids.contains(&id) {
        id = format!("{id}_{method}");
    }
    ids.insert(id.clone());
    operation["operationId"] = id.into();
    operation["tags"] = json!([tag]);
    add_path_parameters(operation, path);
    complete_responses(operation, method, form);
    // `security(())` on a handler: nobody has to log in, and a wrong login is refused all the same.
    if let Some(allowed) = operation.get_mut("security").and_then(Value::as_array_mut) {
        allowed.extend(super::logins().as_array().into_iter().flatten().cloned());
    }
}

fn add_path_parameters(operation: &mut Value, path: &str) {
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let named = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    for name in named {
        let known = |parameter: &Value| parameter["in"] == "path" && parameter["name"] == name;
        if parameters.iter().any(known) {
            continue;
        }
        let meaning = PARAMETERS.iter().find(|(known, _)| *known == name);
        parameters.push(json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": meaning.map_or("", |(_, meaning)| meaning),
            "schema": { "type": "string", "minLength": 1 },
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
}

fn complete_responses(operation: &mut Value, method: &str, form: &Form) {
    let mut responses = operation["responses"].as_object().cloned().unwrap_or_default();
    if responses.is_empty() && form.enveloped {
        let nothing = json!({ "content": { JSON: { "schema": { "type": "null" } } } });
        responses.insert("200".into(), nothing);
    }
    for response in responses.values_mut() {
        wrap(response, form.enveloped);
    }
    add_refusals(operation, method, form, &mut responses);
    operation["responses"] = responses.into();
}

/// Puts the envelope around the data of a success, where data travels in one.
fn wrap(response: &mut Value, enveloped: bool) {
    if response["description"].as_str().unwrap_or_default().is_empty() {
        response["description"] = "Done".into();
    }
    if !enveloped {
        return;
    }
    let content = response.get_mut("content").and_then(Value::as_object_mut);
    // A text or flag alone is taken for plain text, but every datum travels in an envelope.
    if let Some(content) = content
        && let Some(datum) = content.remove("text/plain")
    {
        content.insert(JSON.into(), datum);
    }
    if let Some(data) = response.pointer_mut("/content/application~1json/schema") {
        *data = envelope(
            &json!({ "type": "integer", "const": 0 }),
            &json!({ "type": "null" }),
            data,
        );
    }
}

fn add_refusals(operation: &Value, method: &str, form: &Form, responses: &mut Map<String, Value>) {
    let takes_file = ["application~1octet-stream", "multipart~1form-data"]
        .iter()
        .any(|media| {
            operation
                .pointer(&format!("/requestBody/content/{media}"))
                .is_some()
        });
    let takes_range = operation["parameters"].as_array().is_some_and(|parameters| {
        parameters
            .iter()
            .any(|parameter| parameter["name"] == "Range" || parameter["name"] == "Content-Range")
    });
    for (status, name, _) in form.refusals {
        let possible = match status {
            413 | 415 => method != "get" || operation.get("requestBody").is_some(),
            416 => takes_range,
            507 => takes_file,
            _ => true,
        };
        if possible {
            let response = json!({ "$ref": format!("#/components/responses/{name}") });
            responses.entry(status.to_string()).or_insert(response);
        }
    }
}
