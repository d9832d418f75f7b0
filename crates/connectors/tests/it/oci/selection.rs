//! Choosing tags and platforms.

use connectors::oci::open;
use domain::failure::ErrorKind;
use domain::versions::{Choice, VersionFilter};
use testkit::images::{Image, manifest_at};
use testkit::servers::OciRegistry;

use super::gate::Gate;
use super::world::{at, carry, describe, error, key, list, moved, server, url};

#[tokio::test]
async fn only_the_wanted_tags_of_each_image_are_listed() {
    let registry = OciRegistry::start().await;
    let image = Image::of(&[b"x"]);
    for name in ["a", "b"] {
        for tag in ["1.9.0", "1.10.0", "1.10.1-rc", "2.0.0", "latest"] {
            image.push(&registry.server.url(), name, tag).await;
        }
    }
    let pattern = |text: &str| vec![text.parse().expect("a pattern")];
    let versions = VersionFilter {
        include: pattern("semver:<2"),
        exclude: pattern("*-rc"),
        newest: std::num::NonZeroUsize::new(1),
    };
    let choice = Choice {
        versions,
        ..Choice::default()
    };
    let opened = open(server(&registry.server.url(), None).choosing(choice)).expect("a place");

    let listed = list(&*opened.source, 1).await.expect("a list");

    assert_eq!(listed, [key("a", "1.10.0"), key("b", "1.10.0")]);
}

fn linux(platforms: &[&str]) -> Choice {
    let platforms = platforms.iter().map(|text| text.parse().expect("a platform"));
    Choice {
        platforms: platforms.collect(),
        ..Choice::default()
    }
}

#[tokio::test]
async fn a_platform_leaves_the_others_out_and_the_index_as_it_is() {
    let here = OciRegistry::start().await;
    let index = Image::index(vec![
        ("linux/amd64", Image::of(&[b"amd"])),
        ("linux/arm64", Image::of(&[b"arm"])),
    ]);
    index.push(&here.server.url(), "app", "v1").await;
    let chosen = open(server(&url(&here, "/app"), None).choosing(linux(&["linux/arm64"]))).expect("a place");

    let artifact = describe(&*chosen.source, &key("app", "v1"))
        .await
        .expect("an image");

    assert_eq!(artifact.digest, Some(index.digest()));
    assert_eq!(
        artifact.blobs.len(),
        4,
        "configuration, layer, one manifest, the index"
    );
}

#[tokio::test]
async fn a_registry_that_wants_every_platform_of_an_index_says_so_and_keeps_its_tag() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let index = Image::index(vec![
        ("linux/amd64", Image::of(&[b"amd"])),
        ("linux/arm64", Image::of(&[b"arm"])),
    ]);
    index.push(&here.server.url(), "app", "v1").await;
    let chosen = open(server(&url(&here, "/app"), None).choosing(linux(&["linux/arm64"]))).expect("a place");
    let target = at(&url(&there, "/app"));

    let refused = error(carry(&chosen, &target, &key("app", "v1")).await);

    assert!(refused.to_string().contains("MANIFEST_BLOB_UNKNOWN"), "{refused}");
    assert_eq!(manifest_at(&there.server.url(), "app", "v1").await, None);
    let all = at(&url(&here, "/app"));
    moved(carry(&all, &target, &key("app", "v1")).await);
    assert_eq!(
        manifest_at(&there.server.url(), "app", "v1").await,
        Some(index.bytes())
    );
}

#[tokio::test]
async fn a_registry_that_takes_an_index_without_all_platforms_gets_it_with_its_digest() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let index = Image::index(vec![
        ("linux/amd64", Image::of(&[b"amd"])),
        ("linux/arm64", Image::of(&[b"arm"])),
    ]);
    index.push(&here.server.url(), "app", "v1").await;
    // Stands for a registry that does not look into an index.
    let gate = Gate::to(there.server.address()).await;
    let chosen = open(server(&url(&here, "/app"), None).choosing(linux(&["linux/arm64"]))).expect("a place");
    gate.take_manifest("app", "v1");

    moved(carry(&chosen, &at(&gate.url("/app")), &key("app", "v1")).await);

    assert_eq!(gate.taken(), Some(index.bytes()));
    let arm = index.children[1].digest().to_string();
    assert!(manifest_at(&there.server.url(), "app", &arm).await.is_some());
}

#[tokio::test]
async fn an_index_without_the_wanted_platform_is_a_named_failure() {
    let here = OciRegistry::start().await;
    let index = Image::index(vec![("linux/amd64", Image::of(&[b"amd"]))]);
    index.push(&here.server.url(), "app", "v1").await;
    let chosen = open(server(&url(&here, "/app"), None).choosing(linux(&["linux/s390x"]))).expect("a place");

    let failed = describe(&*chosen.source, &key("app", "v1"))
        .await
        .expect_err("not there");

    assert_eq!(failed.kind, ErrorKind::NotFound);
    assert!(failed.to_string().contains("platform"), "{failed}");
}
