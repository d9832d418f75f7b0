//! Users and tokens of the native API.

use axum::http::Method;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_user_is_added_changed_and_removed() {
    let world = World::start().await;
    let body =
        json!({ "name": "edge", "password": "long enough", "role": "replicator", "projects": ["demo"] });

    let created = world.post("/api/v1/users", body.clone()).await;
    let again = world.post("/api/v1/users", body).await;
    let changed = world
        .ask(Method::PUT, "/api/v1/users/edge")
        .json(json!({ "role": "none" }))
        .send()
        .await;
    let listed = world.get("/api/v1/users").await;
    let removed = world.delete("/api/v1/users/edge").await;
    let gone = world.get("/api/v1/users/edge").await;

    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.body["projects"], json!(["demo"]));
    assert_eq!(created.body["createdAt"], "2024-07-25T03:20:00Z");
    assert_eq!(again.status, 409);
    assert_eq!(changed.body["role"], "none");
    assert_eq!(listed.body["users"].as_array().map(Vec::len), Some(2));
    assert_eq!((removed.status.as_u16(), gone.status.as_u16()), (204, 404));
    assert!(!listed.text.contains("argon2"));
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let world = World::start().await;

    let removed = world.delete("/api/v1/users/admin").await;
    let demoted = world
        .ask(Method::PUT, "/api/v1/users/admin")
        .json(json!({ "role": "none" }))
        .send()
        .await;

    assert_eq!((removed.status.as_u16(), demoted.status.as_u16()), (400, 400));
}

#[tokio::test]
async fn a_token_is_shown_once_works_until_it_is_revoked_and_belongs_to_its_user() {
    let world = World::start().await;
    let body = json!({ "name": "edge", "password": "long enough", "role": "none" });
    world.post("/api/v1/users", body).await;

    let made = world
        .post(
            "/api/v1/tokens",
            json!({ "name": "ci", "user": "edge", "expiresInDays": 1 }),
        )
        .await;
    let text = made.body["token"].as_str().expect("the text").to_owned();
    let as_edge = |method: Method, path: &str| world.ask(method, path).login(&format!("Bearer {text}"));
    let me = as_edge(Method::GET, "/api/v1/me").send().await;
    let listed = as_edge(Method::GET, "/api/v1/tokens").send().await;
    let others = as_edge(Method::GET, "/api/v1/tokens?user=admin").send().await;
    let path = format!(
        "/api/v1/tokens/{}?user=edge",
        made.body["id"].as_str().expect("an id")
    );
    let revoked = world.delete(&path).await;
    let after = as_edge(Method::GET, "/api/v1/me").send().await;

    assert_eq!(
        (made.status.as_u16(), me.body["name"].as_str()),
        (201, Some("edge"))
    );
    assert_eq!(listed.body["tokens"][0]["token"], Value::Null);
    assert_eq!(others.status, 403);
    assert_eq!((revoked.status.as_u16(), after.status.as_u16()), (204, 401));
}

#[tokio::test]
async fn a_native_error_is_a_problem_with_a_trace_id() {
    let world = World::start().await;

    for answer in [
        world.get("/api/v1/nothing").await,
        world.get("/api/v1/users/nobody").await,
    ] {
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("x-bkrepo-rid"), answer.body["traceId"].as_str());
        assert_eq!(answer.body["title"], "Not Found");
        assert!(answer.body["detail"].is_string());
    }
}
