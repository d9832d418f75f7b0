//! Pushing: blobs in every way, manifests that are checked, what stays and what goes away.

use axum::http::Method;
use domain::digest::Digest;
use serde_json::{Value, json};

use super::{Registry, descriptor, digest_of, image, index, refused};

const NAME: &str = "demo/images/team/app";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn a_blob_comes_whole_in_one_request_or_in_two() {
    let registry = Registry::start().await;
    let digest = Digest::of(b"whole");

    let one = registry
        .world
        .ask(
            Method::POST,
            &format!("/v2/{NAME}/blobs/uploads/?digest={digest}"),
        )
        .body("whole")
        .send()
        .await;
    let opened = registry
        .ask(Method::POST, &format!("{NAME}/blobs/uploads/"))
        .await;
    let place = opened.header("location").expect("a place");
    let two = Digest::of(b"in two");
    let put = registry
        .world
        .ask(Method::PUT, &format!("{place}?digest={two}"))
        .header("content-length", "6")
        .body("in two")
        .send()
        .await;

    for (answer, digest, bytes) in [(one, digest, "whole"), (put, two, "in two")] {
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.header("docker-content-digest"), Some(&*digest.to_string()));
        let place = answer.header("location").expect("a place").to_owned();
        let got = registry.world.get(&place).await;
        assert_eq!((got.status.as_u16(), &*got.text), (200, bytes));
    }
}

