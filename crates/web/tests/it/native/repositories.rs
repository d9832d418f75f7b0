//! Projects, repositories and files.

use axum::http::Method;
use domain::cluster::Secret;
use serde_json::{Value, json};
use storage::access::Access;
use storage::users::Role;

use crate::world::{Answer, World};

const FILES: &str = "/api/v1/repositories/demo/files";

async fn made(world: &World) {
    let project = world.post("/api/v1/projects", json!({ "name": "demo" })).await;
    assert_eq!(project.status, 201, "{}", project.text);
    let body =
        json!({ "projectId": "demo", "name": "files", "type": "GENERIC", "description": "what we ship" });
    let repository = world.post("/api/v1/repositories", body).await;
    assert_eq!(repository.status, 201, "{}", repository.text);
}

async fn upload(world: &World, path: &str, bytes: &str) -> Answer {
    let ask = world.ask(Method::PUT, &format!("{FILES}/files/{path}"));
    ask.body(bytes.to_owned())
        .header("x-bkrepo-meta-build", "7")
        .send()
        .await
}

#[tokio::test]
async fn projects_and_repositories_are_made_and_listed() {
    let world = World::start().await;
    made(&world).await;

    let projects = world.get("/api/v1/projects").await.body;
    let again = world.post("/api/v1/projects", json!({ "name": "demo" })).await;
    let listed = world.get("/api/v1/projects/demo/repositories?limit=1").await.body;
    let named = world.get("/api/v1/projects/demo/repositories?name=x").await.body;
    let unknown = world.get("/api/v1/projects/nobody/repositories").await;
    let shown = world.get(FILES).await.body;

    assert_eq!(projects["projects"][0]["displayName"], "demo");
    assert_eq!((again.status.as_u16(), unknown.status.as_u16()), (409, 404));
    assert_eq!((&listed["total"], &listed["next"]), (&json!(1), &Value::Null));
    assert_eq!(listed["repositories"][0], shown);
    assert_eq!(named["total"], 0);
    assert_eq!(
        (&shown["type"], &shown["foreign"], &shown["description"]),
        (&json!("GENERIC"), &json!(false), &json!("what we ship"))
    );
}

#[tokio::test]
async fn files_are_uploaded_listed_sent_and_deleted() {
    let world = World::start().await;
    made(&world).await;
    for path in ["img/logo.bin", "b", "a%20b"] {
        assert_eq!(upload(&world, path, "0123456789").await.status, 201);
    }

    let twice = upload(&world, "b", "other").await;
    let first = world.get(&format!("{FILES}/nodes?limit=2")).await.body;
    let next = first["next"].as_str().expect("a place").replace(' ', "%20");
    let second = world
        .get(&format!("{FILES}/nodes?limit=2&cursor={next}"))
        .await
        .body;
    let node = world.get(&format!("{FILES}/node?path=/a%20b")).await.body;
    let range = world
        .ask(Method::GET, &format!("{FILES}/files/img/logo.bin"))
        .header("range", "bytes=2-4")
        .send()
        .await;
    let deleted = world.delete(&format!("{FILES}/files/b")).await;
    let gone = world.get(&format!("{FILES}/files/b")).await;

    assert_eq!(twice.status, 409);
    let paths = |page: &Value| -> Vec<String> {
        let nodes = page["nodes"].as_array().expect("nodes").iter();
        nodes
            .map(|node| node["path"].as_str().expect("a path").into())
            .collect()
    };
    assert_eq!(paths(&first), ["/img", "/a b"]);
    assert_eq!(
        (paths(&second), &second["next"]),
        (vec!["/b".to_owned()], &Value::Null)
    );
    assert_eq!(
        (&node["sizeBytes"], &node["properties"]["build"], &node["folder"]),
        (&json!(10), &json!("7"), &json!(false))
    );
    assert_eq!((range.status.as_u16(), range.text.as_str()), (206, "234"));
    assert_eq!((deleted.status.as_u16(), gone.status.as_u16()), (204, 404));
}

