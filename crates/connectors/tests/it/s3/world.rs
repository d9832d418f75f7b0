//! A bucket at a real store, and a prefix in it behind the ports.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::digests::{DigestCache, Digests};
use connectors::http::Outgoing;
use connectors::peer::Peers;
use connectors::registry::{Opened, by_scheme};
use domain::cluster::{Credentials, Secret};
use domain::ports::{Expect, Put, PutOutcome, Source, Target};
use tempfile::TempDir;
use testkit::ManualClock;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::{SourceWorld, TargetWorld, artifact};
use testkit::servers::S3Server;

/// A store with an empty bucket, and what is remembered of it.
pub struct World {
    pub s3: S3Server,
    pub digests: Digests,
    _home: TempDir,
}

fn key() -> Credentials {
    Credentials {
        username: Some("waybill".into()),
        password: Some(Secret::new("a secret")),
        ..Credentials::default()
    }
}

impl World {
    pub async fn start() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let cache = DigestCache::open(home.path().join("digests")).expect("a cache");
        let world = Self {
            s3: S3Server::moto().await,
            digests: Digests::in_cache(Arc::new(cache)),
            _home: home,
        };
        world.opened().target.prepare(true).await.expect("a bucket");
        world
    }

    /// Opens the repository at the store (or a proxy before it) at `url`.
    pub fn open(&self, url: &str) -> Opened {
        self.open_with(url, &self.digests)
    }

    pub fn open_with(&self, url: &str, digests: &Digests) -> Opened {
        Self::reached(url, digests, Outgoing::default())
    }

    /// Opens it with little patience for silence.
    pub fn open_impatient(&self, url: &str) -> Opened {
        let outgoing = Outgoing {
            idle_timeout: Duration::from_millis(500),
            ..Outgoing::default()
        };
        Self::reached(url, &self.digests, outgoing)
    }

    fn reached(url: &str, digests: &Digests, outgoing: Outgoing) -> Opened {
        let clock = Arc::new(ManualClock::at(1_721_877_600_000));
        let peers = Peers::new(outgoing, clock).with_digests(digests.clone());
        let url = format!("{url}/bucket1/a%20prefix").parse().expect("a URL");
        let server = peers.server(&url, &key()).expect("a server");
        by_scheme("s3")
            .expect("a connector")
            .open(server)
            .expect("it opens")
    }

    pub fn opened(&self) -> Opened {
        self.open(&self.s3.server.url())
    }

    /// Makes `bytes` stand at `path`, behind the back of what the tests open.
    pub async fn hold(&self, path: &str, bytes: &[u8]) {
        let target = self.open_with(&self.s3.server.url(), &Digests::default()).target;
        let put = Put {
            artifact: artifact(path, bytes),
            expect: Expect::Anything,
            with_metadata: false,
        };
        let stored = put_one(&*target, put, &MemoryContent::of([bytes])).await;
        assert!(matches!(stored, PutOutcome::Stored { .. }), "{stored:?}");
    }

    pub async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        let source = self.open_with(&self.s3.server.url(), &Digests::default()).source;
        let key = testkit::contract::key(path);
        let described = source
            .describe(std::slice::from_ref(&key))
            .await
            .expect("an answer")
            .remove(0)
            .ok()?;
        let mut bytes = source.open(&key, &described.blobs[0], 0).await.expect("it opens");
        let mut whole = Vec::new();
        while let Some(piece) = futures_util::StreamExt::next(&mut bytes).await {
            whole.extend_from_slice(&piece.expect("a piece"));
        }
        Some(whole)
    }
}

#[async_trait]
impl SourceWorld for World {
    async fn hold(&self, path: &str, bytes: &[u8]) {
        Self::hold(self, path, bytes).await;
    }

    fn source(&self) -> Arc<dyn Source> {
        self.opened().source
    }
}

#[async_trait]
impl TargetWorld for World {
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        Self::bytes_at(self, path).await
    }

    fn target(&self) -> Arc<dyn Target> {
        self.opened().target
    }
}

/// Puts one file and returns what became of it.
pub async fn put_one(target: &dyn Target, put: Put, content: &MemoryContent) -> PutOutcome {
    let outcomes = Outcomes::of(1);
    match target.put(&[put], content, &outcomes).await {
        Ok(()) => outcomes.all().remove(0),
        Err(error) => PutOutcome::Failed(error),
    }
}
