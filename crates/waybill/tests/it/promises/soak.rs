//! A hundred clients at once and a replication that never rests: nothing is lost, nothing is mixed up, nobody
//! is answered 500, and memory stays flat.
//!
//! Each client keeps a folder of its own, of which it knows every byte, and takes part in the quarrel over a
//! folder all share. A short form of fixed work is part of every test run; `make soak` goes on for a minute.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::digest::Digest;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{Draw, Node};

const CLIENTS: u64 = 100;
/// What each client does in the short form.
const STEPS: u64 = 12;
const REPOSITORY: &str = "soak/files";
/// Names the clients quarrel over.
const SHARED: u64 = 6;
/// What a node may hold at most, in KiB; it is not optimised, and serves a hundred clients.
const MOST_KIB: u64 = 200 * 1024;

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
    let memory = tokio::spawn(watch([centre.pid(), edge.pid()], Arc::clone(&busy)));
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
    memory_is_flat(&memory, matches!(length, Length::Until(_)));
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

/// One of the hundred.
struct Client {
    folder: String,
    node: Arc<Node>,
    requests: Arc<AtomicU64>,
    draw: Draw,
    made: u64,
    /// Path and digest of everything in the folder.
    files: BTreeMap<String, String>,
}

impl Client {
    fn new(number: u64, node: Arc<Node>, requests: Arc<AtomicU64>) -> Self {
        Self {
            folder: format!("/c{number}"),
            node,
            requests,
            draw: Draw::new(number + 1),
            made: 0,
            files: BTreeMap::new(),
        }
    }

    /// Works until `length` is over; returns what its folder holds now.
    async fn work(mut self, length: Length) -> BTreeMap<String, String> {
        let mut steps = 0;
        while length.goes_on_after(steps) {
            match self.draw.below(100) {
                0..20 => self.quarrel().await,
                20..65 => self.upload().await,
                65..85 => self.download().await,
                85..92 => self.delete().await,
                _ => self.rename().await,
            }
            steps += 1;
        }
        self.files
    }

    async fn upload(&mut self) {
        let again = self.draw.below(3) == 0;
        let path = match self.one().filter(|_| again) {
            Some(path) => path,
            None => self.new_path(),
        };
        let bytes = self.content();
        let digest = Digest::of(&bytes).to_hex();
        let (status, answer) = self.put(&path, bytes).await;
        assert_eq!(status, 200, "upload {path}: {answer}");
        assert_eq!(answer["data"]["sha256"], *digest, "upload {path}");
        self.files.insert(path, digest);
    }

    async fn download(&mut self) {
        let Some(path) = self.one() else { return };
        let (status, found) = self.get(&path).await;
        assert_eq!(
            (status, found.as_ref()),
            (200, self.files.get(&path)),
            "download {path}"
        );
    }

    async fn delete(&mut self) {
        let Some(path) = self.one() else { return };
        let (status, answer) = self.send(Method::DELETE, &generic(&path)).await;
        assert_eq!(status, 200, "delete {path}: {answer}");
        self.files.remove(&path);
        assert_eq!(self.get(&path).await.0, 404, "{path} was deleted");
    }

    async fn rename(&mut self) {
        let Some(path) = self.one() else { return };
        let other = self.new_path();
        let (status, answer) = self.send(Method::POST, &renaming(&path, &other)).await;
        assert_eq!(status, 200, "rename {path} to {other}: {answer}");
        let digest = self.files.remove(&path).expect("it was kept");
        let (status, found) = self.get(&other).await;
        assert_eq!(
            (status, found.as_ref()),
            (200, Some(&digest)),
            "{other} was {path}"
        );
        self.files.insert(other, digest);
    }

    /// Does something to a name that others change at the same time: any answer but a failure of the node is
    /// right, and what is downloaded is whole.
    async fn quarrel(&mut self) {
        let path = format!("/shared/{}", self.draw.below(SHARED));
        let status = match self.draw.below(4) {
            0 => {
                let bytes = self.content();
                self.put(&path, bytes).await.0
            }
            1 => self.send(Method::DELETE, &generic(&path)).await.0,
            2 => {
                let other = format!("/shared/{}", self.draw.below(SHARED));
                self.send(Method::POST, &renaming(&path, &other)).await.0
            }
            _ => self.get(&path).await.0,
        };
        assert!([200, 400, 404].contains(&status), "{path}: {status}");
    }

