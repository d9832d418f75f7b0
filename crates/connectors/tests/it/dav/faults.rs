//! What a WebDAV server, or the way to it, does wrong never becomes a file that is wrong.

use std::time::Duration;

use connectors::registry::Opened;
use domain::artifact::Blob;
use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome, Source};
use domain::task::Scope;
use futures_util::StreamExt;
use testkit::content::MemoryContent;
use testkit::contract::{artifact, key, noise};
use testkit::fault_proxy::{Fault, FaultProxy, Rule};

use super::super::carrying::{another_range_is_refused, breaks, broken_bytes_never_arrive};
use super::world::{World, put_one};

const LARGE: usize = 3_000_017;

fn put(path: &str, bytes: &[u8], expect: Expect) -> Put {
    Put {
        artifact: artifact(path, bytes),
        expect,
        with_metadata: false,
    }
}

async fn put_through(fault: Rule, bytes: &[u8]) -> (World, PutOutcome) {
    put_by(World::open, fault, bytes).await
}

async fn put_by(open: fn(&World, &str) -> Opened, fault: Rule, bytes: &[u8]) -> (World, PutOutcome) {
    let world = World::nginx().await;
    let proxy = FaultProxy::to(world.dav.server.address()).await;
    let target = open(&world, &proxy.url()).target;
    target.prepare(true).await.expect("a folder");
    proxy.add(fault);
    let content = MemoryContent::of([bytes]);
    let outcome = put_one(&*target, put("/a.bin", bytes, Expect::Absent), &content).await;
    assert!(proxy.struck() > 0, "the fault struck");
    (world, outcome)
}

