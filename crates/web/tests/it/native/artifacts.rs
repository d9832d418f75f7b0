//! One artifact at every cluster.

use serde_json::{Value, json};

use crate::runs::{failed, file};
use crate::world::World;

#[tokio::test]
async fn an_artifact_says_what_each_side_holds_and_what_was_tried() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    world
        .settle(&run, vec![file(0, "/a b", failed()), file(0, "/c", failed())])
        .await;
    let base = "/api/v1/artifacts?project=demo&repository=files";

    let found = world.get(&format!("{base}&artifact=/a%20b")).await;
    let elsewhere = world
        .get("/api/v1/artifacts?project=demo&repository=other&artifact=/c")
        .await;
    let missing = world.get(base).await;

    assert_eq!(found.status, 200, "{}", found.text);
    let here = &found.body["here"];
    assert_eq!(
        (&here["present"], &here["failure"]["class"]),
        (&json!(false), &json!("not-found"))
    );
    assert_eq!(found.body["sides"].as_array().map(Vec::len), Some(2));
    assert_eq!(found.body["sides"][0]["verdict"], "not_here");
    assert_eq!(found.body["sides"][0]["there"]["present"], false);
    assert_eq!(found.body["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(found.body["attempts"][0]["failure"]["class"], "limit");
    assert_eq!(
        (&elsewhere.body["sides"], &elsewhere.body["attempts"]),
        (&Value::Array(Vec::new()), &Value::Array(Vec::new()))
    );
    assert_eq!(missing.status, 400);
}
