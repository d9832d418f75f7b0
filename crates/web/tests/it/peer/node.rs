//! A node that listens on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use bytes::Bytes;
use connectors::http::Outgoing;
use connectors::peer::{Peer, Peers};
use domain::artifact::Artifact;
use domain::cluster::{Credentials, Secret};
use domain::ports::{Expect, Put, PutOutcome, Source, Target};
use domain::repository::RepositoryRef;
use futures_util::TryStreamExt;
use hosted::{Hosted, Publish, Supply, Viewer};
use storage::Store;
use storage::users::Role;
use tempfile::TempDir;
use testkit::ManualClock;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::{SourceWorld, TargetWorld, artifact};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use web::app::App;

use crate::world::NOW_MS;

/// A node with its data in a folder of its own.
pub struct Node {
    pub store: Store,
    pub hosted: Hosted,
    pub address: SocketAddr,
    folder: TempDir,
    serving: JoinHandle<()>,
}

impl Node {
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let node = Self::on(folder).await;
        let admin = node
            .store
            .users()
            .create("admin", &Secret::new("secret"), &Role::Admin)
            .await;
        admin.expect("an admin");
        node
    }

    async fn on(folder: TempDir) -> Self {
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let store = Store::open(&folder.path().join("data"), clock, None)
            .await
            .expect("a store");
        let hosted = Hosted::open(&store).await.expect("hosted data");
        let engine = crate::world::idle_engine(&store);
        let router = web::router::router(App::new(engine, hosted.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("it serves until it is stopped");
        });
        Self {
            store,
            hosted,
            address,
            folder,
            serving,
        }
    }

    /// Stops in the middle of whatever goes on and starts again with the same data, at another port.
    pub async fn restart(self) -> Self {
        let Self {
            store,
            hosted,
            folder,
            serving,
            ..
        } = self;
        serving.abort();
        let _ = serving.await;
        drop(hosted);
        store.close().await;
        drop(store);
        Self::on(folder).await
    }

    /// Adds a user who replicates into `project`, with the password `secret`.
    pub async fn replicator(&self, name: &str, project: &str) {
        let role = Role::Replicator {
            projects: vec![project.into()],
        };
        self.store
            .users()
            .create(name, &Secret::new("secret"), &role)
            .await
            .expect("a user");
    }

    /// Puts a file there behind the exchange's back.
    pub async fn hold(&self, repository: &RepositoryRef, path: &str, bytes: &[u8]) {
        let viewer = Viewer::of_everything("admin");
        let put = Put {
            artifact: artifact(path, bytes),
            expect: Expect::Anything,
            with_metadata: false,
        };
        let supply = Supply::Bytes(Bytes::copy_from_slice(bytes));
        let repository = self
            .hosted
            .ensure_repository(repository, "admin")
            .await
            .expect("a repository");
        let outcome = repository
            .publish(vec![Publish { put, supply }], &viewer)
            .await
            .expect("it is there")
            .remove(0);
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    }

    /// Reads a file behind the exchange's back.
    pub async fn bytes_at(&self, repository: &RepositoryRef, path: &str) -> Option<Vec<u8>> {
        let repository = self.hosted.repository(repository).await.expect("a look-up")?;
        let node = repository
            .node(&path.parse().expect("a path"))
            .await
            .expect("a look-up")?;
        node.file.as_ref()?;
        let bytes = repository.read(&node, None).await.expect("its bytes");
        let pieces: Vec<Bytes> = bytes.try_collect().await.expect("its bytes");
        Some(pieces.concat())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub fn login(user: &str, password: &str) -> Credentials {
    Credentials {
        username: Some(user.into()),
        password: Some(Secret::new(password)),
        ..Credentials::default()
    }
}

/// Returns the way to others, as impatient as signs of life every two seconds allow.
pub fn peers() -> Peers {
    let outgoing = Outgoing {
        idle_timeout: Duration::from_secs(4),
        ..Outgoing::default()
    };
    Peers::new(outgoing, Arc::new(ManualClock::at(NOW_MS)))
}

pub fn peer(url: &str, user: &str) -> Peer {
    peers().peer(url, &login(user, "secret")).expect("a peer")
}

pub fn demo() -> RepositoryRef {
    RepositoryRef::new("demo", "files")
}

/// Puts `batch` and returns what became of it.
pub async fn put(target: &dyn Target, artifacts: &[Artifact], content: &MemoryContent) -> Vec<PutOutcome> {
    let batch: Vec<Put> = artifacts
        .iter()
        .map(|artifact| Put {
            artifact: artifact.clone(),
            expect: Expect::Absent,
            with_metadata: false,
        })
        .collect();
    let outcomes = Outcomes::of(batch.len());
    target
        .put(&batch, content, &outcomes)
        .await
        .expect("the peer answers");
    outcomes.all()
}

/// Sums what moved; every outcome must be a success.
#[track_caller]
pub fn moved_bytes(outcomes: &[PutOutcome]) -> u64 {
    let moved = |outcome: &PutOutcome| match outcome {
        PutOutcome::Stored { moved_bytes, .. } => *moved_bytes,
        other => unreachable!("{other:?}"),
    };
    outcomes.iter().map(moved).sum()
}

pub async fn get(node: &Node, path: &str) -> u16 {
    let url = format!("{}{path}", node.url());
    reqwest_status(Method::GET, &url).await
}

async fn reqwest_status(method: Method, url: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a URL");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("a connection");
    let request = format!("{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer[9..12].parse().expect("a status")
}

/// The contracts' world: one repository of a node, reached over the exchange.
#[async_trait]
impl SourceWorld for Node {
    async fn hold(&self, path: &str, bytes: &[u8]) {
        Node::hold(self, &demo(), path, bytes).await;
    }

    fn source(&self) -> Arc<dyn Source> {
        Arc::new(peer(&self.url(), "admin").source(demo()))
    }
}

#[async_trait]
impl TargetWorld for Node {
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        Node::bytes_at(self, &demo(), path).await
    }

    fn target(&self) -> Arc<dyn Target> {
        Arc::new(peer(&self.url(), "admin").target(demo()))
    }
}
