//! Tasks of a real node between real registries elsewhere: a foreign repository is read, a REMOTE cluster written.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::servers::{Nginx, PypiServer, python_packages};

use crate::promises::world::Node;

const JAR: &str = "org/example/app/1.0/app-1.0.jar";

/// Writes version `version` of `org.example:app` into the Maven repository in `files`.
fn publish(files: &Path, version: &str) {
    let folder = files.join("repo/org/example/app").join(version);
    std::fs::create_dir_all(&folder).expect("made");
    for (ending, bytes) in [("pom", "<project/>".repeat(20)), ("jar", "classes".repeat(5_000))] {
        std::fs::write(folder.join(format!("app-{version}.{ending}")), bytes).expect("written");
    }
}

/// Registers `url` as a foreign registry; returns the cluster's id.
async fn register(node: &Node, name: &str, url: &str) -> String {
    let body = json!({ "name": name, "url": url, "type": "REMOTE" });
    let create = "/replication/api/cluster/create";
    node.ok(Method::POST, create, Some(body)).await;
    let path = format!("/replication/api/cluster/info?name={name}");
    let info = node.ok(Method::GET, &path, None).await;
    info["id"].as_str().expect("an id").into()
}

/// Makes a repository of `node` that stands for the Maven repository at `url`.
async fn stand_for(node: &Node, url: &str) {
    stand_for_type(node, "MAVEN", url).await;
}

/// Makes a repository of `node` that stands for the registry of packages of `repository_type` at `url`.
async fn stand_for_type(node: &Node, repository_type: &str, url: &str) {
    let project = json!({ "name": "java", "displayName": "java", "description": "" });
    let create = "/repository/api/project/create";
    node.ok(Method::POST, create, Some(project)).await;
    let body = json!({ "projectId": "java", "name": "central", "type": repository_type, "category": "REMOTE",
        "configuration": { "type": "remote", "url": url } });
    node.ok(Method::POST, "/repository/api/repo/create", Some(body))
        .await;
}

/// Makes a task that carries the foreign repository to `clusters`; returns its key.
async fn make_task(node: &Node, name: &str, clusters: &[&String], packages: Value) -> String {
    let scope = if packages.is_null() {
        "REPOSITORY"
    } else {
        "PACKAGE"
    };
    let body = json!({ "name": name, "localProjectId": "java", "replicaObjectType": scope,
        "replicaType": "RUN_ONCE", "setting": { "errorStrategy": "CONTINUE" }, "remoteClusterIds": clusters,
        "replicaTaskObjects": [{ "localRepoName": "central", "repoType": "MAVEN", "remoteRepoName": "mirror",
            "packageConstraints": packages }] });
    let create = "/replication/api/task/create";
    let task = node.ok(Method::POST, create, Some(body)).await;
    task["key"].as_str().expect("a key").into()
}

