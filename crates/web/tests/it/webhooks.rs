//! Webhooks through the native API, called over a real connection.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::post;
use connectors::webhook::signature;
use domain::cluster::Secret;
use serde_json::json;

use crate::world::World;

const BASE: &str = "/api/v1/webhooks";

type Heard = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// Starts somebody who listens at `/ok` and refuses at `/busy`; returns where.
async fn listener() -> (String, Heard) {
    let heard = Heard::default();
    let ears = heard.clone();
    let hear = async move |headers: HeaderMap, body: String| {
        ears.lock().expect("nobody panicked").push((headers, body));
    };
    let busy = async || (StatusCode::SERVICE_UNAVAILABLE, "come back later");
    let router = Router::new().route("/ok", post(hear)).route("/busy", post(busy));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(socket, router).await });
    (url, heard)
}

#[tokio::test]
async fn a_test_is_signed_with_a_secret_that_is_shown_once_and_logged() {
    let world = World::start().await;
    let (url, heard) = listener().await;
    let body = json!({ "name": "ops", "url": format!("{url}/ok"), "events": ["run.failed"] });

    let made = world.post(BASE, body).await;
    let id = made.body["id"].as_str().expect("an id");
    let tried = world.post(&format!("{BASE}/{id}/test"), json!({})).await;
    let shown = world.get(&format!("{BASE}/{id}")).await;
    let listed = world.get(BASE).await;
    let log = world.get(&format!("{BASE}/{id}/deliveries")).await.body;

    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(
        (&tried.body["state"], &tried.body["status"]),
        (&json!("delivered"), &json!(200))
    );
    let heard = heard.lock().expect("nobody panicked");
    let (headers, body) = &heard[0];
    let secret = made.body["secret"].as_str().expect("a secret");
    let expected = signature(&Secret::new(secret), crate::world::NOW_MS / 1000, body);
    assert_eq!(headers["waybill-signature"], expected);
    assert_eq!(
        (&headers["waybill-event"], &headers["waybill-delivery"]),
        (
            &"test".parse().expect("a header"),
            &tried.body["id"]
                .as_str()
                .expect("an id")
                .parse()
                .expect("a header"),
        )
    );
    for answer in [&shown, &listed] {
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
    assert_eq!(log["deliveries"][0]["event"], "test");
}

#[tokio::test]
async fn what_refuses_says_so_and_bad_input_names_its_member() {
    let world = World::start().await;
    let (url, _) = listener().await;
    let made = world
        .post(BASE, json!({ "name": "ops", "url": format!("{url}/busy") }))
        .await;
    let path = format!("{BASE}/{}", made.body["id"].as_str().expect("an id"));

    let tried = world.post(&format!("{path}/test"), json!({})).await;
    let changed = world
        .ask(Method::PUT, &path)
        .json(json!({ "name": "ops", "url": "http://127.0.0.1:1/", "enabled": false }))
        .send()
        .await;
    let nobody = world.post(&format!("{path}/test"), json!({})).await;
    let metadata = json!({ "name": "x", "url": "http://169.254.169.254/latest" });
    let cloud = world.post(BASE, metadata).await.body["id"].clone();
    let cloud = format!("{BASE}/{}/test", cloud.as_str().expect("an id"));
    let refused = world.post(&cloud, json!({})).await;

    assert_eq!(
        made.body["events"],
        json!(["run.failed", "run.recovered", "schedule.silent"])
    );
    assert_eq!(
        (&tried.body["state"], &tried.body["status"], &tried.body["words"]),
        (&json!("given_up"), &json!(503), &json!("come back later"))
    );
    assert_eq!(changed.body["enabled"], false);
    assert_eq!(
        (&nobody.body["state"], &nobody.body["status"]),
        (&json!("given_up"), &json!(null))
    );
    assert!(refused.text.contains("address rules"), "{}", refused.text);
    for (bad, member) in [
        (json!({ "name": "", "url": "http://x" }), "name"),
        (json!({ "name": "a", "url": "ftp://x" }), "url"),
        (
            json!({ "name": "a", "url": "http://x", "events": ["run.slow"] }),
            "run.slow",
        ),
        (
            json!({ "name": "a", "url": "http://x", "secret": "short" }),
            "secret",
        ),
        (
            json!({ "name": "a", "url": "http://x", "task": "nothing" }),
            "nothing",
        ),
        (
            json!({ "name": "a", "url": "http://x", "colour": "red" }),
            "colour",
        ),
    ] {
        let answer = world.post(BASE, bad).await;
        assert!((400..=404).contains(&answer.status.as_u16()), "{}", answer.text);
        assert!(answer.text.contains(member), "{member}: {}", answer.text);
    }
    assert_eq!(world.delete(&path).await.status, 204);
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::GET, format!("{path}/deliveries")),
        (Method::POST, format!("{path}/deliveries/x/deliver")),
    ] {
        let answer = world.ask(method, &path).send().await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
}
