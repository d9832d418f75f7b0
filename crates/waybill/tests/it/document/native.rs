//! The native API, `/api/v1/openapi.json`.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::images::Image;

use super::{Pair, Served, reads_agree, writes_agree};
use crate::promises::world::{Node, PASSWORD};

/// Streams without an end.
const ENDLESS: &[&str] = &["--exclude-path", "/api/v1/events"];
/// Takes lines of JSON, which Schemathesis does not write.
const LINES: &[&str] = &["--exclude-path", "/api/v1/records/import"];

impl Node {
    /// Calls the native API, expects success and returns the answer.
    async fn native(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.call(method, &format!("/api/v1{path}"), body).await;
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    }
}

/// A node that has one of everything, and the other one it knows.
async fn furnished() -> (Served, Node) {
    let Pair {
        centre,
        edge,
        cluster,
        task,
        record,
    } = Pair::start().await;
    let retry = format!("/records/{record}/retry");
    let retried = centre.native(Method::POST, &retry, Some(json!({}))).await["recordId"].clone();
    for (name, role) in [("operator", "admin"), ("reader", "none")] {
        let user = json!({ "name": name, "password": PASSWORD, "role": role });
        centre.native(Method::POST, "/users", Some(user)).await;
    }
    let images = json!({ "projectId": "demo", "name": "images", "type": "DOCKER" });
    centre.native(Method::POST, "/repositories", Some(images)).await;
    let registry = format!("http://admin:{}@{}", PASSWORD.replace(' ', "%20"), centre.address);
    Image::of(&[b"layer"])
        .push(&registry, "demo/images/app", "1")
        .await;
    // The node itself, which knows no such path: every call is refused.
    let webhook = json!({ "name": "ops", "url": format!("http://{}/hook", centre.address) });
    let webhook = centre.native(Method::POST, "/webhooks", Some(webhook)).await["id"].clone();
    let token = json!({ "name": "script", "user": "reader" });
    let token = centre.native(Method::POST, "/tokens", Some(token)).await["id"].clone();
    centre
        .native(Method::POST, "/platforms", Some(json!({ "appId": "ci" })))
        .await;
    let served = Served {
        node: centre,
        document: "/api/v1/openapi.json",
        user: "operator",
        known: json!({
            "project": ["demo"], "repository": ["files", "images"], "package": ["docker://app"], "version": ["1"], "path": ["img", "img/logo.json", "same.txt"],
            "artifact": ["/same.txt", "/img/logo.json"], "expression": ["0 30 2 * * ?"], "key": [task],
            "id": [record, retried, webhook, token], "name": ["edge", "reader"], "user": ["reader"], "appId": ["ci"],
            "remoteClusterIds": [cluster], "localRepoName": ["files"], "localProjectId": ["demo"], "limit": [5],
        }),
    };
    (served, edge)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_gets_an_answer_that_the_native_document_does_not_describe() {
    let (served, _edge) = furnished().await;

    reads_agree(&served, 25, &[], ENDLESS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_gets_an_answer_that_the_native_document_does_not_describe() {
    let (served, _edge) = furnished().await;

    writes_agree(&served, 30, LINES).await;
}
