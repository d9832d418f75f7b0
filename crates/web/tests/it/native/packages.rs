//! Packages of hosted repositories: images and their tags.

use axum::http::Method;
use domain::cluster::Secret;
use serde_json::{Value, json};
use storage::access::Access;
use storage::users::Role;

use crate::registry::Registry;

const IMAGES: &str = "/api/v1/repositories/demo/images";
const APP: &str = "package=docker://team/app";

/// A repository with two images, one of them under three tags, two of which lead to the same.
async fn furnished() -> Registry {
    let registry = Registry::start().await;
    registry.image("demo/images/team/app", "1.0", "one").await;
    registry.image("demo/images/team/app", "1.1", "two").await;
    registry.image("demo/images/team/app", "latest", "two").await;
    registry.image("demo/images/base", "1", "base").await;
    registry
}

fn of(page: &Value, list: &str, member: &str) -> Vec<String> {
    let rows = page[list].as_array().expect("rows").iter();
    rows.map(|row| row[member].as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test]
async fn packages_and_versions_are_listed_page_by_page() {
    let registry = furnished().await;
    let world = &registry.world;

    let first = world.get(&format!("{IMAGES}/packages?limit=1")).await.body;
    let next = first["next"].as_str().expect("a place").to_owned();
    let second = world
        .get(&format!("{IMAGES}/packages?limit=1&cursor={next}"))
        .await
        .body;
    let named = world.get(&format!("{IMAGES}/packages?name=TEAM")).await.body;
    let shown = world.get(&format!("{IMAGES}/package?{APP}")).await.body;
    let versions = world.get(&format!("{IMAGES}/versions?{APP}&limit=2")).await.body;
    let rest = world
        .get(&format!("{IMAGES}/versions?{APP}&limit=2&cursor=1.1"))
        .await
        .body;
    let ones = world.get(&format!("{IMAGES}/versions?{APP}&name=1.")).await.body;

    assert_eq!(of(&first, "packages", "key"), ["docker://base"]);
    assert_eq!(of(&second, "packages", "key"), ["docker://team/app"]);
    assert_eq!((&first["total"], &named["total"]), (&json!(2), &json!(1)));
    assert_eq!(named["packages"][0], shown);
    assert_eq!(
        (&shown["name"], &shown["versions"], &shown["latest"]),
        (&json!("team/app"), &json!(3), &json!("latest"))
    );
    assert_eq!(of(&versions, "versions", "version"), ["1.0", "1.1"]);
    assert_eq!(
        (of(&rest, "versions", "version"), &rest["next"]),
        (vec!["latest".to_owned()], &Value::Null)
    );
    assert_eq!((&versions["total"], &ones["total"]), (&json!(3), &json!(2)));
    assert_eq!(versions["versions"][1]["sha256"], rest["versions"][0]["sha256"]);
    assert!(versions["versions"][0]["sizeBytes"].as_u64() > Some(0));
}

#[tokio::test]
async fn a_version_goes_alone_by_its_tag_and_with_all_its_tags_by_its_digest() {
    let registry = furnished().await;
    let world = &registry.world;
    let two = world.get(&format!("{IMAGES}/versions?{APP}&name=1.1")).await.body;
    let two = format!(
        "sha256:{}",
        two["versions"][0]["sha256"].as_str().expect("a digest")
    );
    let remove = async |version: &str| {
        let path = format!("{IMAGES}/version?{APP}&version={version}");
        world.delete(&path).await.status.as_u16()
    };

    assert_eq!((remove("1.0").await, remove("1.0").await), (204, 404));
    assert_eq!((remove(&two).await, remove(&two).await), (204, 404));

    assert_eq!(world.get(&format!("{IMAGES}/package?{APP}")).await.status, 404);
    assert_eq!(world.get(&format!("{IMAGES}/versions?{APP}")).await.status, 404);
    assert_eq!(
        registry.get("demo/images/team/app/manifests/latest").await.status,
        404
    );
    assert_eq!(registry.get("demo/images/base/manifests/1").await.status, 200);
}

#[tokio::test]
async fn a_package_goes_with_all_its_versions_and_what_no_tag_leads_to() {
    let registry = furnished().await;
    let world = &registry.world;
    let untagged = world.get(&format!("{IMAGES}/versions?{APP}&name=1.0")).await.body;
    let untagged = untagged["versions"][0]["sha256"]
        .as_str()
        .expect("a digest")
        .to_owned();
    let path = format!("{IMAGES}/version?{APP}&version=1.0");
    assert_eq!(world.delete(&path).await.status, 204);
    let manifest = format!("demo/images/team/app/manifests/sha256:{untagged}");
    assert_eq!(registry.get(&manifest).await.status, 200, "a tag goes alone");

    let path = format!("{IMAGES}/package?{APP}");
    let removed = (world.delete(&path).await, world.delete(&path).await);

    assert_eq!((removed.0.status.as_u16(), removed.1.status.as_u16()), (204, 404));
    assert_eq!(registry.get(&manifest).await.status, 404);
    assert_eq!(registry.get("demo/images/team/app/tags/list").await.status, 404);
    let left = world.get(&format!("{IMAGES}/packages")).await.body;
    assert_eq!(of(&left, "packages", "name"), ["base"]);
}

#[tokio::test]
async fn what_names_no_package_is_refused_and_who_only_reads_removes_nothing() {
    let registry = furnished().await;
    registry.repository("files", "GENERIC", json!({})).await;
    let world = &registry.world;
    let users = world.store.users();
    let password = Secret::new("their secret");
    users
        .create("reader", &password, &Role::None)
        .await
        .expect("a user");
    let access = world.store.access();
    access.set("reader", "demo", Access::Read).await.expect("access");
    let files = "/api/v1/repositories/demo/files";

    for (method, path, status) in [
        (Method::GET, format!("{IMAGES}/packages?limit=0"), 400),
        (Method::GET, format!("{IMAGES}/package"), 400),
        (
            Method::GET,
            format!("{IMAGES}/package?package=docker://none"),
            404,
        ),
        (
            Method::GET,
            format!("{IMAGES}/versions?package=docker://none"),
            404,
        ),
        (Method::DELETE, format!("{IMAGES}/package?package=base"), 400),
        (
            Method::DELETE,
            format!("{IMAGES}/package?package=npm://base"),
            400,
        ),
        (
            Method::DELETE,
            format!("{IMAGES}/package?package=docker://../x"),
            400,
        ),
        (
            Method::DELETE,
            format!("{IMAGES}/version?package=docker://base"),
            400,
        ),
        (
            Method::DELETE,
            format!("{IMAGES}/version?package=docker://base&version=a/b"),
            400,
        ),
        (
            Method::DELETE,
            format!("{IMAGES}/version?package=docker://base&version=md5:1"),
            400,
        ),
        (
            Method::DELETE,
            format!("{files}/package?package=docker://base"),
            404,
        ),
    ] {
        let answer = world.ask(method, &path).send().await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert!(answer.body["detail"].is_string(), "{path}: {}", answer.text);
    }
    assert_eq!(world.get(&format!("{files}/packages")).await.body["total"], 0);
    let ask = async |method: Method, path: &str| {
        let ask = world.ask(method, path).basic("reader", "their secret");
        ask.send().await.status.as_u16()
    };
    assert_eq!(ask(Method::GET, &format!("{IMAGES}/packages")).await, 200);
    for path in [
        "package?package=docker://base",
        "version?package=docker://base&version=1",
    ] {
        assert_eq!(
            ask(Method::DELETE, &format!("{IMAGES}/{path}")).await,
            403,
            "{path}"
        );
    }
    assert_eq!(registry.get("demo/images/base/manifests/1").await.status, 200);
}
