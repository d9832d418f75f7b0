//! Everything that can be done with a task.

use axum::http::{Method, StatusCode};
use domain::failure::ErrorKind;
use domain::record::RunEnd;
use serde_json::{Value, json};

use crate::world::{Answer, World, task_body};

impl World {
    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path).json(body).send().await
    }
}

fn nightly(targets: &[&str], changes: Value) -> Value {
    let mut body = task_body("nightly", targets, changes);
    body["replicaTaskObjects"][0]["localRepoName"] = "others".into();
    body
}

/// A task that ran once, by a schedule; its key and the id of its target.
async fn one_that_ran(world: &World) -> (String, String) {
    let edge = world.cluster("edge-1", "EDGE").await;
    let made = world
        .post("/api/v1/tasks", task_body("nightly", &[&edge], json!({})))
        .await;
    let key = made.body["key"].as_str().expect("a key").to_owned();
    let run = world.start_run(&key).await;
    world.end(&run, RunEnd::Complete { failed: 0 }, Vec::new()).await;
    (key, edge)
}

#[tokio::test]
async fn a_task_that_has_run_can_be_changed_and_keeps_its_past() {
    let world = World::start().await;
    let (key, edge) = one_that_ran(&world).await;
    let path = format!("/api/v1/tasks/{key}");
    let plan = json!({ "executionStrategy": "CRON_EXPRESSION", "rateLimit": 7, "conflictStrategy": "OVERWRITE",
        "executionPlan": { "cronExpression": "0 0 4 * * ?" } });

    let frozen = world
        .post(
            "/replication/api/task/update",
            nightly(&[&edge], json!({ "key": key })),
        )
        .await;
    let changed = world
        .put(&path, nightly(&[&edge], json!({ "setting": plan })))
        .await;
    let shown = world.get(&path).await;

    assert_eq!(frozen.refusal(), (400, 250308));
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!(shown.body, changed.body);
    assert_eq!(
        (
            &shown.body["runs"],
            &shown.body["lastEnd"],
            &shown.body["objects"][0]["repository"]
        ),
        (&json!(1), &json!("succeeded"), &json!("others"))
    );
    assert_eq!(shown.body["trigger"]["cron"], "0 0 4 * * ?");
    assert_eq!(shown.body["nextRunAt"], "2024-07-25T20:00:00Z");
    assert_eq!(
        (&shown.body["rateLimit"], &shown.body["conflictStrategy"]),
        (&json!(7), &json!("OVERWRITE"))
    );
}

#[tokio::test]
async fn what_starts_a_task_can_be_changed_and_what_ran_at_its_time_does_not_run_again() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let at = |time: &str| json!({ "setting": { "executionStrategy": "SPECIFIED_TIME", "executionPlan": { "executeTime": time } } });
    let body = task_body("once", &[&edge], at("2024-07-25T05:00:00Z"));
    let key = world.post("/api/v1/tasks", body).await.body["key"].clone();
    let path = format!("/api/v1/tasks/{}", key.as_str().expect("a key"));
    let run = world.start_run(key.as_str().expect("a key")).await;
    world.end(&run, RunEnd::Complete { failed: 0 }, Vec::new()).await;
    world.clock.advance_ms(24 * 3_600_000);

    let same_time = world
        .put(&path, task_body("renamed", &[&edge], at("2024-07-25T05:00:00Z")))
        .await;
    let past = world
        .put(&path, task_body("renamed", &[&edge], at("2024-07-25T06:00:00Z")))
        .await;
    let later = world
        .put(&path, task_body("renamed", &[&edge], at("2024-07-27T06:00:00Z")))
        .await;
    // Also where it was off when it got that.
    world.post(&format!("{path}/disable"), json!({})).await;
    let off = world
        .put(&path, task_body("renamed", &[&edge], at("2024-07-28T06:00:00Z")))
        .await;
    let on = world.post(&format!("{path}/enable"), json!({})).await;
    let by_hand = json!({ "replicaType": "RUN_ONCE", "setting": {} });
    let by_hand = world.put(&path, task_body("renamed", &[&edge], by_hand)).await;

    assert_eq!(
        (
            same_time.status.as_u16(),
            &same_time.body["name"],
            &same_time.body["nextRunAt"]
        ),
        (200, &json!("renamed"), &Value::Null),
        "{}",
        same_time.text
    );
    assert_eq!(past.status, 400);
    assert_eq!(later.body["nextRunAt"], "2024-07-27T06:00:00Z");
    assert_eq!(off.body["nextRunAt"], Value::Null);
    assert_eq!(on.body["nextRunAt"], "2024-07-28T06:00:00Z");
    assert_eq!(
        (&by_hand.body["trigger"]["kind"], &by_hand.body["nextRunAt"]),
        (&json!("manual"), &Value::Null)
    );
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused_by_name_and_changes_nothing() {
    let world = World::start().await;
    let (key, edge) = one_that_ran(&world).await;
    world.task("taken", &[&edge], json!({})).await;
    let path = format!("/api/v1/tasks/{key}");
    let before = world.get(&path).await.body;

    for (changes, status, word) in [
        (json!({ "name": "taken" }), 409, "taken"),
        (json!({ "enabled": false }), 400, "enabled"),
        (json!({ "replicaType": "EDGE_PULL" }), 400, "replicaType"),
        (json!({ "remoteClusterIds": ["x"] }), 404, "x"),
        (json!({ "recordReserveDays": 61 }), 400, "recordReserveDays"),
    ] {
        let answer = world.put(&path, nightly(&[&edge], changes.clone())).await;

        let said = answer.body["detail"].as_str().unwrap_or_default();
        assert_eq!(answer.status, status, "{changes}: {}", answer.text);
        assert!(said.contains(word), "{changes}: {said}");
    }
    let unknown = world
        .put("/api/v1/tasks/nobody", nightly(&[&edge], json!({})))
        .await;
    assert_eq!(unknown.status, 404);
    assert_eq!(world.get(&path).await.body, before);
}