fn drafts(world: &World) -> usize {
    let folder = world.dav.file("/a folder/.waybill-drafts");
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_write_that_goes_wrong_is_a_failure_and_leaves_nothing() {
    let bytes = noise(LARGE, 1);
    for (fault, kind) in [
        (
            Rule::on("PUT", "*", Fault::ChangeRequest(1_000_000)),
            ErrorKind::Corrupt,
        ),
        (
            Rule::on("PUT", "*", Fault::CutRequest(1_000_000)),
            ErrorKind::Unreachable,
        ),
        (
            Rule::on("GET", "*", Fault::CutAnswer(1_000)),
            ErrorKind::Unreachable,
        ),
        (Rule::on("PUT", "*", Fault::status(500)), ErrorKind::Protocol),
        (Rule::on("PUT", "*", Fault::status(401)), ErrorKind::Unauthorised),
        (Rule::on("PUT", "*", Fault::status(200)), ErrorKind::Corrupt),
        (Rule::on("PUT", "*", Fault::status(507)), ErrorKind::Disk),
        (Rule::on("GET", "*", Fault::ChangeAnswer(7)), ErrorKind::Corrupt),
        (Rule::on("MOVE", "*", Fault::status(502)), ErrorKind::Unreachable),
        (Rule::on("MOVE", "*", Fault::status(201)), ErrorKind::Corrupt),
    ] {
        let shown = format!("{fault:?}");
        let (world, outcome) = put_through(fault, &bytes).await;

        let PutOutcome::Failed(error) = outcome else {
            unreachable!("{shown}: {outcome:?}");
        };
        assert_eq!(error.kind, kind, "{shown}: {error}");
        assert_eq!(world.bytes_at("/a.bin"), None, "{shown}");
    }
}

#[tokio::test]
async fn a_write_that_stalls_is_a_failure_and_leaves_nothing() {
    let bytes = noise(LARGE, 1);
    for fault in [
        Rule::on("PUT", "*", Fault::StallRequest(1_000_000)),
        Rule::on("GET", "*", Fault::StallAnswer(1_000)),
    ] {
        let shown = format!("{fault:?}");
        let (world, outcome) = put_by(World::open_impatient, fault, &bytes).await;

        let PutOutcome::Failed(error) = outcome else {
            unreachable!("{shown}: {outcome:?}");
        };
        assert_eq!(error.kind, ErrorKind::Unreachable, "{shown}: {error}");
        assert_eq!(world.bytes_at("/a.bin"), None, "{shown}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_made_good_by_the_next_try() {
    let bytes = noise(LARGE, 2);
    let (world, outcome) = put_through(Rule::on("MOVE", "*", Fault::LoseAnswer), &bytes).await;
    assert!(matches!(outcome, PutOutcome::Failed(_)), "{outcome:?}");
    let target = world.opened().target;

    let again = put_one(
        &*target,
        put("/a.bin", &bytes, Expect::Absent),
        &MemoryContent::of([bytes.as_slice()]),
    )
    .await;

    let PutOutcome::Raced { found: Some(found) } = again else {
        unreachable!("{again:?}");
    };
    assert_eq!(found.digest, Some(Digest::of(&bytes)));
}

#[tokio::test]
async fn a_server_that_asks_to_slow_down_is_obeyed() {
    let (world, outcome) = put_through(Rule::on("PUT", "*", Fault::slow_down(700)), b"abc").await;

    let PutOutcome::Failed(error) = outcome else {
        unreachable!("{outcome:?}");
    };
    assert_eq!(error.kind, ErrorKind::Limit);
    assert_eq!(error.retry_after, Some(Duration::from_secs(700)));
    assert_eq!(drafts(&world), 0);
}

async fn read_all(source: &dyn Source, blob: &Blob) -> Result<Vec<u8>, domain::ports::ConnectorError> {
    let mut bytes = source.open(&key("/a.bin"), blob, 0).await?;
    let mut whole = Vec::new();
    while let Some(piece) = bytes.next().await {
        whole.extend_from_slice(&piece?);
    }
    Ok(whole)
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_where_it_was() {
    let world = World::nginx().await;
    let bytes = noise(LARGE, 3);
    world.hold("/a.bin", &bytes);
    let proxy = FaultProxy::to(world.dav.server.address()).await;
    let source = world.open(&proxy.url()).source;
    let described = source
        .describe(&[key("/a.bin")])
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");
    proxy.add(Rule::on("GET", "*", Fault::CutAnswer(1_000_000)).times(2));

    let read = read_all(&*source, &described.blobs[0]).await.expect("the whole");

    assert!(read == bytes);
    let ranges: Vec<bool> = proxy
        .seen()
        .iter()
        .filter(|seen| seen.method == "GET")
        .map(|seen| seen.header("range").is_some())
        .collect();
    assert_eq!(ranges, [false, true, true]);
}

#[tokio::test]
async fn a_download_that_goes_on_with_another_range_is_a_failure() {
    let world = World::nginx().await;
    world.hold("/a.bin", &noise(LARGE, 3));
    let proxy = FaultProxy::to(world.dav.server.address()).await;

    another_range_is_refused(&*world.open(&proxy.url()).source, &proxy, LARGE).await;
}

#[tokio::test]
async fn a_file_that_is_replaced_between_description_and_reading_is_noticed() {
    let world = World::nginx().await;
    world.hold("/a.bin", b"old content");
    let source = world.opened().source;
    let described = source
        .describe(&[key("/a.bin")])
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");
    world.hold("/a.bin", b"other content");

    let error = read_all(&*source, &described.blobs[0])
        .await
        .expect_err("it changed");

    assert_eq!(error.kind, ErrorKind::Changed, "{error}");
}

#[tokio::test]
async fn what_was_written_is_known_without_reading_it_until_it_changes() {
    let world = World::nginx().await;
    let target = world.opened().target;
    target.prepare(true).await.expect("a folder");
    let content = MemoryContent::of([b"abc".as_slice()]);
    let stored = put_one(&*target, put("/a.txt", b"abc", Expect::Absent), &content).await;
    assert!(matches!(stored, PutOutcome::Stored { .. }), "{stored:?}");

    let known = world
        .opened()
        .target
        .find(&[key("/a.txt")])
        .await
        .expect("an answer")
        .remove(0);
    // At once, with the same length: only its time tells.
    world.hold("/a.txt", b"xyz");
    let changed = world
        .opened()
        .target
        .find(&[key("/a.txt")])
        .await
        .expect("an answer")
        .remove(0);
    let read = world
        .opened()
        .target
        .read_back(&[key("/a.txt")])
        .await
        .expect("an answer")
        .remove(0);

    assert_eq!(known.and_then(|found| found.digest), Some(Digest::of(b"abc")));
    assert_eq!(changed.and_then(|found| found.digest), None);
    assert_eq!(read.and_then(|found| found.digest), Some(Digest::of(b"xyz")));
}

#[tokio::test]
async fn a_source_that_was_read_once_need_not_be_read_again_to_be_known() {
    let world = World::nginx().await;
    world.hold("/a.bin", b"abc");
    // Its second is over.
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(60);
    let file = std::fs::File::options()
        .write(true)
        .open(world.dav.file("/a folder/a.bin"))
        .expect("a file");
    file.set_modified(long_ago).expect("a time");
    let describe = async || {
        let source = world.opened().source;
        let described = source
            .describe(&[key("/a.bin")])
            .await
            .expect("an answer")
            .remove(0);
        (source, described.expect("it is there"))
    };

    let (source, before) = describe().await;
    read_all(&*source, &before.blobs[0]).await.expect("the whole");
    let (_, after) = describe().await;

    assert_eq!((before.digest, after.digest), (None, Some(Digest::of(b"abc"))));
}

#[tokio::test]
async fn hostile_listings_are_named_failures() {
    let answer = |body: &str| Fault::Answer {
        status: 207,
        headers: vec![("Content-Type".into(), "application/xml".into())],
        body: body.into(),
    };
    let world = World::nginx().await;
    let response = |href: &str| {
        format!(
            "<D:multistatus xmlns:D=\"DAV:\"><D:response><D:href>{href}</D:href><D:propstat><D:prop>\
             <D:resourcetype/><D:getcontentlength>1</D:getcontentlength></D:prop>\
             <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
        )
    };
    for body in [
        "<!DOCTYPE a [<!ENTITY b \"ha\">]><a>&b;</a>".to_owned(),
        response("/elsewhere/x"),
        "<multistatus xmlns=\"DAV:\"><response>".to_owned(),
        "<html>welcome</html>".to_owned(),
    ] {
        let proxy = FaultProxy::to(world.dav.server.address()).await;
        proxy.add(Rule::on("PROPFIND", "*", answer(&body)));
        let source = world.open(&proxy.url()).source;
        let error = source
            .list(&Scope::Repository, None, 10)
            .await
            .expect_err("it is refused");
        assert_eq!(error.kind, ErrorKind::Protocol, "{body}: {error}");
    }

    let proxy = FaultProxy::to(world.dav.server.address()).await;
    proxy.add(Rule::on(
        "PROPFIND",
        "*",
        answer(&response("/a%20folder/%2e%2e%5cx")),
    ));
    let source = world.open(&proxy.url()).source;
    let page = source.list(&Scope::Repository, None, 10).await.expect("a page");
    let described = source.describe(&page.keys).await.expect("an answer");
    assert_eq!(described.len(), 1);
    assert!(
        described[0]
            .as_ref()
            .is_err_and(|error| error.kind == ErrorKind::Protocol),
        "{described:?}"
    );
}

#[tokio::test]
async fn folders_within_themselves_end_in_a_named_failure() {
    let world = World::nginx().await;
    let proxy = FaultProxy::to(world.dav.server.address()).await;
    // Whatever folder is asked for, it says that it holds two more.
    let response = |href: &str| {
        format!(
            "<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype>\
             </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        )
    };
    for depth in 0..300 {
        let folder = format!("/a%20folder/{}", "a/".repeat(depth));
        let children = ["a/", "b/"]
            .map(|name| response(&format!("{folder}{name}")))
            .concat();
        let body = format!("<D:multistatus xmlns:D=\"DAV:\">{children}</D:multistatus>");
        let answer = Fault::Answer {
            status: 207,
            headers: vec![("Content-Type".into(), "application/xml".into())],
            body,
        };
        proxy.add(Rule::on("PROPFIND", &folder, answer));
    }
    let source = world.open(&proxy.url()).source;

    let error = source.list(&Scope::Repository, None, 10).await;

    let error = error.expect_err("nothing ends there");
    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("deep"), "{error}");
}

#[tokio::test]
async fn a_file_that_breaks_on_its_way_is_named_and_none_arrives() {
    let (here, there) = (World::nginx().await, World::nginx().await);
    here.hold("/a.bin", &noise(300_000, 8));
    let proxy = FaultProxy::to(here.dav.server.address()).await;
    let source = here.open_impatient(&proxy.url());
    // Nothing tells that bytes are others than a server without sums has.
    let mut breaks = breaks();
    breaks.retain(|(fault, _)| !matches!(fault, Fault::ChangeAnswer(_)));

    let way = (&source, &proxy, "*/a.bin");
    broken_bytes_never_arrive(way, &there.opened(), &key("/a.bin"), breaks).await;

    assert!(there.bytes_at("/a.bin") == Some(noise(300_000, 8)));
}
