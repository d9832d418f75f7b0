//! Schemas the derive macros do not make.

use std::collections::HashSet;

use serde_json::Value;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The bytes of a file.
pub(crate) enum FileBytes {}

impl PartialSchema for FileBytes {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(binary))
            .into()
    }
}

impl ToSchema for FileBytes {}

/// Returns the schema of `T` without the members `removed` and with `more`.
pub(crate) fn reshaped<T: PartialSchema>(
    removed: &[&str],
    more: impl IntoIterator<Item = (&'static str, impl Into<RefOr<Schema>>)>,
) -> RefOr<Schema> {
    let mut schema = T::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object
            .properties
            .retain(|name, _| !removed.contains(&name.as_str()));
        object.required.retain(|name| !removed.contains(&name.as_str()));
        for (name, member) in more {
            object.properties.insert(name.into(), member.into());
        }
    }
    schema
}

/// Returns the schema of `T` with the members of `M` too.
pub(crate) fn joined<T: PartialSchema, M: PartialSchema>() -> RefOr<Schema> {
    let mut schema = T::schema();
    if let (RefOr::T(Schema::Object(object)), RefOr::T(Schema::Object(more))) = (&mut schema, M::schema()) {
        object.properties.extend(more.properties);
        object.required.extend(more.required);
    }
    schema
}

/// Requires every member of what is answered: the contract leaves none out, nulls included.
///
/// What is only sent keeps its own requirements.
pub(super) fn require_what_is_answered(document: &mut Value) {
    let mut found = Vec::new();
    for operation in document["paths"]
        .as_object_mut()
        .into_iter()
        .flatten()
        .flat_map(|(_, item)| item.as_object_mut())
        .flatten()
    {
        require(&mut operation.1["responses"], &mut found);
    }
    let mut seen = HashSet::new();
    while let Some(name) = found.pop() {
        if seen.insert(name.clone()) {
            require(&mut document["components"]["schemas"][&name], &mut found);
        }
    }
}

/// Requires every member below `node`, and notes which schemas it refers to.
fn require(node: &mut Value, found: &mut Vec<String>) {
    match node {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                let names = properties.keys().cloned().map(Value::String).collect();
                members.insert("required".into(), Value::Array(names));
            }
            if let Some(Value::String(target)) = members.get("$ref")
                && let Some(name) = target.strip_prefix("#/components/schemas/")
            {
                found.push(name.to_owned());
            }
            for (name, member) in members {
                match member {
                    // Its names are those of members, whatever they are called.
                    Value::Object(properties) if name == "properties" => {
                        properties.values_mut().for_each(|member| require(member, found));
                    }
                    member => require(member, found),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| require(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
