//! Promises 2, 3 and 4: kill either side at a random moment; the log tells the truth and the run ends.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Draw, Node};

/// The seeds every CI run repeats; `WAYBILL_SEED` replaces them by one.
fn seeds() -> Vec<u64> {
    match std::env::var("WAYBILL_SEED") {
        Ok(seed) => vec![seed.parse().expect("WAYBILL_SEED is a number")],
        Err(_) => (1..=20).collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_settled_row_is_lost_or_doubled_and_every_run_ends_when_nodes_are_killed() {
    let mut centre = Node::start("centre").await;
    let mut edge = Node::start("edge").await;
    let cluster = centre.register("edge", edge.address).await;
    let mut interrupted = 0;
    for seed in seeds() {
        println!("seed {seed} (repeat with WAYBILL_SEED={seed})");
        interrupted += u32::from(one_round(seed, &mut centre, &mut edge, &cluster).await);
    }
    println!("{interrupted} runs were interrupted");
    assert!(
        interrupted > 0,
        "no run was still going on when a node was killed: nothing was tried"
    );
}

/// Runs, kills, and looks at what is left; says whether the run was still going on when a node was killed.
async fn one_round(seed: u64, centre: &mut Node, edge: &mut Node, cluster: &String) -> bool {
    let mut draw = Draw::new(seed);
    let repository = format!("crash/files-{seed}");
    centre.make_repository("crash", &format!("files-{seed}")).await;
    fill(centre, &repository, &mut draw).await;
    // A rate keeps the run going for a second or so: long enough to be killed in every stage of it.
    let setting =
        json!({ "conflictStrategy": "OVERWRITE", "errorStrategy": "CONTINUE", "rateLimit": 6_000_000 });
    let task = centre
        .make_task(
            &format!("crash-{seed}"),
            &repository,
            std::slice::from_ref(cluster),
            setting,
        )
        .await;

    let record = centre.execute(&task).await;
    tokio::time::sleep(Duration::from_millis(draw.below(1_200))).await;
    let acknowledged = settled(&centre.details(&record).await);
    let going_on = centre.record(&record).await["status"] == json!("RUNNING");
    match draw.below(3) {
        0 => {
            centre.kill().await;
            centre.start_again().await;
        }
        1 => {
            edge.kill().await;
            tokio::time::sleep(Duration::from_millis(draw.below(500))).await;
            edge.start_again().await;
        }
        _ => {
            centre.kill().await;
            edge.kill().await;
            edge.start_again().await;
            centre.start_again().await;
        }
    }
    let ended = centre.ended(&record).await;

    let rows = centre.assert_overview_equals_rows(&record).await;
    let now = settled(&rows);
    for (name, row) in &acknowledged {
        assert_eq!(
            now.get(name),
            Some(row),
            "seed {seed}: a settled row changed or went"
        );
    }
    assert!(
        rows.iter().all(|row| row["status"] != json!("RUNNING")),
        "seed {seed}: a row never ended"
    );
    if ended["status"] != json!("SUCCESS") {
        assert!(
            !ended["errorReason"].as_str().unwrap_or_default().is_empty(),
            "seed {seed}: failed without a reason"
        );
        let again = centre.execute(&task).await;
        assert_eq!(
            centre.ended(&again).await["status"],
            json!("SUCCESS"),
            "seed {seed}"
        );
    } else {
        let strange: Vec<_> = rows
            .iter()
            .filter(|row| row["progress"]["skip"] != json!(0))
            .collect();
        assert!(
            strange.is_empty(),
            "seed {seed}: copied artifacts came back as unchanged: {strange:?}"
        );
    }
    assert_eq!(
        edge.files(&repository).await,
        centre.files(&repository).await,
        "seed {seed}"
    );
    going_on
}

/// Fills a repository with small files, some of equal content, and two large ones.
async fn fill(node: &Node, repository: &str, draw: &mut Draw) {
    for n in 0..60 {
        let size = 1 + draw.below(20_000) as usize;
        let bytes = if n % 10 == 9 {
            vec![7; 1000]
        } else {
            draw.bytes(size)
        };
        node.upload(repository, &format!("/d{}/f{n}", n % 7), bytes).await;
    }
    for n in 0..2 {
        node.upload(repository, &format!("/large/{n}"), draw.bytes(3_000_000))
            .await;
    }
}

/// Returns what was said of each settled artifact, in the members that must never change.
fn settled(rows: &[Value]) -> BTreeMap<String, Value> {
    let lasting = |row: &Value| {
        json!([
            row["id"],
            row["status"],
            row["sha256"],
            row["progress"],
            row["conflictStrategy"],
            row["endTime"]
        ])
    };
    rows.iter()
        .filter(|row| row["status"] != json!("RUNNING"))
        .map(|row| (row["artifactName"].to_string(), lasting(row)))
        .collect()
}
