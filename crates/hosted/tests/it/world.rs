//! A store in a temporary folder, with a clock moved by hand and one repository.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use domain::artifact::{Artifact, Blob, Metadata};
use domain::digest::Digest;
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorResult, Expect, Put};
use domain::repository::RepositoryRef;
use futures_util::{StreamExt, TryStreamExt};
use hosted::{Hosted, HostedRepository, Publish, Supply, Viewer};
use storage::Store;
use testkit::ManualClock;

pub struct World {
    pub folder: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub store: Store,
    pub hosted: Hosted,
    pub repository: HostedRepository,
}

pub const HOUR_MS: i64 = 60 * 60 * 1000;

impl World {
    pub async fn start() -> Self {
        Self::with(|hosted| hosted).await
    }

    pub async fn with(change: impl FnOnce(Hosted) -> Hosted) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(ManualClock::at(1_790_000_000_000));
        let store = Store::open(folder.path(), clock.clone(), None)
            .await
            .expect("the store opens");
        let hosted = change(Hosted::open(&store).await.expect("the hosted part opens"));
        let name = RepositoryRef::new("blueking", "images");
        let repository = hosted
            .ensure_repository(&name, "admin")
            .await
            .expect("it is made");
        Self {
            folder,
            clock,
            store,
            hosted,
            repository,
        }
    }

    /// Stops without any goodbye and starts again on the same folder.
    pub async fn restart(self) -> Self {
        let Self {
            folder,
            clock,
            store,
            hosted,
            repository,
        } = self;
        let name = repository.info().name.clone();
        drop((hosted, repository));
        store.close().await;
        drop(store);
        let store = Store::open(folder.path(), clock.clone(), None)
            .await
            .expect("the store opens");
        let hosted = Hosted::open(&store).await.expect("the hosted part opens");
        let repository = hosted
            .repository(&name)
            .await
            .expect("a look-up")
            .expect("it is still there");
        Self {
            folder,
            clock,
            store,
            hosted,
            repository,
        }
    }

    pub async fn publish(&self, items: Vec<Publish>) -> Vec<domain::ports::PutOutcome> {
        self.repository
            .publish(items, &admin())
            .await
            .expect("the batch is answered")
    }

    pub async fn content(&self, at: &str) -> Option<Vec<u8>> {
        let node = self.repository.node(&path(at)).await.expect("a look-up")?;
        let bytes = self.repository.read(&node, None).await.expect("it opens");
        Some(whole(bytes).await.expect("it reads"))
    }

    /// What the clock shows.
    pub fn clock_ms(&self) -> i64 {
        domain::clock::Clock::now_ms(&*self.clock)
    }

    /// Paths of all blob files.
    pub fn blob_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for shelf in std::fs::read_dir(self.folder.path().join("blobs")).expect("the blob folder") {
            let shelf = shelf.expect("an entry").path();
            for file in std::fs::read_dir(shelf).expect("a shelf") {
                files.push(file.expect("an entry").path());
            }
        }
        files.sort();
        files
    }
}

pub fn admin() -> Viewer {
    Viewer::of_everything("admin")
}

pub fn path(text: &str) -> FilePath {
    text.parse().expect("a valid path")
}

pub fn put(at: &str, bytes: &[u8]) -> Put {
    let blob = Blob::of(Digest::of(bytes), bytes.len() as u64);
    Put {
        artifact: Artifact::file(&path(at), blob, Metadata::new()),
        expect: Expect::Anything,
        with_metadata: true,
    }
}

pub fn with_bytes(at: &str, bytes: &[u8]) -> Publish {
    Publish {
        put: put(at, bytes),
        supply: Supply::Bytes(Bytes::copy_from_slice(bytes)),
    }
}

pub fn without_bytes(at: &str, bytes: &[u8]) -> Publish {
    Publish {
        put: put(at, bytes),
        supply: Supply::Present,
    }
}

/// Bytes as they come from a network: in pieces.
pub fn stream(bytes: impl Into<Bytes>) -> ByteStream {
    let bytes = bytes.into();
    let pieces: Vec<ConnectorResult<Bytes>> = (0..bytes.len())
        .step_by(50_000)
        .map(|at| Ok(bytes.slice(at..bytes.len().min(at + 50_000))))
        .collect();
    Box::pin(futures_util::stream::iter(pieces))
}

pub async fn whole(stream: ByteStream) -> ConnectorResult<Vec<u8>> {
    let pieces: Vec<Bytes> = stream.map(|piece| piece).try_collect().await?;
    Ok(pieces.concat())
}

/// Bytes that look random and are always the same.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
