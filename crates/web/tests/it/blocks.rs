//! Uploads in blocks over HTTP, with exact status and codes.

use axum::http::Method;
use domain::digest::Digest;
use serde_json::{Value, json};

use crate::artifacts::{put, world};
use crate::world::{Answer, World};

const FILE: &str = "/generic/demo/files/big/a.bin";
const BLOCK: &str = "/generic/block/demo/files/big/a.bin";
const HOUR_MS: i64 = 60 * 60 * 1000;

async fn start(world: &World) -> String {
    let started = world.ask(Method::POST, BLOCK).send().await.ok();
    assert_eq!(started["expireSeconds"], 43_200);
    let id = started["uploadId"].as_str().expect("an id").to_owned();
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    id
}

async fn send(world: &World, id: &str, sequence: &str, bytes: &'static str) -> Answer {
    let headers = [("X-BKREPO-UPLOAD-ID", id), ("X-BKREPO-SEQUENCE", sequence)];
    put(world, FILE, bytes, &headers).await
}

async fn about(world: &World, method: Method, id: &str) -> Answer {
    let ask = world.ask(method, BLOCK).header("X-BKREPO-UPLOAD-ID", id);
    ask.send().await
}

#[tokio::test]
async fn a_file_sent_in_blocks_is_listed_joined_and_downloaded() {
    let world = world().await;
    let id = start(&world).await;

    let second = send(&world, &id, "2", "world").await.ok();
    let first = send(&world, &id, "1", "hello ").await.ok();
    let listed = about(&world, Method::GET, &id).await.ok();
    let completed = world
        .ask(Method::PUT, BLOCK)
        .header("X-BKREPO-UPLOAD-ID", &id)
        .header("X-BKREPO-META-Build", "7")
        .header("X-BKREPO-SHA256", &Digest::of(b"hello world").to_hex())
        .send()
        .await;

    assert_eq!((first, second), (Value::Null, Value::Null));
    let block = |sequence, bytes: &[u8]| {
        let sha256 = Digest::of(bytes).to_hex();
        json!({ "size": bytes.len(), "sha256": sha256, "sequence": sequence })
    };
    assert_eq!(listed, json!([block(1, b"hello "), block(2, b"world")]));
    assert_eq!(completed.ok(), Value::Null);
    let read = world.get(FILE).await;
    assert_eq!(read.text, "hello world");
    assert!(read.header("x-checksum-md5").is_some() && read.header("x-checksum-crc64ecma").is_some());
    let detail = world.get("/generic/detail/demo/files/big/a.bin").await.ok();
    assert_eq!(detail["metadata"], json!({ "build": "7" }));
    assert_eq!(about(&world, Method::GET, &id).await.refusal(), (400, 251201));
}

#[tokio::test]
async fn what_is_wrong_with_an_upload_in_blocks_is_named() {
    let world = world().await;
    let id = start(&world).await;
    send(&world, &id, "1", "one").await.ok();

    let unknown = send(&world, "0123456789abcdef0123456789abcdef", "1", "x").await;
    assert_eq!(unknown.refusal(), (400, 251201));
    for sequence in ["0", "65537", "-1", "x", "99999999999999999999"] {
        let refused = send(&world, &id, sequence, "x").await;
        assert_eq!(refused.refusal(), (400, 250105), "{sequence}");
        assert!(
            refused.message().contains("X-BKREPO-SEQUENCE"),
            "{}",
            refused.message()
        );
    }
    assert_eq!(send(&world, &id, "1", "other").await.refusal(), (400, 251012));
    let wrong = [
        ("X-BKREPO-UPLOAD-ID", id.as_str()),
        ("X-BKREPO-SEQUENCE", "2"),
        ("X-BKREPO-MD5", "00000000000000000000000000000000"),
    ];
    assert_eq!(put(&world, FILE, "x", &wrong).await.refusal(), (400, 251003));
    send(&world, &id, "3", "three").await.ok();
    let gap = about(&world, Method::PUT, &id).await;
    assert_eq!(gap.refusal(), (400, 251212));
    assert!(gap.message().contains("block 2"), "{}", gap.message());
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let headless = world.ask(method.clone(), BLOCK).send().await;
        assert_eq!(headless.refusal(), (400, 250118), "{method}");
        let blank = about(&world, method.clone(), " ").await;
        assert_eq!(blank.refusal(), (400, 251213), "{method}");
        let anonymous = world.ask(method.clone(), BLOCK).anonymous().send().await;
        assert_eq!(anonymous.refusal(), (401, 250114), "{method}");
    }
    let nowhere = world.ask(Method::POST, "/generic/block/demo/none/a").send().await;
    assert_eq!(nowhere.refusal(), (404, 251006));
    assert_eq!(about(&world, Method::DELETE, &id).await.ok(), Value::Null);
    assert_eq!(about(&world, Method::DELETE, &id).await.refusal(), (400, 251201));
    assert_eq!(world.get(FILE).await.refusal(), (404, 251010));
}

