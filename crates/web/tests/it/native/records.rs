//! What the native API says about records and details, and takes over of other systems.

use std::collections::HashSet;

use axum::http::Method;
use domain::record::RunEnd;
use serde_json::{Value, json};

use crate::runs::{copied, failed, file, reason, skipped};
use crate::world::{Answer, World};

async fn import(world: &World, lines: &[String]) -> Answer {
    let ask = world.ask(Method::POST, "/api/v1/records/import");
    ask.body(lines.join("\n")).send().await
}

fn record(id: &str) -> String {
    json!({ "record": {
        "id": id, "taskKey": "old", "taskName": "Old nightly", "status": "FAILED",
        "startTime": "2021-05-12T12:19:08.813", "endTime": "2021-05-12T12:19:37.967", "errorReason": "no\n"
    } })
    .to_string()
}

fn detail(id: &str, record: &str) -> String {
    json!({ "detail": {
        "id": id, "recordId": record, "localCluster": "hq", "remoteCluster": "edge", "localRepoName": "npm",
        "repoType": "NPM", "packageConstraint": { "packageKey": "npm://a", "versions": ["1"] },
        "pathConstraint": null, "status": "FAILED", "progress": { "success": 1, "failed": 2 },
        "startTime": "2021-05-12T12:19:08", "endTime": "2021-05-12T12:19:09", "errorReason": "gone"
    } })
    .to_string()
}

const OLD: &str = "609b573d53ccce752bf9b860";