#[tokio::test]
async fn a_task_is_switched_copied_and_deleted() {
    let world = World::start().await;
    let (key, _) = one_that_ran(&world).await;
    let path = format!("/api/v1/tasks/{key}");
    let act = async |what: &str| world.post(&format!("{path}/{what}"), json!({})).await;

    let off = act("disable").await;
    let still_off = act("disable").await;
    let refused = act("run").await;
    let on = act("enable").await;
    let copy = world
        .post(&format!("{path}/copy"), json!({ "name": "another" }))
        .await;
    let again = world
        .post(&format!("{path}/copy"), json!({ "name": "another" }))
        .await;
    let copied = format!("/api/v1/tasks/{}", copy.body["key"].as_str().expect("a key"));
    let shown = world.get(&copied).await.body;
    let gone = (world.delete(&copied).await, world.delete(&copied).await);

    assert_eq!(
        (&off.body["enabled"], &off.body["nextRunAt"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!((off.body, refused.status.as_u16()), (still_off.body, 409));
    assert_eq!(
        (&on.body["enabled"], &on.body["nextRunAt"]),
        (&json!(true), &json!("2024-07-25T18:30:00Z"))
    );
    assert_eq!((copy.status.as_u16(), again.status.as_u16()), (201, 409));
    assert_eq!((&shown["enabled"], &shown["runs"]), (&json!(false), &json!(0)));
    assert_eq!((gone.0.status.as_u16(), gone.1.status.as_u16()), (204, 404));
    assert_eq!(world.get(&path).await.status, 200);
}

#[tokio::test]
async fn the_runs_of_a_task_are_listed_page_by_page_and_the_one_that_goes_on_is_stopped() {
    let world = World::start().await;
    let (key, _) = one_that_ran(&world).await;
    for _ in 0..3 {
        world.clock.advance_ms(1_000);
        let run = world.start_run(&key).await;
        world.end(&run, RunEnd::Complete { failed: 0 }, Vec::new()).await;
    }
    world.clock.advance_ms(1_000);
    let open = world.start_run(&key).await;
    let path = format!("/api/v1/tasks/{key}/records");

    let first = world.get(&format!("{path}?limit=3")).await.body;
    let next = first["next"].as_str().expect("a place").to_owned();
    let second = world.get(&format!("{path}?limit=3&cursor={next}")).await.body;
    let stopped = world.post(&format!("/api/v1/tasks/{key}/stop"), json!({})).await;
    let unknown = world.get("/api/v1/tasks/nobody/records").await;
    let bad = world.get(&format!("{path}?cursor=x")).await;

    assert_eq!(first["records"][0]["id"], open.id.to_string());
    assert_eq!(first["records"][0]["status"], "running");
    assert_eq!(second["records"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["next"], Value::Null);
    assert_eq!(
        (stopped.status.as_u16(), &stopped.body["stopped"]),
        (202, &json!(true))
    );
    assert_eq!((unknown.status.as_u16(), bad.status.as_u16()), (404, 400));
}

#[tokio::test]
async fn a_task_that_is_not_saved_is_previewed_once_its_targets_answer() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let body = task_body("nightly", &[&edge], json!({}));

    let past = json!({ "setting": { "executionStrategy": "SPECIFIED_TIME", "executionPlan": { "executeTime": "2020-07-25T05:00:00Z" } } });

    let preview = world.post("/api/v1/tasks/preview", body.clone()).await;
    let of_one_that_ran = world
        .post("/api/v1/tasks/preview", task_body("once", &[&edge], past))
        .await;
    world.greeter.fails("edge-1", ErrorKind::Tls);
    let silent = world.post("/api/v1/tasks/preview", body).await;
    let tasks = world.get("/api/v1/tasks").await.body;

    assert_eq!(preview.status, 200, "{}", preview.text);
    assert_eq!(of_one_that_ran.status, 200, "{}", of_one_that_ran.text);
    assert_eq!(
        (&preview.body["counts"]["copy"], &preview.body["more"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(preview.body["problems"].as_array().map(Vec::len), Some(1));
    assert_eq!(silent.status, 400);
    assert_eq!(tasks["total"], 0);
}

#[tokio::test]
async fn an_expression_says_when_it_fires_in_the_zone_of_the_node() {
    let world = World::start().await;
    let fires = async |query: &str| world.get(&format!("/api/v1/cron?expression={query}")).await;

    let daily = fires("0%2030%202%20*%20*%20%3F&limit=2").await;
    let ends = fires("0%200%200%201%201%20%3F%202025").await;
    let wrong = fires("0%2030%2025%20*%20*%20%3F").await;

    assert_eq!(
        daily.body,
        json!({ "zone": "Asia/Shanghai", "firings": ["2024-07-25T18:30:00Z", "2024-07-26T18:30:00Z"] })
    );
    assert_eq!(ends.body["firings"], json!(["2024-12-31T16:00:00Z"]));
    assert_eq!(
        (wrong.status.as_u16(), wrong.body["code"].as_i64()),
        (400, Some(250105))
    );
    assert_eq!(world.get("/api/v1/cron").await.status, 400);
}
