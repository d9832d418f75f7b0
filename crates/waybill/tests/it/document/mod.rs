//! Schemathesis calls every operation of a node's OpenAPI documents and looks for answers that they do not describe.
//!
//! Two tests for each document, because writes destroy what reads are to find: every `GET`, and the rest. They know
//! names and ids of things that exist and mix them with values of their own.

mod contract;
mod native;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use super::promises::world::{Node, PASSWORD};

/// Requests per operation in the fuzzing phase; the coverage phase makes as many as the schema has corners.
const EXAMPLES: u32 = 15;

/// What Schemathesis also checks. Two of it the APIs do not hold on purpose: they read numbers and flags from texts and
/// ignore what they do not know, and answer 400 where a request is well-formed but cannot be done. The third is tested
/// elsewhere, with every login: wrong ones are slowed down, which took most of the time here.
const NOT_CHECKED: &str = "negative_data_rejection,positive_data_acceptance,ignored_auth";

/// A node with a task one run of which failed, and the node it knows.
struct Pair {
    centre: Node,
    edge: Node,
    /// What the centre calls the edge, its task and the record.
    cluster: String,
    task: String,
    record: String,
}

impl Pair {
    async fn start() -> Self {
        let (centre, edge) = tokio::join!(Node::start("centre"), Node::start("edge"));
        let cluster = centre.register("edge", edge.address).await;
        for node in [&centre, &edge] {
            node.make_repository("demo", "files").await;
            node.upload("demo/files", "/same.txt", b"same".to_vec()).await;
            let own = node.name.clone().into_bytes();
            node.upload("demo/files", "/img/logo.json", own).await;
        }
        centre.upload("demo/files", "/img/new", b"new".to_vec()).await;
        let setting = json!({ "conflictStrategy": "FAST_FAIL", "errorStrategy": "CONTINUE" });
        let clusters = std::slice::from_ref(&cluster);
        let task = centre.make_task("first", "demo/files", clusters, setting).await;
        let record = centre.execute(&task).await;
        assert_eq!(centre.ended(&record).await["status"], "FAILED");
        Self {
            centre,
            edge,
            cluster,
            task,
            record,
        }
    }
}

/// An API and what is known of the node that serves it.
struct Served {
    node: Node,
    /// Where its document is.
    document: &'static str,
    /// An administrator whom nothing changes.
    user: &'static str,
    /// Values of parameters, by their names.
    known: Value,
}

/// Returns the program `scripts/needs.sh` installs.
fn schemathesis() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it lies in the target folder");
    let program = target.join("tools/schemathesis/bin/schemathesis");
    assert!(
        program.exists(),
        "Schemathesis is not installed: run `make needs`"
    );
    program
}

/// Writes the configuration that tells Schemathesis what exists.
fn configuration(known: &Value, folder: &Path) -> PathBuf {
    let mut text = String::new();
    for (name, values) in known.as_object().expect("an object") {
        text += &format!("[dictionaries.{name}]\nvalues = {values}\n");
    }
    text += "[parameters]\n";
    for name in known.as_object().expect("an object").keys() {
        // Wrong logins wait their turn, up to four seconds each: one in five is enough.
        let probability = match name.as_str() {
            "username" | "password" => 0.9,
            _ => 0.7,
        };
        let places: &[&str] = match name.as_str() {
            "paths" => &["body.paths[*]"],
            "remoteClusterIds" => &["body.remoteClusterIds[*]"],
            "localRepoName" => &["body.replicaTaskObjects[*].localRepoName"],
            _ => &["path", "query", "body"],
        };
        for place in places {
            let bound = if place.contains('.') {
                (*place).to_owned()
            } else {
                format!("{place}.{name}")
            };
            text += &format!("\"{bound}\" = {{ dictionary = \"{name}\", probability = {probability} }}\n");
        }
    }
    let file = folder.join("schemathesis.toml");
    std::fs::write(&file, text).expect("written");
    file
}

/// Runs Schemathesis on the operations `which` selects; returns the statuses each of them was answered with.
fn finds_nothing(served: &Served, which: &[&str]) -> BTreeMap<String, BTreeSet<u64>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("http://{}", served.node.address);
    let output = Command::new(schemathesis())
        .arg("--config-file")
        .arg(configuration(&served.known, folder.path()))
        .args(["run", &format!("{url}{}", served.document), "--url", &url])
        .args(["--auth", &format!("{}:{PASSWORD}", served.user)])
        // A busy machine is no finding.
        .args(["--suppress-health-check", "all", "--request-timeout", "60"])
        .args(["--exclude-checks", NOT_CHECKED, "--warnings", "off"])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", &EXAMPLES.to_string(), "--seed", "1"])
        .args(["--report", "ndjson", "--report-ndjson-path", "report"])
        .args(which)
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    statuses(&folder.path().join("report"))
}

fn statuses(report: &Path) -> BTreeMap<String, BTreeSet<u64>> {
    let mut statuses: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for line in std::fs::read_to_string(report).expect("a report").lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let scenario = &event["ScenarioFinished"]["recorder"];
        let (Some(operation), Some(exchanges)) =
            (scenario["label"].as_str(), scenario["interactions"].as_object())
        else {
            continue;
        };
        let answered = exchanges
            .values()
            .filter_map(|exchange| exchange["response"]["status_code"].as_u64());
        statuses.entry(operation.into()).or_default().extend(answered);
    }
    statuses
}

/// Calls every `GET`; at least `least` of them, and those that `need_more` does not name succeed once.
fn reads_agree(served: &Served, least: usize, need_more: &[&str], besides: &[&str]) {
    let which = [&["--include-method", "GET"], besides].concat();
    let reads = tokio::task::block_in_place(|| finds_nothing(served, &which));

    assert!(reads.len() >= least, "{reads:?}");
    let never: Vec<_> = reads
        .iter()
        .filter(|(name, statuses)| name.starts_with("GET ") && !statuses.contains(&200))
        .filter(|(name, _)| !need_more.contains(&name.as_str()))
        .collect();
    assert!(never.is_empty(), "never succeeded: {never:?}");
}

/// Calls everything but `GET`, `least` operations at least; the node is well afterwards.
async fn writes_agree(served: &Served, least: usize, besides: &[&str]) {
    let which = [&["--exclude-method", "GET"], besides].concat();
    let writes = tokio::task::block_in_place(|| finds_nothing(served, &which));

    assert!(writes.len() >= least, "{writes:?}");
    let (status, _) = served.node.call(Method::GET, "/readyz", None).await;
    assert_eq!(status, 200);
}
