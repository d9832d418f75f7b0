//! What is special about a stock node: how it is recognised, what it is told, what it must not be believed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use connectors::bkrepo::BkRepo;
use connectors::http::Outgoing;
use connectors::node::Who;
use connectors::peer::Peers;
use domain::artifact::Artifact;
use domain::cluster::{Credentials, Secret};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{Expect, Put, PutOutcome, Source, Target};
use domain::repository::RepositoryRef;
use testkit::ManualClock;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::{artifact, key, noise};

use super::fake::{APP, Fake, File};

const MIB: usize = 1024 * 1024;

pub fn demo() -> RepositoryRef {
    RepositoryRef::new("demo", "files")
}

fn peers() -> Peers {
    Peers::new(Outgoing::default(), Arc::new(ManualClock::at(1_721_877_600_000)))
}

fn login() -> Credentials {
    Credentials {
        username: Some("admin".into()),
        password: Some(Secret::new("secret")),
        ..Credentials::default()
    }
}

pub fn server(fake: &Fake) -> BkRepo {
    peers().bkrepo(&fake.url(), &login()).expect("a server")
}

async fn put_one(target: &dyn Target, artifact: &Artifact, content: &MemoryContent) -> PutOutcome {
    let batch = [Put {
        artifact: artifact.clone(),
        expect: Expect::Absent,
        with_metadata: true,
    }];
    let outcomes = Outcomes::of(1);
    target.put(&batch, content, &outcomes).await.expect("it answers");
    outcomes.all().remove(0)
}

