//! What a store, or the way to it, does wrong never becomes an object that is wrong.

use std::time::Duration;

use connectors::digests::Digests;
use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome};
use domain::task::Scope;
use futures_util::StreamExt;
use testkit::content::MemoryContent;
use testkit::contract::{artifact, key, noise};
use testkit::fault_proxy::{Fault, FaultProxy, Rule};

use super::super::carrying::{another_range_is_refused, breaks, broken_bytes_never_arrive};
use super::world::{World, put_one};

/// Three parts.
const LARGE: usize = 17 * 1024 * 1024;

fn put(path: &str, bytes: &[u8], expect: Expect) -> Put {
    Put {
        artifact: artifact(path, bytes),
        expect,
        with_metadata: false,
    }
}

async fn put_through(world: &World, fault: Rule, bytes: &[u8]) -> PutOutcome {
    let proxy = FaultProxy::to(world.s3.server.address()).await;
    proxy.add(fault);
    let target = world.open(&proxy.url()).target;
    let content = MemoryContent::of([bytes]);
    let outcome = put_one(&*target, put("/a.bin", bytes, Expect::Absent), &content).await;
    assert!(proxy.struck() > 0, "the fault struck");
    outcome
}

#[tokio::test]
async fn a_write_that_goes_wrong_is_a_failure_and_leaves_nothing() {
    let small = noise(300_000, 1);
    let world = World::start().await;
    let on = |fault| Rule::on("PUT", "*/a.bin*", fault);
    for (fault, kind) in [
        (on(Fault::ChangeRequest(1_000)), ErrorKind::Corrupt),
        (on(Fault::CutRequest(1_000)), ErrorKind::Unreachable),
        (on(Fault::Reset), ErrorKind::Unreachable),
        (on(Fault::status(500)), ErrorKind::Protocol),
        (on(Fault::status(401)), ErrorKind::Unauthorised),
        (on(Fault::status(200)), ErrorKind::Corrupt),
        (on(Fault::slow_down(700)), ErrorKind::Limit),
    ] {
        let shown = format!("{fault:?}");
        let outcome = put_through(&world, fault, &small).await;

        let PutOutcome::Failed(error) = outcome else {
            unreachable!("{shown}: {outcome:?}");
        };
        assert_eq!(error.kind, kind, "{shown}: {error}");
        assert_eq!(world.bytes_at("/a.bin").await, None, "{shown}");
    }
}

#[tokio::test]
async fn a_write_that_stalls_is_a_failure_and_leaves_nothing() {
    let (world, bytes) = (World::start().await, noise(300_000, 1));
    let proxy = FaultProxy::to(world.s3.server.address()).await;
    proxy.add(Rule::on("PUT", "*/a.bin*", Fault::StallRequest(1_000)));
    let target = world.open_impatient(&proxy.url()).target;
    let content = MemoryContent::of([bytes.as_slice()]);

    let outcome = put_one(&*target, put("/a.bin", &bytes, Expect::Absent), &content).await;

    let PutOutcome::Failed(error) = outcome else {
        unreachable!("{outcome:?}");
    };
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert_eq!(world.bytes_at("/a.bin").await, None);
}

#[tokio::test]
async fn parts_that_arrived_are_not_sent_again_by_another_process() {
    let world = World::start().await;
    let large = noise(LARGE, 2);
    let broken = Rule::on("PUT", "*partNumber=3*", Fault::status(503));
    let outcome = put_through(&world, broken, &large).await;
    assert!(matches!(outcome, PutOutcome::Failed(_)), "{outcome:?}");
    assert_eq!(
        world.bytes_at("/a.bin").await,
        None,
        "nobody sees some of the parts"
    );
    let proxy = FaultProxy::to(world.s3.server.address()).await;
    let target = world.open(&proxy.url()).target;

    let again = put_one(
        &*target,
        put("/a.bin", &large, Expect::Absent),
        &MemoryContent::of([large.as_slice()]),
    )
    .await;

    let last = (LARGE - 16 * 1024 * 1024) as u64;
    assert!(
        matches!(again, PutOutcome::Stored { moved_bytes, .. } if moved_bytes == last),
        "{again:?}"
    );
    assert_eq!(proxy.count("PUT", "*partNumber=*"), 1);
    assert!(world.bytes_at("/a.bin").await == Some(large));
}

#[tokio::test]
async fn a_part_that_was_spoiled_on_the_way_is_sent_again() {
    let world = World::start().await;
    let large = noise(LARGE, 3);
    let spoiled = Rule::on("PUT", "*partNumber=2*", Fault::ChangeRequest(5_000)).times(1);

    let outcome = put_through(&world, spoiled, &large).await;

    assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    assert!(world.bytes_at("/a.bin").await == Some(large));
}

