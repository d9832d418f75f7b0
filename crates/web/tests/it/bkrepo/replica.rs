//! What a stock bk-repo calls when this node is its STANDALONE target, call by call.

use axum::http::Method;
use domain::cluster::Secret;
use domain::digest::Digest;
use serde_json::{Value, json};
use storage::users::Role;

use crate::world::{Answer, World};

const BASE: &str = "/replication/replica";

async fn world() -> World {
    let world = World::start().await;
    let role = Role::Replicator {
        projects: vec!["demo".into()],
    };
    for (name, role) in [("mover", role), ("nobody", Role::None)] {
        let made = world
            .store
            .users()
            .create(name, &Secret::new("secret"), &role)
            .await;
        made.expect("a user");
    }
    world
}

async fn get(world: &World, user: &str, path: &str) -> Answer {
    let ask = world.ask(Method::GET, &format!("{BASE}{path}"));
    ask.basic(user, "secret").send().await
}

async fn post(world: &World, user: &str, path: &str, body: Value) -> Answer {
    let ask = world.ask(Method::POST, &format!("{BASE}{path}"));
    ask.basic(user, "secret").json(body).send().await
}

fn form(bytes: &str, sha256: &str, size: usize) -> String {
    format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{sha256}\"\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n{bytes}\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"size\"\r\n\r\n{size}\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"sha256\"\r\n\r\n{sha256}\r\n--XX--\r\n",
        bytes.len()
    )
}

async fn push(world: &World, user: &str, bytes: &str, sha256: &str, size: usize) -> Answer {
    world
        .ask(Method::POST, &format!("{BASE}/blob/push"))
        .basic(user, "secret")
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(form(bytes, sha256, size))
        .send()
        .await
}

async fn prepare(world: &World) {
    let project = json!({ "name": "demo", "displayName": "Demo", "operator": "system", "metadata": [] });
    let repository = json!({ "projectId": "demo", "name": "files", "type": "GENERIC", "category": "LOCAL",
        "public": false, "description": null, "configuration": { "type": "local" }, "operator": "system" });
    for _ in 0..2 {
        let made = post(world, "mover", "/project/create", project.clone())
            .await
            .ok();
        assert_eq!(made["name"], "demo");
        let made = post(world, "mover", "/repo/create", repository.clone())
            .await
            .ok();
        assert_eq!(
            (&made["type"], &made["category"]),
            (&json!("GENERIC"), &json!("LOCAL"))
        );
        assert_eq!(made["storageCredentials"], Value::Null);
    }
}

fn node_create(path: &str, bytes: &str, changes: Value) -> Value {
    let mut body = json!({
        "projectId": "demo", "repoName": "files", "fullPath": path, "folder": false, "overwrite": true,
        "expires": 0, "size": bytes.len(), "sha256": Digest::of(bytes.as_bytes()).to_hex(),
        "md5": "00000000000000000000000000000000", "crc64ecma": null, "operator": "system",
        "nodeMetadata": [{ "key": "build", "value": "7", "system": false, "description": null }],
        "createdBy": "ann", "createdDate": "2024-07-25T11:20:00", "lastModifiedBy": "ann",
    });
    for (member, value) in changes.as_object().expect("an object") {
        body[member] = value.clone();
    }
    body
}

#[tokio::test]
async fn whoever_replicates_into_a_project_does_not_come_to_manage_it() {
    let world = world().await;

    prepare(&world).await;
    let project = world
        .ask(Method::GET, "/api/v1/projects/demo/access")
        .basic("mover", "secret");
    let delete = world
        .ask(Method::DELETE, "/repository/api/repo/delete/demo/files")
        .basic("mover", "secret");

    assert_eq!(project.send().await.status, 403);
    assert_eq!(delete.send().await.refusal(), (403, 250113));
}