    fn one(&mut self) -> Option<String> {
        let count = self.files.len() as u64;
        let index = self.draw.below(count.max(1));
        self.files.keys().nth(index as usize).cloned()
    }

    fn new_path(&mut self) -> String {
        self.made += 1;
        format!("{}/d{}/f{}", self.folder, self.made % 3, self.made)
    }

    /// Mostly small, some large, and some that others have too.
    fn content(&mut self) -> Vec<u8> {
        match self.draw.below(20) {
            0 => vec![7; 50_000],
            1..4 => format!("common {}", self.draw.below(5)).into_bytes(),
            4 => self.bytes(1_500_000),
            _ => {
                let size = 1 + self.draw.below(20_000);
                self.bytes(size)
            }
        }
    }

    fn bytes(&mut self, count: u64) -> Vec<u8> {
        let words = (0..count.div_ceil(8)).flat_map(|_| self.draw.below(u64::MAX).to_le_bytes());
        words.take(count as usize).collect()
    }

    async fn put(&self, path: &str, bytes: Vec<u8>) -> (u16, Value) {
        let request = self.node.request(Method::PUT, &generic(path));
        self.answer(request.header("X-BKREPO-OVERWRITE", "true").body(bytes))
            .await
    }

    async fn send(&self, method: Method, path: &str) -> (u16, Value) {
        self.answer(self.node.request(method, path)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answer = request.send().await.expect("the node answers");
        let status = answer.status();
        let body = answer.json().await.expect("an envelope");
        assert!(!status.is_server_error(), "{status} {body}");
        (status.as_u16(), body)
    }

    /// Downloads `path`; returns the digest of what came, after comparing it with the one announced.
    async fn get(&self, path: &str) -> (u16, Option<String>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let request = self.node.request(Method::GET, &generic(path));
        let answer = request.send().await.expect("the node answers");
        let status = answer.status();
        assert!(!status.is_server_error(), "{path}: {status}");
        let announced = answer.headers().get("x-checksum-sha256").cloned();
        let bytes = answer.bytes().await.expect("a whole body");
        let digest = (status == StatusCode::OK).then(|| Digest::of(&bytes).to_hex());
        if let Some(digest) = &digest {
            assert_eq!(announced.expect("announced"), digest.as_str(), "{path}");
        }
        (status.as_u16(), digest)
    }
}

fn generic(path: &str) -> String {
    format!("/generic/{REPOSITORY}{path}")
}

fn renaming(path: &str, other: &str) -> String {
    format!("/repository/api/node/rename/{REPOSITORY}{path}?newFullPath={other}")
}

/// Looks at the memory of both processes four times a second, in KiB.
async fn watch(pids: [u32; 2], busy: Arc<AtomicBool>) -> Vec<[u64; 2]> {
    let mut seen = Vec::new();
    while busy.load(Ordering::Relaxed) {
        seen.push(pids.map(resident_kib));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    seen
}

/// Returns what a process holds in memory; 0 where the system does not say.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Asserts that neither process holds too much, and that a `long` run did not make it grow to the end.
///
/// What is compared are medians: checking passwords takes 20 MiB each for a moment, once a minute. The caches
/// of the database, 40 MiB, may still be filling when a minute is over.
fn memory_is_flat(seen: &[[u64; 2]], long: bool) {
    for process in 0..2 {
        let sorted = |part: &[[u64; 2]]| {
            let mut held: Vec<u64> = part.iter().map(|both| both[process]).collect();
            held.sort_unstable();
            held
        };
        let most = sorted(seen).last().copied().unwrap_or(0);
        let thirds = seen.chunks(seen.len().div_ceil(3)).map(sorted);
        let thirds: Vec<u64> = thirds.map(|held| held[held.len() / 2]).collect();
        println!("process {process}: {thirds:?} KiB in each third of the time, at most {most}");
        assert!(most < MOST_KIB, "process {process} holds {most} KiB");
        if let [_, middle, last] = thirds[..]
            && long
        {
            assert!(last <= middle + middle / 6, "process {process} grows: {thirds:?}");
        }
    }
}