#[tokio::test]
async fn a_source_that_lies_leaves_no_large_object() {
    let world = World::start().await;
    let large = noise(LARGE, 4);
    let content = MemoryContent::of([large.as_slice()]);
    let mut flipped = large.clone();
    flipped[LARGE - 1] ^= 1;
    content.lie(&Digest::of(&large), flipped);

    let outcome = put_one(
        &*world.opened().target,
        put("/a.bin", &large, Expect::Absent),
        &content,
    )
    .await;

    assert!(
        matches!(&outcome, PutOutcome::Failed(error) if error.kind == ErrorKind::Corrupt),
        "{outcome:?}"
    );
    assert_eq!(world.bytes_at("/a.bin").await, None);
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_where_it_was() {
    let world = World::start().await;
    let bytes = noise(3_000_017, 5);
    world.hold("/a.bin", &bytes).await;
    let proxy = FaultProxy::to(world.s3.server.address()).await;
    let source = world.open(&proxy.url()).source;
    let described = source
        .describe(&[key("/a.bin")])
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");
    proxy.add(Rule::on("GET", "*/a.bin", Fault::CutAnswer(1_000_000)).times(2));

    let mut read = Vec::new();
    let mut stream = source
        .open(&key("/a.bin"), &described.blobs[0], 0)
        .await
        .expect("a stream");
    while let Some(piece) = stream.next().await {
        read.extend_from_slice(&piece.expect("a piece"));
    }

    assert!(read == bytes);
    assert_eq!(proxy.count("GET", "*/a.bin"), 3);
}

#[tokio::test]
async fn a_download_that_goes_on_with_another_range_is_a_failure() {
    let world = World::start().await;
    let bytes = noise(3_000_017, 5);
    world.hold("/a.bin", &bytes).await;
    let proxy = FaultProxy::to(world.s3.server.address()).await;

    another_range_is_refused(&*world.open(&proxy.url()).source, &proxy, bytes.len()).await;
}

#[tokio::test]
async fn what_did_not_change_is_known_from_listings_alone() {
    let world = World::start().await;
    let target = world.opened().target;
    let content = MemoryContent::of([b"abc".as_slice()]);
    let paths: Vec<String> = (0..20).map(|number| format!("/sub/{number}.txt")).collect();
    for path in &paths {
        let stored = put_one(&*target, put(path, b"abc", Expect::Absent), &content).await;
        assert!(matches!(stored, PutOutcome::Stored { .. }), "{stored:?}");
    }
    let proxy = FaultProxy::to(world.s3.server.address()).await;
    let opened = world.open_with(&proxy.url(), &Digests::default());

    let page = opened
        .source
        .list(&Scope::Repository, None, 100)
        .await
        .expect("a page");
    let described = opened.source.describe(&page.keys).await.expect("an answer");
    let found = opened.target.find(&page.keys).await.expect("an answer");

    assert_eq!(page.keys.len(), paths.len());
    for (artifact, existing) in described.iter().zip(&found) {
        let (artifact, existing) = (
            artifact.as_ref().expect("it is there"),
            existing.as_ref().expect("it is there"),
        );
        assert_eq!(artifact.likeness(existing), domain::artifact::Likeness::Same);
    }
    // The bucket's region, one listing and one probe for each end.
    assert!(proxy.seen().len() <= 6, "{:?}", proxy.seen());
}

#[tokio::test]
async fn a_large_object_is_known_by_the_digest_in_its_metadata() {
    let world = World::start().await;
    let large = noise(LARGE, 6);
    world.hold("/a.bin", &large).await;
    let proxy = FaultProxy::to(world.s3.server.address()).await;
    let opened = world.open_with(&proxy.url(), &Digests::default());

    let described = opened
        .source
        .describe(&[key("/a.bin")])
        .await
        .expect("an answer")
        .remove(0);
    let found = opened
        .target
        .read_back(&[key("/a.bin")])
        .await
        .expect("an answer")
        .remove(0);

    assert_eq!(described.expect("it is there").digest, Some(Digest::of(&large)));
    assert_eq!(found.and_then(|found| found.digest), Some(Digest::of(&large)));
    assert_eq!(proxy.count("GET", "*/a.bin"), 0, "nothing was read");
}

#[tokio::test]
async fn an_encrypted_object_is_not_taken_by_its_tag() {
    let world = World::start().await;
    world.hold("/a.txt", b"abc").await;
    let proxy = FaultProxy::to(world.s3.server.address()).await;
    let sealed = Fault::Answer {
        status: 200,
        headers: vec![
            ("x-amz-server-side-encryption".into(), "aws:kms".into()),
            ("ETag".into(), "\"900150983cd24fb0d6963f7d28e17f72\"".into()),
        ],
        body: String::new(),
    };
    proxy.add(Rule::on("HEAD", "*/a.txt", sealed));
    let source = world.open_with(&proxy.url(), &Digests::default()).source;

    let page = source.list(&Scope::Repository, None, 10).await.expect("a page");
    let described = source
        .describe(&page.keys)
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");

    assert_eq!(described.blobs[0].checksums.md5, None);
}

#[tokio::test]
async fn hostile_listings_are_named_failures() {
    let world = World::start().await;
    let answer = |body: &str| Fault::Answer {
        status: 200,
        headers: vec![("Content-Type".into(), "application/xml".into())],
        body: body.into(),
    };
    for body in [
        "<!DOCTYPE a [<!ENTITY b \"ha\">]><a>&b;</a>",
        "<ListBucketResult><Contents>",
        "<html><body>welcome</body></html>",
    ] {
        let proxy = FaultProxy::to(world.s3.server.address()).await;
        proxy.add(Rule::on("GET", "*list-type=2*", answer(body)));
        let source = world.open(&proxy.url()).source;
        let error = source
            .list(&Scope::Repository, None, 10)
            .await
            .expect_err("it is refused");
        assert_eq!(error.kind, ErrorKind::Protocol, "{body}: {error}");
    }
    let proxy = FaultProxy::to(world.s3.server.address()).await;
    let traversal =
        "<ListBucketResult><Contents><Key>a prefix/../x</Key><Size>1</Size></Contents></ListBucketResult>";
    proxy.add(Rule::on("GET", "*list-type=2*", answer(traversal)));
    let source = world.open(&proxy.url()).source;

    let page = source.list(&Scope::Repository, None, 10).await.expect("a page");
    let described = source.describe(&page.keys).await;

    assert_eq!(page.keys[0].name, "/../x");
    assert!(
        described.expect("an answer")[0]
            .as_ref()
            .is_err_and(|error| error.kind == ErrorKind::Protocol)
    );
}

#[tokio::test]
async fn a_wait_that_the_store_asks_for_is_passed_on() {
    let world = World::start().await;

    let outcome = put_through(&world, Rule::on("PUT", "*", Fault::slow_down(9)), b"abc").await;

    let PutOutcome::Failed(error) = outcome else {
        unreachable!("{outcome:?}");
    };
    assert_eq!(error.retry_after, Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn an_object_that_breaks_on_its_way_is_named_and_none_arrives() {
    let (here, there) = (World::start().await, World::start().await);
    here.hold("/a.bin", &noise(300_000, 8)).await;
    let proxy = FaultProxy::to(here.s3.server.address()).await;
    let source = here.open_impatient(&proxy.url());

    let way = (&source, &proxy, "*/a.bin");
    broken_bytes_never_arrive(way, &there.opened(), &key("/a.bin"), breaks()).await;

    assert!(there.bytes_at("/a.bin").await == Some(noise(300_000, 8)));
}

#[tokio::test]
async fn a_lost_answer_is_made_good_by_the_next_try() {
    let world = World::start().await;
    let bytes = noise(300_000, 7);
    let lost = Rule::on("PUT", "*/a.bin*", Fault::LoseAnswer).times(1);

    let outcome = put_through(&world, lost, &bytes).await;
    assert!(matches!(outcome, PutOutcome::Failed(_)), "{outcome:?}");
    let content = MemoryContent::of([bytes.as_slice()]);
    let again = put_one(
        &*world.opened().target,
        put("/a.bin", &bytes, Expect::Absent),
        &content,
    )
    .await;

    let PutOutcome::Raced { found: Some(found) } = again else {
        unreachable!("{again:?}");
    };
    assert_eq!(found.digest, Some(Digest::of(&bytes)));
}

#[tokio::test]
async fn listings_that_never_end_or_end_in_nothing_are_named_failures_and_no_end() {
    let world = World::start().await;
    let page = |objects: &str| Fault::Answer {
        status: 200,
        headers: vec![("Content-Type".into(), "application/xml".into())],
        body: format!("<ListBucketResult>{objects}<IsTruncated>true</IsTruncated></ListBucketResult>"),
    };
    let object = "<Contents><Key>a prefix/x</Key><Size>1</Size></Contents>";
    let endless = Fault::Endless {
        media_type: "application/xml",
        begin: "<ListBucketResult>".into(),
        piece: "<Contents><Key>a</Key><Size>1</Size></Contents>".into(),
    };
    for (fault, words) in [
        (page(object), "listed before"),
        (page(""), "lists none"),
        (endless, "more than 50000 objects"),
    ] {
        let proxy = FaultProxy::to(world.s3.server.address()).await;
        proxy.add(Rule::on("GET", "*list-type=2*", fault));
        let source = world.open(&proxy.url()).source;

        let error = source
            .list(&Scope::Repository, None, 10)
            .await
            .expect_err("it is no end");

        assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}
