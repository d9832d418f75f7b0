//! A page to read an OpenAPI document on: made here from the document itself, once, at start.
//!
//! No script, no font, no request to anybody: `details` opens and closes, and the browser searches. Its policy allows
//! nothing but the style that stands in it, known by its hash.

use std::fmt::Write as _;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::digest::Digest;
use serde_json::Value;

use crate::app::App;

/// Deepest level of a shape that is written out.
const DEEPEST: usize = 6;

const STYLE: &str = "\
:root{color-scheme:light dark;background:#fff;color:#1a1a1a}a{color:#0645ad}@media(prefers-color-scheme:dark){:root{background:#16181b;\
color:#e4e6e9}a{color:#8ab4f8}}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
h2{margin-top:2.5rem;border-bottom:1px solid #8884}details{margin:.3rem 0;padding:.3rem .6rem;border:1px solid #8884;\
border-radius:4px}summary{cursor:pointer;overflow-wrap:anywhere}nav a{margin-right:1rem;display:inline-block}\
b{display:inline-block;min-width:4.5rem;text-transform:uppercase}:target{outline:2px solid #48f}\
code,pre{font:13px/1.45 ui-monospace,monospace}pre{overflow:auto;padding:.6rem;background:#8881}\
div{overflow-x:auto}td,th{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0}";

/// Returns the route that shows `documents`, each with the path it is at, at `path`.
pub fn router(path: &str, documents: &[(&str, &Value)]) -> Router<App> {
    let page = Bytes::from(page(documents));
    let policy = policy();
    let answer = async move || {
        let head = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_SECURITY_POLICY, policy),
        ];
        (head, page)
    };
    Router::new().route(path, get(answer))
}

/// Returns the content policy of the page.
fn policy() -> HeaderValue {
    let hash = STANDARD.encode(Digest::of(STYLE.as_bytes()).as_bytes());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn page(documents: &[(&str, &Value)]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Waybill API</title><link rel=icon href=\"data:,\"><style>{STYLE}</style><body><main>"
    );
    for (path, document) in documents {
        let _ = write!(
            html,
            "<h1>{}</h1><p>{}</p><p><a href=\"{path}\">{path}</a>, OpenAPI {}</p>",
            escaped(&document["info"]["title"]),
            escaped(&document["info"]["description"]),
            escaped(&document["openapi"]),
        );
        let tags = || document["tags"].as_array().into_iter().flatten();
        let _ = write!(
            html,
            "<nav aria-label=\"{}\">",
            escaped(&document["info"]["title"])
        );
        for name in tags().map(|tag| escaped(&tag["name"])) {
            let _ = write!(html, "<a href=\"#{}\">{name}</a>", anchor(path, &name));
        }
        html.push_str("</nav>");
        for tag in tags() {
            let about = escaped(&tag["description"]);
            let name = escaped(&tag["name"]);
            let id = anchor(path, &name);
            let _ = write!(html, "<h2 id=\"{id}\">{name}</h2><p>{about}</p>");
            operations(&mut html, document, &tag["name"]);
        }
    }
    html.push_str("</main></body></html>");
    html
}

/// Returns what the tag `name` of the document at `path` is called in links.
fn anchor(path: &str, name: &str) -> String {
    format!("{}-{name}", path.trim_matches('/').replace('/', "-"))
}

fn operations(html: &mut String, document: &Value, tag: &Value) {
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation["tags"][0] != *tag {
                continue;
            }
            let _ = write!(
                html,
                "<details><summary><b>{}</b> <code>{}</code> {}</summary>",
                escape(method),
                escape(path),
                escaped(&operation["summary"]),
            );
            parameters(html, operation);
            bodies(html, document, "Sent", &operation["requestBody"]["content"]);
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                if status.starts_with('2') {
                    bodies(
                        html,
                        document,
                        &format!("Answered, {status}"),
                        &response["content"],
                    );
                }
            }
            html.push_str("</details>");
        }
    }
}