#[tokio::test]
async fn properties_are_changed_one_by_one_and_the_others_stay() {
    let world = World::start().await;
    made(&world).await;
    upload(&world, "b", "x").await;
    let change = async |path: &str, body: Value| {
        let ask = world.ask(Method::PATCH, &format!("{FILES}/node?path={path}"));
        ask.json(body).send().await
    };
    let properties = async || {
        let node = world.get(&format!("{FILES}/node?path=/b")).await.body;
        node["properties"].clone()
    };

    let added = change(
        "/b",
        json!({ "properties": { "stage": "test", "note": "a=b & c" } }),
    )
    .await;
    let changed = change(
        "/b",
        json!({ "properties": { "stage": "live", "build": null, "none": null } }),
    )
    .await;

    assert_eq!((added.status.as_u16(), changed.status.as_u16()), (200, 200));
    assert_eq!(
        added.body["properties"],
        json!({ "build": "7", "note": "a=b & c", "stage": "test" })
    );
    let now = json!({ "note": "a=b & c", "stage": "live" });
    assert_eq!((&changed.body["properties"], &properties().await), (&now, &now));

    for (path, body, status) in [
        ("/b", json!({}), 400),
        ("/b", json!({ "properties": { "x": [] } }), 400),
        ("/b", json!({ "properties": { " x": "1" } }), 400),
        ("/b", json!({ "properties": { "": "1" } }), 400),
        ("/b", json!({ "properties": { "x": "1\n2" } }), 400),
        ("/b", json!({ "properties": { "x": "1".repeat(17_000) } }), 400),
        (
            "/b",
            json!({ "properties": { "a": "1".repeat(10_000), "c": "1".repeat(10_000) } }),
            400,
        ),
        ("/none", json!({ "properties": { "x": "1" } }), 404),
        ("/", json!({ "properties": { "x": "1" } }), 409),
    ] {
        let refused = change(path, body.clone()).await;
        assert_eq!(refused.status, status, "{path} {body}: {}", refused.text);
        assert!(refused.body["detail"].is_string(), "{}", refused.text);
    }
    assert_eq!(properties().await, now);
}

#[tokio::test]
async fn bad_places_are_refused_by_name() {
    let world = World::start().await;
    made(&world).await;
    upload(&world, "b", "x").await;

    for (path, status) in [
        ("nodes?path=/none", 404),
        ("nodes?path=/b", 409),
        ("nodes?path=/../b", 400),
        ("nodes?cursor=x", 400),
        ("nodes?limit=0", 400),
        ("node", 400),
        ("files/none", 404),
    ] {
        let answer = world.get(&format!("{FILES}/{path}")).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert!(answer.body["detail"].is_string(), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn users_see_and_change_what_they_may() {
    let world = World::start().await;
    made(&world).await;
    upload(&world, "b", "x").await;
    let password = Secret::new("their secret");
    let users = world.store.users();
    users
        .create("reader", &password, &Role::None)
        .await
        .expect("a user");
    users
        .create("nobody", &password, &Role::None)
        .await
        .expect("a user");
    world
        .store
        .access()
        .set("reader", "demo", Access::Read)
        .await
        .expect("access");
    let ask = async |user: &str, method: Method, path: &str| {
        let ask = world.ask(method, path).basic(user, "their secret");
        ask.body("x").send().await.status.as_u16()
    };

    assert_eq!(ask("reader", Method::GET, &format!("{FILES}/nodes")).await, 200);
    assert_eq!(ask("reader", Method::GET, &format!("{FILES}/files/b")).await, 200);
    assert_eq!(ask("reader", Method::PUT, &format!("{FILES}/files/c")).await, 403);
    let node = format!("{FILES}/node?path=/b");
    assert_eq!(ask("reader", Method::PATCH, &node).await, 403);
    assert_eq!(
        ask("reader", Method::DELETE, &format!("{FILES}/files/b")).await,
        403
    );
    for path in [FILES, "/api/v1/projects/demo/repositories"] {
        assert_eq!(ask("nobody", Method::GET, path).await, 403, "{path}");
    }
    let anonymous = world.ask(Method::GET, FILES).anonymous().send().await;
    assert_eq!(anonymous.status, 401);
}
