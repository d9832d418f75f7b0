//! What the console asks at a glance: how everything stands, why artifacts failed, how clusters answer.

use axum::http::Method;
use domain::failure::ErrorKind;
use domain::record::RunEnd;
use serde_json::json;

use crate::runs::{copied, failed, file, reason};
use crate::world::World;

#[tokio::test]
async fn silent_and_failing_tasks_come_first_and_hours_have_no_gaps() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let now = json!({ "executionStrategy": "IMMEDIATELY" });
    let key = world.task("a-failing", &[&edge], json!({ "setting": now })).await["key"].clone();
    world.task("b-silent", &[&edge], json!({})).await;
    let run = world.start_run(key.as_str().expect("a key")).await;
    world
        .settle(&run, vec![file(0, "/a", copied()), file(0, "/c", failed())])
        .await;
    let running = world.get("/api/v1/overview?hours=2").await.body;
    world
        .end(&run, RunEnd::Complete { failed: 1 }, vec![reason()])
        .await;
    world.clock.advance_ms(24 * 3_600_000);

    let overview = world.get("/api/v1/overview").await.body;
    let failing = world.get("/api/v1/tasks?freshness=failing&name=FAIL").await.body;

    assert_eq!(running["open"][0]["id"], run.id.to_string());
    assert_eq!(running["hours"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&running["hours"][1]["artifacts"], &running["hours"][1]["bytes"]),
        (&json!(2), &json!(7))
    );
    let attention = overview["attention"].as_array().expect("tasks");
    let named: Vec<_> = attention.iter().map(|task| task["name"].clone()).collect();
    assert_eq!(named, ["b-silent", "a-failing"]);
    assert_eq!(attention[0]["silentSince"], "2024-07-25T18:30:00Z");
    assert_eq!(attention[1]["openFailures"], 1);
    assert_eq!(
        (
            &overview["tasks"]["silent"],
            &overview["tasks"]["failing"],
            &overview["open"]
        ),
        (&json!(1), &json!(1), &json!([]))
    );
    assert_eq!(overview["hours"].as_array().map(Vec::len), Some(24));
    assert_eq!(overview["clusters"]["healthy"], 1);
    assert_eq!(
        (&failing["total"], &failing["tasks"][0]["key"]),
        (&json!(1), &key)
    );
    for bad in [
        "overview?hours=0",
        "tasks?freshness=stale",
        "tasks?limit=0",
        "tasks?cursor=x",
    ] {
        let answer = world.get(&format!("/api/v1/{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_cause_says_how_many_failed_and_what_to_do_and_selects_them() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let rows = (0..7).map(|n| file(n % 2, &format!("/f/{n}"), failed()));
    world.settle(&run, rows.collect()).await;
    let base = format!("/api/v1/records/{}", run.id);

    let causes = world.get(&format!("{base}/causes")).await.body;
    let in_chinese = world
        .ask(Method::GET, &format!("{base}/causes"))
        .header("accept-language", "zh-CN")
        .send()
        .await;
    let no = causes["causes"][0]["no"].as_i64().expect("a number");
    let details = world.get(&format!("{base}/details?cause={no}")).await.body;
    let by_words = world
        .get(&format!("{base}/details?words=SLOW%20down&cluster=edge-2"))
        .await
        .body;
    let unknown = world.get("/api/v1/records/000000000000000000000000/causes").await;

    assert_eq!(causes["ungrouped"], 0);
    let counts: Vec<_> = causes["causes"]
        .as_array()
        .expect("causes")
        .iter()
        .map(|cause| {
            (
                cause["cluster"].clone(),
                cause["count"].clone(),
                cause["words"].clone(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        [
            (json!("edge-1"), json!(4), json!("slow down")),
            (json!("edge-2"), json!(3), json!("slow down"))
        ]
    );
    assert!(
        causes["causes"][0]["advice"]
            .as_str()
            .expect("words")
            .contains("rate")
    );
    assert_ne!(
        causes["causes"][0]["advice"],
        in_chinese.body["causes"][0]["advice"]
    );
    assert_eq!(details["details"].as_array().map(Vec::len), Some(4));
    assert_eq!(by_words["details"].as_array().map(Vec::len), Some(3));
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn an_export_holds_every_selected_detail_once() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let rows = (0..1_203).map(|n| file(0, &format!("/f/{n}"), if n < 3 { failed() } else { copied() }));
    world.settle(&run, rows.collect()).await;
    let base = format!("/api/v1/records/{}/details/export", run.id);

    let all = world.get(&base).await;
    let csv = world.get(&format!("{base}?as=csv&outcome=failed")).await;

    let mut names: Vec<String> = all
        .text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["artifact"].to_string())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 1_203);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(
        csv.header("content-disposition")
            .expect("a name")
            .contains(".csv")
    );
    let lines: Vec<&str> = csv.text.split("\r\n").filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("id,localCluster,cluster,"), "{}", lines[0]);
    assert!(lines[1].contains(",failed,"), "{}", lines[1]);
    assert_eq!(world.get(&format!("{base}?as=xml")).await.status, 400);
}

#[tokio::test]
async fn a_cluster_keeps_its_secrets_and_says_how_it_answered() {
    let world = World::start().await;
    let body = json!({ "name": "edge-1", "url": "http://edge-1:1", "type": "EDGE",
        "username": "bob", "password": "hunter2" });
    let made = world.post("/api/v1/clusters", body.clone()).await;
    let again = world.post("/api/v1/clusters", body).await;
    let path = "/api/v1/clusters/edge-1";
    let changed = world
        .ask(Method::PUT, path)
        .json(json!({ "url": "http://edge-1:2" }))
        .send()
        .await;
    let kept = world
        .store
        .clusters()
        .by_name("edge-1")
        .await
        .expect("a look-up")
        .expect("it");
    world.task("nightly", &[&kept.id.to_string()], json!({})).await;
    world.greeter.fails("edge-1", ErrorKind::Tls);
    world.clock.advance_ms(1);
    let checked = world.post(&format!("{path}/check"), json!({})).await;
    let checks = world.get(&format!("{path}/checks")).await.body;
    let used = world.delete(path).await;

    assert_eq!((made.status.as_u16(), again.refusal().0), (201, 409));
    assert_eq!(changed.body["url"], "http://edge-1:2");
    let password = kept.credentials.password.expect("it was kept");
    assert_eq!(password.reveal(), "hunter2");
    for answer in [&made, &changed, &checked] {
        assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    }
    assert_eq!(checked.body["cluster"]["healthy"], false);
    assert_eq!(
        (&checks["checks"][0]["class"], &checks["checks"][0]["turned"]),
        (&json!("tls"), &json!(true))
    );
    assert_eq!(used.status, 409);
    assert!(used.text.contains("nightly"), "{}", used.text);
}
