//! The document and the routes agree.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Methods and paths; a path that is left out is written as the one it means.
type Operations = BTreeSet<(String, String)>;

/// Lists the routes of `router` from what it shows of itself: it has no other way to tell them.
fn routes(router: &Router<App>) -> Operations {
    let shown = format!("{router:?}");
    let (shown, _fallbacks) = shown
        .split_once("fallback_router")
        .expect("a router shows its fallbacks last");
    let mut methods: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut operations = Operations::new();
    for route in shown.split("RouteId(").skip(1) {
        let Some((id, route)) = route.split_once("): ") else {
            continue;
        };
        let id = id.parse().expect("a number");
        if let Some((_, allowed)) = route.split_once("allow_header: Bytes(b\"") {
            let allowed = allowed.split('"').next().unwrap_or_default();
            methods.insert(id, allowed.to_lowercase().split(',').map(String::from).collect());
        } else if let Some(path) = route.strip_prefix('"').and_then(|path| path.split('"').next()) {
            for method in methods.get(&id).into_iter().flatten() {
                operations.insert((method.clone(), documented_as(path)));
            }
        }
    }
    operations
}

/// Returns the path under which the document describes a route.
fn documented_as(route: &str) -> String {
    let path = route.replace("{*", "{");
    let of_a_node = path.starts_with("/repository/api/node/") || path.starts_with("/generic/");
    // A batch names its paths in the body.
    let of_a_node = of_a_node && !path.contains("/batch/");
    match path.trim_end_matches('/') {
        root if of_a_node && root.ends_with("/{projectId}/{repoName}") => format!("{root}/{{path}}"),
        other => other.to_owned(),
    }
}

fn documented(document: &Value) -> Operations {
    let mut operations = Operations::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            operations.insert((method.clone(), path.clone()));
        }
    }
    operations
}

#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    agree(describe(crate::router::described()), 40);
}

#[test]
fn every_route_of_the_native_api_is_in_its_document_and_the_other_way_round() {
    agree(describe_native(crate::api::router()), 25);
}

/// Fails unless routes and document name the same operations, `least` at least.
fn agree((router, document): (Router<App>, Value), least: usize) {
    let (mut routes, documented) = (routes(&router), documented(&document));

    // `HEAD` works wherever `GET` does; the document says so once.
    routes.retain(|(method, _)| method != "head");

    let undocumented: Vec<_> = routes.difference(&documented).collect();
    assert!(undocumented.is_empty(), "undocumented: {undocumented:#?}");
    let unknown: Vec<_> = documented.difference(&routes).collect();
    assert!(unknown.is_empty(), "documented, but no route: {unknown:#?}");
    assert!(routes.len() > least, "the routes are not found: {routes:?}");
}

#[test]
fn every_operation_has_a_name_of_its_own_a_subject_and_words() {
    for document in documents() {
        check_words(&document);
    }
}

fn documents() -> [Value; 2] {
    [
        describe(crate::router::described()).1,
        describe_native(crate::api::router()).1,
    ]
}

fn check_words(document: &Value) {
    let mut names = BTreeSet::new();

    for (method, path) in documented(document) {
        let operation = &document["paths"][&path][&method];
        assert!(
            names.insert(operation["operationId"].as_str().expect("a name")),
            "{path}"
        );
        assert_ne!(operation["tags"][0], "other", "add a tag for {path}");
        assert!(operation["summary"].is_string(), "{method} {path} says nothing");
        assert!(operation["responses"]["401"].is_object(), "{method} {path}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for document in documents() {
        let text = document.to_string();

        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().expect("an end");
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}

#[test]
fn every_member_of_an_answer_is_required_and_none_of_a_body_that_may_be_absent() {
    let (_, document) = describe(crate::router::described());
    let required = |schema: &str| document["components"]["schemas"][schema]["required"].to_string();

    assert!(required("ClusterView").contains("lastReportTime"));
    assert!(required("NodeDetail").contains("nodeInfo"));
    assert_eq!(required("ClusterUpdateBody"), r#"["name","url"]"#);
}

#[test]
fn a_member_may_be_called_properties() {
    let (_, document) = describe_native(crate::api::router());
    let members = &document["components"]["schemas"]["Node"]["properties"];

    assert!(members["properties"].is_object() && members["path"].is_object());
    assert!(members.get("required").is_none(), "{members}");
}
