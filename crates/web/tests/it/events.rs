//! Real time at the border: tasks that follow changes, and the changes that have not arrived.

use axum::http::Method;
use domain::cluster::Secret;
use serde_json::{Value, json};
use storage::users::Role;

use crate::world::{Answer, World, task_body};

const TASK: &str = "/replication/api/task";
const BASE: &str = "/replication/api/replica/event";

/// What makes a task follow changes; the stock console sends no plan with it.
fn real_time() -> Value {
    json!({ "replicaType": "REAL_TIME", "setting": {} })
}

/// Starts a node with the repository `demo/files` and a task that follows it, and returns the task's key.
async fn world() -> (World, String) {
    let world = World::start().await;
    let project = json!({ "name": "demo", "displayName": "Demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    let repository = json!({ "projectId": "demo", "name": "files", "type": "GENERIC" });
    world.post("/repository/api/repo/create", repository).await.ok();
    let edge = world.cluster("edge-1", "EDGE").await;
    let task = world.task("mirror", &[&edge], real_time()).await;
    let key = task["key"].as_str().expect("a key").to_owned();
    (world, key)
}

async fn upload(world: &World, name: &str) {
    let path = format!("/generic/demo/files/{name}");
    let ask = world.ask(Method::PUT, &path).header("X-BKREPO-OVERWRITE", "true");
    ask.body("bytes").send().await.ok();
}

async fn names(world: &World, query: &str) -> Vec<String> {
    let page = world.get(&format!("{BASE}/page{query}")).await.ok();
    let records = page["records"].as_array().expect("records").clone();
    assert_eq!(page["totalRecords"], records.len());
    let path = |record: &Value| {
        record["event"]["resourceKey"]
            .as_str()
            .expect("a path")
            .to_owned()
    };
    records.iter().map(path).collect()
}

async fn remove(world: &World, body: Value) -> Answer {
    world.ask(Method::DELETE, BASE).json(body).send().await
}

#[tokio::test]
async fn a_task_that_follows_changes_stands_as_the_contract_says() {
    let (world, key) = world().await;
    let info = async || world.get(&format!("{TASK}/info/{key}")).await.ok();

    let task = info().await;

    let stands = |task: &Value| (task["status"].clone(), task["lastExecutionStatus"].clone());
    assert_eq!(stands(&task), (json!("REPLICATING"), json!("RUNNING")));
    assert_eq!(task["replicaType"], "REAL_TIME");
    assert_eq!(
        (&task["totalBytes"], &task["nextExecutionTime"]),
        (&json!(-1), &Value::Null)
    );
    assert_eq!(task["setting"]["executionStrategy"], "IMMEDIATELY");
    let toggle = format!("{TASK}/toggle/status/{key}");
    world.post(&toggle, json!({})).await.ok();
    assert_eq!(
        (info().await["status"].clone(), info().await["enabled"].clone()),
        (json!("WAITING"), json!(false))
    );
    world.post(&toggle, json!({})).await.ok();
    assert_eq!(info().await["status"], "REPLICATING");
    let mut update = task_body("mirror", &[], real_time());
    update["key"] = key.clone().into();
    update["remoteClusterIds"] = json!([task["remoteClusters"][0]["id"]]);
    let frozen = world.post(&format!("{TASK}/update"), update).await;
    assert_eq!(frozen.refusal(), (400, 250308));
    let copy = json!({ "key": key, "name": "mirror 2" });
    world.post(&format!("{TASK}/copy"), copy).await.ok();
    let copies = world.get(&format!("{TASK}/page/demo?name=mirror%202")).await.ok();
    let copied = &copies["records"][0];
    assert_eq!(stands(copied), (json!("WAITING"), Value::Null));
    assert_eq!(
        (&copied["replicaType"], &copied["enabled"]),
        (&json!("REAL_TIME"), &json!(false))
    );
}

#[tokio::test]
async fn a_change_is_listed_with_every_member_until_it_arrives() {
    let (world, key) = world().await;

    upload(&world, "a/b.txt").await;

    let page = world.get(&format!("{BASE}/page")).await.ok();
    let event = &page["records"][0];
    let id = event["id"].as_str().expect("an id");
    assert_eq!(id.len(), 24);
    let expected = json!({
        "id": id, "messageId": id, "eventType": "NORMAL", "taskKey": key,
        "event": {
            "type": "NODE_CREATED", "projectId": "demo", "repoName": "files", "resourceKey": "/a/b.txt",
            "userId": "admin", "data": {}, "source": null, "eventId": id, "topic": null
        },
        "taskCompleted": false, "taskSucceeded": false, "retryCount": 0, "retrying": false,
        "createdDate": "2024-07-25T11:20:00", "lastModifiedDate": "2024-07-25T11:20:00"
    });
    assert_eq!(event, &expected);
    assert_eq!(world.get(&format!("{BASE}/{id}")).await.ok(), expected);
    for unknown in ["nobody", "66a0f00ad94e5b0012ab3401"] {
        assert_eq!(world.get(&format!("{BASE}/{unknown}")).await.ok(), Value::Null);
    }
}

#[tokio::test]
async fn events_are_filtered_sorted_and_paged() {
    let (world, key) = world().await;
    for name in ["a", "b", "c"] {
        upload(&world, name).await;
        world.clock.advance_ms(1_000);
    }
    upload(&world, "a").await;

    assert_eq!(names(&world, "").await, ["/c", "/b", "/a"]);
    assert_eq!(names(&world, "?sortDirection=asc").await, ["/a", "/b", "/c"]);
    assert_eq!(names(&world, "?sortDirection=junk").await, ["/c", "/b", "/a"]);
    assert_eq!(
        names(&world, "?sortField=lastModifiedDate").await,
        ["/a", "/c", "/b"]
    );
    assert_eq!(
        names(&world, &format!("?taskKey={key}&eventType=NORMAL"))
            .await
            .len(),
        3
    );
    assert_eq!(
        names(&world, "?taskCompleted=false&taskSucceeded=false")
            .await
            .len(),
        3
    );
    for none in [
        "?taskKey=nobody",
        "?eventType=FEDERATION",
        "?eventType=x",
        "?taskCompleted=true",
        "?taskSucceeded=true",
    ] {
        assert!(names(&world, none).await.is_empty(), "{none}");
    }
    let second = world
        .get(&format!("{BASE}/page?pageNumber=2&pageSize=2"))
        .await
        .ok();
    assert_eq!(
        (&second["totalRecords"], &second["totalPages"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(second["records"][0]["event"]["resourceKey"], "/a");
    for (bad, code) in [
        ("pageSize=x", 250131),
        ("taskCompleted=maybe", 250131),
        ("sortField=x", 250105),
    ] {
        assert_eq!(
            world.get(&format!("{BASE}/page?{bad}")).await.refusal(),
            (400, code),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn events_are_retried_and_forgotten_one_by_one_or_by_task() {
    let (world, key) = world().await;
    for name in ["a", "b", "c"] {
        upload(&world, name).await;
    }
    let page = world.get(&format!("{BASE}/page?sortDirection=ASC")).await.ok();
    let id = page["records"][0]["id"].clone();
    let retry = |body: Value| world.post("/replication/api/replica/event/retry", body);

    for (body, done) in [
        (json!({}), false),
        (json!({ "eventId": "nobody" }), false),
        (
            json!({ "eventId": "66a0f00ad94e5b0012ab3401", "taskKey": key }),
            false,
        ),
        (json!({ "eventId": id }), true),
        (json!({ "taskKey": key }), true),
        (json!({ "taskKey": "nobody" }), true),
    ] {
        assert_eq!(retry(body.clone()).await.ok(), done, "{body}");
    }
    for (body, done, left) in [
        (json!({}), false, 3),
        (json!({ "eventId": "nobody" }), true, 3),
        (json!({ "taskKey": "nobody" }), true, 3),
        (json!({ "eventId": id, "taskKey": key }), true, 2),
        (json!({ "taskKey": key }), true, 0),
    ] {
        assert_eq!(remove(&world, body.clone()).await.ok(), done, "{body}");
        assert_eq!(names(&world, "").await.len(), left, "{body}");
    }
    assert_eq!(retry(json!({ "eventId": [] })).await.refusal(), (400, 250106));
    assert_eq!(retry(json!([])).await.refusal(), (400, 250106));
}

#[tokio::test]
async fn events_are_for_administrators() {
    let (world, _) = world().await;
    let users = world.store.users();
    let role = Role::Replicator {
        projects: vec!["demo".into()],
    };
    users
        .create("peer", &Secret::new("secret"), &role)
        .await
        .expect("a user");

    for (method, path) in [
        (Method::GET, format!("{BASE}/page")),
        (Method::GET, format!("{BASE}/x")),
        (Method::POST, format!("{BASE}/retry")),
        (Method::DELETE, BASE.to_owned()),
    ] {
        let ask = || world.ask(method.clone(), &path).json(json!({ "eventId": "x" }));
        assert_eq!(ask().anonymous().send().await.status, 401, "{path}");
        assert_eq!(ask().basic("peer", "secret").send().await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a_changed_property_is_a_change_that_is_followed() {
    let (world, key) = world().await;
    upload(&world, "a.bin").await;
    world.delete(&format!("{TASK}/delete/{key}")).await.ok();
    let edge = world.cluster("edge-2", "EDGE").await;
    world.task("mirror 2", &[&edge], real_time()).await;
    let change = async |value: &str| {
        let ask = world.ask(Method::PATCH, "/api/v1/repositories/demo/files/node?path=/a.bin");
        let body = json!({ "properties": { "stage": value } });
        assert_eq!(ask.json(body).send().await.status, 200);
    };
    assert_eq!(names(&world, "").await, Vec::<String>::new());

    change("live").await;
    change("live").await;

    assert_eq!(names(&world, "").await, ["/a.bin"]);
}
