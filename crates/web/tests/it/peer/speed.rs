//! Measurements, run by hand: `cargo nextest run -p web --cargo-profile quick --run-ignored only --no-capture speed`.

use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    ByteStream, ConnectorError, ConnectorResult, Content, Expect, Put, PutOutcome, Settled, Source, Target,
};
use futures_util::{StreamExt, stream};
use hosted::{Publish, Supply, UploadOptions, Viewer};
use testkit::contract::{artifact, noise};

use super::node::{Node, demo, peer};

const FILES: usize = 10_000;
const GIB: u64 = 1024 * 1024 * 1024;

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

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process's own figures");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .expect("the peak");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok())
        .expect("a number")
        / 1024
}

async fn measured<T>(what: &str, count: f64, work: impl Future<Output = T>) -> T {
    let (wall, cpu) = (Instant::now(), cpu_ms());
    let done = work.await;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), (cpu_ms() - cpu) as f64 / 1000.0);
    let each = cpu * 1e6 / count;
    println!(
        "{what}: {wall:.3} s wall, {cpu:.2} s cpu, {each:.1} us cpu each, peak {} MiB",
        peak_mib()
    );
    done
}

/// Reads from a source as a run does: small blobs verified, streams from a part's beginning as they are.
struct Verified<'a>(&'a dyn Source);

#[async_trait]
impl Content for Verified<'_> {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        self.0.open(key, blob, offset_bytes).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let read = self.0.read(wanted).await?;
        let check = |(bytes, (key, blob)): (ConnectorResult<Bytes>, &(&ArtifactKey, &Blob))| match bytes {
            Ok(bytes) if Some(Digest::of(&bytes)) != blob.digest => Err(ConnectorError::new(
                ErrorKind::Corrupt,
                Stage::Read,
                key.to_string(),
            )),
            other => other,
        };
        Ok(read.into_iter().zip(wanted).map(check).collect())
    }
}

struct Count(std::sync::atomic::AtomicUsize);

impl Settled for Count {
    fn settled(&self, _index: usize, outcome: PutOutcome) {
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

fn puts(artifacts: &[Artifact]) -> Vec<Put> {
    let put = |artifact: &Artifact| Put {
        artifact: artifact.clone(),
        expect: Expect::Absent,
        with_metadata: true,
    };
    artifacts.iter().map(put).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn ten_thousand_small_files_from_node_to_node() {
    let (from, to) = (Node::start().await, Node::start().await);
    let repository = from
        .hosted
        .ensure_repository(&demo(), "admin")
        .await
        .expect("a repository");
    let mut artifacts = Vec::new();
    for batch in 0..10 {
        let mut items = Vec::new();
        for number in 0..FILES / 10 {
            let number = batch * FILES / 10 + number;
            let bytes = noise(1024 + (number * 7919) % (15 * 1024), number as u64);
            let file = artifact(&format!("/dir{}/file-{number:05}.bin", number % 100), &bytes);
            artifacts.push(file.clone());
            let put = Put {
                artifact: file,
                expect: Expect::Absent,
                with_metadata: false,
            };
            items.push(Publish {
                put,
                supply: Supply::Bytes(bytes.into()),
            });
        }
        repository
            .publish(items, &Viewer::of_everything("admin"))
            .await
            .expect("it is there");
    }
    let source = repository.source();
    let peer = peer(&to.url(), "admin");
    let target = peer.target(demo());
    target.prepare(true).await.expect("a repository");
    let keys: Vec<ArtifactKey> = artifacts.iter().map(|artifact| artifact.key.clone()).collect();

    let content = Verified(&*source);
    let count = Count(Default::default());
    measured("find 10,000 absent", FILES as f64, async {
        for keys in keys.chunks(1000) {
            assert!(
                target
                    .find(keys)
                    .await
                    .expect("an answer")
                    .iter()
                    .all(Option::is_none)
            );
        }
    })
    .await;
    measured("put 10,000", FILES as f64, async {
        let batches = artifacts.chunks(1000).map(|batch| {
            let (target, content, count) = (&target, &content, &count);
            async move {
                target
                    .put(&puts(batch), content, count)
                    .await
                    .expect("it arrives")
            }
        });
        stream::iter(batches)
            .buffer_unordered(3)
            .collect::<Vec<()>>()
            .await;
    })
    .await;
    assert_eq!(count.0.into_inner(), FILES);
    measured("find 10,000 present", FILES as f64, async {
        for keys in keys.chunks(1000) {
            assert!(
                target
                    .find(keys)
                    .await
                    .expect("an answer")
                    .iter()
                    .all(Option::is_some)
            );
        }
    })
    .await;
    let back = peer.source(demo());
    measured("read 10,000 back", FILES as f64, async {
        for batch in artifacts.chunks(500) {
            let wanted: Vec<_> = batch
                .iter()
                .map(|artifact| (&artifact.key, &artifact.blobs[0]))
                .collect();
            assert!(
                back.read(&wanted)
                    .await
                    .expect("an answer")
                    .iter()
                    .all(Result::is_ok)
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn two_gib_from_node_to_node() {
    let (from, to) = (Node::start().await, Node::start().await);
    let repository = from
        .hosted
        .ensure_repository(&demo(), "admin")
        .await
        .expect("a repository");
    let piece = Bytes::from(noise(1024 * 1024, 1));
    let pieces = (0..2 * GIB / piece.len() as u64).map(move |_| Ok(piece.clone()));
    let bytes: ByteStream = Box::pin(stream::iter(pieces.collect::<Vec<_>>()));
    let path = "/large.bin".parse().expect("a path");
    let uploaded = repository
        .upload(
            &path,
            bytes,
            UploadOptions::default(),
            &Viewer::of_everything("admin"),
        )
        .await;
    uploaded.expect("it is there");
    let source = repository.source();
    let keys = [ArtifactKey::file(&path)];
    let artifact = source
        .describe(&keys)
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");
    let target = peer(&to.url(), "admin").target(demo());
    target.prepare(true).await.expect("a repository");
    let out = tempfile::NamedTempFile::new().expect("a file");
    measured("durable write of 2 GiB", 2048.0, async {
        use std::io::Write;
        let piece = noise(1024 * 1024, 1);
        let mut file = out.as_file();
        for _ in 0..2048 {
            file.write_all(&piece).expect("room");
        }
        file.sync_data().expect("a disk");
    })
    .await;

    let count = Count(Default::default());
    measured(
        "put 2 GiB",
        2048.0,
        target.put(
            &puts(std::slice::from_ref(&artifact)),
            &Verified(&*source),
            &count,
        ),
    )
    .await
    .expect("it arrives");
    assert_eq!(count.0.into_inner(), 1);
    let back = peer(&to.url(), "admin").source(demo());
    measured("read 2 GiB back", 2048.0, async {
        let mut stream = back
            .open(&artifact.key, &artifact.blobs[0], 0)
            .await
            .expect("a stream");
        let mut read_bytes = 0;
        while let Some(piece) = stream.next().await {
            read_bytes += piece.expect("a piece").len() as u64;
        }
        assert_eq!(read_bytes, 2 * GIB);
    })
    .await;
}
