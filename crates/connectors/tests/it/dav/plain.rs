//! A plain HTTP server: files by their names, and nothing to list.

use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome};
use domain::task::Scope;
use testkit::content::MemoryContent;
use testkit::contract::{artifact, key};
use testkit::servers::DavServer;

use super::world::{World, put_one};

#[tokio::test]
async fn named_files_of_a_plain_server_are_carried_and_the_rest_is_refused_by_name() {
    let world = World::of(DavServer::plain_nginx().await);
    world.hold("/sub/a.txt", b"abc");
    let source = world.opened().source;

    let named = Scope::Paths(vec![
        "/sub/a.txt".parse().expect("a path"),
        "/none".parse().expect("a path"),
    ]);
    let page = source.list(&named, None, 10).await.expect("a page");
    let missing = source.missing(&named).await.expect("an answer");
    let whole = source
        .list(&Scope::Repository, None, 10)
        .await
        .expect_err("it cannot be listed");

    assert_eq!(page.keys, [key("/sub/a.txt")]);
    assert_eq!(missing, [key("/none")]);
    let described = source
        .describe(&page.keys)
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");
    assert_eq!(described.size_bytes(), 3);
    let read = source
        .read(&[(&page.keys[0], &described.blobs[0])])
        .await
        .expect("an answer");
    assert_eq!(read[0].as_ref().expect("bytes").as_ref(), b"abc");
    assert_eq!(whole.kind, ErrorKind::Protocol);
    assert!(whole.to_string().contains("name the files as paths"), "{whole}");
}

#[tokio::test]
async fn a_server_that_cannot_move_gets_files_written_in_place_and_read_back() {
    let world = World::of(DavServer::plain_nginx().await);
    let target = world.opened().target;
    target.prepare(true).await.expect("a folder");
    let content = MemoryContent::of([b"new".as_slice()]);
    let put = |expect| Put {
        artifact: artifact("/sub/a.txt", b"new"),
        expect,
        with_metadata: false,
    };

    let first = put_one(&*target, put(Expect::Absent), &content).await;
    let second = put_one(&*target, put(Expect::Absent), &content).await;

    assert!(
        matches!(first, PutOutcome::Stored { moved_bytes: 3, .. }),
        "{first:?}"
    );
    let PutOutcome::Raced { found: Some(found) } = second else {
        unreachable!("{second:?}");
    };
    assert_eq!(found.digest, Some(Digest::of(b"new")));
    assert_eq!(world.bytes_at("/sub/a.txt").as_deref(), Some(b"new".as_slice()));
}
