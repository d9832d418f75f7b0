//! Schemathesis calls every operation of a node's OpenAPI document and looks for answers that it does not describe.
//!
//! Two tests, because writes destroy what reads are to find: every `GET`, and the rest. Both know names and ids of
//! things that exist and mix them with values of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use super::promises::world::{Node, PASSWORD};

/// Requests per operation in the fuzzing phase; the coverage phase makes as many as the schema has corners.
const EXAMPLES: u32 = 15;

/// What Schemathesis also checks, and this API does not hold on purpose: the contract reads numbers and flags from
/// texts and ignores what it does not know, and answers 400 where a request is well-formed but cannot be done.
const NOT_CHECKED: &str = "negative_data_rejection,positive_data_acceptance";

/// Reads that only succeed with what this test does not know: the id of an open upload, and what images were pushed.
const NEED_MORE: &[&str] = &[
    "GET /generic/block/{projectId}/{repoName}/{path}",
    "GET /repository/api/package/info/{projectId}/{repoName}",
];

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

/// A node that has one of everything, and the ids of it.
struct Furnished {
    centre: Node,
    _edge: Node,
    known: Value,
}

async fn furnished() -> Furnished {
    let (centre, edge) = tokio::join!(Node::start("centre"), Node::start("edge"));
    let cluster = centre.register("edge", edge.address).await;
    for node in [&centre, &edge] {
        node.make_repository("demo", "files").await;
        node.upload("demo/files", "/same.txt", b"same".to_vec()).await;
    }
    centre
        .upload("demo/files", "/img/logo.json", b"{}".to_vec())
        .await;
    edge.upload("demo/files", "/img/logo.json", b"other".to_vec())
        .await;
    centre.upload("demo/files", "/img/new", b"new".to_vec()).await;
    let setting = json!({ "conflictStrategy": "FAST_FAIL", "errorStrategy": "CONTINUE" });
    let task = centre
        .make_task("first", "demo/files", std::slice::from_ref(&cluster), setting)
        .await;
    let record = centre.execute(&task).await;
    assert_eq!(centre.ended(&record).await["status"], "FAILED");
    let once = json!({ "name": "once", "clusterId": cluster, "pathConstraints": ["/img"] });
    let path = "/replication/api/remote/distribution/create/runOnceTask/demo/files";
    centre.ok(Method::POST, path, Some(once)).await;
    let sha256 = centre.files("demo/files").await.remove("/same.txt");
    let known = json!({
        "projectId": ["demo"], "repoName": ["files"], "path": ["img", "img/logo.json", "same.txt"],
        "fullPath": ["/img", "/same.txt"], "paths": ["/img", "/same.txt"], "sha256": [sha256], "uid": ["admin"],
        "key": [task], "taskKey": [task], "recordId": [record], "id": [cluster], "clusterId": [cluster],
        "name": ["edge", "once", "demo"], "type": ["GENERIC"], "pageNumber": [1], "pageSize": [20],
    });
    Furnished {
        centre,
        _edge: edge,
        known,
    }
}

/// Writes the configuration that tells Schemathesis what exists.
fn configuration(known: &Value, folder: &Path) -> PathBuf {
    let mut text = String::new();
    for (name, values) in known.as_object().expect("an object") {
        text += &format!("[dictionaries.{name}]\nvalues = {values}\n");
    }
    text += "[parameters]\n";
    for name in known.as_object().expect("an object").keys() {
        let places: &[&str] = match name.as_str() {
            "paths" => &["body.paths[*]"],
            _ => &["path", "query", "body"],
        };
        for place in places {
            let bound = if place.contains('.') {
                (*place).to_owned()
            } else {
                format!("{place}.{name}")
            };
            text += &format!("\"{bound}\" = {{ dictionary = \"{name}\", probability = 0.7 }}\n");
        }
    }
    let file = folder.join("schemathesis.toml");
    std::fs::write(&file, text).expect("written");
    file
}

/// Runs Schemathesis on the operations `which` selects; returns the statuses each of them was answered with.
fn finds_nothing(node: &Furnished, which: &[&str]) -> BTreeMap<String, BTreeSet<u64>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("http://{}", node.centre.address);
    let output = Command::new(schemathesis())
        .arg("--config-file")
        .arg(configuration(&node.known, folder.path()))
        .args(["run", &format!("{url}/v3/api-docs"), "--url", &url])
        .args(["--auth", &format!("admin:{PASSWORD}")])
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_gets_an_answer_that_the_document_does_not_describe() {
    let furnished = furnished().await;

    let reads = tokio::task::block_in_place(|| finds_nothing(&furnished, &["--include-method", "GET"]));

    assert!(reads.len() > 40, "{reads:?}");
    let never: Vec<_> = reads
        .iter()
        .filter(|(name, statuses)| name.starts_with("GET ") && !statuses.contains(&200))
        .filter(|(name, _)| !NEED_MORE.contains(&name.as_str()))
        .collect();
    assert!(never.is_empty(), "never succeeded: {never:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_gets_an_answer_that_the_document_does_not_describe() {
    let furnished = furnished().await;

    let writes = tokio::task::block_in_place(|| finds_nothing(&furnished, &["--exclude-method", "GET"]));

    assert!(writes.len() > 40, "{writes:?}");
    let (status, _) = furnished.centre.call(Method::GET, "/readyz", None).await;
    assert_eq!(status, 200);
}