#[tokio::test]
async fn a_blob_comes_piece_by_piece_and_each_begins_where_the_last_one_ended() {
    let registry = Registry::start().await;
    let opened = registry
        .ask(Method::POST, &format!("{NAME}/blobs/uploads/"))
        .await;
    let place = opened.header("location").expect("a place").to_owned();
    let patch = async |range: &str, bytes: &'static str| {
        let ask = registry.world.ask(Method::PATCH, &place);
        ask.header("content-range", range).body(bytes).send().await
    };

    assert_eq!(patch("0-2", "abc").await.header("range"), Some("0-2"));
    let gap = patch("7-9", "xyz").await;
    let again = patch("0-2", "abc").await;
    let status = registry.world.get(&place).await;
    assert_eq!(patch("3-5", "def").await.status, 202);
    let last = registry
        .world
        .ask(
            Method::PUT,
            &format!("{place}?digest={}", Digest::of(b"abcdefgh")),
        )
        .header("content-range", "6-7")
        .body("gh")
        .send()
        .await;

    for answer in [gap, again] {
        refused(&answer, 416, "RANGE_INVALID");
        assert_eq!(answer.header("range"), Some("0-2"), "it says where to go on");
        assert_eq!(answer.header("location"), Some(&*place));
    }
    assert_eq!(
        (status.status.as_u16(), status.header("range")),
        (204, Some("0-2"))
    );
    assert_eq!(last.status, 201, "{}", last.text);
    let gone = registry.world.get(&place).await;
    refused(&gone, 404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn bytes_that_are_not_the_ones_announced_are_no_blob() {
    let registry = Registry::start().await;
    let wanted = Digest::of(b"right");

    let at_once = registry
        .world
        .ask(
            Method::POST,
            &format!("/v2/{NAME}/blobs/uploads/?digest={wanted}"),
        )
        .body("wrong")
        .send()
        .await;
    let opened = registry
        .ask(Method::POST, &format!("{NAME}/blobs/uploads/"))
        .await;
    let place = opened.header("location").expect("a place").to_owned();
    registry
        .world
        .ask(Method::PATCH, &place)
        .body("wrong")
        .send()
        .await;
    let ended = registry
        .world
        .ask(Method::PUT, &format!("{place}?digest={wanted}"))
        .send()
        .await;
    let nameless = registry.world.ask(Method::PUT, &place).send().await;

    refused(&at_once, 400, "DIGEST_INVALID");
    refused(&ended, 400, "DIGEST_INVALID");
    refused(&nameless, 400, "DIGEST_INVALID");
    let got = registry.get(&format!("{NAME}/blobs/{wanted}")).await;
    refused(&got, 404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn an_upload_can_be_given_up_and_is_its_owners_alone() {
    let registry = Registry::start().await;
    let opened = registry
        .ask(Method::POST, &format!("{NAME}/blobs/uploads/"))
        .await;
    let place = opened.header("location").expect("a place").to_owned();
    let other = storage::users::Role::Admin;
    let users = registry.world.store.users();
    users
        .create("other", &domain::cluster::Secret::new("pw"), &other)
        .await
        .expect("a user");

    let foreign = registry
        .world
        .ask(Method::GET, &place)
        .basic("other", "pw")
        .send()
        .await;
    let dropped = registry.world.delete(&place).await;

    refused(&foreign, 404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(dropped.status, 204);
    refused(&registry.world.get(&place).await, 404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_blob_is_mounted_only_by_those_who_may_know_of_it() {
    let registry = Registry::start().await;
    let digest = registry.blob("demo/images/base", b"shared").await;
    let users = registry.world.store.users();
    let secret = domain::cluster::Secret::new("pw");
    users
        .create("stranger", &secret, &storage::users::Role::None)
        .await
        .expect("a user");
    let mine = json!({ "name": "mine", "displayName": "Mine", "description": "" });
    registry
        .world
        .ask(Method::POST, "/repository/api/project/create")
        .basic("stranger", "pw")
        .json(mine)
        .send()
        .await
        .ok();
    let own = json!({ "projectId": "mine", "name": "images", "type": "OCI" });
    let made = registry.world.ask(Method::POST, "/repository/api/repo/create");
    made.basic("stranger", "pw").json(own).send().await.ok();
    let query = format!("?mount={digest}&from=demo/images/base");

    let mounted = registry
        .ask(Method::POST, &format!("{NAME}/blobs/uploads/{query}"))
        .await;
    let denied = registry
        .world
        .ask(
            Method::POST,
            &format!("/v2/mine/images/app/blobs/uploads/{query}"),
        )
        .basic("stranger", "pw")
        .send()
        .await;

    assert_eq!(mounted.status, 201, "{}", mounted.text);
    let place = mounted.header("location").expect("a place").to_owned();
    assert_eq!(registry.world.get(&place).await.text, "shared");
    assert_eq!(denied.status, 202, "an ordinary upload begins: {}", denied.text);
}

#[tokio::test]
async fn a_manifest_is_kept_byte_for_byte_under_its_tag_and_its_digest() {
    let registry = Registry::start().await;
    registry.blob(NAME, b"{}").await;
    registry.blob(NAME, b"layer").await;
    // Spaces, order and an unknown member: nothing of it may change.
    let written = format!("{{ \"x\": [1,  2],\n{}", &image(b"{}", b"layer").to_string()[1..]);
    let digest = Digest::of(written.as_bytes());

    let put = registry
        .world
        .ask(Method::PUT, &format!("/v2/{NAME}/manifests/v1"))
        .header("content-type", domain::oci::OCI_MANIFEST)
        .body(written.clone())
        .send()
        .await;

    assert_eq!(put.status, 201, "{}", put.text);
    assert_eq!(put.header("docker-content-digest"), Some(&*digest.to_string()));
    for reference in ["v1".to_owned(), digest.to_string()] {
        let got = registry.get(&format!("{NAME}/manifests/{reference}")).await;
        assert_eq!((got.status.as_u16(), &got.text), (200, &written));
        assert_eq!(got.header("content-type"), Some(domain::oci::OCI_MANIFEST));
        assert_eq!(got.header("docker-content-digest"), Some(&*digest.to_string()));
    }
}

#[tokio::test]
async fn a_manifest_that_names_what_is_not_here_changes_nothing() {
    let registry = Registry::start().await;
    let (_, first) = registry.image(NAME, "v1", "layer").await;
    let manifest = image(b"{}", b"never sent");

    let put = registry.put(NAME, "v1", &manifest).await;

    refused(&put, 404, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(
        put.body["errors"][0]["detail"]["digests"],
        json!([Digest::of(b"never sent").to_string()])
    );
    let stands = registry.get(&format!("{NAME}/manifests/v1")).await;
    assert_eq!(stands.header("docker-content-digest"), Some(&*first.to_string()));
    let unknown = registry
        .get(&format!("{NAME}/manifests/{}", digest_of(&manifest)))
        .await;
    refused(&unknown, 404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let registry = Registry::start().await;
    registry.blob(NAME, b"{}").await;
    registry.blob(NAME, b"layer").await;
    let good = image(b"{}", b"layer");
    let with = |member: &str, value: Value| {
        let mut manifest = good.clone();
        manifest[member] = value;
        manifest
    };
    let put = async |reference: &str, kind: &str, text: String| {
        let ask = registry
            .world
            .ask(Method::PUT, &format!("/v2/{NAME}/manifests/{reference}"));
        ask.header("content-type", kind).body(text).send().await
    };
    let oci = domain::oci::OCI_MANIFEST;

    for (kind, text) in [
        (oci, "{".to_owned()),
        (oci, "[]".into()),
        (oci, with("schemaVersion", json!(1)).to_string()),
        (oci, with("manifests", json!([])).to_string()),
        (
            "application/vnd.docker.distribution.manifest.v1+json",
            good.to_string(),
        ),
        (domain::oci::OCI_INDEX, good.to_string()),
        (
            oci,
            with(
                "layers",
                json!([{ "mediaType": "a/b", "size": 1, "digest": format!("sha512:{}", "a".repeat(128)) }]),
            )
            .to_string(),
        ),
    ] {
        refused(&put("v1", kind, text).await, 400, "MANIFEST_INVALID");
    }
    let other = Digest::of(b"other").to_string();
    refused(&put(&other, oci, good.to_string()).await, 400, "DIGEST_INVALID");
    let long = with("x", json!("x".repeat(5 * 1024 * 1024))).to_string();
    refused(&put("v1", oci, long).await, 413, "SIZE_INVALID");
    refused(&put("..", oci, good.to_string()).await, 400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn an_index_may_name_platforms_that_are_not_here() {
    let registry = Registry::start().await;
    let (here, _) = registry.image(NAME, "amd64", "layer").await;
    let both = index(&[&here, &image(b"{}", b"of another platform")]);

    let put = registry.put(NAME, "latest", &both).await;

    assert_eq!(put.status, 201, "{}", put.text);
    let got = registry.get(&format!("{NAME}/manifests/latest")).await;
    assert_eq!(got.header("content-type"), Some(domain::oci::OCI_INDEX));
    assert_eq!(got.text, both.to_string());
}

#[tokio::test]
async fn an_artifact_without_layers_is_kept_like_any_other() {
    let registry = Registry::start().await;
    registry.blob(NAME, b"{}").await;
    let manifest = json!({ "schemaVersion": 2, "mediaType": domain::oci::OCI_MANIFEST,
        "artifactType": "application/vnd.example", "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [] });

    let put = registry.put(NAME, "empty", &manifest).await;

    assert_eq!(put.status, 201, "{}", put.text);
}

#[tokio::test]
async fn a_blob_goes_away_by_itself_unless_a_manifest_names_it() {
    let registry = Registry::start().await;
    registry.image(NAME, "v1", "named").await;
    let lonely = registry.blob(NAME, b"lonely").await;
    let blob = async |digest: &Digest| {
        registry
            .get(&format!("{NAME}/blobs/{digest}"))
            .await
            .status
            .as_u16()
    };

    registry.world.clock.advance_ms(DAY_MS / 2);
    let asked = registry
        .ask(Method::HEAD, &format!("{NAME}/blobs/{lonely}"))
        .await;
    assert_eq!(asked.status, 200);
    registry.world.clock.advance_ms(DAY_MS - 1);
    assert_eq!(blob(&lonely).await, 200, "a client was told that it is here");
    registry.world.clock.advance_ms(1);

    assert_eq!(blob(&lonely).await, 404);
    assert_eq!(blob(&Digest::of(b"named")).await, 200);
}

#[tokio::test]
async fn a_blob_pushed_again_stays_as_long_as_its_manifest() {
    let registry = Registry::start().await;
    registry.image(NAME, "v1", "named").await;

    let digest = registry.blob(NAME, b"named").await;
    registry.world.clock.advance_ms(2 * DAY_MS);

    let got = registry.get(&format!("{NAME}/blobs/{digest}")).await;
    assert_eq!(got.status, 200, "{}", got.text);
}

#[tokio::test]
async fn removing_a_manifest_takes_its_tags_and_leaves_shared_blobs() {
    let registry = Registry::start().await;
    let (_, first) = registry.image(NAME, "v1", "one").await;
    registry.put(NAME, "also", &image(b"{}", b"one")).await;
    registry.image(NAME, "v2", "two").await;

    let named = registry
        .ask(Method::DELETE, &format!("{NAME}/blobs/{}", Digest::of(b"one")))
        .await;
    let removed = registry
        .ask(Method::DELETE, &format!("{NAME}/manifests/{first}"))
        .await;
    let again = registry
        .ask(Method::DELETE, &format!("{NAME}/manifests/{first}"))
        .await;
    let tags = registry.get(&format!("{NAME}/tags/list")).await;
    registry.world.clock.advance_ms(DAY_MS + 1);

    refused(&named, 405, "UNSUPPORTED");
    assert_eq!(removed.status, 202);
    refused(&again, 404, "MANIFEST_UNKNOWN");
    assert_eq!(tags.body["tags"], json!(["v2"]));
    let blob = async |bytes: &[u8]| {
        let path = format!("{NAME}/blobs/{}", Digest::of(bytes));
        registry.get(&path).await.status.as_u16()
    };
    assert_eq!(
        (blob(b"one").await, blob(b"two").await, blob(b"{}").await),
        (404, 200, 200)
    );
}

#[tokio::test]
async fn removing_a_tag_leaves_the_manifest() {
    let registry = Registry::start().await;
    let (_, digest) = registry.image(NAME, "v1", "one").await;

    let removed = registry
        .ask(Method::DELETE, &format!("{NAME}/manifests/v1"))
        .await;

    assert_eq!(removed.status, 202);
    refused(
        &registry.get(&format!("{NAME}/manifests/v1")).await,
        404,
        "MANIFEST_UNKNOWN",
    );
    let stands = registry.get(&format!("{NAME}/manifests/{digest}")).await;
    assert_eq!(stands.status, 200);
    let tags = registry.get(&format!("{NAME}/tags/list")).await;
    assert_eq!(tags.body["tags"], json!([]));
}

#[tokio::test]
async fn the_quota_of_the_repository_holds() {
    let registry = Registry::start().await;
    registry.repository("small", "OCI", json!({ "quota": 100 })).await;
    let post = async |bytes: Vec<u8>| {
        let digest = Digest::of(&bytes);
        let path = format!("/v2/demo/small/app/blobs/uploads/?digest={digest}");
        let ask = registry.world.ask(Method::POST, &path);
        ask.header("content-length", &bytes.len().to_string())
            .body(bytes)
            .send()
            .await
    };

    assert_eq!(post(vec![1; 90]).await.status, 201);
    refused(&post(vec![2; 90]).await, 403, "DENIED");
}
