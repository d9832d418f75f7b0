//! The seed's own example answers: the same members, types and nulls come back, and the same values for
//! its own rows when they are imported.

use serde_json::{Value, json};

use crate::runs::{copied, failed, file, package, skipped};
use crate::world::World;

const RECORD: &str = "/replication/api/task/record";
const KEY: &str = "651095dfe0524ce9b3ab53d13532361c";
const ID: &str = "609b573d53ccce752bf9b860";

/// Members that the seed, or what we add to it, allows to be null.
const NULLABLE: &[&str] = &[
    "message",
    "endTime",
    "errorReason",
    "packageConstraint",
    "pathConstraint",
    "artifactName",
    "version",
    "conflictStrategy",
    "size",
    "sha256",
];

fn seed(name: &str) -> Value {
    let text = match name {
        "get_task_record" => include_str!("seed/get_task_record.json"),
        "list_task_record" => include_str!("seed/list_task_record.json"),
        "list_task_record_page" => include_str!("seed/list_task_record_page.json"),
        "list_task_record_detail" => include_str!("seed/list_task_record_detail.json"),
        "list_task_record_detail_page" => include_str!("seed/list_task_record_detail_page.json"),
        "get_task_record_overview" => include_str!("seed/get_task_record_overview.json"),
        "get_task_record_overview_historical" => {
            include_str!("seed/get_task_record_overview_historical.json")
        }
        other => unreachable!("no fixture {other}"),
    };
    serde_json::from_str(text).expect("the seed's JSON")
}

/// Asserts that `live` has every member of `seed` with its type, and null only where that is allowed.
#[track_caller]
fn assert_like(seed: &Value, live: &Value, at: &str) {
    let member = at.rsplit('.').next().unwrap_or_default();
    match (seed, live) {
        (Value::Null, _) => {}
        (_, Value::Null) => assert!(NULLABLE.contains(&member), "{at} is null"),
        (Value::Object(members), Value::Object(found)) => {
            for (name, value) in members {
                let at = format!("{at}.{name}");
                let found = found.get(name);
                assert_like(
                    value,
                    found.unwrap_or_else(|| unreachable!("{at} is absent")),
                    &at,
                );
            }
        }
        (Value::Array(items), Value::Array(found)) => {
            for (index, item) in found.iter().enumerate().filter(|_| !items.is_empty()) {
                assert_like(&items[0], item, &format!("{at}.{index}"));
            }
        }
        (Value::String(_), Value::String(_)) | (Value::Bool(_), Value::Bool(_)) => {}
        (Value::Number(_), Value::Number(number)) => assert!(number.is_i64(), "{at} is {number}"),
        _ => unreachable!("{at}: the seed has {seed}, the answer {live}"),
    }
}

/// Asserts that every scalar of `seed` comes back as it is; an empty reason may come back as null, and a
/// missing path constraint filled.
#[track_caller]
fn assert_same(seed: &Value, live: &Value, at: &str) {
    match (seed, live) {
        (Value::Object(members), Value::Object(found)) => {
            for (name, value) in members {
                assert_same(value, &found[name], &format!("{at}.{name}"));
            }
        }
        (Value::Array(items), Value::Array(found)) => {
            assert_eq!(items.len(), found.len(), "{at}");
            for (item, found) in items.iter().zip(found) {
                assert_same(item, found, at);
            }
        }
        (Value::String(text), Value::Null) if text.is_empty() => {}
        // Named twice, so that the console and the `path` filter find new rows too.
        (Value::Null, Value::Object(_)) if at.ends_with("pathConstraint") => {}
        _ => assert_eq!(seed, live, "{at}"),
    }
}

/// Imports the rows of the seed's examples.
async fn imported() -> World {
    let world = World::start().await;
    let row = seed("list_task_record")["data"][0].clone();
    let detail = seed("list_task_record_detail")["data"][0].clone();
    let newest = seed("list_task_record_detail_page")["data"]["records"][0].clone();
    let record_of_newest = json!({
        "id": newest["recordId"], "taskKey": "newest", "status": "SUCCESS",
        "startTime": "2024-01-24T11:01:20.534", "endTime": null, "errorReason": null,
    });
    let lines = [
        json!({ "record": row }),
        json!({ "detail": detail }),
        json!({ "record": record_of_newest }),
        json!({ "detail": newest }),
    ];
    let body: Vec<String> = lines.iter().map(Value::to_string).collect();
    let answer = world
        .ask(axum::http::Method::POST, "/api/v1/records/import")
        .body(body.join("\n"))
        .send()
        .await;
    assert_eq!(
        answer.body,
        json!({ "lines": 4, "records": 2, "details": 2 }),
        "{}",
        answer.text
    );
    world
}

#[tokio::test]
async fn the_seeds_own_rows_come_back_as_the_seed_shows_them() {
    let world = imported().await;
    let newest = "65b07d7eb69e4404f9ba4a4e";

    for (name, path) in [
        ("get_task_record", format!("{RECORD}/{ID}")),
        ("list_task_record", format!("{RECORD}/list/{KEY}")),
        ("list_task_record_detail", format!("{RECORD}/detail/list/{ID}")),
        (
            "get_task_record_overview_historical",
            format!("{RECORD}/overview/{ID}"),
        ),
    ] {
        let live = world.get(&path).await;
        let seed = seed(name);
        assert_like(&seed, &live.body, name);
        assert_same(&seed["data"], &live.body["data"], name);
    }
    for (name, path) in [
        (
            "list_task_record_page",
            format!("{RECORD}/page/{KEY}?pageNumber=0&pageSize=1"),
        ),
        (
            "list_task_record_detail_page",
            format!("{RECORD}/detail/page/{newest}"),
        ),
    ] {
        let live = world.get(&path).await;
        let seed = seed(name);
        assert_like(&seed, &live.body, name);
        assert_same(&seed["data"]["records"], &live.body["data"]["records"], name);
    }
}

#[tokio::test]
async fn rows_of_a_run_have_the_seeds_members_too() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let rows = vec![
        file(0, "/a", copied()),
        file(1, "/b", skipped()),
        file(0, "/c", failed()),
        package(2, "npm://left-pad", "1.0.0", copied()),
    ];
    world.settle(&run, rows).await;
    let end = domain::record::RunEnd::Complete { failed: 1 };
    world.end(&run, end, vec![crate::runs::reason()]).await;

    for (name, path) in [
        ("get_task_record", format!("{RECORD}/{}", run.id)),
        ("list_task_record", format!("{RECORD}/list/{key}")),
        ("list_task_record_page", format!("{RECORD}/page/{key}")),
        (
            "list_task_record_detail",
            format!("{RECORD}/detail/list/{}", run.id),
        ),
        (
            "list_task_record_detail_page",
            format!("{RECORD}/detail/page/{}", run.id),
        ),
        (
            "get_task_record_overview",
            format!("{RECORD}/overview/{}", run.id),
        ),
    ] {
        assert_like(&seed(name), &world.get(&path).await.body, name);
    }
}
