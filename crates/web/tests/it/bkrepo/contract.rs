//! Over the bk-repo protocol, too, a repository of a node promises what every source and every target does.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::node::Who;
use domain::cluster::Credentials;
use domain::failure::ErrorKind;
use domain::ports::{Source, Target};
use domain::repository::RepositoryRef;
use testkit::content::MemoryContent;
use testkit::contract::{SourceWorld, TargetWorld, artifact, noise};

use crate::peer::node::{Node, demo, login, moved_bytes, peers, put};

/// A node that is spoken to as if it were a bk-repo.
pub struct AsBkRepo(pub Node);

impl AsBkRepo {
    pub async fn start() -> Self {
        let node = Node::start().await;
        node.hosted
            .ensure_repository(&demo(), "admin")
            .await
            .expect("a repository");
        Self(node)
    }

    pub fn server(&self) -> connectors::bkrepo::BkRepo {
        peers()
            .bkrepo(&self.0.url(), &login("admin", "secret"))
            .expect("a server")
    }
}

#[async_trait]
impl SourceWorld for AsBkRepo {
    async fn hold(&self, path: &str, bytes: &[u8]) {
        self.0.hold(&demo(), path, bytes).await;
    }

    fn source(&self) -> Arc<dyn Source> {
        Arc::new(self.server().source(demo()))
    }
}

#[async_trait]
impl TargetWorld for AsBkRepo {
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        self.0.bytes_at(&demo(), path).await
    }

    fn target(&self) -> Arc<dyn Target> {
        Arc::new(self.server().target(demo()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platforms_keys_open_a_node_to_signed_calls_as_a_replicator() {
    let world = AsBkRepo::start().await;
    world.0.replicator("mover", "demo").await;
    let (account, secret_key) = world
        .0
        .store
        .platforms()
        .create("ci", "admin")
        .await
        .expect("a platform");
    let signing = Credentials {
        username: Some("mover".into()),
        app_id: Some(account.app_id),
        access_key: Some(account.access_key),
        secret_key: Some(secret_key),
        ..Credentials::default()
    };
    let node = peers().node(&world.0.url(), &signing).expect("a node");

    assert_eq!(node.who().await.expect("it answers"), Who::BkRepo);
    let target = node.target(demo());
    target.prepare(true).await.expect("its own project");
    let large = noise(6_000_000, 9);
    let content = MemoryContent::of([large.as_slice(), b"small"]);
    let items = [artifact("/large &=?", &large), artifact("/small", b"small")];
    let outcomes = put(&target, &items, &content).await;
    assert_eq!(moved_bytes(&outcomes), 6_000_005);
    let elsewhere = node
        .target(RepositoryRef::new("other", "files"))
        .prepare(true)
        .await;
    assert_eq!(
        elsewhere.expect_err("another project").kind,
        ErrorKind::Unauthorised
    );
}

mod source {
    testkit::source_contract!(super::AsBkRepo::start());
}

mod target {
    testkit::target_contract!(super::AsBkRepo::start());
}