#[tokio::test]
async fn a_stock_bk_repo_finds_everything_it_calls_in_order() {
    let world = world().await;
    let digest = Digest::of(b"content").to_hex();

    assert_eq!(get(&world, "nobody", "/ping").await.ok(), Value::Null);
    assert!(get(&world, "mover", "/version").await.ok().is_string());
    prepare(&world).await;
    let exist = "/node/exist?projectId=demo&repoName=files&fullPath=%2Fa%2Fb.txt";
    assert_eq!(get(&world, "mover", exist).await.ok(), false);
    let check = format!("/blob/check?sha256={digest}&repoType=GENERIC");
    assert_eq!(get(&world, "mover", &check).await.ok(), false);
    assert_eq!(
        push(&world, "mover", "content", &digest, 7).await.ok(),
        Value::Null
    );
    assert_eq!(get(&world, "mover", &check).await.ok(), true);
    let made = post(
        &world,
        "mover",
        "/node/create",
        node_create("/a/b.txt", "content", json!({})),
    )
    .await
    .ok();
    assert_eq!(
        (&made["sha256"], &made["nodeInfo"]["fullPath"]),
        (&json!(digest), &json!("/a/b.txt"))
    );
    assert_eq!(made["metadata"]["build"], "7");
    assert_eq!(get(&world, "mover", exist).await.ok(), true);

    let list = json!({ "projectId": "demo", "repoName": "files", "fullPathList": ["/a/b.txt", "/no", "/a"] });
    assert_eq!(
        post(&world, "mover", "/node/exist/list", list).await.ok(),
        json!(["/a/b.txt", "/a"])
    );
    let pull = json!({ "sha256": digest, "range": { "start": 1, "end": 3, "total": 7 }, "storageKey": null });
    assert_eq!(post(&world, "mover", "/blob/pull", pull).await.text, "ont");
    let file = world.get("/generic/demo/files/a/b.txt").await;
    assert_eq!(file.text, "content");
    assert!(
        file.header("x-checksum-md5").is_some(),
        "its sums were computed here"
    );
}

#[tokio::test]
async fn bytes_that_are_not_the_ones_announced_are_refused_and_nowhere() {
    let world = world().await;
    prepare(&world).await;
    let digest = Digest::of(b"content").to_hex();

    assert_eq!(
        push(&world, "mover", "CONTENT", &digest, 7).await.refusal(),
        (400, 251_003)
    );
    assert_eq!(
        push(&world, "mover", "content", &digest, 8).await.refusal(),
        (400, 251_031)
    );
    assert_eq!(
        push(&world, "mover", "content", "abc", 7).await.refusal(),
        (400, 250_105)
    );

    let check = format!("/blob/check?sha256={digest}");
    assert_eq!(get(&world, "mover", &check).await.ok(), false);
    let made = post(
        &world,
        "mover",
        "/node/create",
        node_create("/a", "content", json!({})),
    )
    .await;
    assert_eq!(made.refusal(), (404, 251_024));
}

#[tokio::test]
async fn a_file_is_made_as_its_request_says_or_not_at_all() {
    let world = world().await;
    prepare(&world).await;
    for content in ["one", "two"] {
        let digest = Digest::of(content.as_bytes()).to_hex();
        push(&world, "mover", content, &digest, 3).await.ok();
    }
    let create = async |path: &str, content: &str, changes: Value| {
        post(
            &world,
            "mover",
            "/node/create",
            node_create(path, content, changes),
        )
        .await
    };
    create("/a/b", "one", json!({})).await.ok();

    assert_eq!(
        create("/a/b", "two", json!({ "overwrite": false }))
            .await
            .refusal(),
        (400, 251_012)
    );
    assert_eq!(create("/a", "two", json!({})).await.refusal(), (400, 251_013));
    assert_eq!(create("/a/b/c", "two", json!({})).await.refusal(), (400, 251_013));
    assert_eq!(
        create("/c", "two", json!({ "size": 4 })).await.refusal(),
        (400, 251_031)
    );
    assert_eq!(
        create("/c", "two", json!({ "repoName": "none" })).await.refusal(),
        (404, 251_006)
    );
    assert_eq!(create("/../c", "two", json!({})).await.refusal(), (400, 251_011));
    assert_eq!(
        create("/c", "two", json!({ "sha256": null })).await.refusal(),
        (400, 250_106)
    );
    let folder = json!({ "folder": true, "sha256": null, "md5": null });
    for _ in 0..2 {
        let made = create("/empty/folder", "", folder.clone()).await.ok();
        assert_eq!(
            (&made["folder"], &made["fullPath"]),
            (&json!(true), &json!("/empty/folder"))
        );
    }
    assert_eq!(create("/a/b", "", folder).await.refusal(), (400, 251_012));
    assert_eq!(world.get("/generic/demo/files/a/b").await.text, "one");
    create(
        "/a/b",
        "two",
        json!({ "metadata": { "x": "y" }, "nodeMetadata": null }),
    )
    .await
    .ok();
    assert_eq!(world.get("/generic/demo/files/a/b").await.text, "two");
}

