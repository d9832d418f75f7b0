//! Packuments of many MiB: what is read of them and what is changed in them passes through a few, as source and as target.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use connectors::registry::Opened;
use domain::artifact::ArtifactKey;
use domain::ports::{Expect, Put, PutOutcome};
use domain::task::{PackageSelection, Scope};
use futures_util::{StreamExt, stream};
use testkit::content::{MemoryContent, Outcomes};

use super::world::opened;

/// Packages whose packuments are asked for at the same time.
const PACKAGES: usize = 3;
/// Versions of each, and bytes of what is said of one.
const VERSIONS: usize = 2_000;
const ENTRY_BYTES: usize = 8 * 1024;
/// How much more memory than before may be taken, in MiB: less than a single packument.
const MOST_MIB: u64 = 14;

/// A registry whose every package is as large; it counts what it sends, and what it is sent.
#[derive(Default)]
struct Large {
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
}

fn entry(name: &str, number: usize, origin: &str) -> String {
    let words = "x".repeat(ENTRY_BYTES - 300);
    format!(
        "\"1.0.{number}\":{{\"name\":\"{name}\",\"version\":\"1.0.{number}\",\"description\":\"{words}\",\"dist\":\
         {{\"tarball\":\"{origin}/{name}/-/{name}-1.0.{number}.tgz\",\"shasum\":\"a9993e364706816aba3e25717850c26c9cd0d89d\"}}}}"
    )
}

async fn packument(
    State(large): State<Arc<Large>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let origin = format!("http://{host}");
    let begin = format!("{{\"name\":\"{name}\",\"_rev\":\"1-x\",\"versions\":{{");
    let owner = name.clone();
    let entries = (0..VERSIONS).map(move |number| {
        let comma = if number == 0 { "" } else { "," };
        format!("{comma}{}", entry(&owner, number, &origin))
    });
    let end = "},\"dist-tags\":{\"latest\":\"1.0.7\"}}".to_owned();
    let texts = [begin].into_iter().chain(entries).chain([end]).map(move |text| {
        large.sent_bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        Ok::<_, Infallible>(Bytes::from(text))
    });
    Body::from_stream(stream::iter(texts)).into_response()
}

async fn changed(State(large): State<Arc<Large>>, body: Body) -> StatusCode {
    let mut pieces = body.into_data_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        large
            .received_bytes
            .fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    StatusCode::CREATED
}

async fn tarball() -> Response {
    ([(header::CONTENT_LENGTH, HeaderValue::from_static("3"))], "abc").into_response()
}

impl Large {
    async fn start() -> (Arc<Self>, Opened) {
        let large = Arc::new(Self::default());
        let router = Router::new()
            .route("/{name}", get(packument).put(changed))
            .route("/{name}/-/{file}", get(tarball))
            .with_state(large.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (large, opened(&url, &Default::default()))
    }

    fn sent_mib(&self) -> u64 {
        self.sent_bytes.load(Ordering::Relaxed) / 1024 / 1024
    }
}

/// Returns the most memory this process has had so far, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("its status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .expect("its peak");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u64>().expect("a number") / 1024
}

fn keys() -> Vec<ArtifactKey> {
    let key = |number: usize| ArtifactKey {
        name: format!("npm://large-{number}"),
        version: Some("1.0.7".into()),
    };
    (0..PACKAGES).map(key).collect()
}

#[tokio::test]
async fn packuments_of_many_mib_take_no_more_memory_than_what_is_wanted_of_them() {
    let (large, Opened { source, target }) = Large::start().await;
    let (keys, packument_mib) = (keys(), (VERSIONS * ENTRY_BYTES / 1024 / 1024) as u64);
    let selections = keys.iter().map(|key| PackageSelection {
        key: key.name.clone(),
        versions: vec!["1.0.7".into(), "1.0.8".into()],
        target_versions: Vec::new(),
    });
    let before_mib = peak_mib();

    let page = source
        .list(&Scope::Packages(selections.take(1).collect()), None, 1000)
        .await
        .expect("a page");
    let described = source.describe(&keys).await.expect("an answer");
    let found = target.find(&keys[..1]).await.expect("an answer");

    assert_eq!(page.keys.len(), 2);
    assert!(described.iter().all(Result::is_ok), "{described:?}");
    assert!(found.iter().all(Option::is_some), "{found:?}");
    let mut artifact = described.into_iter().next().expect("one").expect("described");
    artifact
        .metadata
        .insert("deprecated".into(), "use another".into());
    let put = Put {
        artifact,
        expect: Expect::Anything,
        with_metadata: true,
    };
    let (outcomes, content) = (Outcomes::of(1), MemoryContent::of([&b"abc"[..]]));
    target.put(&[put], &content, &outcomes).await.expect("an answer");
    let outcome = outcomes.all().remove(0);
    assert!(
        matches!(outcome, PutOutcome::Stored { moved_bytes: 0, .. }),
        "{outcome:?}"
    );

    let taken_mib = peak_mib() - before_mib;
    let received_mib = large.received_bytes.load(Ordering::Relaxed) / 1024 / 1024;
    assert!(
        large.sent_mib() > 8 * packument_mib,
        "{} MiB were read",
        large.sent_mib()
    );
    assert!(
        received_mib >= packument_mib - 1,
        "{received_mib} MiB were sent back"
    );
    assert!(
        MOST_MIB < packument_mib && taken_mib <= MOST_MIB,
        "{taken_mib} MiB were taken"
    );
}
