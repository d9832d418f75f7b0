//! The six record endpoints.

use axum::http::Method;
use domain::detail::{Outcome, Settlement};
use domain::id::RecordId;
use domain::record::RunEnd;
use serde_json::{Value, json};
use storage::writer::RowState;

use crate::runs::{Row, copied, failed, file, package, reason, skipped};
use crate::world::World;

const RECORD: &str = "/replication/api/task/record";

/// A run of ten rows over three units; one failed.
async fn ended_run(world: &World) -> (String, RecordId) {
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let rows = vec![
        file(0, "/a.b/one", copied()),
        file(0, "/a.b/two", skipped()),
        file(0, "/aXb/three", Settlement::of(Outcome::Unchanged)),
        file(0, "/c", failed()),
        file(1, "/a.b/one", copied()),
        file(1, "/B", copied()),
        package(2, "npm://left-pad", "1.0.0", copied()),
        package(2, "npm://left-pad", "1.1.0", copied()),
        package(2, "npm://right-pad", "1.0.0", copied()),
        package(2, "npm://(odd", "2", copied()),
    ];
    world.settle(&run, rows).await;
    world.clock.advance_ms(1_000);
    world
        .end(&run, RunEnd::Complete { failed: 1 }, vec![reason()])
        .await;
    (key, run.id)
}

#[tokio::test]
async fn a_record_is_shown_with_its_types_its_overview_and_its_reason() {
    let world = World::start().await;
    let (key, id) = ended_run(&world).await;

    let data = world.get(&format!("{RECORD}/{id}")).await.ok();

    assert_eq!(
        data,
        json!({
            "replicaObjectType": "REPOSITORY", "replicaType": "SCHEDULED",
            "record": {
                "id": id.to_string(), "taskKey": key, "status": "FAILED",
                "startTime": "2024-07-25T11:20:00", "endTime": "2024-07-25T11:20:01.01",
                "errorReason": "edge-1: `/c` failed: write/limit: edge-1 answered 429 \"slow down\" \
                    after 5 tries; lower the task's rate or retry later",
                "replicatedBytes": 49, "totalBytes": 70,
                "replicaOverview": {
                    "success": 9, "failed": 1, "conflict": 1, "fileSuccess": 7, "fileFailed": 1
                }
            }
        })
    );
}

#[tokio::test]
async fn reasons_are_rendered_in_the_readers_language() {
    let world = World::start().await;
    let (_, id) = ended_run(&world).await;
    let chinese = async |path: String| {
        let ask = world.ask(Method::GET, &path).header("accept-language", "zh-CN");
        ask.send().await.ok()
    };

    let record = chinese(format!("{RECORD}/{id}")).await;
    let details = chinese(format!("{RECORD}/detail/page/{id}?status=FAILED")).await;

    for reason in [
        &record["record"]["errorReason"],
        &details["records"][0]["errorReason"],
    ] {
        let reason = reason.as_str().expect("a reason");
        assert!(reason.contains("请降低任务速率或稍后重试"), "{reason}");
    }
}

