//! Measurements, run by hand: `cargo nextest run -p hosted --cargo-profile quick --run-ignored only --no-capture`.

use std::time::Instant;

use bytes::Bytes;
use domain::artifact::ArtifactKey;
use domain::digest::Digest;
use domain::ports::{ByteStream, ConnectorResult};
use domain::task::Scope;
use hosted::{Publish, UploadOptions};

use crate::world::{World, admin, noise, path, stream, with_bytes};

const FILES: usize = 10_000;
const BATCH: usize = 500;

fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the process's own figures");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .expect("fields")
        .split_whitespace()
        .collect();
    let ticks = |n: usize| fields[n].parse::<u64>().expect("a number");
    (ticks(11) + ticks(12)) * 10
}

async fn measured<T>(what: &str, count: f64, unit: &str, work: impl Future<Output = T>) -> T {
    let (wall, cpu) = (Instant::now(), cpu_ms());
    let done = work.await;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), (cpu_ms() - cpu) as f64 / 1000.0);
    println!(
        "{what}: {wall:.3} s wall, {cpu:.2} s cpu; {:.0} {unit}/s, {:.1} us cpu each",
        count / wall,
        cpu * 1e6 / count
    );
    done
}

fn batches() -> Vec<Vec<Publish>> {
    (0..FILES / BATCH)
        .map(|batch| {
            (0..BATCH)
                .map(|n| {
                    let n = batch * BATCH + n;
                    let bytes = noise(1024 + (n * 7919) % 15_360, n as u64 + 1);
                    with_bytes(
                        &format!("/pkg/{:02}/component-{}/file-{n:05}.bin", n / 500, n / 50),
                        &bytes,
                    )
                })
                .collect()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn ten_thousand_small_files() {
    let world = World::start().await;
    let batches = batches();

    measured("publish", FILES as f64, "files", async {
        for batch in batches {
            world.publish(batch).await;
        }
    })
    .await;
    let source = world.repository.source();
    let mut keys: Vec<ArtifactKey> = Vec::new();
    measured("list", FILES as f64, "files", async {
        let mut cursor = None;
        loop {
            let page = source
                .list(&Scope::Repository, cursor.as_ref(), 1000)
                .await
                .expect("a page");
            keys.extend(page.keys);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    })
    .await;
    let mut artifacts = Vec::new();
    measured("describe", FILES as f64, "files", async {
        for keys in keys.chunks(1000) {
            artifacts.extend(
                source
                    .describe(keys)
                    .await
                    .expect("described")
                    .into_iter()
                    .flatten(),
            );
        }
    })
    .await;
    measured("find", FILES as f64, "files", async {
        for keys in keys.chunks(1000) {
            world.repository.find(keys).await.expect("found");
        }
    })
    .await;
    measured("read", FILES as f64, "files", async {
        for some in artifacts.chunks(BATCH) {
            let wanted: Vec<_> = some
                .iter()
                .map(|artifact| (&artifact.key, &artifact.blobs[0]))
                .collect();
            source.read(&wanted).await.expect("read");
        }
    })
    .await;
    let digests: Vec<Digest> = artifacts.iter().filter_map(|artifact| artifact.digest).collect();
    measured("present", FILES as f64, "files", async {
        for some in digests.chunks(BATCH) {
            world.hosted.present(some, &admin()).await.expect("answered");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn small_uploads_eight_at_a_time() {
    let world = World::start().await;

    measured("upload", 4000.0, "files", async {
        let uploads = (0..8).map(|lane| {
            let world = &world;
            async move {
                for n in 0..500 {
                    let at = path(&format!("/up/{lane}/{n}"));
                    let bytes = noise(8000, lane * 1000 + n + 1);
                    world
                        .repository
                        .upload(&at, stream(bytes), UploadOptions::default(), &admin())
                        .await
                        .expect("stored");
                }
            }
        });
        futures_util::future::join_all(uploads).await
    })
    .await;
}

fn mebibytes(count: usize) -> ByteStream {
    let piece = Bytes::from(noise(64 * 1024, 1));
    Box::pin(futures_util::stream::iter(
        (0..count * 16).map(move |_| ConnectorResult::Ok(piece.clone())),
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn two_gibibytes() {
    let world = World::start().await;
    let mut hasher = domain::digest::Hasher::default();
    let piece = noise(64 * 1024, 1);
    (0..2048 * 16).for_each(|_| hasher.update(&piece));
    let digest = hasher.finish();

    let dd = || {
        let at = world.folder.path().join("dd");
        let status = std::process::Command::new("dd")
            .args(["if=/dev/zero", "bs=1M", "count=2048", "conv=fdatasync"])
            .arg(format!("of={}", at.display()))
            .stderr(std::process::Stdio::null())
            .status();
        assert!(status.expect("dd runs").success());
        std::fs::remove_file(at).expect("it was written");
    };
    measured("dd", 2048.0, "MiB", async { dd() }).await;
    let parts = 128_u32;
    measured("session", 2048.0, "MiB", async {
        let session = world
            .hosted
            .open_upload("eve", digest, 2048 << 20, 16 << 20)
            .await
            .expect("opened");
        let lanes = (0..4).map(|lane| {
            let (world, id) = (&world, session.id.clone());
            async move {
                for n in (lane..parts).step_by(4) {
                    world
                        .hosted
                        .put_part("eve", &id, n, mebibytes(16))
                        .await
                        .expect("durable");
                }
            }
        });
        futures_util::future::join_all(lanes).await;
        world
            .hosted
            .finish_upload("eve", &session.id)
            .await
            .expect("verified");
    })
    .await;
    measured("dd", 2048.0, "MiB", async { dd() }).await;
    measured("upload with all sums", 2048.0, "MiB", async {
        let options = UploadOptions {
            size_bytes: Some(2048 << 20),
            ..UploadOptions::default()
        };
        world
            .repository
            .upload(&path("/big"), mebibytes(2048), options, &admin())
            .await
            .expect("stored");
    })
    .await;
    measured("read", 2048.0, "MiB", async {
        let node = world
            .repository
            .node(&path("/big"))
            .await
            .expect("a look-up")
            .expect("there");
        let mut bytes = world.repository.read(&node, None).await.expect("opens");
        while let Some(piece) = futures_util::StreamExt::next(&mut bytes).await {
            piece.expect("reads");
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "measures; run it alone, with --release"]
async fn a_hundred_thousand_files_are_moved_and_uploads_hardly_wait() {
    use std::time::{Duration, Instant};

    use hosted::MoveKind;

    let world = World::start().await;
    for part in 0..100 {
        let files = (0..1_000).map(|n| with_bytes(&format!("/d/{part}/{n}"), b"1"));
        world.publish(files.collect()).await;
    }
    for (kind, from, to) in [(MoveKind::Rename, "/d", "/e"), (MoveKind::Copy, "/e", "/f")] {
        let started = Instant::now();
        let repository = world.repository.clone();
        let moving = tokio::spawn(async move {
            let there = (&repository, &path(to));
            repository.move_to(kind, &path(from), there, false, "x").await
        });
        let mut longest = Duration::ZERO;
        let mut uploads = 0;
        while !moving.is_finished() {
            let upload = Instant::now();
            world
                .publish(vec![with_bytes(&format!("/up{from}/{uploads}"), b"2")])
                .await;
            longest = longest.max(upload.elapsed());
            uploads += 1;
        }
        let nodes = moving.await.expect("it ends").expect("it goes");
        println!(
            "{kind:?} of {nodes} nodes: {:?}; {uploads} uploads meanwhile, the longest took {longest:?}",
            started.elapsed()
        );
    }
    let started = Instant::now();
    let removed = world.repository.delete_tree(&path("/f")).await.expect("it goes");
    println!("deletion of {} nodes: {:?}", removed.nodes, started.elapsed());
}
