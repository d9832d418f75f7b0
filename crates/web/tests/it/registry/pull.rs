//! Pulling: ranges, heads, and what the rest of the node sees of images.

use axum::http::Method;
use domain::digest::Digest;
use serde_json::{Value, json};

use super::{Registry, refused};

const NAME: &str = "demo/images/team/app";

#[tokio::test]
async fn a_blob_is_pulled_in_ranges() {
    let registry = Registry::start().await;
    let digest = registry.blob(NAME, b"0123456789").await;
    let path = format!("/v2/{NAME}/blobs/{digest}");
    let get = async |range: &str| {
        registry
            .world
            .ask(Method::GET, &path)
            .header("range", range)
            .send()
            .await
    };

    let middle = get("bytes=3-5").await;
    let rest = get("bytes=8-").await;
    let outside = get("bytes=10-").await;
    let head = registry.world.ask(Method::HEAD, &path).send().await;

    assert_eq!((middle.status.as_u16(), &*middle.text), (206, "345"));
    assert_eq!(middle.header("content-range"), Some("bytes 3-5/10"));
    assert_eq!((rest.status.as_u16(), &*rest.text), (206, "89"));
    refused(&outside, 416, "RANGE_INVALID");
    assert_eq!(
        (head.status.as_u16(), head.header("content-length"), &*head.text),
        (200, Some("10"), "")
    );
    assert_eq!(head.header("docker-content-digest"), Some(&*digest.to_string()));
}

#[tokio::test]
async fn a_blob_of_one_image_is_none_of_another() {
    let registry = Registry::start().await;
    let digest = registry.blob(NAME, b"bytes").await;

    let other = registry.get(&format!("demo/images/other/blobs/{digest}")).await;

    refused(&other, 404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn images_are_packages_of_the_contract() {
    let registry = Registry::start().await;
    registry.image(NAME, "v1", "one").await;
    registry.world.clock.advance_ms(1_000);
    registry.image(NAME, "v2", "second").await;
    let key = "packageKey=docker%3A%2F%2Fteam%2Fapp";

    let page = registry
        .world
        .get("/repository/api/package/page/demo/images")
        .await
        .ok();
    let info = format!("/repository/api/package/info/demo/images?{key}");
    let before = registry.world.get(&info).await.ok();
    let by_the_other_name = info.replace("docker%3A", "oci%3A");
    let by_the_other_name = registry.world.get(&by_the_other_name).await.ok();
    let versions = format!("/repository/api/version/page/demo/images?{key}");
    let versions = registry.world.get(&versions).await.ok();
    registry
        .ask(Method::DELETE, &format!("{NAME}/manifests/v2"))
        .await;
    let after = registry.world.get(&info).await.ok();

    let shown =
        |package: &Value| ["name", "key", "type", "latest", "versions"].map(|member| package[member].clone());
    let expected = |latest: &str, versions: u64| {
        [
            json!("team/app"),
            json!("docker://team/app"),
            json!("DOCKER"),
            json!(latest),
            json!(versions),
        ]
    };
    assert_eq!(shown(&page["records"][0]), expected("v2", 2));
    assert_eq!(shown(&before), expected("v2", 2));
    assert_eq!(by_the_other_name, before);
    assert_eq!(shown(&after), expected("v1", 1));
    let rows = versions["records"].as_array().expect("rows");
    let names: Vec<_> = rows.iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["v1", "v2"]);
    let manifest = registry.get(&format!("{NAME}/manifests/v1")).await.bytes.len();
    assert_eq!(
        rows[0]["size"],
        json!(manifest + 2 + 3),
        "manifest, configuration and layer"
    );
}

#[tokio::test]
async fn images_are_nodes_that_only_the_registry_changes() {
    let registry = Registry::start().await;
    registry.image(NAME, "v1", "one").await;
    let layer = Digest::of(b"one").to_hex();
    let path = format!("team/app/_blobs/sha256/{layer}");

    let node = registry
        .world
        .get(&format!("/repository/api/node/detail/demo/images/{path}"))
        .await;
    let removed = registry
        .world
        .delete(&format!("/repository/api/node/delete/demo/images/{path}"))
        .await;
    let written = registry
        .world
        .ask(Method::PUT, "/generic/demo/images/x")
        .body("x")
        .send()
        .await;
    let used = registry
        .world
        .get("/repository/api/repo/info/demo/images")
        .await
        .ok();

    assert_eq!(node.ok()["sha256"], json!(layer));
    assert_eq!(removed.refusal(), (404, 251_006));
    assert_eq!(written.refusal(), (404, 251_006));
    let manifest = registry.get(&format!("{NAME}/manifests/v1")).await.bytes.len();
    assert_eq!(used["used"], json!(manifest + 2 + 3));
}

#[tokio::test]
async fn a_repository_of_files_is_no_registry() {
    let registry = Registry::start().await;
    registry.repository("files", "GENERIC", json!({})).await;

    refused(
        &registry.get("demo/files/app/tags/list").await,
        404,
        "NAME_UNKNOWN",
    );
    refused(
        &registry.get("demo/ghost/app/tags/list").await,
        404,
        "NAME_UNKNOWN",
    );
    refused(&registry.get("demo/images/tags/list").await, 400, "NAME_INVALID");
    refused(
        &registry.get("demo/images/App/tags/list").await,
        400,
        "NAME_INVALID",
    );
    refused(
        &registry.ask(Method::POST, "demo/images/app/tags/list").await,
        405,
        "UNSUPPORTED",
    );
    refused(&registry.get("anything").await, 404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_deleted_repository_takes_its_images_along() {
    let registry = Registry::start().await;
    registry.image(NAME, "v1", "one").await;
    registry
        .world
        .delete("/repository/api/repo/delete/demo/images?forced=true")
        .await
        .ok();
    let data = storage::hosted::HostedData::open(&registry.world.store)
        .await
        .expect("hosted data");
    data.purge_repositories().await.expect("purged");

    registry.repository("images", "DOCKER", json!({})).await;

    refused(
        &registry.get(&format!("{NAME}/tags/list")).await,
        404,
        "NAME_UNKNOWN",
    );
    let page = registry
        .world
        .get("/repository/api/package/page/demo/images")
        .await
        .ok();
    assert_eq!(page["totalRecords"], 0);
}
