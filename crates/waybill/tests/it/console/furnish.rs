//! Nodes with something to look at: tasks that arrive and tasks that do not, a cluster that is down.

use reqwest::Method;
use serde_json::{Value, json};

use crate::promises::world::Node;

/// What the pages are about.
pub struct Furnished {
    pub centre: Node,
    pub frankfurt: Node,
    /// A task with many runs, its latest record, and the record of a run that failed.
    pub task: String,
    pub record: String,
    pub failed: String,
    /// A task of several repositories.
    pub several: String,
    /// Ids of the cluster that answers and of a webhook.
    pub cluster: String,
    pub webhook: String,
}

/// Makes a task that runs by `cron`; returns its key.
async fn scheduled(centre: &Node, name: &str, repository: &str, clusters: &[&str], conflict: &str) -> String {
    let (project, repository) = repository.split_once('/').expect("project/repository");
    let body = json!({ "name": name, "localProjectId": project, "replicaObjectType": "REPOSITORY",
        "replicaType": "SCHEDULED", "remoteClusterIds": clusters, "description": "Keeps the plants up to date",
        "setting": { "rateLimit": 0, "includeMetadata": true, "conflictStrategy": conflict,
            "errorStrategy": "CONTINUE", "executionStrategy": "CRON_EXPRESSION", "automaticCreateRemoteRepo": true,
            "executionPlan": { "executeImmediately": false, "cronExpression": "0 0 3 * * ?" } },
        "replicaTaskObjects": [{ "localRepoName": repository, "remoteProjectId": project,
            "remoteRepoName": repository, "repoType": "GENERIC", "packageConstraints": null,
            "pathConstraints": null }] });
    let task = centre
        .ok(Method::POST, "/replication/api/task/create", Some(body))
        .await;
    task["key"].as_str().expect("a task has a key").into()
}

async fn run(centre: &Node, task: &str) -> String {
    let (status, started) = centre
        .call(Method::POST, &format!("/api/v1/tasks/{task}/run"), None)
        .await;
    assert_eq!(status, 202, "{started}");
    let record = started["recordId"].as_str().expect("a record").to_owned();
    centre.ended(&record).await;
    record
}

async fn fill(centre: &Node, repository: &str, what: &str, files: u32) {
    for n in 0..files {
        let path = format!("/{what}/1.{}.{}/{what}-{n}.bin", n / 10, n % 10);
        let size = 1_000 + (n as usize * 7_919) % 40_000;
        centre.upload(repository, &path, vec![n as u8; size]).await;
    }
}

/// Starts a centre and two clusters, one of which is down by the end.
pub async fn furnished() -> Furnished {
    let (centre, frankfurt, mut plant) = tokio::join!(
        Node::start("centre"),
        Node::start("frankfurt"),
        Node::start("plant-7")
    );
    for (project, repository) in [("app", "builds"), ("app", "releases"), ("tools", "installers")] {
        centre.make_repository(project, repository).await;
    }
    fill(&centre, "app/builds", "build", 60).await;
    fill(&centre, "app/releases", "release", 24).await;
    fill(&centre, "tools/installers", "setup", 18).await;
    let cluster = centre.register("frankfurt", frankfurt.address).await;
    let far = centre.register("plant-7", plant.address).await;
    let both = [cluster.as_str(), far.as_str()];
    let task = scheduled(&centre, "nightly builds", "app/builds", &both[..1], "SKIP").await;
    scheduled(&centre, "releases to both", "app/releases", &both, "SKIP").await;
    let installers = scheduled(&centre, "installers", "tools/installers", &both, "FAST_FAIL").await;

    let several = several(&centre, &cluster).await;
    describe(&centre).await;

    let mut record = run(&centre, &task).await;
    for again in 0..6_u8 {
        for n in 0..=again {
            let path = format!("/build/2.{again}.{n}/build-{n}.bin");
            centre.upload("app/builds", &path, vec![n; 12_000]).await;
        }
        record = run(&centre, &task).await;
    }
    frankfurt.make_repository("tools", "installers").await;
    for n in 3..7 {
        let path = format!("/setup/1.0.{n}/setup-{n}.bin");
        frankfurt
            .upload("tools/installers", &path, b"other".to_vec())
            .await;
    }
    plant.kill().await;
    let failed = run(&centre, &installers).await;
    let (status, webhook) = centre
        .call(Method::POST, "/api/v1/webhooks", Some(webhook(&centre)))
        .await;
    assert_eq!(status, 201, "{webhook}");
    let webhook = webhook["id"].as_str().expect("an id").to_owned();
    centre
        .call(Method::POST, &format!("/api/v1/webhooks/{webhook}/test"), None)
        .await;
    for cluster in ["frankfurt", "plant-7"] {
        let path = format!("/api/v1/clusters/{cluster}/check");
        let (status, answer) = centre.call(Method::POST, &path, None).await;
        assert_eq!(status, 200, "{answer}");
    }
    Furnished {
        centre,
        frankfurt,
        task,
        record,
        failed,
        several,
        cluster,
        webhook,
    }
}

/// Makes a task of two repositories of files and some versions of images; returns its key.
async fn several(centre: &Node, cluster: &str) -> String {
    let images = json!({ "projectId": "app", "name": "images", "type": "DOCKER" });
    let path = "/repository/api/repo/create";
    centre.ok(Method::POST, path, Some(images)).await;
    let body = json!({ "name": "a whole project", "localProjectId": "app", "replicaObjectType": "REPOSITORY",
        "replicaType": "RUN_ONCE", "remoteClusterIds": [cluster], "replicaTaskObjects": [
            { "localRepoName": "builds", "repoType": "GENERIC", "remoteRepoName": "builds-of-the-centre" },
            { "localRepoName": "releases", "repoType": "GENERIC" },
            { "localRepoName": "images", "repoType": "DOCKER",
                "versionFilter": { "include": ["semver:>=1.2, <3"], "exclude": ["*-rc*"], "newest": 5 } }] });
    let (status, made) = centre.call(Method::POST, "/api/v1/tasks", Some(body)).await;
    assert_eq!(status, 201, "{made}");
    made["key"].as_str().expect("a task has a key").into()
}

/// Gives a file properties.
async fn describe(centre: &Node) {
    let path = "/api/v1/repositories/tools/installers/node?path=/setup/1.0.3/setup-3.bin";
    let properties =
        json!({ "properties": { "build": "4711", "stage": "released", "commit": "5b9d3f0a1c" } });
    let (status, answer) = centre.call(Method::PATCH, path, Some(properties)).await;
    assert_eq!(status, 200, "{answer}");
}

fn webhook(centre: &Node) -> Value {
    json!({ "name": "on-call", "url": format!("http://{}/hooks/on-call", centre.address) })
}
