//! How fast details are settled, and how fast pages of a large record are read.
//!
//! `cargo bench -p storage --bench details -- [ROWS] [WORD]`: settles ROWS details (1,000,000) the way runs
//! do, several groups at a time, and prints rows per CPU second; then reads pages under every class of
//! filter and prints the median, the 99th percentile and the CPU time of one. With the word `same` all rows
//! start at the same millisecond, with `mixed` their names come in no order, with `packages` they are
//! package versions.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Instant;

use domain::artifact::ArtifactKey;
use domain::cluster::Audit;
use domain::detail::{DetailFilter, DetailStatus, ExecuteType, Outcome, Settlement};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Failure, Stage};
use domain::id::{RecordId, TaskKey};
use domain::record::RunPlan;
use domain::repository::RepositoryType;
use domain::task::{Settings, Task, TaskStatus};
use futures_util::StreamExt as _;
use storage::records::{Claimed, NewRecord, Overlap, TaskNext, Unit};
use storage::writer::{DetailRow, Group, RowState};
use storage::{PageRequest, Store};
use testkit::ManualClock;

const START_MS: i64 = 1_800_000_000_000;
const GROUP_ROWS: usize = 500;
const GROUPS_AT_A_TIME: usize = 8;
const READS: usize = 100;

struct Shape {
    rows: usize,
    same_start: bool,
    mixed_names: bool,
    packages: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let shape = Shape {
        rows: words
            .iter()
            .find_map(|word| word.parse().ok())
            .unwrap_or(1_000_000),
        same_start: words.iter().any(|word| word == "same"),
        mixed_names: words.iter().any(|word| word == "mixed"),
        packages: words.iter().any(|word| word == "packages"),
    };
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(START_MS));
    let store = Store::open(folder.path(), clock, None).await.unwrap();
    let claimed = claim(&store).await;
    settle(&store, &claimed, &shape).await;
    let bytes = std::fs::metadata(folder.path().join("waybill.db")).unwrap().len();
    println!("database: {} bytes per row", bytes / shape.rows as u64);
    read_pages(&store, claimed.record.id, &shape).await;
    println!("resident at its highest: {} MiB", peak_resident_mib());
}

async fn claim(store: &Store) -> Claimed {
    let task = Task {
        id: store.next_id(),
        key: TaskKey::random(),
        name: "bench".into(),
        project: "demo".into(),
        objects: vec![],
        targets: vec![],
        settings: Settings::default(),
        enabled: true,
        description: None,
        keeps_details: true,
        reserve_days: 30,
        status: TaskStatus::Waiting,
        last_end: None,
        last_run_ms: None,
        next_run_ms: None,
        runs: 0,
        audit: Audit::new("admin", START_MS),
    };
    store.tasks().insert(&task).await.unwrap();
    let record = NewRecord {
        id: store.next_id(),
        task_key: task.key,
        created_ms: START_MS,
        triggered_by: "admin".into(),
        plan: RunPlan {
            project: task.project,
            objects: task.objects,
            targets: vec![],
            settings: task.settings,
            keeps_details: true,
            by_events: false,
            retry_of: None,
        },
    };
    let next = TaskNext {
        status: TaskStatus::Replicating,
        next_run_ms: None,
    };
    store
        .records()
        .start(record, Overlap::Refuse, next)
        .await
        .unwrap();
    let claimed = store.records().claim("bench", i64::MAX).await.unwrap().unwrap();
    let units: Vec<Unit> = (0..4)
        .map(|unit_no| Unit {
            unit_no,
            local_cluster: "centre".into(),
            remote_cluster: format!("edge-{}", unit_no / 2),
            local_repository: format!("repository-{}", unit_no % 2),
            repository_type: RepositoryType::generic(),
            execute_type: Some(ExecuteType::Full),
        })
        .collect();
    store.records().set_units(claimed.no, &units).await.unwrap();
    claimed
}

/// Row `n` of the record: two targets take turns page by page, one in two hundred fails.
fn row(store: &Store, n: usize, shape: &Shape) -> DetailRow {
    let unit_no = (n / 1000 % 4) as u16;
    let mut file = n / 4000 * 1000 + n % 1000;
    if shape.mixed_names {
        file = file * 7919 % (shape.rows / 4).max(1);
    }
    let key = if shape.packages {
        ArtifactKey {
            name: format!("npm://package-{:05}", file / 20),
            version: Some(format!("1.{}.0", file % 20)),
        }
    } else {
        ArtifactKey {
            name: format!(
                "/usr/share/doc/package-{:04}/part-{}/file-{:07}.html",
                file / 500,
                file % 7,
                file
            ),
            version: None,
        }
    };
    let failure = (n % 200 == 7).then(|| Failure {
        stage: Stage::Write,
        class: ErrorKind::Limit,
        remote_status: Some(429),
        words: Some("slow down".into()),
        attempts: 5,
        subject: "edge-1".into(),
    });
    let outcome = if failure.is_some() {
        Outcome::Failed
    } else {
        Outcome::Copied
    };
    let started_ms = START_MS + if shape.same_start { 0 } else { n as i64 / 20 };
    DetailRow {
        unit_no,
        id: store.next_id(),
        digest: Some(Digest::from_bytes([n as u8; 32])),
        key,
        package_name: None,
        size_bytes: Some(4096),
        state: RowState::Settled(Settlement {
            moved_bytes: 4096,
            moved_blobs: 1,
            failure,
            ..Settlement::of(outcome)
        }),
        started_ms,
        ended_ms: Some(started_ms + 40),
        was_running: false,
    }
}