fn parameters(html: &mut String, operation: &Value) {
    let parameters = operation["parameters"].as_array();
    if parameters.is_none_or(Vec::is_empty) {
        return;
    }
    html.push_str("<div><table><tr><th>Name<th>In<th>About");
    for parameter in parameters.into_iter().flatten() {
        let required = if parameter["required"] == true {
            ", required"
        } else {
            ""
        };
        let _ = write!(
            html,
            "<tr><td><code>{}</code><td>{}{required}<td>{}",
            escaped(&parameter["name"]),
            escaped(&parameter["in"]),
            escaped(&parameter["description"]),
        );
    }
    html.push_str("</table></div>");
}

fn bodies(html: &mut String, document: &Value, title: &str, content: &Value) {
    for (media, body) in content.as_object().into_iter().flatten() {
        let mut shape = String::new();
        write_shape(&mut shape, document, &body["schema"], 0);
        let _ = write!(
            html,
            "<p>{} <code>{}</code></p><pre tabindex=0>{}</pre>",
            escape(title),
            escape(media),
            escape(&shape),
        );
    }
}

/// Writes the shape of `schema` as one would write an example of it.
fn write_shape(out: &mut String, document: &Value, schema: &Value, depth: usize) {
    let pad = "  ".repeat(depth + 1);
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let known = reference
            .strip_prefix('#')
            .and_then(|pointer| document.pointer(pointer));
        match known.filter(|_| depth < DEEPEST) {
            Some(known) => write_shape(out, document, known, depth),
            None => out.push_str(name),
        }
    } else if let Some(members) = schema["properties"].as_object() {
        out.push_str("{\n");
        for (name, member) in members {
            let _ = write!(out, "{pad}{name}: ");
            write_shape(out, document, member, depth + 1);
            if let Some(about) = member["description"].as_str() {
                let _ = write!(out, "  // {about}");
            }
            out.push('\n');
        }
        let _ = write!(out, "{}}}", "  ".repeat(depth));
    } else if schema["items"].is_object() {
        out.push('[');
        write_shape(out, document, &schema["items"], depth);
        out.push(']');
    } else if let Some(choices) = ["oneOf", "anyOf", "allOf"]
        .iter()
        .find_map(|of| schema[*of].as_array())
    {
        for (index, choice) in choices.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { " | " });
            write_shape(out, document, choice, depth);
        }
    } else if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        out.push_str(&values.join(" | "));
    } else {
        match &schema["type"] {
            Value::Array(types) => {
                let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
                out.push_str(&types.join(" | "));
            }
            Value::String(one) => out.push_str(one),
            _ => out.push_str("anything"),
        }
    }
}

fn escaped(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_page_names_every_operation_and_fetches_nothing() {
        let (_, native) = super::super::describe_native(crate::api::router());
        let (_, contract) = super::super::describe(crate::router::described());

        let page = page(&[("/api/v1/openapi.json", &native), ("/v3/api-docs", &contract)]);

        for document in [&native, &contract] {
            for path in document["paths"].as_object().expect("paths").keys() {
                assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
            }
        }
        for outside in ["<script", "src=", "http://", "url(", "@import", " style="] {
            assert!(!page.contains(outside), "{outside}");
        }
        let policy = policy();
        let policy = policy.to_str().expect("a text");
        assert!(
            !policy.contains("unsafe") && policy.contains("'sha256-"),
            "{policy}"
        );
    }

    #[test]
    fn words_are_no_markup_and_shapes_that_hold_themselves_end() {
        let document = json!({ "components": { "schemas": { "Node": {
            "properties": { "child": { "$ref": "#/components/schemas/Node" }, "<b>": { "type": "string" } }
        } } } });
        let mut shape = String::new();

        write_shape(
            &mut shape,
            &document,
            &json!({ "$ref": "#/components/schemas/Node" }),
            0,
        );

        assert!(shape.contains("child: Node"), "{shape}");
        assert_eq!(escape("<b>\"&"), "&lt;b&gt;&quot;&amp;");
    }
}
