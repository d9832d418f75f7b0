//! Large blobs piece after piece: what a stock bk-repo sends, and what survives.

use axum::http::Method;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{PutOutcome, Target};
use testkit::content::MemoryContent;
use testkit::contract::{artifact, noise};

use super::contract::AsBkRepo;
use crate::peer::node::{demo, login, moved_bytes, peers, put};
use crate::peer::way::{Fault, Way};
use crate::world::{Answer, World};

const MIB: usize = 1024 * 1024;

async fn call(world: &World, method: Method, path: &str, range: Option<&str>, body: &[u8]) -> Answer {
    let mut ask = world
        .ask(method, path)
        .header("host", "edge-1:8080")
        .header("content-length", &body.len().to_string())
        .body(body.to_vec());
    if let Some(range) = range {
        ask = ask.header("content-range", range);
    }
    ask.send().await
}

async fn world() -> World {
    let world = World::start().await;
    let body = serde_json::json!({ "name": "demo", "displayName": "Demo", "description": "" });
    world.post("/repository/api/project/create", body).await.ok();
    let body = serde_json::json!({ "projectId": "demo", "name": "files", "type": "GENERIC" });
    world.post("/repository/api/repo/create", body).await.ok();
    world
}

#[tokio::test]
async fn pieces_are_taken_in_order_once_and_the_whole_is_digested() {
    let world = world().await;
    let bytes = noise(300, 1);
    let digest = Digest::of(&bytes).to_hex();
    let start = format!("/replication/replica/demo/files/blobs/uploads?sha256={digest}");

    let opened = call(&world, Method::POST, &start, None, b"").await;
    let location = opened.header("location").expect("a location").to_owned();
    let path = location
        .strip_prefix("http://edge-1:8080")
        .expect("with host and port")
        .to_owned();
    let piece = |range| format!("{path}?sha256={digest}&{range}");
    let first = call(&world, Method::PATCH, &piece(""), Some("0-99"), &bytes[..100]).await;
    let again = call(
        &world,
        Method::PATCH,
        &piece(""),
        Some("bytes 0-99/300"),
        &bytes[..100],
    )
    .await;
    let gap = call(&world, Method::PATCH, &piece(""), Some("200-299"), &bytes[200..]).await;
    let wrong = call(
        &world,
        Method::PATCH,
        &piece(""),
        Some("100-199"),
        &bytes[100..150],
    )
    .await;
    let unsaid = call(&world, Method::PATCH, &piece(""), None, &bytes[100..]).await;
    let rest = call(&world, Method::PATCH, &piece(""), Some("100-299"), &bytes[100..]).await;
    let closed = call(&world, Method::PUT, &piece("size=300&md5=0"), None, b"").await;
    let closed_again = call(&world, Method::PUT, &piece("size=300&md5=0"), None, b"").await;

    assert_eq!((opened.status.as_u16(), opened.header("range")), (202, None));
    assert!(path.ends_with(opened.header("push-session-id").expect("a session")));
    for answer in [&first, &again] {
        assert_eq!(
            (answer.status.as_u16(), answer.header("range")),
            (202, Some("0-99"))
        );
    }
    for answer in [&gap, &wrong, &unsaid] {
        assert_eq!(
            (answer.refusal(), answer.header("range")),
            ((416, 250_120), Some("0-99"))
        );
    }
    assert_eq!((rest.status.as_u16(), rest.header("range")), (202, Some("0-299")));
    assert_eq!((closed.status.as_u16(), closed.text.as_str()), (201, ""));
    assert_eq!(closed_again.status.as_u16(), 201, "the answer may have been lost");
    let check = format!("/replication/replica/blob/check?sha256={digest}");
    assert_eq!(world.get(&check).await.ok(), true);
}

#[tokio::test]
async fn a_whole_with_another_digest_is_refused_and_forgotten() {
    let world = world().await;
    let digest = Digest::of(b"something else").to_hex();
    let start = format!("/replication/replica/demo/files/blobs/uploads?sha256={digest}");
    let opened = call(&world, Method::POST, &start, None, b"").await;
    let id = opened.header("push-session-id").expect("a session").to_owned();
    let path = format!("/replication/replica/demo/files/blobs/uploads/{id}?sha256={digest}");

    let short = call(&world, Method::PUT, &format!("{path}&size=9"), None, b"content").await;
    let closed = call(&world, Method::PUT, &path, None, b"content").await;
    let gone = call(&world, Method::PATCH, &path, Some("0-6"), b"content").await;

    assert_eq!(short.refusal(), (400, 251_031));
    assert_eq!(closed.refusal(), (400, 251_003));
    assert_eq!(gone.refusal(), (400, 251_201));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_blob_goes_on_where_it_broke_off_even_after_a_restart_of_both_sides() {
    let bytes = noise(32 * MIB, 4);
    let world = AsBkRepo::start().await;
    let item = artifact("/large", &bytes);
    let broken = MemoryContent::of([bytes.as_slice()]);
    broken.break_after(&Digest::of(&bytes), 21 * MIB);
    let target = world.server().target(demo());
    target.prepare(true).await.expect("a repository");

    let outcomes = put(&target, std::slice::from_ref(&item), &broken).await;
    assert!(matches!(outcomes[0], PutOutcome::Failed(_)), "{outcomes:?}");
    assert_eq!(
        world.0.bytes_at(&demo(), "/large").await,
        None,
        "half a file is no file"
    );
    let world = AsBkRepo(world.0.restart().await);
    let target = world.server().target(demo());
    let content = MemoryContent::of([bytes.as_slice()]);
    let outcomes = put(&target, &[item], &content).await;

    assert_eq!(
        moved_bytes(&outcomes),
        (32 - 20) * MIB as u64,
        "no piece that arrived moves twice"
    );
    assert!(world.0.bytes_at(&demo(), "/large").await == Some(bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_costs_one_piece_and_a_flipped_bit_the_whole() {
    let bytes = noise(16 * MIB, 5);
    let world = AsBkRepo::start().await;
    let way = Way::to(world.0.address).await;
    let content = MemoryContent::of([bytes.as_slice()]);
    let server = peers()
        .bkrepo(&way.url(), &login("admin", "secret"))
        .expect("a server");
    let target = server.target(demo());
    target.prepare(true).await.expect("a repository");

    way.break_up(Fault::Flip(7 * MIB as u64));
    let flipped = put(&target, &[artifact("/large", &bytes)], &content).await;
    let PutOutcome::Failed(error) = &flipped[0] else {
        unreachable!("{flipped:?}");
    };
    assert_eq!(
        (error.kind, error.stage),
        (ErrorKind::Corrupt, Stage::Verify),
        "{error}"
    );
    assert!(
        error.words.as_ref().is_some_and(|words| words.contains("sha256")),
        "its words arrive: {error}"
    );
    way.break_up(Fault::Cut(7 * MIB as u64));
    let cut = put(&target, &[artifact("/large", &bytes)], &content).await;

    assert_eq!(moved_bytes(&cut), bytes.len() as u64);
    assert!(!way.is_whole(), "the connection was cut");
    assert!(world.0.bytes_at(&demo(), "/large").await == Some(bytes));
}
