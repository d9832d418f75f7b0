//! A walk through every endpoint of the contract, sections 4 to 9, with every kind of input.
//!
//! Each endpoint says what the contract says about it; the trip makes the calls every endpoint gets and those of its
//! own, and compares HTTP status, code, envelope and the members of the data. `the_walk_covers_the_document` prints
//! the table of what is covered, with how many members each requires and how many calls are its own.

mod accounts;
mod ask;
mod check;
mod clusters;
mod distributions;
mod endpoint;
mod events;
mod failures;
mod files;
pub mod furnished;
mod node_changes;
mod nodes;
mod packages;
mod peers;
mod projects;
mod records;
mod repositories;
pub mod shape;
mod tasks;
mod trip;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::Value;

use crate::world::World;
use endpoint::{Endpoint, Needs};
use furnished::Furnished;
use trip::Trip;

/// Every endpoint, by area.
fn areas() -> Vec<(&'static str, Vec<Endpoint>)> {
    vec![
        ("records", records::endpoints()),
        ("tasks", tasks::endpoints()),
        ("clusters", clusters::endpoints()),
        ("distributions", distributions::endpoints()),
        ("failures", failures::endpoints()),
        ("events", events::endpoints()),
        ("peers", peers::endpoints()),
        ("files", files::endpoints()),
        ("blocks", files::blocks()),
        ("archives", files::archives()),
        ("nodes", nodes::endpoints()),
        ("node changes", node_changes::endpoints()),
        ("packages", packages::endpoints()),
        ("projects", projects::endpoints()),
        ("repositories", repositories::endpoints()),
        ("accounts", accounts::endpoints()),
    ]
}

async fn document() -> Value {
    World::start().await.get("/v3/api-docs").await.body
}

/// Returns the path with its variables unnamed: the document and the contract call some differently.
fn unnamed(path: &str) -> String {
    let path = path.replace("/blocks.bin", "/{path}");
    let segments = path
        .split('/')
        .map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Returns the operations of the document: method, path without names, description.
fn operations(document: &Value) -> BTreeMap<(String, String), Value> {
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            operations.insert((method.to_uppercase(), unnamed(path)), operation.clone());
        }
    }
    operations
}

/// Sends every endpoint of `area` on its trip. Reads share a node, everything else has one of its own.
async fn walk(area: &str) {
    let operations = operations(&document().await);
    let endpoints = areas()
        .into_iter()
        .find(|(name, _)| *name == area)
        .expect("an area")
        .1;
    let shared = Furnished::new().await;
    let mut wrong = Vec::new();
    for endpoint in &endpoints {
        let own;
        let furnished = if endpoint.method == Method::GET {
            &shared
        } else {
            own = Furnished::new().await;
            &own
        };
        let operation = operations.get(&(endpoint.method.to_string(), unnamed(endpoint.path)));
        let parameters = operation.and_then(|operation| operation["parameters"].as_array());
        let queried = parameters
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query");
        let names = queried
            .filter_map(|parameter| parameter["name"].as_str())
            .map(String::from);
        let (calls, found) = Trip::new(furnished, endpoint, names.collect()).made().await;
        println!("{:<8} {calls:>5} calls, {} wrong", endpoint.name(), found.len());
        wrong.extend(found);
    }
    assert!(
        wrong.is_empty(),
        "{} of {area}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

macro_rules! walks {
    ($($test:ident $area:literal;)*) => { $(
        #[tokio::test]
        async fn $test() {
            walk($area).await;
        }
    )* };
}

walks! {
    records_answer_as_the_contract_says "records";
    tasks_answer_as_the_contract_says "tasks";
    clusters_answer_as_the_contract_says "clusters";
    distributions_answer_as_the_contract_says "distributions";
    events_answer_as_the_contract_says "events";
    peers_are_answered_as_the_contract_says "peers";
    blocks_answer_as_the_contract_says "blocks";
    archives_answer_as_the_contract_says "archives";
    node_changes_answer_as_the_contract_says "node changes";
    accounts_answer_as_the_contract_says "accounts";
    failures_answer_as_the_contract_says "failures";
    files_answer_as_the_contract_says "files";
    nodes_answer_as_the_contract_says "nodes";
    packages_answer_as_the_contract_says "packages";
    projects_answer_as_the_contract_says "projects";
    repositories_answer_as_the_contract_says "repositories";
}

#[tokio::test]
async fn the_walk_covers_the_document() {
    let documented = operations(&document().await);
    let mut walked = BTreeSet::new();

    println!(
        "{:<7} {:<80} {:<8} {:>9} {:>9}",
        "METHOD", "PATH", "NEEDS", "REQUIRED", "OWN CALLS"
    );
    for (area, endpoints) in areas() {
        println!("-- {area}");
        for endpoint in endpoints {
            let needs = match endpoint.needs {
                Needs::Admin => "admin",
                Needs::User => "login",
                Needs::Project | Needs::ProjectInBody => "project",
                Needs::Nothing => "nothing",
            };
            let (method, own) = (endpoint.method.to_string(), endpoint.calls.len());
            let (path, required) = (endpoint.path, endpoint.required.len());
            println!("{method:<7} {path:<80} {needs:<8} {required:>9} {own:>9}");
            walked.insert((method, unnamed(endpoint.path)));
        }
    }

    let documented: BTreeSet<_> = documented.into_keys().collect();
    let left_out: Vec<_> = documented.difference(&walked).collect();
    assert!(left_out.is_empty(), "not walked: {left_out:#?}");
    let unknown: Vec<_> = walked.difference(&documented).collect();
    assert!(unknown.is_empty(), "walked, but not documented: {unknown:#?}");
}

#[tokio::test]
async fn what_this_version_leaves_out_is_not_found() {
    let world = World::start().await;

    for (method, path) in [
        (Method::POST, "/replication/api/federation/create"),
        (Method::PUT, "/replication/api/federation/update"),
        (Method::DELETE, "/replication/api/federation/delete/demo/files/x"),
        (Method::DELETE, "/replication/api/federation/remove-cluster"),
        (Method::GET, "/replication/api/federation/list/demo/files"),
        (Method::POST, "/replication/api/federation/fullSync/demo/files/x"),
        (
            Method::PUT,
            "/replication/api/federation/fullSync/end/demo/files/x",
        ),
        (Method::POST, "/replication/api/federation/diff/count"),
        (Method::GET, "/replication/api/federation/status/repository"),
        (Method::GET, "/replication/api/federation/tracking/page"),
        (Method::POST, "/replication/ext/find/repo/difference"),
        (Method::POST, "/replication/ext/sync/repo/difference"),
        (Method::GET, "/replication/ext/dispatch/config/list"),
    ] {
        let answer = world.ask(method.clone(), path).send().await;
        assert_eq!(answer.refusal(), (404, 250_130), "{method} {path}");
    }
}