#[tokio::test]
async fn a_detail_is_shown_with_every_member() {
    let world = World::start().await;
    let (_, id) = ended_run(&world).await;

    let page = world
        .get(&format!("{RECORD}/detail/page/{id}?path=/a.b/two"))
        .await
        .ok();
    let packages = world
        .get(&format!("{RECORD}/detail/page/{id}?version=1.1.0"))
        .await
        .ok();

    let mut expected = json!({
        "recordId": id.to_string(), "localCluster": "hq", "remoteCluster": "edge-1",
        "localRepoName": "files", "repoType": "GENERIC", "packageConstraint": null,
        "pathConstraint": { "path": "/a.b/two", "pathRegex": null, "deletedDate": null },
        "artifactName": "/a.b/two", "version": null, "conflictStrategy": "SKIP", "size": 7,
        "status": "SUCCESS",
        "progress": {
            "success": 0, "skip": 1, "failed": 0, "totalSize": 7, "conflict": 1,
            "fileSuccess": 0, "fileFailed": 0
        },
        "startTime": "2024-07-25T11:20:00.002", "endTime": "2024-07-25T11:20:00.002",
        "errorReason": null, "executeType": "FULL"
    });
    let row = &page["records"][0];
    expected["id"] = row["id"].clone();
    expected["sha256"] = row["sha256"].clone();
    assert_eq!(row["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(*row, expected);
    let package = &packages["records"][0];
    assert_eq!(
        (&package["artifactName"], &package["sha256"]),
        (&json!("left-pad"), &Value::Null)
    );
    assert_eq!(package["pathConstraint"], Value::Null);
    assert_eq!(
        package["packageConstraint"],
        json!({
            "packageKey": "npm://left-pad", "versions": ["1.1.0"], "targetVersions": null,
            "packageRegex": null, "versionRegex": null, "deletedDate": null
        })
    );
}

#[tokio::test]
async fn details_are_filtered_literally_and_every_filter_counts() {
    let world = World::start().await;
    let (_, id) = ended_run(&world).await;

    for (query, rows) in [
        ("", 10),
        ("status=", 10),
        ("status=SUCCESS", 9),
        ("status=FAILED", 1),
        ("status=RUNNING", 0),
        ("clusterName=edge-1", 8),
        ("clusterName=edge", 0),
        ("clusterName=EDGE-1", 0),
        ("repoName=npm", 4),
        ("repoName=files&clusterName=edge-2", 2),
        ("path=/a.b", 3),
        ("path=/a", 4),
        ("path=/b", 0),
        ("path=.*three", 0),
        ("path=", 10),
        ("artifactName=/a.b/", 3),
        ("artifactName=left", 2),
        ("packageName=npm://left", 2),
        ("packageName=left", 2),
        ("packageName=npm://(", 1),
        ("packageName=(", 1),
        ("version=1.0.0", 2),
        ("version=1.0", 0),
        (
            "version=1.0.0&packageName=right&status=SUCCESS&repoName=npm&clusterName=edge-1",
            1,
        ),
        ("path=/a.b&status=FAILED", 0),
    ] {
        let page = world
            .get(&format!("{RECORD}/detail/page/{id}?{query}"))
            .await
            .ok();
        assert_eq!(page["totalRecords"], json!(rows), "{query}");
        assert_eq!(page["records"].as_array().map(Vec::len), Some(rows), "{query}");
    }
    let unknown = world.get(&format!("{RECORD}/detail/page/{id}?status=DONE")).await;
    assert_eq!(unknown.refusal(), (400, 250131));
}

#[tokio::test]
async fn details_come_newest_first_and_pages_do_not_overlap() {
    let world = World::start().await;
    let (_, id) = ended_run(&world).await;
    let names = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().expect("rows").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned())
            .collect()
    };

    let all = names(&world.get(&format!("{RECORD}/detail/list/{id}")).await.ok());
    let mut paged = Vec::new();
    for number in 1..=5 {
        let path = format!("{RECORD}/detail/page/{id}?pageNumber={number}&pageSize=3");
        paged.extend(names(&world.get(&path).await.ok()["records"]));
    }

    let mut newest_first = all.clone();
    newest_first.sort_by(|a, b| b.cmp(a));
    assert_eq!(all.len(), 10);
    assert_eq!(all, newest_first);
    assert_eq!(all, paged);
}

#[tokio::test]
async fn a_list_has_every_row_however_many_there_are() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    for start in [0, 700] {
        let rows = (start..start + 700).map(|n| file(0, &format!("/f/{n}"), copied()));
        world.settle(&run, rows.collect()).await;
    }

    let answer = world.get(&format!("{RECORD}/detail/list/{}", run.id)).await;

    assert_eq!(answer.body["traceId"].as_str(), answer.header("x-bkrepo-rid"));
    let rows = answer.ok();
    let mut ids: Vec<&str> = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["id"].as_str())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1_400);
}

