//! Promise 10: limits hold, summed over all workers.

use std::time::Instant;

use serde_json::json;

use super::world::{Draw, Node};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_over_all_workers_of_a_run() {
    let centre = Node::start("centre").await;
    let edge = Node::start("edge").await;
    let cluster = centre.register("edge", edge.address).await;
    centre.make_repository("limits", "rate").await;
    let mut draw = Draw::new(4);
    for n in 0..40 {
        centre
            .upload("limits/rate", &format!("/small/{n}"), draw.bytes(50_000))
            .await;
    }
    centre
        .upload("limits/rate", "/large", draw.bytes(2_000_000))
        .await;
    let setting = json!({ "conflictStrategy": "SKIP", "errorStrategy": "CONTINUE", "rateLimit": 1_000_000 });
    let task = centre.make_task("rate", "limits/rate", &[cluster], setting).await;

    let begin = Instant::now();
    let record = centre.execute(&task).await;
    let ended = centre.ended(&record).await;

    // 4,000,000 bytes at 1,000,000 a second, a quarter of a second's worth of them at once: a lower bound only.
    assert_eq!(ended["status"], "SUCCESS");
    assert!(begin.elapsed().as_millis() >= 3_500, "{:?}", begin.elapsed());
}