fn failed(outcome: PutOutcome) -> domain::ports::ConnectorError {
    match outcome {
        PutOutcome::Failed(error) => error,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_without_the_peer_exchange_is_taken_for_a_bk_repo() {
    let fake = Fake::start().await;
    let node = peers().node(&fake.url(), &login()).expect("a node");

    assert_eq!(node.who().await.expect("it answers"), Who::BkRepo);
    let target = node.target(demo());
    target.prepare(true).await.expect("a repository");
    let content = MemoryContent::of([b"content".as_slice()]);
    let stored = put_one(&target, &artifact("/a", b"content"), &content).await;

    assert!(
        matches!(stored, PutOutcome::Stored { moved_bytes: 7, .. }),
        "{stored:?}"
    );
    assert!(!target.capabilities().conditional_write);
    let wrong = Credentials {
        password: Some(Secret::new("wrong")),
        ..login()
    };
    let refused = peers().node(&fake.url(), &wrong).expect("a node").who().await;
    assert_eq!(
        refused.expect_err("a wrong password").kind,
        ErrorKind::Unauthorised
    );
    let named = peers()
        .node(&format!("bkrepo+{}", fake.url()), &login())
        .expect("a node");
    fake.kept().calls.clear();
    named.who().await.expect("it answers");
    assert_eq!(
        fake.kept().calls,
        ["GET /replication/replica/ping"],
        "it is not asked who it is"
    );
}

#[tokio::test]
async fn a_platforms_keys_sign_every_call() {
    let fake = Fake::start().await;
    let signing = Credentials {
        app_id: Some(APP.0.into()),
        access_key: Some(APP.1.into()),
        secret_key: Some(Secret::new(APP.2)),
        ..Credentials::default()
    };
    let node = peers().node(&fake.url(), &signing).expect("a node");

    assert_eq!(node.who().await.expect("it answers"), Who::BkRepo);
    let target = node.target(demo());
    target.prepare(true).await.expect("a repository");
    let content = MemoryContent::of([b"content".as_slice()]);
    let stored = put_one(&target, &artifact("/é ü/a&b=c", b"content"), &content).await;
    assert!(matches!(stored, PutOutcome::Stored { .. }), "{stored:?}");

    let wrong = Credentials {
        secret_key: Some(Secret::new("other")),
        ..signing
    };
    let refused = peers().node(&fake.url(), &wrong).expect("a node").who().await;
    assert_eq!(refused.expect_err("a wrong key").kind, ErrorKind::Unauthorised);
}

#[tokio::test]
async fn calls_and_bodies_are_the_recorded_ones() {
    let fake = Fake::start().await;
    let target = server(&fake).target(demo());
    let mut item = artifact("/dir/a b.txt", b"content");
    item.metadata.insert("build".into(), "7".into());

    target.prepare(true).await.expect("a repository");
    target.find(&[key("/dir/a b.txt")]).await.expect("an answer");
    let stored = put_one(&target, &item, &MemoryContent::of([b"content".as_slice()])).await;

    assert!(matches!(stored, PutOutcome::Stored { .. }), "{stored:?}");
    let recorded: Vec<&str> = include_str!("shapes/calls.txt").lines().collect();
    assert_eq!(fake.kept().calls, recorded);
    let request: serde_json::Value =
        serde_json::from_str(include_str!("shapes/node-create-request.json")).expect("a shape");
    assert_eq!(fake.kept().created, [request]);
}

#[tokio::test]
async fn a_repository_with_a_store_of_its_own_gets_its_blobs_there() {
    let fake = Fake::start().await;
    fake.kept().storage_key = Some("cos-1".into());
    let target = server(&fake).target(demo());
    let large = noise(MIB, 1);

    target.prepare(true).await.expect("a repository");
    put_one(
        &target,
        &artifact("/large", &large),
        &MemoryContent::of([large.as_slice()]),
    )
    .await;

    let calls = fake.kept().calls.clone();
    let blobs: Vec<&String> = calls.iter().filter(|call| call.contains("/blob")).collect();
    assert!(
        blobs.len() >= 4 && blobs.iter().all(|call| call.contains("storageKey=cos-1")),
        "{blobs:?}"
    );
}

#[tokio::test]
async fn what_the_node_garbles_or_forgets_is_never_stored() {
    for old in [false, true] {
        let fake = Fake::start().await;
        fake.quirks().old.store(old, Ordering::Relaxed);
        let target = server(&fake).target(demo());
        target.prepare(true).await.expect("a repository");
        let large = noise(MIB, 2);
        let content = MemoryContent::of([b"content".as_slice(), &large]);

        fake.quirks().garbles.store(true, Ordering::Relaxed);
        for item in [artifact("/small", b"content"), artifact("/large", &large)] {
            let error = failed(put_one(&target, &item, &content).await);
            assert_eq!(
                (error.kind, error.stage),
                (ErrorKind::Corrupt, Stage::Verify),
                "{error}"
            );
        }
        assert!(fake.kept().files.is_empty(), "no file was made of them");
        fake.quirks().garbles.store(false, Ordering::Relaxed);
        fake.kept().blobs.clear();
        fake.quirks().forgets_files.store(true, Ordering::Relaxed);
        let error = failed(put_one(&target, &artifact("/small", b"content"), &content).await);
        assert_eq!(
            (error.kind, error.stage),
            (ErrorKind::Corrupt, Stage::Verify),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_empty_answer_is_no_success() {
    let fake = Fake::start().await;
    fake.hold("/a", b"a");
    let (source, target) = (server(&fake).source(demo()), server(&fake).target(demo()));
    fake.quirks().empty.store(true, Ordering::Relaxed);

    let listed = source.list(&domain::task::Scope::Repository, None, 10).await;
    assert_eq!(listed.expect_err("no page").kind, ErrorKind::Protocol);
    assert_eq!(
        target.find(&[key("/a")]).await.expect_err("no list").kind,
        ErrorKind::Protocol
    );
    assert_eq!(
        target.prepare(false).await.expect_err("no repository").kind,
        ErrorKind::Protocol
    );
    let content = MemoryContent::of([b"b".as_slice()]);
    let outcome = put_one(&target, &artifact("/b", b"b"), &content).await;
    assert_eq!(failed(outcome).kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn the_nodes_words_reach_the_failure() {
    let fake = Fake::start().await;
    let target = server(&fake).target(demo());

    let refused = target.prepare(false).await.expect_err("there is none");
    let blind = server(&fake)
        .source(demo())
        .describe(&[key("/a")])
        .await
        .expect("an answer")
        .remove(0);

    assert_eq!(
        (refused.kind, refused.remote_status),
        (ErrorKind::NotFound, Some(404))
    );
    assert_eq!(refused.words.as_deref(), Some("Repository [files] not found"));
    let blind = blind.expect_err("there is no repository");
    assert_eq!(blind.words.as_deref(), Some("Repository [files] not found"));
    let found = target.find(&[key("/a")]).await.expect("nothing stands anywhere");
    assert_eq!(found, [None]);
}

#[tokio::test]
async fn an_upload_goes_on_where_the_node_became_unwell() {
    let bytes = noise(23 * MIB, 3);
    let fake = Fake::start().await;
    let target = server(&fake).target(demo());
    target.prepare(true).await.expect("a repository");
    let content = MemoryContent::of([bytes.as_slice()]);
    let item = artifact("/large", &bytes);

    fake.quirks().pieces_until_unwell.store(2, Ordering::Relaxed);
    fake.quirks().unwell_for.store(3, Ordering::Relaxed);
    let error = failed(put_one(&target, &item, &content).await);
    assert_eq!(
        (error.kind, error.remote_status),
        (ErrorKind::Unreachable, Some(502)),
        "{error}"
    );
    let stored = put_one(&target, &item, &content).await;

    let PutOutcome::Stored { moved_bytes, .. } = stored else {
        unreachable!("{stored:?}");
    };
    assert_eq!(moved_bytes, (23 - 10) * MIB as u64, "two pieces were there");
    let opened = fake
        .kept()
        .calls
        .iter()
        .filter(|call| call.starts_with("POST") && call.contains("uploads"))
        .count();
    assert_eq!(opened, 1, "one session served both tries");
    assert!(fake.bytes_at("/large") == Some(bytes));
}

#[tokio::test]
async fn an_upload_whose_session_is_gone_begins_anew() {
    let bytes = noise(12 * MIB, 4);
    let fake = Fake::start().await;
    let target = server(&fake).target(demo());
    target.prepare(true).await.expect("a repository");
    let content = MemoryContent::of([bytes.as_slice()]);
    let item = artifact("/large", &bytes);

    fake.quirks().pieces_until_unwell.store(1, Ordering::Relaxed);
    fake.quirks().unwell_for.store(3, Ordering::Relaxed);
    failed(put_one(&target, &item, &content).await);
    fake.kept().sessions.clear();
    let stored = put_one(&target, &item, &content).await;

    assert!(
        matches!(stored, PutOutcome::Stored { moved_bytes, .. } if moved_bytes == bytes.len() as u64),
        "{stored:?}"
    );
    assert!(fake.bytes_at("/large") == Some(bytes));
}

#[tokio::test]
async fn a_file_of_separate_blocks_is_named_and_not_carried() {
    let fake = Fake::start().await;
    fake.hold("/a", b"a");
    let block_file = File {
        sha256: None,
        size: 7,
        properties: Vec::new(),
    };
    fake.kept().files.insert("/blocks".into(), block_file);

    let source = server(&fake).source(demo());
    let described = source
        .describe(&[key("/a"), key("/blocks")])
        .await
        .expect("an answer");
    assert!(described[0].is_ok());
    let error = described[1].as_ref().expect_err("it has no digest");
    assert!(
        error.words.as_ref().is_some_and(|words| words.contains("blocks")),
        "{error}"
    );
    let found = server(&fake)
        .target(demo())
        .find(&[key("/blocks")])
        .await
        .expect("an answer");
    assert!(found[0].is_some(), "at a target it is other content");
}

#[tokio::test]
async fn a_listing_also_describes_so_that_a_thousand_files_cost_one_call() {
    let fake = Fake::start().await;
    for number in 0..1500 {
        fake.hold(&format!("/many/{number:04}"), b"x");
    }
    let source = server(&fake).source(demo());

    let page = source
        .list(&domain::task::Scope::Repository, None, 1000)
        .await
        .expect("a page");
    let described = source.describe(&page.keys).await.expect("an answer");
    assert!(described.iter().all(Result::is_ok));
    assert_eq!(fake.kept().calls.len(), 1);
    let again = source.describe(&page.keys[..1]).await.expect("an answer");
    assert!(again[0].is_ok());
    assert_eq!(fake.kept().calls.len(), 2, "who asks again gets a new answer");
}
