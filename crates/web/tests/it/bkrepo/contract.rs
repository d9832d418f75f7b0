//! Over the bk-repo protocol, too, a repository of a node promises what every source and every target does.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{Source, Target};
use testkit::contract::{SourceWorld, TargetWorld};

use crate::peer::node::{Node, demo, login, peers};

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

mod source {
    testkit::source_contract!(super::AsBkRepo::start());
}

mod target {
    testkit::target_contract!(super::AsBkRepo::start());
}
