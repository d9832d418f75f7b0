//! Cluster endpoints.

use axum::http::Method;
use domain::failure::ErrorKind;
use serde_json::{Value, json};

use crate::world::World;

const BASE: &str = "/replication/api/cluster";

fn body(name: &str) -> Value {
    json!({ "name": name, "url": "http://edge:1", "type": "EDGE" })
}

#[tokio::test]
async fn a_cluster_is_shown_with_every_member_and_no_secret() {
    let world = World::start().await;
    let mut cluster = body("edge-1");
    cluster["password"] = "hunter2".into();
    cluster["secretKey"] = "hunter3".into();
    cluster["udpPort"] = "7000".into();
    cluster["username"] = "bob".into();
    cluster["url"] = "edge-1:8080".into();
    world.post(&format!("{BASE}/create"), cluster).await.ok();

    let answer = world.get(&format!("{BASE}/info?name=edge-1")).await;

    assert!(!answer.text.contains("hunter"), "{}", answer.text);
    let shown = answer.ok();
    let mut expected = json!({
        "name": "edge-1", "status": "HEALTHY", "errorReason": null, "type": "EDGE",
        "url": "http://edge-1:8080", "username": "bob", "certificate": null, "appId": null,
        "accessKey": null, "udpPort": 7000, "createdBy": "admin", "extension": null,
        "createdDate": "2024-07-25T11:20:00", "lastModifiedBy": "admin",
        "lastModifiedDate": "2024-07-25T11:20:00", "detectType": "PING", "lastReportTime": null,
    });
    expected["id"] = shown["id"].clone();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_cluster_is_checked_in_the_contracts_order() {
    let world = World::start().await;
    world.cluster("taken", "EDGE").await;
    world.cluster("hq", "CENTER").await;
    world.greeter.fails("silent", ErrorKind::Unauthorised);
    let with = |member: &str, value: Value| {
        let mut body = body("edge-1");
        body[member] = value;
        body
    };

    for (body, refusal) in [
        (with("name", Value::Null), (400, 250106)),
        (with("url", Value::Null), (400, 250106)),
        (with("type", "WEIRD".into()), (400, 250106)),
        (with("name", " ".into()), (400, 250104)),
        (with("url", "".into()), (400, 250104)),
        (with("name", "x".into()), (400, 250105)),
        (with("url", "ftp://edge".into()), (400, 250105)),
        (with("name", "taken".into()), (400, 250305)),
        (with("type", "CENTER".into()), (400, 250309)),
        (with("name", "silent".into()), (400, 250301)),
    ] {
        let shown = body.to_string();
        let answer = world.post(&format!("{BASE}/create"), body).await;
        assert_eq!(answer.refusal(), refusal, "{shown}: {}", answer.text);
    }
    let mut unasked = body("silent");
    unasked["ping"] = false.into();
    world.post(&format!("{BASE}/create"), unasked).await.ok();
}

#[tokio::test]
async fn a_silent_cluster_is_tried_twice_within_five_seconds() {
    let world = World::start().await;
    world.greeter.fails("silent", ErrorKind::Unreachable);
    let started_ms = domain::clock::Clock::now_ms(&*world.clock);

    let created = world.post("/replication/api/cluster/create", body("silent"));
    let patient = async {
        while world.clock.sleeping_until_ms().is_empty() {
            tokio::task::yield_now().await;
        }
        let until_ms = world.clock.sleeping_until_ms()[0];
        world.clock.advance_ms(until_ms - started_ms);
        until_ms
    };
    let (answer, until_ms) = tokio::join!(created, patient);

    assert_eq!(answer.refusal(), (400, 250301));
    assert!(answer.message().contains("silent") && answer.message().contains("unreachable"));
    assert_eq!(until_ms - started_ms, 1_000);
}

#[tokio::test]
async fn an_update_overwrites_every_credential_with_what_was_sent() {
    let world = World::start().await;
    let mut cluster = body("edge-1");
    cluster["username"] = "bob".into();
    cluster["password"] = "hunter2".into();
    world.post(&format!("{BASE}/create"), cluster).await.ok();

    let mut change = body("edge-1");
    change["url"] = "https://edge-1".into();
    let updated = world.post(&format!("{BASE}/update"), change).await.ok();
    let unknown = world.post(&format!("{BASE}/update"), body("nobody")).await;
    let no_url = json!({ "name": "edge-1", "type": "EDGE" });
    let no_url = world.post(&format!("{BASE}/update"), no_url).await;

    assert_eq!(
        (&updated["url"], &updated["username"]),
        (&json!("https://edge-1"), &Value::Null)
    );
    let kept = world.store.clusters().by_name("edge-1").await.expect("a look-up");
    assert_eq!(kept.expect("a cluster").credentials.password, None);
    assert_eq!(unknown.refusal(), (400, 250306));
    assert_eq!(no_url.refusal(), (400, 250103));
}

#[tokio::test]
async fn unknown_clusters_are_null_or_refused_as_the_contract_says() {
    let world = World::start().await;

    assert_eq!(world.get(&format!("{BASE}/info/nobody")).await.ok(), Value::Null);
    assert_eq!(world.get(&format!("{BASE}/info?name=x")).await.ok(), Value::Null);
    assert_eq!(
        world.get(&format!("{BASE}/exist?name=x")).await.ok(),
        json!(false)
    );
    for (answer, refusal) in [
        (world.get(&format!("{BASE}/info")).await, (400, 250103)),
        (world.get(&format!("{BASE}/exist")).await, (400, 250103)),
        (world.get(&format!("{BASE}/info/center")).await, (400, 250313)),
        (
            world.delete(&format!("{BASE}/delete/nobody")).await,
            (400, 250306),
        ),
        (
            world.get(&format!("{BASE}/tryConnect?name=x")).await,
            (400, 250306),
        ),
        (world.get(&format!("{BASE}/tryConnect")).await, (400, 250103)),
        (world.get(&format!("{BASE}/list?type=WEIRD")).await, (400, 250105)),
        (world.get(&format!("{BASE}/page?type=WEIRD")).await, (400, 250131)),
    ] {
        assert_eq!(answer.refusal(), refusal, "{}", answer.text);
    }
}

#[tokio::test]
async fn clusters_are_listed_by_type_and_literal_prefix_newest_first() {
    let world = World::start().await;
    world.cluster("hq", "CENTER").await;
    for name in ["edge.1", "edge-2", "other"] {
        world.clock.advance_ms(1_000);
        world.cluster(name, "EDGE").await;
    }
    let names = async |path: &str| {
        let data = world.get(&format!("{BASE}{path}")).await.ok();
        let rows = data.get("records").unwrap_or(&data).clone();
        let names = rows.as_array().expect("rows").iter();
        names
            .map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };

    assert_eq!(names("/list").await, ["other", "edge-2", "edge.1", "hq"]);
    assert_eq!(names("/list?name=edge.").await, ["edge.1"]);
    assert_eq!(names("/list?type=CENTER").await, ["hq"]);
    assert_eq!(names("/list/edge").await, ["other", "edge-2", "edge.1"]);
    assert_eq!(names("/page?pageNumber=2&pageSize=2&type=EDGE").await, ["edge.1"]);
    assert_eq!(world.get(&format!("{BASE}/info/center")).await.ok()["name"], "hq");
}

#[tokio::test]
async fn a_connection_is_tested_by_query_form_or_body_and_its_health_noted() {
    let world = World::start().await;
    let id = world.cluster("edge-1", "EDGE").await;
    let path = format!("{BASE}/tryConnect");

    world
        .ask(Method::POST, &path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("name=edge-1")
        .send()
        .await
        .ok();
    world.post(&path, json!({ "name": "edge-1" })).await.ok();
    world.greeter.fails("edge-1", ErrorKind::Tls);
    let failed = world.post(&format!("{path}?name=edge-1"), json!({})).await;

    assert_eq!(failed.refusal(), (400, 250302));
    for (language, advice) in [("en-US", "check the certificate"), ("ja", "証明書を確認するか")] {
        let ask = world.ask(Method::GET, &format!("{BASE}/info/{id}"));
        let shown = ask.header("accept-language", language).send().await.ok();
        assert_eq!(shown["status"], "UNHEALTHY");
        let reason = shown["errorReason"].as_str().expect("a reason");
        assert!(reason.contains("/tls: ") && reason.contains(advice), "{reason}");
    }
    world.delete(&format!("{BASE}/delete/{id}")).await.ok();
    assert_eq!(world.get(&format!("{BASE}/info/{id}")).await.ok(), Value::Null);
}