#[tokio::test]
async fn only_replicators_get_past_the_ping_and_only_into_their_projects() {
    let world = world().await;
    let digest = Digest::of(b"content").to_hex();
    let check = format!("/blob/check?sha256={digest}");

    for path in [
        "/version",
        &check,
        "/node/exist?projectId=demo&repoName=r&fullPath=/a",
    ] {
        assert_eq!(
            get(&world, "nobody", path).await.refusal(),
            (403, 250_113),
            "{path}"
        );
        let anonymous = world
            .ask(Method::GET, &format!("{BASE}{path}"))
            .anonymous()
            .send()
            .await;
        assert_eq!(anonymous.refusal(), (401, 250_114), "{path}");
    }
    let elsewhere = json!({ "name": "other", "displayName": "Other" });
    assert_eq!(
        post(&world, "mover", "/project/create", elsewhere)
            .await
            .refusal(),
        (403, 250_113)
    );
    let start = format!("/other/files/blobs/uploads?sha256={digest}");
    assert_eq!(
        post(&world, "mover", &start, json!({})).await.refusal(),
        (403, 250_113)
    );
    assert_eq!(
        push(&world, "nobody", "content", &digest, 7).await.refusal(),
        (403, 250_113)
    );

    push(&world, "admin", "content", &digest, 7).await.ok();
    assert_eq!(get(&world, "admin", &check).await.ok(), true);
    assert_eq!(
        get(&world, "mover", &check).await.ok(),
        false,
        "others' bytes are not told of"
    );
    let pull = json!({ "sha256": digest });
    assert_eq!(
        post(&world, "mover", "/blob/pull", pull).await.refusal(),
        (404, 251_024)
    );
}

#[tokio::test]
async fn what_somebody_else_may_do_is_told_with_their_password_only() {
    let world = world().await;
    let ask = async |user: &str, password: &str, project: &str, action: &str| {
        let body = json!({ "username": user, "password": password, "projectId": project, "repoName": "files",
            "resourceType": "REPO", "action": action });
        post(&world, "mover", "/permission/check", body).await
    };

    assert_eq!(ask("mover", "secret", "demo", "WRITE").await.ok(), true);
    assert_eq!(ask("mover", "secret", "other", "READ").await.ok(), false);
    assert_eq!(ask("nobody", "secret", "demo", "READ").await.ok(), false);
    assert_eq!(ask("admin", "secret", "other", "MANAGE").await.ok(), true);
    assert_eq!(ask("mover", "wrong", "demo", "READ").await.ok(), false);
    assert_eq!(
        ask("mover", "secret", "demo", "FLY").await.refusal(),
        (400, 250_106)
    );
}

#[tokio::test]
async fn calls_that_are_not_supported_are_unknown_urls() {
    let world = world().await;

    for path in [
        "/node/move",
        "/node/delete",
        "/package/version/create",
        "/metadata/save",
        "/blob",
    ] {
        assert_eq!(
            post(&world, "admin", path, json!({})).await.refusal(),
            (404, 250_130),
            "{path}"
        );
    }
}