#[tokio::test]
async fn details_are_read_behind_a_cursor_and_every_one_comes_once() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let rows = (0..25).map(|n| {
        file(
            n % 2,
            &format!("/f/{n}"),
            if n == 3 { failed() } else { copied() },
        )
    });
    world.settle(&run, rows.collect()).await;
    let base = format!("/api/v1/records/{}/details", run.id);

    let mut seen = HashSet::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("{base}?limit=10&cursor={cursor}")).await.body;
        for row in page["details"].as_array().expect("rows") {
            assert!(seen.insert(row["id"].as_str().expect("an id").to_owned()));
        }
        match page["next"].as_str() {
            Some(next) => cursor = next.into(),
            None => break,
        }
    }
    let limited = world.get(&format!("{base}?class=limit")).await.body;
    let skipped = world.get(&format!("{base}?outcome=skipped_conflict")).await.body;

    assert_eq!(seen.len(), 25);
    let row = &limited["details"][0];
    assert_eq!(limited["details"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&row["outcome"], &row["attempts"], &row["failure"]["class"]),
        (&json!("failed"), &json!(5), &json!("limit"))
    );
    assert_eq!(skipped["details"], json!([]));
    for bad in ["limit=0", "cursor=x", "outcome=x", "class=x", "status=DONE"] {
        let answer = world.get(&format!("{base}?{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_retry_is_a_record_of_its_own_that_names_its_parent() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    world
        .settle(&run, vec![file(0, "/a", skipped()), file(0, "/c", failed())])
        .await;
    let path = format!("/api/v1/records/{}/retry", run.id);

    let busy = world.post(&path, json!({})).await;
    world
        .end(&run, RunEnd::Complete { failed: 1 }, vec![reason()])
        .await;
    let bad = world.post(&path, json!({ "filter": { "status": "DONE" } })).await;
    let retried = world
        .post(&path, json!({ "filter": { "status": "failed", "path": "/c" } }))
        .await;

    assert_eq!(
        (busy.status.as_u16(), bad.status.as_u16(), retried.status.as_u16()),
        (409, 400, 202)
    );
    let id = retried.body["recordId"].as_str().expect("an id");
    let native = world.get(&format!("/api/v1/records/{id}")).await.body;
    let of = &native["retryOf"];
    assert_eq!(of["recordId"], run.id.to_string());
    assert_eq!(
        (
            &of["filter"]["status"],
            &of["filter"]["path"],
            &of["filter"]["cluster"]
        ),
        (&json!("failed"), &json!("/c"), &Value::Null)
    );
    let parent = world.get(&format!("/api/v1/records/{}", run.id)).await.body;
    assert_eq!(parent["reason"][0]["failure"]["class"], "limit");
}

#[tokio::test]
async fn the_records_that_repeat_one_are_listed_page_by_page_the_newest_first() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    world.settle(&run, vec![file(0, "/c", failed())]).await;
    world
        .end(&run, RunEnd::Complete { failed: 1 }, vec![reason()])
        .await;
    let path = format!("/api/v1/records/{}", run.id);
    let mut started = Vec::new();
    for _ in 0..3 {
        world.clock.advance_ms(1_000);
        let retried = world.post(&format!("{path}/retry"), json!({})).await;
        started.push(retried.body["recordId"].clone());
        let retry = world.claim().await;
        world
            .end(&retry, RunEnd::Complete { failed: 0 }, Vec::new())
            .await;
    }

    let first = world.get(&format!("{path}/retries?limit=2")).await.body;
    let next = first["next"].as_str().expect("a place").to_owned();
    let second = world
        .get(&format!("{path}/retries?limit=2&cursor={next}"))
        .await
        .body;
    let of_a_retry = format!("/api/v1/records/{}/retries", started[0].as_str().expect("an id"));
    let none = world.get(&of_a_retry).await.body;

    let ids = |page: &Value| -> Vec<Value> {
        let records = page["records"].as_array().expect("records").iter();
        records.map(|record| record["id"].clone()).collect()
    };
    assert_eq!(ids(&first), [started[2].clone(), started[1].clone()]);
    assert_eq!(
        (ids(&second), &second["next"]),
        (vec![started[0].clone()], &Value::Null)
    );
    assert_eq!(first["records"][0]["retryOf"]["recordId"], run.id.to_string());
    assert_eq!(none, json!({ "records": [], "next": null }));
    for (rest, status) in [("retries?limit=0", 400), ("retries?cursor=x", 400)] {
        assert_eq!(
            world.get(&format!("{path}/{rest}")).await.status,
            status,
            "{rest}"
        );
    }
    assert_eq!(world.get("/api/v1/records/x/retries").await.status, 404);
}

#[tokio::test]
async fn details_come_in_the_order_that_is_asked_for_and_every_one_once() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let rows = (0..25).map(|n| {
        let settlement = domain::detail::Settlement {
            attempts: n * 7 % 25,
            ..copied()
        };
        file(0, &format!("/f/{:02}", n * 3 % 25), settlement)
    });
    world.settle(&run, rows.collect()).await;
    let base = format!("/api/v1/records/{}/details", run.id);

    for (query, member, descending) in [
        ("sort=name", "artifact", false),
        ("sort=name&order=desc", "artifact", true),
        ("sort=attempts", "attempts", false),
        ("sort=attempts&order=desc", "attempts", true),
        ("sort=time&order=asc", "id", false),
        ("order=asc", "id", false),
        ("sort=time", "id", true),
        ("", "id", true),
    ] {
        let mut seen: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = world
                .get(&format!("{base}?{query}&limit=10&cursor={cursor}"))
                .await;
            assert_eq!(page.status, 200, "{query}: {}", page.text);
            seen.extend(page.body["details"].as_array().expect("rows").iter().cloned());
            match page.body["next"].as_str() {
                Some(next) => cursor = next.into(),
                None => break,
            }
        }
        let of = |row: &Value| (row[member].as_u64(), row[member].as_str().map(str::to_owned));
        let mut ordered = seen.clone();
        ordered.sort_by_key(of);
        if descending {
            ordered.reverse();
        }
        assert_eq!(seen.len(), 25, "{query}");
        assert!(seen == ordered, "{query}: {seen:?}");
    }
    for (bad, word) in [
        ("sort=colour", "attempts"),
        ("sort=name&order=up", "asc"),
        ("sort=name&cursor=x", "cursor"),
        ("sort=name&cursor=7.66c0a1b2c3d4e5f607182930", "is gone"),
    ] {
        let answer = world.get(&format!("{base}?{bad}")).await;
        let said = answer.body["detail"].as_str().unwrap_or_default().to_owned();
        assert!(
            answer.status == 400 && said.contains(word),
            "{bad}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn a_task_made_here_goes_on_after_failures_and_reads_times_of_any_zone() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let plan = json!({ "executionStrategy": "SPECIFIED_TIME",
        "executionPlan": { "executeTime": "2024-07-25T05:00:00Z" } });
    let timed = crate::world::task_body("timed", &[&edge], json!({ "setting": plan }));
    let mut plain = crate::world::task_body("plain", &[&edge], json!({}));
    plain.as_object_mut().expect("an object").remove("setting");

    let timed = world.post("/api/v1/tasks", timed).await;
    let plain = world.post("/api/v1/tasks", plain).await;

    assert_eq!(
        (timed.status.as_u16(), plain.status.as_u16()),
        (201, 201),
        "{}",
        plain.text
    );
    let key = timed.body["key"].as_str().expect("a key");
    let setting = world.get(&format!("/replication/api/task/info/{key}")).await.ok()["setting"].clone();
    assert_eq!(setting["errorStrategy"], "CONTINUE");
    assert_eq!(setting["executionPlan"]["executeTime"], "2024-07-25T13:00:00");
}