async fn settle(store: &Store, claimed: &Claimed, shape: &Shape) {
    let (started, cpu_s) = (Instant::now(), cpu_seconds());
    let groups = (0..shape.rows).step_by(GROUP_ROWS).map(|first| async move {
        let last = shape.rows.min(first + GROUP_ROWS);
        let group = Group {
            record_no: claimed.no,
            fence: claimed.fence,
            rows: (first..last).map(|n| row(store, n, shape)).collect(),
            pages: vec![],
        };
        store.writer().commit(group).await.unwrap();
    });
    let settled: Vec<()> = futures_util::stream::iter(groups)
        .buffered(GROUPS_AT_A_TIME)
        .collect()
        .await;
    let (wall_s, cpu_s) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu_s);
    println!(
        "settled {} rows in {} groups: {:.0} rows per second, {:.0} rows per CPU second",
        shape.rows,
        settled.len(),
        shape.rows as f64 / wall_s,
        shape.rows as f64 / cpu_s
    );
}

async fn read_pages(store: &Store, record: RecordId, shape: &Shape) {
    let base = DetailFilter::default();
    let text = |text: &str| Some(text.to_owned());
    let path = |prefix: &str| DetailFilter {
        path_prefix: text(prefix),
        ..base.clone()
    };
    let name = |prefix: &str| DetailFilter {
        artifact_prefix: text(prefix),
        ..base.clone()
    };
    let package = |prefix: &str| DetailFilter {
        package_prefix: text(prefix),
        ..base.clone()
    };
    let status = |status| DetailFilter {
        status: Some(status),
        ..base.clone()
    };
    let success = status(DetailStatus::Success);
    let filters = [
        ("none", base.clone()),
        ("status SUCCESS", success.clone()),
        ("status FAILED", status(DetailStatus::Failed)),
        (
            "clusterName",
            DetailFilter {
                cluster: text("edge-1"),
                ..base.clone()
            },
        ),
        (
            "repoName",
            DetailFilter {
                repository: text("repository-1"),
                ..base.clone()
            },
        ),
        (
            "status, clusterName, repoName",
            DetailFilter {
                cluster: text("edge-1"),
                repository: text("repository-0"),
                ..success.clone()
            },
        ),
        ("path, every row", path("/usr/share")),
        ("path, a fifth, the oldest", path("/usr/share/doc/package-00")),
        ("path, a fifth", path("/usr/share/doc/package-01")),
        ("path, a few thousand", path("/usr/share/doc/package-0004/")),
        (
            "path, one",
            path("/usr/share/doc/package-0004/part-3/file-0002019.html"),
        ),
        ("path, none", path("/nothing")),
        (
            "path and SUCCESS, a fifth",
            DetailFilter {
                ..DetailFilter {
                    path_prefix: text("/usr/share/doc/package-00"),
                    ..success
                }
            },
        ),
        (
            "artifactName, many",
            name(if shape.packages {
                "package-00"
            } else {
                "/usr/share/doc/package-00"
            }),
        ),
        (
            "artifactName, a few thousand",
            name(if shape.packages {
                "package-0012"
            } else {
                "/usr/share/doc/package-0004/"
            }),
        ),
        ("packageName, every row", package("npm://")),
        ("packageName, bare, many", package("package-00")),
        ("packageName, few", package("npm://package-0012")),
        (
            "version",
            DetailFilter {
                version: text("1.4.0"),
                ..base
            },
        ),
    ];
    println!(
        "{:32} {:>6} {:>5} {:>8} {:>8} {:>8} {:>8}",
        "filter", "page", "size", "total", "p50 ms", "p99 ms", "CPU ms"
    );
    for (label, filter) in &filters {
        for page in [
            PageRequest::new(1, 20),
            PageRequest::new(10_000, 20),
            PageRequest::new(10_000, 50),
            PageRequest::new(10_000, 100),
        ] {
            let mut times = Vec::with_capacity(READS);
            let mut total = 0;
            let cpu_s = cpu_seconds();
            for _ in 0..READS {
                let started = Instant::now();
                total = store.details().page(record, filter, page).await.unwrap().total;
                times.push(started.elapsed().as_secs_f64() * 1000.0);
            }
            times.sort_by(f64::total_cmp);
            let (p50, p99) = (times[READS / 2], times[READS * 99 / 100]);
            let cpu_ms = (cpu_seconds() - cpu_s) * 1000.0 / READS as f64;
            println!(
                "{label:32} {:>6} {:>5} {total:>8} {p50:>8.2} {p99:>8.2} {cpu_ms:>8.2}",
                page.number, page.size
            );
        }
    }
}

/// Returns the CPU seconds this process has taken so far, user and system.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn peak_resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
