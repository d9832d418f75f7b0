//! Over a stock bk-repo, of today and of old, a repository promises what every source and every target does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use domain::ports::{Source, Target};
use testkit::contract::{SourceWorld, TargetWorld};

use super::fake::Fake;
use super::stock::{demo, server};

async fn today() -> Fake {
    let fake = Fake::start().await;
    fake.kept().repository = true;
    fake
}

async fn old() -> Fake {
    let fake = today().await;
    fake.quirks().old.store(true, Ordering::Relaxed);
    fake
}

#[async_trait]
impl SourceWorld for Fake {
    async fn hold(&self, path: &str, bytes: &[u8]) {
        Fake::hold(self, path, bytes);
    }

    fn source(&self) -> Arc<dyn Source> {
        Arc::new(server(self).source(demo()))
    }
}

#[async_trait]
impl TargetWorld for Fake {
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        Fake::bytes_at(self, path)
    }

    fn target(&self) -> Arc<dyn Target> {
        Arc::new(server(self).target(demo()))
    }
}

mod source {
    testkit::source_contract!(super::today());
}

mod target {
    testkit::target_contract!(super::today());
}

mod old_target {
    testkit::target_contract!(super::old());
}