#[tokio::test]
async fn one_header_of_a_block_alone_makes_it_a_plain_upload() {
    let world = world().await;

    put(&world, FILE, "whole", &[("X-BKREPO-SEQUENCE", "1")])
        .await
        .ok();
    let overwrite = [("X-BKREPO-UPLOAD-ID", "x"), ("X-BKREPO-OVERWRITE", "true")];
    put(&world, FILE, "whole again", &overwrite).await.ok();

    assert_eq!(world.get(FILE).await.text, "whole again");
}

#[tokio::test]
async fn an_existing_file_is_replaced_by_blocks_only_when_that_is_said() {
    let world = world().await;
    put(&world, FILE, "old", &[]).await.ok();

    let refused = world.ask(Method::POST, BLOCK).send().await;
    let started = world
        .ask(Method::POST, BLOCK)
        .header("X-BKREPO-OVERWRITE", "true")
        .send()
        .await
        .ok();
    let id = started["uploadId"].as_str().expect("an id");
    send(&world, id, "1", "new").await.ok();
    about(&world, Method::PUT, id).await.ok();

    assert_eq!(refused.refusal(), (400, 251012));
    assert_eq!(world.get(FILE).await.text, "new");
}

#[tokio::test]
async fn an_upload_in_blocks_is_unknown_twelve_hours_after_its_last_block() {
    let world = world().await;
    let id = start(&world).await;
    world.clock.advance_ms(11 * HOUR_MS);
    send(&world, &id, "1", "one").await.ok();

    world.clock.advance_ms(12 * HOUR_MS - 1);
    let alive = about(&world, Method::GET, &id).await;
    world.clock.advance_ms(1);
    let expired = about(&world, Method::GET, &id).await;

    assert_eq!(alive.ok()[0]["sequence"], 1);
    assert_eq!(expired.refusal(), (400, 251201));
}

#[tokio::test]
async fn blocks_count_against_the_quota_as_they_come() {
    let world = world().await;
    let small = json!({ "projectId": "demo", "name": "small", "type": "GENERIC", "quota": 8 });
    world.post("/repository/api/repo/create", small).await.ok();
    let (file, block) = ("/generic/demo/small/a", "/generic/block/demo/small/a");
    let started = world.ask(Method::POST, block).send().await.ok();
    let id = started["uploadId"].as_str().expect("an id");
    let part = async |sequence: &str, bytes: &'static str| {
        let headers = [("X-BKREPO-UPLOAD-ID", id), ("X-BKREPO-SEQUENCE", sequence)];
        put(&world, file, bytes, &headers).await
    };

    part("1", "12345").await.ok();
    let over = part("2", "6789").await;
    part("2", "678").await.ok();
    let completed = world.ask(Method::PUT, block).header("X-BKREPO-UPLOAD-ID", id);
    completed.send().await.ok();

    assert_eq!(over.refusal(), (400, 251025));
    assert_eq!(world.get(file).await.text, "12345678");
    let info = world.get("/repository/api/repo/info/demo/small").await.ok();
    assert_eq!(info["used"], 8);
}
