//! A hosted repository promises what every source and every target does.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{PutOutcome, Source, Target};
use testkit::contract::{SourceWorld, TargetWorld};

use crate::world::{World, admin, with_bytes};

#[async_trait]
impl SourceWorld for World {
    async fn hold(&self, path: &str, bytes: &[u8]) {
        let outcome = self.publish(vec![with_bytes(path, bytes)]).await.remove(0);
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    }

    fn source(&self) -> Arc<dyn Source> {
        self.repository.source()
    }
}

#[async_trait]
impl TargetWorld for World {
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        let node = self
            .repository
            .node(&crate::world::path(path))
            .await
            .expect("a look-up")?;
        match node.file {
            Some(_) => self.content(path).await,
            None => None,
        }
    }

    fn target(&self) -> Arc<dyn Target> {
        self.repository.target(admin())
    }
}

mod source {
    testkit::source_contract!(crate::world::World::start());
}

mod target {
    testkit::target_contract!(crate::world::World::start());
}