#[tokio::test]
async fn a_run_is_running_from_its_trigger_on_with_a_live_overview() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let waiting = world.trigger(&key).await;
    let shown = async |id: RecordId| world.get(&format!("{RECORD}/{id}")).await.ok()["record"].clone();

    let before = shown(waiting).await;
    let task = world.get(&format!("/replication/api/task/info/{key}")).await.ok();
    world
        .delete(&format!("/replication/api/task/delete/{key}"))
        .await
        .ok();
    let other = world
        .task("other", &[&world.cluster("edge-3", "EDGE").await], json!({}))
        .await;
    let run = world.start_run(other["key"].as_str().expect("a key")).await;
    let running = Row {
        state: RowState::Running,
        ..file(0, "/big", copied())
    };
    world.settle(&run, vec![file(0, "/a", copied()), running]).await;
    let during = shown(run.id).await;
    let rows = world
        .get(&format!("{RECORD}/detail/page/{}?status=RUNNING", run.id))
        .await
        .ok();

    assert_eq!(
        (&before["status"], &before["endTime"]),
        (&json!("RUNNING"), &Value::Null)
    );
    assert_eq!(before["startTime"], "2024-07-25T11:20:00");
    assert_eq!(
        (&task["status"], &task["lastExecutionStatus"]),
        (&json!("REPLICATING"), &json!("RUNNING"))
    );
    assert_eq!(during["status"], "RUNNING");
    assert_eq!(during["replicaOverview"]["success"], 1);
    assert_eq!(
        (&rows["totalRecords"], &rows["records"][0]["endTime"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(rows["records"][0]["progress"]["success"], 0);
}

#[tokio::test]
async fn records_are_listed_and_paged_newest_first_by_status() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let mut ids = Vec::new();
    for failures in [0, 1, 0] {
        world.clock.advance_ms(60_000);
        let run = world.start_run(&key).await;
        if failures > 0 {
            world.settle(&run, vec![file(0, "/c", failed())]).await;
        }
        world
            .end(&run, RunEnd::Complete { failed: failures }, vec![])
            .await;
        ids.insert(0, run.id.to_string());
    }
    let found = async |path: &str| -> Vec<String> {
        let data = world.get(&format!("{RECORD}/{path}")).await.ok();
        let rows = data
            .get("records")
            .unwrap_or(&data)
            .as_array()
            .expect("rows")
            .clone();
        rows.iter()
            .map(|row| row["id"].as_str().expect("an id").to_owned())
            .collect()
    };

    assert_eq!(found(&format!("list/{key}")).await, ids);
    assert_eq!(found(&format!("page/{key}?pageSize=2")).await, ids[..2]);
    assert_eq!(
        found(&format!("page/{key}?pageSize=2&pageNumber=2")).await,
        ids[2..]
    );
    assert_eq!(found(&format!("page/{key}?status=FAILED")).await, ids[1..2]);
    assert_eq!(found(&format!("page/{key}?status=RUNNING")).await, ids[..0]);
    let unknown = world.get(&format!("{RECORD}/page/{key}?status=STOPPED")).await;
    assert_eq!(unknown.refusal(), (400, 250131));
}

#[tokio::test]
async fn a_stopped_run_failed_and_says_who_stopped_it() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let id = world.trigger(&key).await;

    let stopped = world.post(&format!("/api/v1/records/{id}/stop"), json!({})).await;
    let again = world.post(&format!("/api/v1/records/{id}/stop"), json!({})).await;
    let native = world.get(&format!("/api/v1/records/{id}")).await;

    assert_eq!(
        (stopped.status.as_u16(), &stopped.body["stopped"]),
        (202, &json!(true))
    );
    assert_eq!(again.body["stopped"], false);
    assert_eq!(native.body["status"], "stopped");
    let record = world.get(&format!("{RECORD}/{id}")).await.ok()["record"].clone();
    assert_eq!(
        (&record["status"], &record["errorReason"]),
        (&json!("FAILED"), &json!("stopped by admin"))
    );
}

