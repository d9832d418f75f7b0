//! A repository's configuration: an object whose members depend on its `type`.
//!
//! What was given is kept but for passwords, and what the contract's clients rely on is added. A configuration that
//! would make this node call others is refused; one of type `remote` names a registry that tasks read from.

use serde_json::{Map, Value, json};

use super::repositories::not_supported;
use crate::contract::names::REPOSITORY_CATEGORIES;
use crate::error::ApiResult;
use crate::json::{Members, unreadable_member};

/// Returns what a repository of `category` has when nothing was given.
pub(crate) fn default_configuration(category: &str) -> String {
    let given = json!({ "type": category.to_ascii_lowercase() });
    completed(given.as_object().cloned().unwrap_or_default()).to_string()
}

/// Reads a configuration, which has to be of the type that a repository of this kind has.
pub(super) fn configuration(body: &Members, foreign: bool) -> ApiResult<Option<String>> {
    let Some(given) = body.get("configuration") else {
        return Ok(None);
    };
    let Value::Object(members) = given else {
        return Err(unreadable_member("configuration"));
    };
    let given_type = members.get("type").and_then(Value::as_str).unwrap_or_default();
    let known = REPOSITORY_CATEGORIES
        .iter()
        .any(|category| category.to_ascii_lowercase() == given_type);
    if !known {
        return Err(unreadable_member("configuration.type"));
    }
    let fits = match given_type {
        "local" | "composite" => !foreign,
        "remote" => foreign,
        _ => false,
    };
    if !fits {
        return Err(not_supported("configuration.type", given_type));
    }
    for (pointer, name) in [
        ("/proxy/channelList", "configuration.proxy.channelList"),
        ("/webHook/webHookList", "configuration.webHook.webHookList"),
    ] {
        match given.pointer(pointer) {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) if list.is_empty() => {}
            Some(Value::Array(_)) => return Err(not_supported(name, "[...]")),
            Some(_) => return Err(unreadable_member(name)),
        }
    }
    for name in ["proxy", "webHook", "settings", "credentials"] {
        if members
            .get(name)
            .is_some_and(|member| !member.is_object() && !member.is_null())
        {
            return Err(unreadable_member(&format!("configuration.{name}")));
        }
    }
    let mut kept = members.clone();
    if let Some(Value::Object(credentials)) = kept.get_mut("credentials") {
        // Kept sealed, and never shown.
        credentials.remove("password");
    }
    Ok(Some(completed(kept).to_string()))
}

/// Adds the members that every configuration of its type has.
fn completed(mut members: Map<String, Value>) -> Value {
    let composite = members.get("type").is_some_and(|given| given == "composite");
    members.retain(|_, member| !member.is_null());
    let mut add = |name: &str, member: Value| {
        members.entry(name).or_insert(member);
    };
    if composite {
        add("proxy", json!({ "channelList": [] }));
    }
    add("webHook", json!({ "webHookList": [] }));
    add("settings", json!({}));
    Value::Object(members)
}
