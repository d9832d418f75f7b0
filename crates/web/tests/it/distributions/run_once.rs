//! Distributions that run when they are executed, and what they leave behind.

use axum::http::Method;
use domain::record::RunEnd;
use serde_json::{Value, json};

use super::{BASE, config, world};
use crate::runs::{copied, failed, file};

#[tokio::test]
async fn a_run_once_distribution_runs_when_it_is_executed_and_tells_its_bytes() {
    let world = world().await;
    let stored = world
        .ask(Method::PUT, "/generic/demo/files/a/b.bin")
        .body("123456789");
    stored.send().await.ok();
    let body = json!({
        "name": "once", "registry": "http://mirror", "pathConstraints": ["/a", "/a/b.bin", "/none"],
        "setting": { "conflictStrategy": "SKIP" },
    });
    world
        .post(&format!("{BASE}/create/runOnceTask/demo/files"), body)
        .await
        .ok();
    let status = format!("{BASE}/get/runOnceTaskStatus/demo/files?name=once");
    let execute = format!("{BASE}/execute/runOnceTask/demo/files?name=once");
    let remove = format!("{BASE}/delete/runOnceTask/demo/files?name=once");

    let task = world.task_named("demo/files/once").await.expect("a task");
    assert_eq!(
        task.settings.on_conflict,
        domain::task::ConflictStrategy::Overwrite
    );
    assert_eq!(world.get(&status).await.ok(), Value::Null);
    world.post(&execute, json!({})).await.ok();
    assert_eq!(world.post(&execute, json!({})).await.refusal(), (400, 250303));
    assert_eq!(world.delete(&remove).await.refusal(), (403, 250113));
    let run = world.claim().await;
    world.settle(&run, vec![file(0, "/a/b.bin", copied())]).await;
    let during = world.get(&status).await.ok();
    world.end(&run, RunEnd::Complete { failed: 0 }, Vec::new()).await;
    let after = world.get(&status).await.ok();

    assert_eq!(
        (
            &during["status"],
            &during["replicatedBytes"],
            &during["totalBytes"]
        ),
        (&json!("RUNNING"), &json!(7), &json!(9))
    );
    assert_eq!(
        (&after["status"], &after["replicatedBytes"], &after["totalBytes"]),
        (&json!("SUCCESS"), &json!(7), &json!(7))
    );
    assert_eq!(after["taskKey"], task.key.0);
    world.delete(&remove).await.ok();
    world.delete(&remove).await.ok();
    assert!(world.cluster_named("demo/files/once").await.is_none());
}

#[tokio::test]
async fn run_once_distributions_are_refused_as_the_contract_says() {
    let world = world().await;
    let create = async |changes: Value| {
        let mut body = json!({ "name": "once", "registry": "http://mirror", "pathConstraints": ["/a"] });
        for (member, value) in changes.as_object().expect("an object") {
            body[member] = value.clone();
        }
        let path = format!("{BASE}/create/runOnceTask/demo/files");
        world.post(&path, body).await
    };
    for (changes, refusal, named) in [
        (json!({ "pathConstraints": [] }), (400, 250105), "pathConstraints"),
        (json!({ "packageName": "x" }), (400, 250105), "versions"),
        (json!({ "versions": ["1"] }), (400, 250105), "packageName"),
        (
            json!({ "packageName": "x", "versions": ["1"] }),
            (400, 250105),
            "packageName",
        ),
        (
            json!({ "targetVersions": ["1"] }),
            (400, 250105),
            "targetVersions",
        ),
        (
            json!({ "pathConstraints": [{}] }),
            (400, 250106),
            "pathConstraints",
        ),
        (
            json!({ "setting": { "executionStrategy": "SPECIFIED_TIME" } }),
            (400, 250105),
            "executionStrategy",
        ),
    ] {
        let answer = create(changes.clone()).await;
        assert_eq!(answer.refusal(), refusal, "{changes}: {}", answer.text);
        assert!(answer.message().contains(named), "{changes}: {}", answer.text);
    }
    create(json!({ "replicaObjectType": "REPOSITORY", "pathConstraints": null }))
        .await
        .ok();
    let scheduled = config(
        "nightly",
        json!({
            "replicaType": "SCHEDULED",
            "setting": { "executionStrategy": "CRON_EXPRESSION", "executionPlan": { "cronExpression": "0 0 2 * * ?" } },
        }),
    );
    world.distribute(scheduled).await.ok();

    for (method, path, refusal) in [
        (
            Method::POST,
            "execute/runOnceTask/demo/files?name=none",
            (400, 250108),
        ),
        (Method::POST, "execute/runOnceTask/demo/files", (400, 250103)),
        (
            Method::POST,
            "execute/runOnceTask/demo/files?name=nightly",
            (400, 250112),
        ),
        (
            Method::GET,
            "get/runOnceTaskStatus/demo/files?name=none",
            (400, 250108),
        ),
        (Method::GET, "get/runOnceTaskStatus/demo/files", (400, 250103)),
        (
            Method::DELETE,
            "delete/runOnceTask/demo/files?name=nightly",
            (403, 250113),
        ),
        (Method::DELETE, "delete/runOnceTask/demo/files", (400, 250103)),
    ] {
        let answer = world.ask(method, &format!("{BASE}/{path}")).send().await;
        assert_eq!(answer.refusal(), refusal, "{path}: {}", answer.text);
    }
    let unknown = format!("{BASE}/delete/runOnceTask/demo/files?name=none");
    world.delete(&unknown).await.ok();
}

#[tokio::test]
async fn a_distribution_that_ran_may_be_replaced_and_keeps_its_past() {
    let world = world().await;
    world.distribute(config("mirror", json!({}))).await.ok();
    let execute = format!("{BASE}/execute/runOnceTask/demo/files?name=mirror");
    world.post(&execute, json!({})).await.ok();
    let run = world.claim().await;
    world.settle(&run, vec![file(0, "/a", failed())]).await;
    world.end(&run, RunEnd::Complete { failed: 1 }, Vec::new()).await;
    let before = world.task_named("demo/files/mirror").await.expect("a task");

    let changed = json!({ "description": "other", "registry": "http://second" });
    world.distribute(config("mirror", changed)).await.ok();

    let after = world.task_named("demo/files/mirror").await.expect("a task");
    let cluster = world.cluster_named("demo/files/mirror").await.expect("a cluster");
    assert_eq!(
        (&after.key, after.runs, after.last_end),
        (&before.key, 1, before.last_end)
    );
    assert_eq!(
        (after.targets, cluster.url.as_str()),
        (before.targets, "http://second")
    );
    assert_eq!(after.audit.created_ms, before.audit.created_ms);
}
