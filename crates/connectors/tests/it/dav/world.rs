//! A WebDAV server, and a folder on it behind the ports.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::digests::{DigestCache, Digests};
use connectors::http::Outgoing;
use connectors::peer::Peers;
use connectors::registry::{Opened, by_scheme};
use domain::cluster::Credentials;
use domain::ports::{PutOutcome, Source, Target};
use tempfile::TempDir;
use testkit::ManualClock;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::{SourceWorld, TargetWorld};
use testkit::servers::DavServer;

/// Where on the server the repository is.
pub const BASE: &str = "/a folder";

/// A server, and what is remembered of it.
pub struct World {
    pub dav: DavServer,
    pub digests: Digests,
    _home: TempDir,
}

impl World {
    pub fn of(dav: DavServer) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let cache = DigestCache::open(home.path().join("digests")).expect("a cache");
        std::fs::create_dir_all(dav.file(BASE)).expect("the folder can be made");
        Self {
            dav,
            digests: Digests::in_cache(Arc::new(cache)),
            _home: home,
        }
    }

    pub async fn nginx() -> Self {
        Self::of(DavServer::nginx().await)
    }

    pub async fn wsgidav() -> Self {
        Self::of(DavServer::wsgidav().await)
    }

    /// Opens the repository on the server (or a proxy before it) at `url`.
    pub fn open(&self, url: &str) -> Opened {
        self.reached(url, Outgoing::default())
    }

    /// Opens it with little patience for silence.
    pub fn open_impatient(&self, url: &str) -> Opened {
        let outgoing = Outgoing {
            idle_timeout: Duration::from_millis(500),
            ..Outgoing::default()
        };
        self.reached(url, outgoing)
    }

    fn reached(&self, url: &str, outgoing: Outgoing) -> Opened {
        let clock = Arc::new(ManualClock::at(1_721_877_600_000));
        let peers = Peers::new(outgoing, clock).with_digests(self.digests.clone());
        let url = format!("{url}/a%20folder").parse().expect("a URL");
        let server = peers.server(&url, &Credentials::default()).expect("a server");
        by_scheme("dav")
            .expect("a connector")
            .open(server)
            .expect("it opens")
    }

    pub fn opened(&self) -> Opened {
        self.open(&self.dav.server.url())
    }

    pub fn hold(&self, path: &str, bytes: &[u8]) {
        self.dav.hold(&format!("{BASE}{path}"), bytes);
    }

    pub fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        self.dav.bytes_at(&format!("{BASE}{path}"))
    }
}

#[async_trait]
impl SourceWorld for World {
    async fn hold(&self, path: &str, bytes: &[u8]) {
        Self::hold(self, path, bytes);
    }

    fn source(&self) -> Arc<dyn Source> {
        self.opened().source
    }
}

#[async_trait]
impl TargetWorld for World {
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        Self::bytes_at(self, path)
    }

    fn target(&self) -> Arc<dyn Target> {
        self.opened().target
    }
}

/// Puts one file and returns what became of it.
pub async fn put_one(target: &dyn Target, put: domain::ports::Put, content: &MemoryContent) -> PutOutcome {
    let outcomes = Outcomes::of(1);
    match target.put(&[put], content, &outcomes).await {
        Ok(()) => outcomes.all().remove(0),
        Err(error) => PutOutcome::Failed(error),
    }
}
