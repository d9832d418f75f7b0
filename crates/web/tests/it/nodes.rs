//! Changing nodes over HTTP, with exact status and codes.

mod search;

use axum::http::Method;
use domain::cluster::Secret;
use serde_json::{Value, json};
use storage::access::Access;
use storage::users::Role;

use crate::world::{Answer, World};

const NODE: &str = "/repository/api/node";

/// Starts a node with the repositories `files` and `open` (public) of project `demo`.
async fn world() -> World {
    let world = World::start().await;
    let project = json!({ "name": "demo", "displayName": "Demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    for (name, public) in [("files", false), ("open", true)] {
        let body = json!({ "projectId": "demo", "name": name, "type": "GENERIC", "public": public });
        world.post("/repository/api/repo/create", body).await.ok();
    }
    world
}

async fn put(world: &World, path: &str, bytes: &'static str) {
    let path = format!("/generic/demo/{path}");
    world.ask(Method::PUT, &path).body(bytes).send().await.ok();
}

async fn send(world: &World, method: Method, path: &str, body: Value) -> Answer {
    world
        .ask(method, &format!("{NODE}/{path}"))
        .json(body)
        .send()
        .await
}

async fn paths(world: &World) -> Vec<String> {
    let page = world
        .get(&format!(
            "{NODE}/page/demo/files/?deep=true&sortProperty=fullPath"
        ))
        .await
        .ok();
    column(&page, "fullPath")
}

fn column(page: &Value, member: &str) -> Vec<String> {
    let records = page["records"].as_array().expect("records").iter();
    records
        .map(|record| record[member].as_str().expect("a text").into())
        .collect()
}

fn to(from: &str, to: &str) -> Value {
    json!({
        "srcProjectId": "demo", "srcRepoName": "files", "srcFullPath": from,
        "destProjectId": null, "destRepoName": null, "destFullPath": to, "overwrite": false,
    })
}

#[tokio::test]
async fn folders_are_made_and_stay_though_they_hold_nothing() {
    let world = world().await;
    put(&world, "files/f", "1").await;
    let mkdir = async |path: &str| {
        world
            .post(&format!("{NODE}/mkdir/demo/files/{path}"), json!({}))
            .await
    };

    assert_eq!(mkdir("a%2Fb%20c").await.ok(), Value::Null);

    assert_eq!(paths(&world).await, ["/a", "/a/b c", "/f"]);
    assert_eq!(mkdir("a").await.refusal(), (400, 251012));
    assert_eq!(mkdir("f/g").await.refusal(), (400, 251013));
    assert_eq!(mkdir("a/../b").await.refusal(), (400, 251011));
    let nowhere = world
        .post(&format!("{NODE}/mkdir/demo/nowhere/a"), json!({}))
        .await;
    assert_eq!(nowhere.refusal(), (404, 251006));
}

#[tokio::test]
async fn nodes_are_renamed_moved_and_copied() {
    let world = world().await;
    put(&world, "files/a/1", "1").await;
    put(&world, "files/b", "22").await;

    let renamed = format!("{NODE}/rename/demo/files/a?newFullPath=%2Fc%2Fd");
    assert_eq!(world.post(&renamed, json!({})).await.ok(), Value::Null);
    let body = json!({ "projectId": "demo", "repoName": "files", "fullPath": "/b", "newFullPath": "/e" });
    send(&world, Method::POST, "rename", body).await.ok();
    assert_eq!(paths(&world).await, ["/c", "/c/d", "/c/d/1", "/e"]);
    send(&world, Method::POST, "move", to("/c/d", "/g")).await.ok();
    send(&world, Method::POST, "copy", to("/e", "/g")).await.ok();
    assert_eq!(paths(&world).await, ["/c", "/e", "/g", "/g/1", "/g/e"]);
    let mut across = to("/g", "/");
    across["destRepoName"] = "open".into();
    send(&world, Method::POST, "copy", across).await.ok();
    assert_eq!(world.get("/generic/demo/open/g/e").await.text, "22");
}

#[tokio::test]
async fn what_cannot_move_is_refused_by_its_code_and_reason() {
    let world = world().await;
    for file in ["files/a/1", "files/b/a/1", "files/f"] {
        put(&world, file, "1").await;
    }
    let before = paths(&world).await;

    for (from, target, refusal, reason) in [
        ("/a", "/b", (400, 251013), "overwrite is not set"),
        ("/a", "/f", (400, 251013), "a file cannot stand"),
        ("/a", "/a/x", (400, 251013), "into itself"),
        ("/", "/x", (400, 251013), "into itself"),
        ("/x", "/y", (400, 251010), "/x"),
        ("/a/../b", "/y", (400, 251011), "a/../b"),
    ] {
        for kind in ["move", "copy"] {
            let refused = send(&world, Method::POST, kind, to(from, target)).await;
            assert_eq!(refused.refusal(), refusal, "{kind} {from} {target}");
            assert!(refused.message().contains(reason), "{}", refused.message());
        }
    }
    for (change, refusal) in [
        (json!({ "srcFullPath": null }), (400, 250106)),
        (json!({ "overwrite": [] }), (400, 250106)),
        (json!({ "destRepoName": "nowhere" }), (404, 251006)),
        (json!({ "destProjectId": "nowhere" }), (404, 251006)),
    ] {
        let mut body = to("/a", "/y");
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        assert_eq!(
            send(&world, Method::POST, "move", body).await.refusal(),
            refusal,
            "{change}"
        );
    }
    let taken = format!("{NODE}/rename/demo/files/a?newFullPath=/b");
    assert_eq!(world.post(&taken, json!({})).await.refusal(), (400, 251012));
    let without = format!("{NODE}/rename/demo/files/a");
    assert_eq!(world.post(&without, json!({})).await.refusal(), (400, 250103));
    assert_eq!(paths(&world).await, before);
}

#[tokio::test]
async fn moving_needs_the_right_to_write_at_both_ends() {
    let world = world().await;
    let other = json!({ "name": "other", "displayName": "Other", "description": "" });
    world.post("/repository/api/project/create", other).await.ok();
    let repository = json!({ "projectId": "other", "name": "files", "type": "GENERIC" });
    world.post("/repository/api/repo/create", repository).await.ok();
    put(&world, "files/a", "1").await;
    world
        .store
        .users()
        .create("u", &Secret::new("pw"), &Role::None)
        .await
        .expect("a user");
    let access = world.store.access();
    access.set("u", "demo", Access::Write).await.expect("access");
    access.set("u", "other", Access::Read).await.expect("access");
    let mut body = to("/a", "/a");
    body["destProjectId"] = "other".into();
    let copy = async |body: Value| {
        let path = format!("{NODE}/copy");
        world
            .ask(Method::POST, &path)
            .basic("u", "pw")
            .json(body)
            .send()
            .await
    };

    assert_eq!(copy(body).await.refusal(), (403, 250113));
    copy(to("/a", "/b")).await.ok();
    let anonymous = world
        .ask(Method::POST, &format!("{NODE}/copy"))
        .anonymous()
        .json(to("/a", "/c"))
        .send()
        .await;
    assert_eq!(anonymous.refusal(), (401, 250114));
}

#[tokio::test]
async fn a_file_goes_away_on_the_day_that_was_set() {
    let world = world().await;
    put(&world, "files/a/1", "1").await;
    let update = async |path: &str, body: Value| {
        world
            .post(&format!("{NODE}/update/demo/files/{path}"), body)
            .await
    };

    assert_eq!(update("a/1", json!({ "expires": "2" })).await.ok(), Value::Null);

    assert_eq!(
        update("a/1", json!({ "expires": -1 })).await.refusal(),
        (400, 250105)
    );
    assert_eq!(
        update("a/1", json!({ "expires": "x" })).await.refusal(),
        (400, 250106)
    );
    assert_eq!(
        update("a/2", json!({ "expires": 1 })).await.refusal(),
        (400, 251010)
    );
    assert_eq!(
        update("a", json!({ "expires": 1 })).await.refusal(),
        (400, 251013)
    );
    world.clock.advance_ms(2 * 24 * 60 * 60 * 1000 - 1);
    assert_eq!(world.get("/generic/demo/files/a/1").await.text, "1");
    world.clock.advance_ms(1);
    assert_eq!(
        world.get("/generic/demo/files/a/1").await.refusal(),
        (404, 251010)
    );
    assert_eq!(
        update("a/1", json!({ "expires": 0 })).await.refusal(),
        (400, 251010)
    );
}

#[tokio::test]
async fn many_paths_are_counted_and_deleted_at_once() {
    let world = world().await;
    for file in ["files/a/1", "files/a/b/2", "files/c", "files/d"] {
        put(&world, file, "12").await;
    }
    let batch = json!(["/a", "/a/b", "a/b/2", "/c", "/nothing"]);

    let files = send(&world, Method::POST, "batch/demo/files", batch.clone())
        .await
        .ok();
    let folders = send(
        &world,
        Method::POST,
        "batch/demo/files?isFolder=true",
        batch.clone(),
    )
    .await
    .ok();
    let deleted = send(&world, Method::DELETE, "batch/demo/files", batch).await.ok();

    assert_eq!((files, folders), (json!(3), json!(2)));
    assert_eq!(
        (&deleted["deletedNumber"], &deleted["deletedSize"]),
        (&json!(5), &json!(6))
    );
    assert_eq!(paths(&world).await, ["/d"]);
    for (body, refusal) in [
        (json!(["/"]), (400, 250112)),
        (json!({ "paths": [] }), (400, 250106)),
        (json!([1]), (400, 250106)),
        (json!(["/a/.."]), (400, 251011)),
        (json!(vec!["/x"; 201]), (400, 251014)),
    ] {
        let refused = send(&world, Method::DELETE, "batch/demo/files", body.clone()).await;
        assert_eq!(refused.refusal(), refusal, "{body}");
    }
}