fn shown(row: &Value) -> Value {
    json!([
        row["artifactName"],
        row["version"],
        row["packageConstraint"]["packageKey"],
        row["status"],
        row["progress"]["success"],
        row["progress"]["skip"],
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_travel_from_one_registry_to_another_and_the_log_names_them() {
    let (here, there) = (Nginx::start().await, Nginx::start().await);
    publish(&here.files(), "1.0");
    publish(&here.files(), "2.0");
    let node = Node::start("node").await;
    stand_for(&node, &format!("{}/repo", here.server.url())).await;
    let cluster = register(&node, "hub", &there.server.url()).await;
    let selected = json!([{ "packageKey": "gav://org.example:app", "versions": ["1.0"] }]);
    let one = make_task(&node, "one version", &[&cluster], selected).await;
    let all = make_task(&node, "everything", &[&cluster], Value::Null).await;

    let first = node.execute(&one).await;
    let record = node.ended(&first).await;
    assert_eq!(record["status"], "SUCCESS", "{record}");
    let rows = node.details(&first).await;
    let row = json!(["org.example:app", "1.0", "gav://org.example:app", "SUCCESS", 1, 0]);
    assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), [row]);
    assert_eq!(
        rows[0]["progress"]["fileSuccess"], 2,
        "both files moved: {}",
        rows[0]
    );
    let jar = |nginx: &Nginx, repository: &str| {
        let path = nginx.files().join(repository).join(JAR);
        std::fs::read(path).expect("it is there")
    };
    assert_eq!(jar(&there, "mirror"), jar(&here, "repo"));

    let second = node.execute(&all).await;
    assert_eq!(node.ended(&second).await["status"], "SUCCESS");
    let mut rows: Vec<Value> = node.details(&second).await.iter().map(shown).collect();
    rows.sort_by_key(ToString::to_string);
    assert_eq!(
        rows,
        [
            json!(["org.example:app", "1.0", "gav://org.example:app", "SUCCESS", 0, 1]),
            json!(["org.example:app", "2.0", "gav://org.example:app", "SUCCESS", 1, 0]),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_chooses_carries_the_newest_wanted_versions_and_then_only_what_came() {
    let (here, there) = (Nginx::start().await, Nginx::start().await);
    for version in ["1.0", "1.9", "1.10", "2.0-rc1"] {
        publish(&here.files(), version);
    }
    let node = Node::start("node").await;
    stand_for(&node, &format!("{}/repo", here.server.url())).await;
    let cluster = register(&node, "hub", &there.server.url()).await;
    let objects = json!([{ "localRepoName": "central", "repoType": "MAVEN", "remoteRepoName": "mirror",
        "versionFilter": { "exclude": ["*-rc*"], "newest": 2 } }]);
    let body = json!({ "name": "newest", "localProjectId": "java", "replicaObjectType": "REPOSITORY",
        "replicaType": "RUN_ONCE", "remoteClusterIds": [cluster], "replicaTaskObjects": objects });
    let (status, made) = node.call(Method::POST, "/api/v1/tasks", Some(body)).await;
    assert_eq!(status, 201, "{made}");
    let task = made["key"].as_str().expect("a key").to_owned();
    let versions = |rows: Vec<Value>, member: &str| {
        let carried = rows.iter().filter(|row| row["progress"][member] == 1);
        let mut versions: Vec<String> = carried
            .map(|row| row["version"].as_str().expect("a version").to_owned())
            .collect();
        versions.sort();
        versions
    };

    let first = node.execute(&task).await;
    assert_eq!(node.ended(&first).await["status"], "SUCCESS");
    publish(&here.files(), "1.11");
    let second = node.execute(&task).await;
    assert_eq!(node.ended(&second).await["status"], "SUCCESS");

    assert_eq!(versions(node.details(&first).await, "success"), ["1.10", "1.9"]);
    assert_eq!(versions(node.details(&second).await, "success"), ["1.11"]);
    assert_eq!(versions(node.details(&second).await, "skip"), ["1.10"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_gone_fails_its_part_with_a_reason_and_holds_up_nobody() {
    let (here, there) = (Nginx::start().await, Nginx::start().await);
    let mut gone = Nginx::start().await;
    publish(&here.files(), "1.0");
    let node = Node::start("node").await;
    stand_for(&node, &format!("{}/repo", here.server.url())).await;
    let hub = register(&node, "hub", &there.server.url()).await;
    let dead = register(&node, "dead", &gone.server.url()).await;
    let task = make_task(&node, "both", &[&dead, &hub], Value::Null).await;
    gone.server.stop();

    let id = node.execute(&task).await;
    let record = node.ended(&id).await;

    assert_eq!(record["status"], "FAILED");
    let reason = record["errorReason"].as_str().unwrap_or_default();
    assert!(reason.contains("dead"), "{record}");
    assert!(!reason.contains("hub"), "{record}");
    let arrived: Vec<Value> = node
        .details(&id)
        .await
        .into_iter()
        .filter(|row| row["remoteCluster"] == "hub")
        .collect();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0]["status"], "SUCCESS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_packages_travel_by_name_and_version_in_any_spelling() {
    let (here, there) = (PypiServer::start().await, PypiServer::start().await);
    let folder = |index: &PypiServer| index.server.folder().join("packages");
    for file in python_packages() {
        let name = file.file_name().expect("a name");
        std::fs::copy(&file, folder(&here).join(name)).expect("copied");
    }
    let node = Node::start("node").await;
    stand_for_type(&node, "PYPI", &here.server.url()).await;
    let cluster = register(&node, "hub", &there.server.url()).await;
    let body = json!({ "name": "six", "localProjectId": "java", "replicaObjectType": "PACKAGE",
        "replicaType": "RUN_ONCE", "setting": { "errorStrategy": "CONTINUE" }, "remoteClusterIds": [cluster],
        "replicaTaskObjects": [{ "localRepoName": "central", "repoType": "PYPI",
            "packageConstraints": [{ "packageKey": "pypi://Six", "versions": ["v1.17.0"] }] }] });
    let create = "/replication/api/task/create";
    let task = node.ok(Method::POST, create, Some(body)).await;

    let id = node.execute(task["key"].as_str().expect("a key")).await;
    let record = node.ended(&id).await;

    assert_eq!(record["status"], "SUCCESS", "{record}");
    let rows = node.details(&id).await;
    let row = json!(["six", "1.17.0", "pypi://six", "SUCCESS", 1, 0]);
    assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), [row]);
    assert_eq!(
        rows[0]["progress"]["fileSuccess"], 2,
        "wheel and source: {}",
        rows[0]
    );
    assert_eq!(std::fs::read_dir(folder(&there)).expect("its folder").count(), 2);
}