#[tokio::test]
async fn unknown_ids_are_answered_as_the_contract_says() {
    let world = World::start().await;
    let empty = json!({
        "pageNumber": 1, "pageSize": 20, "totalRecords": 0, "totalPages": 0, "records": [], "count": 0, "page": 1
    });

    for id in [
        "66a1c3f0d94e5b0012ab34cd",
        "nobody",
        "%20",
        "list",
        "..%2F..",
        "%E5%BF%AB",
    ] {
        let record = world.get(&format!("{RECORD}/{id}")).await;
        assert_eq!(record.refusal(), (400, 250310), "{id}");
        assert_eq!(world.get(&format!("{RECORD}/list/{id}")).await.ok(), json!([]));
        assert_eq!(world.get(&format!("{RECORD}/page/{id}")).await.ok(), empty);
        assert_eq!(
            world.get(&format!("{RECORD}/detail/list/{id}")).await.ok(),
            json!([])
        );
        assert_eq!(world.get(&format!("{RECORD}/detail/page/{id}")).await.ok(), empty);
        assert_eq!(
            world.get(&format!("{RECORD}/overview/{id}")).await.ok(),
            Value::Null
        );
    }
    let record = world.get(&format!("{RECORD}/nobody")).await;
    assert!(record.message().contains("nobody"));
}

#[tokio::test]
async fn a_deleted_task_takes_its_log_out_of_sight_at_once() {
    let world = World::start().await;
    let (key, id) = ended_run(&world).await;

    world
        .delete(&format!("/replication/api/task/delete/{key}"))
        .await
        .ok();
    world
        .delete(&format!("/replication/api/task/delete/{key}"))
        .await
        .ok();

    assert_eq!(
        world.get(&format!("{RECORD}/{id}")).await.refusal(),
        (400, 250310)
    );
    assert_eq!(
        world.get(&format!("{RECORD}/detail/list/{id}")).await.ok(),
        json!([])
    );
    let info = world.get(&format!("/replication/api/task/info/{key}")).await;
    assert_eq!(info.refusal(), (400, 250310));
}

#[tokio::test]
async fn execute_starts_a_run_and_is_refused_while_one_goes_on() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let path = format!("/replication/api/task/execute/{key}");

    world.post(&path, json!({})).await.ok();
    let busy = world.post(&path, json!({})).await;
    let native = world.post(&format!("/api/v1/tasks/{key}/run"), json!({})).await;
    let unknown = world
        .post("/replication/api/task/execute/nobody", json!({}))
        .await;
    let off = world
        .task(
            "off",
            &[&world.cluster("edge-3", "EDGE").await],
            json!({ "enabled": false }),
        )
        .await;
    let off_key = off["key"].as_str().expect("a key");
    let off = world
        .post(&format!("/replication/api/task/execute/{off_key}"), json!({}))
        .await;

    assert_eq!((busy.refusal(), native.status.as_u16()), ((400, 250303), 409));
    assert_eq!((unknown.refusal(), off.refusal()), ((400, 250310), (400, 250304)));
    let info = world.get(&format!("/replication/api/task/info/{key}")).await.ok();
    assert_eq!(
        (&info["executionTimes"], &info["lastExecutionStatus"]),
        (&json!(1), &json!("RUNNING"))
    );
    let mut update = crate::world::task_body("nightly", &["x"], json!({}));
    update["key"] = key.as_str().into();
    let frozen = world.post("/replication/api/task/update", update).await;
    assert_eq!(frozen.refusal(), (400, 250308));
}

#[tokio::test]
async fn a_task_about_to_run_by_itself_is_left_to_do_so() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let soon = world.task("soon", &[&edge], json!({ "setting": {} })).await;
    let once = world
        .task(
            "once",
            &[&edge],
            json!({ "setting": {}, "replicaType": "RUN_ONCE" }),
        )
        .await;
    let execute = async |task: &Value| {
        let key = task["key"].as_str().expect("a key");
        let path = format!("/replication/api/task/execute/{key}");
        world.post(&path, json!({})).await
    };

    let refused = execute(&soon).await;
    let started = execute(&once).await;

    assert_eq!(refused.refusal(), (400, 250307));
    assert_eq!(
        (&once["status"], &once["lastExecutionStatus"]),
        (&json!("REPLICATING"), &Value::Null)
    );
    started.ok();
}
