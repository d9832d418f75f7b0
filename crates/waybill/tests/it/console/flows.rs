use serde_json::json;

use super::play;
use crate::promises::world::Node;

/// A centre with files and an edge it knows.
async fn nodes() -> (Node, Node) {
    let (centre, edge) = tokio::join!(Node::start("centre"), Node::start("edge"));
    centre.make_repository("demo", "files").await;
    for n in 0..40_u8 {
        let path = format!("/releases/1.{n}.0/app-{n}.bin");
        centre.upload("demo/files", &path, vec![n; 1_000]).await;
    }
    (centre, edge)
}

#[tokio::test]
async fn every_page_is_sound_in_both_languages_light_and_dark_wide_and_narrow() {
    let (centre, edge) = nodes().await;
    let cluster = centre.register("edge", edge.address).await;
    let setting = json!({ "conflictStrategy": "SKIP", "errorStrategy": "CONTINUE",
        "automaticCreateRemoteRepo": true });
    let task = centre
        .make_task("nightly", "demo/files", std::slice::from_ref(&cluster), setting)
        .await;
    let record = centre.execute(&task).await;
    assert_eq!(centre.ended(&record).await["status"], "SUCCESS");

    play("looks.mjs", &centre, &[&task, &record, &cluster]).await;
}
