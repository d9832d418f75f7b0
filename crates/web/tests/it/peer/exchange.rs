//! What is special about the exchange: who may ask, what need not move, what survives.

use domain::artifact::Blob;
use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome, Source, Target};
use domain::repository::RepositoryRef;
use std::time::Duration;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::{artifact, key, noise};

use super::node::{Node, demo, get, login, moved_bytes, peer, peers, put};
use super::way::{Fault, Way};

const MIB: usize = 1024 * 1024;
const CHECK: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_who_it_is_to_whoever_may_log_in() {
    let node = Node::start().await;
    let peers = peers();

    let handshake = peers
        .check(&node.url(), &login("admin", "secret"), CHECK)
        .await
        .expect("it answers");
    let refused = peers
        .check(&node.url(), &login("admin", "wrong"), CHECK)
        .await
        .expect_err("a wrong password");

    assert_eq!(handshake.product, "waybill");
    assert_eq!(handshake.node_id, node.store.node_id());
    assert_eq!(refused.kind, ErrorKind::Unauthorised);
    assert_eq!(get(&node, "/api/v1/peer").await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_node_is_told_apart() {
    let node = Node::start().await;
    let way = Way::to(node.address).await;
    let check = async |url: String| {
        peers()
            .check(&url, &login("admin", "secret"), Duration::from_secs(1))
            .await
    };

    way.answer(Some("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    let stock = check(way.url()).await.expect_err("a stock bk-repo");
    way.answer(Some("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    let other = check(way.url()).await.expect_err("another server");
    way.answer(Some(""));
    let silent = check(way.url()).await.expect_err("nobody");
    let closed = check("http://127.0.0.1:1".into()).await.expect_err("nobody");
    let metadata = check("http://169.254.169.254/".into())
        .await
        .expect_err("a refused address");
    let plain = check(format!("https://{}", node.address))
        .await
        .expect_err("no TLS there");

    assert_eq!(
        (stock.kind, stock.remote_status),
        (ErrorKind::Protocol, Some(404))
    );
    assert_eq!(other.kind, ErrorKind::Protocol);
    assert_eq!(silent.kind, ErrorKind::Unreachable);
    assert_eq!(closed.kind, ErrorKind::Unreachable);
    assert!(
        metadata.words.is_some_and(|words| words.contains("refuse")),
        "the rule is named"
    );
    assert_eq!(plain.kind, ErrorKind::Tls, "{plain}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replicator_reaches_its_projects_only() {
    let node = Node::start().await;
    node.replicator("mover", "demo").await;
    node.hold(&RepositoryRef::new("secret", "files"), "/a", b"a")
        .await;
    let peer = peer(&node.url(), "mover");

    peer.target(demo()).prepare(true).await.expect("its own project");
    for name in ["files", "nothing"] {
        let refused = peer
            .target(RepositoryRef::new("secret", name))
            .prepare(true)
            .await
            .expect_err("another project");
        assert_eq!(refused.kind, ErrorKind::Unauthorised);
    }
    let secret = peer.source(RepositoryRef::new("secret", "files"));
    let refused = secret.describe(&[key("/a")]).await.expect_err("another project");
    assert_eq!(refused.kind, ErrorKind::Unauthorised);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_alone_neither_tells_nor_opens_what_other_projects_hold() {
    let node = Node::start().await;
    node.replicator("mover", "demo").await;
    let bytes = noise(MIB, 1);
    node.hold(&RepositoryRef::new("secret", "files"), "/a", &bytes)
        .await;
    node.hold(&demo(), "/mine", b"mine").await;
    let peer = peer(&node.url(), "mover");
    let target = peer.target(demo());
    target.prepare(true).await.expect("its own project");

    let blob = Blob::of(Digest::of(&bytes), bytes.len() as u64);
    let opened = peer.source(demo()).open(&key("/mine"), &blob, 0).await;
    let outcomes = put(
        &target,
        &[artifact("/copy", &bytes)],
        &MemoryContent::of([bytes.as_slice()]),
    )
    .await;

    assert_eq!(
        opened.err().expect("it holds no such bytes").kind,
        ErrorKind::Changed
    );
    assert_eq!(
        moved_bytes(&outcomes),
        bytes.len() as u64,
        "it had to show that it has the bytes"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_there_do_not_move_again() {
    let node = Node::start().await;
    let target = peer(&node.url(), "admin").target(demo());
    target.prepare(true).await.expect("a repository");
    let (large, middle) = (noise(MIB, 2), noise(50_000, 3));
    let content = MemoryContent::of([large.as_slice(), &middle]);
    let first = put(
        &target,
        &[artifact("/1", &large), artifact("/2", &middle)],
        &content,
    )
    .await;

    let again = put(
        &target,
        &[artifact("/3", &large), artifact("/4", &middle)],
        &MemoryContent::default(),
    )
    .await;

    assert_eq!(moved_bytes(&first), (MIB + 50_000) as u64);
    assert_eq!(moved_bytes(&again), 0);
    assert!(node.bytes_at(&demo(), "/3").await == Some(large));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_is_not_there_is_made_only_when_asked() {
    let node = Node::start().await;
    let target = peer(&node.url(), "admin").target(demo());

    let refused = target.prepare(false).await.expect_err("it is not there");
    let lost = target.find(&[key("/a")]).await.expect_err("it is not there");
    target.prepare(true).await.expect("it is made");

    assert_eq!(
        (refused.kind, lost.kind),
        (ErrorKind::NotFound, ErrorKind::NotFound)
    );
    assert_eq!(target.find(&[key("/a")]).await.expect("an answer"), [None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_blob_goes_on_where_it_broke_off_even_after_a_restart() {
    let bytes = noise(70 * MIB, 4);
    let node = Node::start().await;
    let way = Way::to(node.address).await;
    let content = MemoryContent::of([bytes.as_slice()]);
    let item = artifact("/large", &bytes);
    let broken = peer(&way.url(), "admin").target(demo());
    broken.prepare(true).await.expect("a repository");

    way.break_up(Fault::Cut(55 * MIB as u64));
    let batch = [Put {
        artifact: item.clone(),
        expect: Expect::Absent,
        with_metadata: false,
    }];
    let outcomes = Outcomes::of(1);
    let error = broken
        .put(&batch, &content, &outcomes)
        .await
        .expect_err("the way broke");
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert!(outcomes.so_far()[0].is_none(), "nobody knows what became of it");
    assert_eq!(
        node.bytes_at(&demo(), "/large").await,
        None,
        "half a file is no file"
    );
    let node = node.restart().await;
    let target = peer(&node.url(), "admin").target(demo());
    let outcomes = put(&target, &[item], &content).await;

    let moved = moved_bytes(&outcomes);
    assert!(
        moved <= (70 - 40) * MIB as u64,
        "no finished part moves twice, but {moved} bytes did"
    );
    assert!(node.bytes_at(&demo(), "/large").await == Some(bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_costs_one_part_and_no_more() {
    let bytes = noise(60 * MIB, 5);
    let node = Node::start().await;
    let way = Way::to(node.address).await;
    let target = peer(&way.url(), "admin").target(demo());
    target.prepare(true).await.expect("a repository");

    way.break_up(Fault::Flip(30 * MIB as u64));
    let outcomes = put(
        &target,
        &[artifact("/large", &bytes)],
        &MemoryContent::of([bytes.as_slice()]),
    )
    .await;

    let moved = moved_bytes(&outcomes);
    assert!(!way.is_whole(), "the bit was turned");
    assert!(
        moved > 60 * MIB as u64 && moved <= (60 + 4) * MIB as u64,
        "{moved}"
    );
    assert!(node.bytes_at(&demo(), "/large").await == Some(bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_item_of_a_request_harms_no_other() {
    let node = Node::start().await;
    let target = peer(&node.url(), "admin").target(demo());
    target.prepare(true).await.expect("a repository");
    node.hold(&demo(), "/folder/file", b"x").await;
    let content = MemoryContent::of([b"a".as_slice(), b"b"]);
    content.lie(&Digest::of(b"b"), b"B".to_vec());

    let items = [
        artifact("/folder", b"a"),
        artifact("/b", b"b"),
        artifact("/a", b"a"),
    ];
    let outcomes = put(&target, &items, &content).await;

    let kind = |outcome: &PutOutcome| match outcome {
        PutOutcome::Failed(error) => Some(error.kind),
        _ => None,
    };
    let kinds: Vec<_> = outcomes.iter().map(kind).collect();
    assert_eq!(kinds, [Some(ErrorKind::Conflict), Some(ErrorKind::Corrupt), None]);
}
