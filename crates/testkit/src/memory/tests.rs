//! A repository in memory promises what every source and every target does, and follows its script.

use async_trait::async_trait;
use domain::failure::ErrorKind;
use domain::task::Scope;

use super::*;
use crate::contract::{SourceWorld, TargetWorld};

#[async_trait]
impl SourceWorld for MemoryRepository {
    async fn hold(&self, path: &str, bytes: &[u8]) {
        self.holds(artifact(path).bytes(bytes));
    }

    fn source(&self) -> Arc<dyn Source> {
        self.as_source()
    }
}

#[async_trait]
impl TargetWorld for MemoryRepository {
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        self.bytes_of(path).map(Vec::from)
    }

    fn target(&self) -> Arc<dyn Target> {
        self.as_target()
    }
}

async fn fresh() -> MemoryRepository {
    MemoryRepository::default()
}

mod source {
    crate::source_contract!(super::fresh());
}

mod target {
    crate::target_contract!(super::fresh());
}

#[tokio::test]
async fn pages_hold_every_key_once() {
    let repository = MemoryRepository::default();
    repository.holds_files(5);

    let mut keys = Vec::new();
    let mut cursor = None;
    loop {
        let page = repository
            .as_source()
            .list(&Scope::Repository, cursor.as_ref(), 2)
            .await;
        let page = page.expect("nothing is scripted");
        keys.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(keys.len(), 5);
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(repository.calls(Op::List), 3);
}

#[tokio::test]
async fn a_script_strikes_the_calls_it_names_and_no_others() {
    let repository = MemoryRepository::default();
    repository.script(
        on(Op::Find)
            .nth(2)
            .fails(ErrorKind::Limit)
            .status(429)
            .retry_after_s(7),
    );

    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(repository.as_target().find(&[key("a")]).await);
    }

    assert!(answers[0].is_ok() && answers[2].is_ok());
    let error = answers[1]
        .as_ref()
        .expect_err("the second call is scripted to fail");
    assert_eq!((error.kind, error.remote_status), (ErrorKind::Limit, Some(429)));
}
