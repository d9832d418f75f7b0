//! devpi: JSON, `requires-python`, and indexes whose files may or may not be replaced.

use std::sync::Arc;

use async_trait::async_trait;
use domain::artifact::Likeness;
use domain::cluster::Credentials;
use domain::failure::ErrorKind;
use domain::ports::{Expect, PutOutcome, Source, Target};
use domain::task::{PackageSelection, Scope};
use domain::versions::Choice;
use serde_json::json;
use testkit::contract::packages::{PackageWorld, Release};
use testkit::servers::Devpi;

use super::world::{Pypi, at, bob, choosing, made, names, opened, project, put, shown};
use crate::carrying::{carry, describe, list, moved};

/// A devpi whose files may be replaced.
pub(super) struct World(Devpi);

impl World {
    pub(super) async fn start() -> Self {
        Self(Devpi::start(false, true).await)
    }
}

async fn found(devpi: &Devpi, release: &Release) -> Vec<Option<Vec<u8>>> {
    shown(
        &format!("{}/+simple", devpi.url()),
        project(release),
        &names(release),
    )
    .await
}

#[async_trait]
impl PackageWorld for World {
    fn names(&self) -> [&'static str; 3] {
        ["left-pad", "Some.Scope_2", "zope.interface"]
    }

    fn release(&self, name: &str, version: &str, size_bytes: usize, seed: u64) -> Release {
        made(name, version, size_bytes, seed)
    }

    async fn hold(&self, release: &Release) {
        let outcome = put(&*self.target(), release, Expect::Absent).await;
        assert!(matches!(outcome, Ok(PutOutcome::Stored { .. })), "{outcome:?}");
    }

    async fn found(&self, release: &Release) -> Vec<Option<Vec<u8>>> {
        found(&self.0, release).await
    }

    fn source_of(&self, choice: Choice) -> Arc<dyn Source> {
        choosing(&self.0.url(), &Credentials::default(), choice).source
    }

    fn target(&self) -> Arc<dyn Target> {
        at(&self.0.url()).target
    }
}

#[tokio::test]
async fn an_index_that_replaces_nothing_takes_what_is_new_from_who_may_write_and_refuses_the_rest() {
    let devpi = Devpi::start(true, false).await;
    let target = opened(&devpi.url(), &bob()).target;
    let mut old = made("Foo.Bar", "1.0.0", 300_000, 1);
    old.artifact.document = Some(json!({"files": {names(&old)[0]: {"requires-python": ">=3.8, <4"}}}));
    let new = made("Foo.Bar", "1.0.0", 300_000, 2);

    let stranger = at(&devpi.url()).target.prepare(false).await;
    target.prepare(false).await.expect("bob may write");
    let stored = put(&*target, &old, Expect::Absent).await;
    let existing = target
        .find(std::slice::from_ref(&old.artifact.key))
        .await
        .expect("an answer");
    let existing = existing[0].clone().expect("it is there");
    let refused = put(
        &*target,
        &new,
        Expect::Mark(existing.mark.clone().expect("a mark")),
    )
    .await;

    assert_eq!(
        stranger.expect_err("nobody knows them").kind,
        ErrorKind::Unauthorised
    );
    assert!(matches!(stored, Ok(PutOutcome::Stored { .. })), "{stored:?}");
    assert_eq!(old.artifact.likeness(&existing), Likeness::Same);
    let Ok(PutOutcome::Failed(error)) = refused else {
        unreachable!("{refused:?}");
    };
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    let there = found(&devpi, &old).await;
    assert!(
        there == old.bytes.iter().cloned().map(Some).collect::<Vec<_>>(),
        "nothing was touched"
    );
    let described = describe(&*at(&devpi.url()).source, &old.artifact.key)
        .await
        .expect("it is there");
    let document = described.document.expect("what it says");
    assert_eq!(document["files"][names(&old)[0]]["requires-python"], ">=3.8, <4");
    assert!(
        document["files"][names(&old)[1]].get("requires-python").is_some(),
        "devpi says it of a version"
    );
}

#[tokio::test]
async fn versions_go_from_devpi_to_pypiserver_and_nothing_moves_twice() {
    let (devpi, pypi) = (World::start().await, Pypi::start().await);
    for release in [
        made("Foo.Bar", "1.0.0", 300_000, 1),
        made("Foo.Bar", "1.0rc1", 100, 2),
        made("six", "2", 100, 3),
    ] {
        devpi.hold(&release).await;
    }
    let (from, to) = (at(&devpi.0.url()), at(&pypi.url()));

    let all = list(&*from.source, &Scope::Repository).await;
    let selection = PackageSelection {
        key: "pypi://foo_bar".into(),
        versions: vec!["1.0-RC.1".into(), "3".into()],
        target_versions: Vec::new(),
    };
    let scope = Scope::Packages(vec![selection]);
    let chosen = list(&*from.source, &scope).await;
    let missing = from.source.missing(&scope).await.expect("an answer");

    let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["pypi://foo-bar 1.0.0", "pypi://foo-bar 1.0rc1", "pypi://six 2"]
    );
    assert_eq!(chosen, all[1..2], "versions are chosen in any spelling");
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(missing[0].version.as_deref(), Some("3"));
    for key in &all {
        assert!(moved(carry(&from, &to, key).await) > 0, "{key}");
    }
    for key in &all {
        assert!(carry(&from, &to, key).await.is_none(), "{key} is there");
        assert!(carry(&to, &from, key).await.is_none(), "{key} came from there");
    }
}
