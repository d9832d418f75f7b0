//! The contract and artifact APIs, `/v3/api-docs`.

use reqwest::Method;
use serde_json::json;

use super::{Pair, Served, reads_agree, writes_agree};
use crate::promises::world::{Node, PASSWORD};

/// Reads that only succeed with what this test does not know: the id of an open upload, and what images were pushed.
const NEED_MORE: &[&str] = &[
    "GET /generic/block/{projectId}/{repoName}/{path}",
    "GET /repository/api/package/info/{projectId}/{repoName}",
];

/// A node that has one of everything, and the other one it knows.
async fn furnished() -> (Served, Node) {
    let Pair {
        centre,
        edge,
        cluster,
        task,
        record,
    } = Pair::start().await;
    let once = json!({ "name": "once", "clusterId": cluster, "pathConstraints": ["/img"] });
    let path = "/replication/api/remote/distribution/create/runOnceTask/demo/files";
    centre.ok(Method::POST, path, Some(once)).await;
    let sha256 = centre.files("demo/files").await.remove("/same.txt");
    let known = json!({
        "projectId": ["demo"], "repoName": ["files"], "path": ["img", "img/logo.json", "same.txt"],
        "fullPath": ["/img", "/same.txt"], "paths": ["/img", "/same.txt"], "sha256": [sha256], "uid": ["admin"],
        "key": [task], "taskKey": [task], "recordId": [record], "id": [cluster], "clusterId": [cluster],
        "name": ["edge", "once", "demo"], "type": ["GENERIC"], "pageNumber": [1], "pageSize": [20],
        "username": ["admin"], "password": [PASSWORD],
    });
    let served = Served {
        node: centre,
        document: "/v3/api-docs",
        user: "admin",
        known,
    };
    (served, edge)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_gets_an_answer_that_the_document_does_not_describe() {
    let (served, _edge) = furnished().await;

    reads_agree(&served, 40, NEED_MORE, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_gets_an_answer_that_the_document_does_not_describe() {
    let (served, _edge) = furnished().await;

    writes_agree(&served, 40, &[]).await;
}
