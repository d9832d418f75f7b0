//! Failure endpoints.

use axum::http::Method;
use domain::record::RunEnd;
use serde_json::{Value, json};

use crate::runs::{Run, copied, failed, file, package};
use crate::world::World;

const BASE: &str = "/replication/api/replica/failure";

/// Runs a task whose files `/a` and `/b` and one package fail.
async fn world_with_failures() -> (World, String) {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let task = world.task("nightly", &[&edge], json!({})).await;
    let key = task["key"].as_str().expect("a key").to_owned();
    let run = world.start_run(&key).await;
    let rows = vec![
        file(0, "/a", failed()),
        file(1, "/b", failed()),
        package(2, "npm://left-pad", "1.0", failed()),
        file(0, "/c", copied()),
    ];
    world.settle(&run, rows).await;
    end(&world, run).await;
    (world, key)
}

async fn end(world: &World, run: Run) {
    let end = RunEnd::Complete { failed: 0 };
    world.end(&run, end, Vec::new()).await;
}

async fn total(world: &World, query: &str) -> Value {
    world.get(&format!("{BASE}/page?{query}")).await.ok()["totalRecords"].clone()
}

#[tokio::test]
async fn a_failure_is_shown_with_every_member() {
    let (world, key) = world_with_failures().await;
    let edge = world.get("/replication/api/cluster/info?name=edge-1").await.ok();

    let path = format!("{BASE}/page?sortField=createdDate&sortDirection=asc&pageSize=1");
    let page = world.get(&path).await.ok();

    let shown = &page["records"][0];
    let expected = json!({
        "id": shown["id"], "taskKey": key, "remoteClusterId": edge["id"],
        "projectId": "demo", "repoName": "files", "remoteProjectId": "demo", "remoteRepoName": "files",
        "failureType": "PATH", "packageConstraint": null,
        "pathConstraint": { "path": "/a", "pathRegex": null, "deletedDate": null },
        "failureReason": "write/limit: edge-1 answered 429 \"slow down\" after 5 tries; \
            lower the task's rate or retry later",
        "retryCount": 0, "retrying": false,
        "createdDate": shown["createdDate"], "lastModifiedDate": shown["createdDate"],
    });
    assert_eq!(shown, &expected);
    assert_eq!(
        (&page["totalRecords"], &page["totalPages"]),
        (&json!(3), &json!(3))
    );
    let id = shown["id"].as_str().expect("an id");
    assert_eq!(&world.get(&format!("{BASE}/{id}")).await.ok(), shown);
    assert_eq!(world.get(&format!("{BASE}/nobody")).await.ok(), Value::Null);
}

#[tokio::test]
async fn failures_are_filtered_by_everything_the_contract_names() {
    let (world, key) = world_with_failures().await;

    for (query, found) in [
        (format!("taskKey={key}"), 3),
        ("taskKey=other".into(), 0),
        ("taskKey=&projectId=".into(), 3),
        ("remoteClusterId=0123".into(), 0),
        ("projectId=demo&repoName=files".into(), 2),
        ("repoName=npm&remoteProjectId=demo&remoteRepoName=npm".into(), 1),
        ("failureType=PATH".into(), 2),
        ("failureType=PACKAGE".into(), 1),
        ("failureType=REPOSITORY".into(), 0),
        ("retrying=false".into(), 3),
        ("retrying=true".into(), 0),
        ("maxRetryCount=0".into(), 0),
        ("maxRetryCount=-1&sortDirection=junk".into(), 3),
    ] {
        assert_eq!(total(&world, &query).await, found, "{query}");
    }
    for query in [
        "failureType=FILE",
        "retrying=maybe",
        "maxRetryCount=x",
        "maxRetryCount=99999999999",
        "sortField=taskKey",
        "pageNumber=x",
    ] {
        let refused = world.get(&format!("{BASE}/page?{query}")).await;
        assert_eq!(refused.refusal(), (400, 250131), "{query}");
    }
}

#[tokio::test]
async fn failures_are_dismissed_and_the_log_keeps_their_details() {
    let (world, _) = world_with_failures().await;
    let page = world.get(&format!("{BASE}/page")).await.ok();
    let ids: Vec<&Value> = page["records"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["id"])
        .collect();
    let dismiss = async |body: Value| {
        let ask = world.ask(Method::DELETE, &format!("{BASE}/delete"));
        ask.json(body).send().await
    };

    assert_eq!(dismiss(json!({})).await.refusal(), (400, 250103));
    assert_eq!(dismiss(json!({ "ids": "x" })).await.refusal(), (400, 250106));
    assert_eq!(dismiss(json!({ "ids": ["x", ids[0]] })).await.ok(), json!(1));
    assert_eq!(
        dismiss(json!({ "ids": [ids[1]], "maxRetryCount": 0 })).await.ok(),
        json!(0)
    );
    assert_eq!(dismiss(json!({ "maxRetryCount": -1 })).await.ok(), json!(2));
    assert_eq!(total(&world, "").await, 0);
}

#[tokio::test]
async fn a_retry_answers_whether_the_failure_is_mended() {
    let (world, _) = world_with_failures().await;
    let page = world.get(&format!("{BASE}/page?repoName=files")).await.ok();
    let row = |path: &str| {
        let rows = page["records"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["pathConstraint"]["path"] == path);
        row.expect("a row")["id"].clone()
    };
    for (path, how, mended) in [("/a", failed(), false), ("/a", copied(), true)] {
        let id = row(path);
        let retried = async {
            let body = json!({ "id": id });
            world.post(&format!("{BASE}/retry"), body).await
        };
        let carried = async {
            let run = world.claim().await;
            let shown = world
                .get(&format!("{BASE}/{}", id.as_str().expect("an id")))
                .await
                .ok();
            assert_eq!(shown["retrying"], true);
            assert_eq!(total(&world, "retrying=true").await, 1);
            world.settle(&run, vec![file(0, path, how)]).await;
            end(&world, run).await;
            world.clock.advance_ms(100);
        };

        let (answer, ()) = tokio::join!(retried, carried);

        assert_eq!(answer.ok(), json!(mended));
    }
    assert_eq!(total(&world, "retrying=false").await, 2);
    for (body, refusal) in [
        (json!({}), (400, 250106)),
        (json!({ "id": "nobody" }), (400, 250325)),
        (json!({ "id": row("/a") }), (400, 250325)),
    ] {
        let refused = world.post(&format!("{BASE}/retry"), body).await;
        assert_eq!(refused.refusal(), refusal, "{}", refused.text);
    }
}

#[tokio::test]
async fn failures_are_for_administrators() {
    let (world, _) = world_with_failures().await;

    for (method, path) in [
        (Method::GET, "page"),
        (Method::GET, "x"),
        (Method::DELETE, "delete"),
        (Method::POST, "retry"),
    ] {
        let ask = world.ask(method, &format!("{BASE}/{path}")).anonymous();
        assert_eq!(ask.send().await.refusal(), (401, 250114));
    }
}
