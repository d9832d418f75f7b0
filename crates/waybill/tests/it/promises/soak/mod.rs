//! A hundred clients at once and a replication that never rests: nothing is lost, nothing is mixed up, nobody
//! is answered 500, and memory stays flat.
//!
//! Each client keeps a folder of its own, of which it knows every byte, and takes part in the quarrel over a
//! folder all share. A short form of fixed work is part of every test run; `make soak` goes on for a minute.

mod client;
mod memory;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::digest::Digest;
use futures_util::future::join_all;
use serde_json::json;

use self::client::Client;
use super::world::Node;

const CLIENTS: u64 = 100;
/// What each client does in the short form.
const STEPS: u64 = 12;
const REPOSITORY: &str = "soak/files";

/// How long the clients go on.
#[derive(Clone, Copy)]
enum Length {
    Steps(u64),
    Until(Instant),
}

impl Length {
    /// Reads `WAYBILL_SOAK_S`: seconds; without it, the short form.
    fn asked_for() -> Self {
        match std::env::var("WAYBILL_SOAK_S") {
            Ok(seconds) => {
                let seconds = seconds.parse().expect("WAYBILL_SOAK_S is a number");
                Self::Until(Instant::now() + Duration::from_secs(seconds))
            }
            Err(_) => Self::Steps(STEPS),
        }
    }

    fn goes_on_after(self, steps: u64) -> bool {
        match self {
            Self::Steps(all) => steps < all,
            Self::Until(end) => Instant::now() < end,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_clients_and_a_replication_lose_nothing_and_mix_up_nothing() {
    let (centre, edge) = tokio::join!(Node::start("centre"), Node::start("edge"));
    let (centre, edge) = (Arc::new(centre), Arc::new(edge));
    centre.make_repository("soak", "files").await;
    let cluster = centre.register("edge", edge.address).await;
    let setting = json!({ "conflictStrategy": "OVERWRITE", "errorStrategy": "CONTINUE" });
    let task = centre.make_task("soak", REPOSITORY, &[cluster], setting).await;
    let (length, busy) = (Length::asked_for(), Arc::new(AtomicBool::new(true)));
    let requests = Arc::new(AtomicU64::new(0));

    let runs = tokio::spawn(replicate(Arc::clone(&centre), task.clone(), Arc::clone(&busy)));
    let memory = tokio::spawn(memory::watch([centre.pid(), edge.pid()], Arc::clone(&busy)));
    let clients = (0..CLIENTS).map(|number| {
        let client = Client::new(number, Arc::clone(&centre), Arc::clone(&requests));
        tokio::spawn(client.work(length))
    });
    let mut kept = BTreeMap::new();
    for ended in join_all(clients).await {
        kept.extend(ended.expect("a client saw nothing wrong"));
    }
    busy.store(false, Ordering::Relaxed);
    let runs = runs.await.expect("every run explained itself");
    let memory = memory.await.expect("memory is watched");

    let record = centre.execute(&task).await;
    let ended = centre.ended(&record).await;
    assert_eq!(
        ended["status"], "SUCCESS",
        "the last run, when all is quiet: {ended}"
    );
    nothing_is_lost(&centre, &edge, kept).await;
    println!("{} requests, {runs} runs", requests.load(Ordering::Relaxed));
    memory::assert_flat(&memory, matches!(length, Length::Until(_)));
}

/// Asserts that both nodes hold what the clients kept, byte for byte.
async fn nothing_is_lost(centre: &Node, edge: &Node, kept: BTreeMap<String, String>) {
    let mut there = centre.files(REPOSITORY).await;
    let at_the_edge = edge.files(REPOSITORY).await;
    for (path, digest) in &there {
        assert_eq!(at_the_edge.get(path), Some(digest), "{path} at the edge");
        for node in [centre, edge] {
            let bytes = node
                .download(REPOSITORY, path)
                .await
                .expect("listed, so it is there");
            assert_eq!(Digest::of(&bytes).to_hex(), *digest, "{path} at {}", node.name);
        }
    }
    there.retain(|path, _| !path.starts_with("/shared/"));
    assert_eq!(there, kept);
}

/// Runs the task again and again while the clients are busy, and checks what each run says of itself.
async fn replicate(centre: Arc<Node>, task: String, busy: Arc<AtomicBool>) -> u64 {
    let mut runs = 0;
    while busy.load(Ordering::Relaxed) {
        let record = centre.execute(&task).await;
        centre.ended(&record).await;
        for row in centre.assert_overview_equals_rows(&record).await {
            // What changes or goes while it is carried fails, and says so; nothing else may.
            let reason = row["errorReason"].as_str().unwrap_or_default();
            let class = reason.split_once(": ").and_then(|(step, _)| step.split_once('/'));
            let passing = class.is_none_or(|(_, class)| ["changed", "not-found"].contains(&class));
            assert!(passing, "{}: {reason}", row["artifactName"]);
        }
        runs += 1;
    }
    runs
}