#[tokio::test]
async fn a_plan_says_what_could_not_be_looked_at() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;

    let plan = world.post(&format!("/api/v1/tasks/{key}/plan"), json!({})).await;
    let unknown = world.post("/api/v1/tasks/nobody/plan", json!({})).await;

    assert_eq!((plan.status.as_u16(), unknown.status.as_u16()), (200, 404));
    assert_eq!(
        (
            plan.body["problems"].as_array().map(Vec::len),
            &plan.body["problemCount"]
        ),
        (Some(2), &json!(2)),
        "{}",
        plan.text
    );
}

#[tokio::test]
async fn an_import_keeps_historical_rows_and_can_be_repeated() {
    let world = World::start().await;
    let lines = [
        record(OLD),
        detail("979b573d53efcd752bf9b762", OLD),
        detail("979b573d53efcd752bf9b763", OLD),
    ];

    let first = import(&world, &lines).await;
    let again = import(&world, &lines).await;

    assert_eq!(
        first.body,
        json!({ "lines": 3, "records": 1, "details": 2 }),
        "{}",
        first.text
    );
    assert_eq!(again.body, json!({ "lines": 3, "records": 0, "details": 0 }));
    let base = "/replication/api/task/record";
    let shown = world.get(&format!("{base}/{OLD}")).await.ok()["record"].clone();
    assert_eq!(
        (&shown["status"], &shown["errorReason"]),
        (&json!("FAILED"), &json!("no"))
    );
    assert_eq!(
        (&shown["replicaOverview"], &shown["endTime"]),
        (&Value::Null, &json!("2021-05-12T12:19:37.967"))
    );
    assert_eq!(
        world.get(&format!("{base}/overview/{OLD}")).await.ok(),
        Value::Null
    );
    let page = world
        .get(&format!(
            "{base}/detail/page/{OLD}?packageName=npm://a&status=FAILED"
        ))
        .await
        .ok();
    assert_eq!(page["totalRecords"], 2);
    let row = &page["records"][0];
    for member in [
        "artifactName",
        "version",
        "conflictStrategy",
        "size",
        "sha256",
        "executeType",
        "pathConstraint",
    ] {
        assert_eq!(row[member], Value::Null, "{member}");
    }
    assert_eq!(row["errorReason"], "gone");
    assert_eq!(row["progress"]["failed"], 2);
    assert_eq!(row["packageConstraint"]["versions"], json!(["1"]));
    let task = world.get("/replication/api/task/info/old").await.ok();
    assert_eq!(
        (&task["name"], &task["enabled"]),
        (&json!("Old nightly"), &json!(false))
    );
    let toggled = world
        .post("/replication/api/task/toggle/status/old", json!({}))
        .await;
    assert_eq!(toggled.refusal(), (400, 250105));
}

#[tokio::test]
async fn imported_records_are_kept_however_old_they_are() {
    let world = World::start().await;
    import(&world, &[record(OLD)]).await;

    engine::retain::tick(&world.engine).await.expect("a look");

    let path = format!("/replication/api/task/record/{OLD}");
    assert_eq!(world.get(&path).await.ok()["record"]["id"], OLD);
}

#[tokio::test]
async fn a_bad_line_is_named_and_what_came_before_it_is_kept() {
    let world = World::start().await;
    let running = record("609b573d53ccce752bf9b861").replace("FAILED", "RUNNING");
    let fresh = |n: u32| format!("979b573d53efcd752bf9b{n:03}");
    let lost = detail(&fresh(9), "609b573d53ccce752bf9b8ff");

    for (bad, word) in [
        (running.as_str(), "RUNNING"),
        ("{", "JSON"),
        ("{}", "`record`"),
        (r#"{"record":{"id":"x"}}"#, "status"),
        (r#"{"record":[]}"#, "not an object"),
        (&record("xyz"), "not an id"),
        (&record(OLD).replace("2021-05-12T12:19:37.967", "soon"), "endTime"),
        (&lost, "was not imported"),
        (
            &detail(&fresh(8), OLD).replace("\"NPM\"", "\"no type\""),
            "repoType",
        ),
    ] {
        let lines = [
            record(OLD),
            String::new(),
            detail(&fresh(1), OLD),
            bad.to_owned(),
            detail(&fresh(2), OLD),
        ];
        let answer = import(&world, &lines).await;

        let said = answer.body["detail"].as_str().unwrap_or_default();
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text);
        assert!(said.contains("line 4") && said.contains(word), "{bad}: {said}");
        let path = format!("/replication/api/task/record/detail/page/{OLD}");
        assert_eq!(world.get(&path).await.ok()["totalRecords"], 1, "{bad}");
    }
}
