use serde_json::json;

use super::furnish::furnished;
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
async fn somebody_registers_a_cluster_makes_a_task_and_sees_its_run_arrive() {
    let (mut centre, mut edge) = nodes().await;

    play("work.mjs", &mut centre, &mut edge, &[]).await;

    assert_eq!(edge.files("demo/files").await.len(), 41);
}

#[tokio::test]
async fn somebody_finds_out_why_a_run_failed_and_repeats_what_did() {
    let (mut centre, mut edge) = nodes().await;
    let cluster = centre.register("edge", edge.address).await;
    let setting = json!({ "conflictStrategy": "FAST_FAIL", "errorStrategy": "CONTINUE",
        "automaticCreateRemoteRepo": true });
    let task = centre
        .make_task("nightly", "demo/files", &[cluster], setting)
        .await;
    edge.make_repository("demo", "files").await;
    // Other content in the way: what FAST_FAIL is about. Names of others are shown as they are, never run.
    let hostile = "/releases/1.0.0/<img src=x onerror=alert(1)>.bin";
    for node in [&centre, &edge] {
        node.upload("demo/files", hostile, node.name.clone().into_bytes())
            .await;
    }
    edge.upload("demo/files", "/releases/1.1.0/app-1.bin", b"other".to_vec())
        .await;
    let record = centre.execute(&task).await;
    assert_eq!(centre.ended(&record).await["status"], "FAILED");

    play("trouble.mjs", &mut centre, &mut edge, &[&task, &record]).await;
}

#[tokio::test]
async fn an_open_page_follows_what_happens_without_growing_and_outlives_a_restart() {
    let (mut centre, mut edge) = nodes().await;
    let cluster = centre.register("edge", edge.address).await;
    let setting = json!({ "conflictStrategy": "SKIP", "errorStrategy": "CONTINUE",
        "automaticCreateRemoteRepo": true });
    let clusters = std::slice::from_ref(&cluster);
    let often = centre
        .make_task("often", "demo/files", clusters, setting.clone())
        .await;
    let later = centre.make_task("later", "demo/files", clusters, setting).await;

    play("live.mjs", &mut centre, &mut edge, &[&often, &later, &cluster]).await;
}

#[tokio::test]
async fn every_page_is_sound_in_both_languages_light_and_dark_wide_and_narrow() {
    let mut made = furnished().await;
    let facts = [
        made.task.as_str(),
        &made.record,
        &made.failed,
        &made.cluster,
        &made.webhook,
        &made.several,
    ];

    play("looks.mjs", &mut made.centre, &mut made.frankfurt, &facts).await;
}
