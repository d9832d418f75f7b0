//! Images between two real registries.

use domain::artifact::Likeness;
use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::ports::{Expect, PutOutcome};
use domain::task::Scope;
use serde_json::json;
use testkit::contract::noise;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::images::{Image, blob_at, manifest_at};
use testkit::servers::OciRegistry;

use super::world::{at, carry, describe, error, find, key, list, moved, put, url};

#[tokio::test]
async fn an_image_arrives_byte_for_byte_and_a_second_time_nothing_moves() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let large = noise(3_000_000, 1);
    let image = Image::of(&[b"small", &large]);
    image.push(&here.server.url(), "team/app", "1.0").await;
    let source = at(&url(&here, "/team/app"));
    let target = at(&url(&there, "/mirror/app"));

    let first = carry(&source, &target, &key("team/app", "1.0")).await;

    let size: usize = image.blobs.iter().map(Vec::len).sum::<usize>() + image.bytes().len();
    assert_eq!(moved(first), size as u64);
    let arrived = manifest_at(&there.server.url(), "mirror/app", "1.0").await;
    assert_eq!(arrived, Some(image.bytes()));
    for blob in &image.blobs {
        let arrived = blob_at(&there.server.url(), "mirror/app", Digest::of(blob)).await;
        assert!(arrived.as_ref() == Some(blob));
    }
    assert!(carry(&source, &target, &key("team/app", "1.0")).await.is_none());
}

#[tokio::test]
async fn an_index_keeps_its_digest_and_brings_all_its_platforms() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let shared = noise(100_000, 2);
    let arm = Image::of(&[&shared, b"arm"]);
    let docker = arm.clone().changed(|manifest| {
        manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json".into();
        manifest["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json".into();
    });
    for (tag, index) in [
        (
            "oci",
            Image::index(vec![
                ("linux/amd64", Image::of(&[&shared, b"amd"])),
                ("linux/arm64", arm),
            ]),
        ),
        (
            "docker",
            Image::index(vec![("linux/arm64", docker)]).changed(|index| {
                index["mediaType"] = "application/vnd.docker.distribution.manifest.list.v2+json".into();
            }),
        ),
    ] {
        index.push(&here.server.url(), "app", tag).await;
        let (source, target) = (at(&url(&here, "/app")), at(&url(&there, "/app")));

        moved(carry(&source, &target, &key("app", tag)).await);

        let arrived = manifest_at(&there.server.url(), "app", tag).await;
        assert_eq!(arrived, Some(index.bytes()), "{tag}");
        for child in &index.children {
            let digest = child.digest().to_string();
            let arrived = manifest_at(&there.server.url(), "app", &digest).await;
            assert_eq!(arrived, Some(child.bytes()), "{tag}");
        }
    }
}

#[tokio::test]
async fn layers_that_images_share_are_sent_once_and_mounted_elsewhere() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let proxy = FaultProxy::to(there.server.address()).await;
    let base = noise(500_000, 3);
    let layers: Vec<Vec<u8>> = (0..4).map(|number| vec![number; 10]).collect();
    for (number, layer) in layers.iter().enumerate() {
        let image = Image::of(&[&base, layer]);
        image
            .push(&here.server.url(), &format!("app{number}"), "v1")
            .await;
    }
    let (source, target) = (at(&here.server.url()), at(&proxy.url()));

    let keys = list(&*source.source, 3).await.expect("a list");
    let carried = keys.iter().map(|key| carry(&source, &target, key));
    let bytes: u64 = futures_util::future::join_all(carried)
        .await
        .into_iter()
        .map(moved)
        .sum();

    assert_eq!(keys.len(), 4);
    assert!(bytes < 510_000, "the shared layer moved once: {bytes}");
    let mounted = format!("*mount=*{}*", Digest::of(&base).to_hex());
    assert_eq!(proxy.count("POST", &mounted), 3);
    assert_eq!(proxy.struck(), 0);
    for number in 0..4 {
        let name = format!("app{number}");
        assert!(
            blob_at(&there.server.url(), &name, Digest::of(&base))
                .await
                .is_some()
        );
    }
}

#[tokio::test]
async fn a_registry_that_mounts_is_asked_for_a_blob_and_for_its_upload_at_once() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let proxy = FaultProxy::to(there.server.address()).await;
    let base = noise(100_000, 5);
    let source = at(&here.server.url());
    let target = at(&proxy.url());
    for name in ["app0", "app1"] {
        let image = Image::of(&[&base, name.as_bytes()]);
        image.push(&here.server.url(), name, "v1").await;
        moved(carry(&source, &target, &key(name, "v1")).await);
    }
    let looks = proxy.count("HEAD", "*/blobs/*");
    let other = Image::of(&[&base, b"another layer"]);
    other.push(&here.server.url(), "app2", "v1").await;
    let same = Image::of(&[&base, b"app0"]).changed(|manifest| manifest["annotations"] = json!({ "a": "b" }));
    same.push(&here.server.url(), "app0", "v2").await;

    let sent = moved(carry(&source, &target, &key("app2", "v1")).await);
    let anew = moved(carry(&source, &at(&proxy.url()), &key("app0", "v2")).await);

    assert_eq!(proxy.count("HEAD", "*/blobs/*"), looks);
    assert!(sent < 10_000, "the base was mounted: {sent}");
    assert_eq!(anew, same.bytes().len() as u64, "its blobs stood there");
}

#[tokio::test]
async fn within_one_registry_nothing_but_manifests_moves() {
    let registry = OciRegistry::start().await;
    let image = Image::of(&[&noise(400_000, 4)]);
    image.push(&registry.server.url(), "dev/app", "rc").await;
    let (source, target) = (
        at(&url(&registry, "/dev/app:rc")),
        at(&url(&registry, "/prod/app:stable")),
    );

    let bytes = moved(carry(&source, &target, &key("dev/app", "rc")).await);

    assert_eq!(bytes, image.bytes().len() as u64);
    let promoted = manifest_at(&registry.server.url(), "prod/app", "stable").await;
    assert_eq!(promoted, Some(image.bytes()));
}

#[tokio::test]
async fn artifacts_without_layers_and_with_repeated_ones_arrive() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let artifact = Image::artifact("application/vnd.example.thing");
    let twice = Image::of(&[b"same", b"same"]);
    artifact.push(&here.server.url(), "things", "a").await;
    twice.push(&here.server.url(), "things", "b").await;
    let (source, target) = (at(&url(&here, "/things")), at(&url(&there, "/things")));

    for (tag, image) in [("a", &artifact), ("b", &twice)] {
        moved(carry(&source, &target, &key("things", tag)).await);
        let arrived = manifest_at(&there.server.url(), "things", tag).await;
        assert_eq!(arrived, Some(image.bytes()), "{tag}");
    }
}

#[tokio::test]
async fn another_image_under_the_tag_is_other_content_and_only_replaced_as_expected() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let (old, new) = (Image::of(&[b"old"]), Image::of(&[b"new"]));
    old.push(&there.server.url(), "app", "latest").await;
    new.push(&here.server.url(), "app", "latest").await;
    let (source, target) = (at(&url(&here, "/app")), at(&url(&there, "/app")));
    let artifact = describe(&*source.source, &key("app", "latest"))
        .await
        .expect("an image");

    let found = find(&*target.target, &key("app", "latest"))
        .await
        .expect("it stands there");
    let raced = put(&source, &target, &artifact, Expect::Absent).await;

    assert_eq!(artifact.likeness(&found), Likeness::Different);
    assert_eq!(found.digest, Some(old.digest()));
    assert!(matches!(raced, PutOutcome::Raced { found: Some(found) } if found.digest == Some(old.digest())));
    let stands = manifest_at(&there.server.url(), "app", "latest").await;
    assert_eq!(stands, Some(old.bytes()));
    let stored = put(&source, &target, &artifact, Expect::Digest(old.digest())).await;
    assert!(matches!(stored, PutOutcome::Stored { .. }), "{stored:?}");
    let stands = manifest_at(&there.server.url(), "app", "latest").await;
    assert_eq!(stands, Some(new.bytes()));
}

#[tokio::test]
async fn pages_of_every_size_list_every_tag_of_every_image_once() {
    let registry = OciRegistry::start().await;
    let image = Image::of(&[b"x"]);
    let mut expected = Vec::new();
    for name in ["a", "a-b", "a/b", "team/one", "team/two", "teams"] {
        for tag in ["1.0", "1.1", "latest"] {
            image.push(&registry.server.url(), name, tag).await;
            expected.push(key(name, tag));
        }
    }
    expected.sort();

    for limit in [1, 2, 4, 17, 18, 19, 1000] {
        let listed = list(&*at(&registry.server.url()).source, limit)
            .await
            .expect("a list");
        assert_eq!(listed, expected, "pages of {limit}");
    }
    let below = list(&*at(&url(&registry, "/team/*")).source, 5)
        .await
        .expect("a list");
    let names: Vec<&str> = below.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, [["docker://one"; 3], ["docker://two"; 3]].concat());
}

#[tokio::test]
async fn an_empty_page_in_the_middle_of_a_list_is_not_its_end() {
    let registry = OciRegistry::start().await;
    let proxy = FaultProxy::to(registry.server.address()).await;
    Image::of(&[b"a"]).push(&registry.server.url(), "app", "v1").await;
    let empty = |next: &str| Fault::Answer {
        status: 200,
        headers: vec![
            ("Content-Type".into(), "application/json".into()),
            (
                "Link".into(),
                format!("</v2/app/tags/list?n=1000&last={next}>; rel=\"next\""),
            ),
        ],
        body: r#"{"name":"app","tags":[]}"#.into(),
    };
    proxy.add(Rule::on("GET", "/v2/app/tags/list?n=1000", empty("a")));
    let source = at(&format!("{}/app", proxy.url())).source;

    assert_eq!(list(&*source, 10).await.expect("a list"), [key("app", "v1")]);

    proxy.add(Rule::on("GET", "*last=a", empty("b")));
    proxy.add(Rule::on("GET", "*last=b", empty("a")));
    let source = at(&format!("{}/app", proxy.url())).source;
    let endless = list(&*source, 10).await.expect_err("it has no end");
    assert!(endless.to_string().contains("on and on"), "{endless}");
}

#[tokio::test]
async fn a_listing_goes_on_in_another_process() {
    let registry = OciRegistry::start().await;
    let image = Image::of(&[b"x"]);
    for tag in ["a", "b", "c"] {
        image.push(&registry.server.url(), "app", tag).await;
    }
    let first = at(&registry.server.url());
    let page = first
        .source
        .list(&Scope::Repository, None, 2)
        .await
        .expect("a page");
    let next = page.next.expect("more follows");

    let other = at(&registry.server.url());
    let rest = other
        .source
        .list(&Scope::Repository, Some(&next), 10)
        .await
        .expect("a page");

    assert_eq!((page.keys.len(), rest.keys), (2, vec![key("app", "c")]));
    assert_eq!(rest.next, None);
}

#[tokio::test]
async fn two_images_never_become_one() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    for name in ["one", "two"] {
        Image::of(&[name.as_bytes()])
            .push(&here.server.url(), name, "v1")
            .await;
    }
    let (source, target) = (at(&here.server.url()), at(&url(&there, "/both")));

    moved(carry(&source, &target, &key("one", "v1")).await);
    let artifact = describe(&*source.source, &key("two", "v1"))
        .await
        .expect("an image");
    let refused = error(Some(put(&source, &target, &artifact, Expect::Anything).await));

    assert_eq!(refused.kind, ErrorKind::Protocol);
    assert!(refused.to_string().contains("/name/*"), "{refused}");
}

#[tokio::test]
async fn foreign_layers_stay_where_they_are() {
    let here = OciRegistry::start().await;
    let image = Image::of(&[b"own"]).changed(|manifest| {
        let layer = serde_json::json!({ "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "digest": Digest::of(b"elsewhere").to_string(), "size": 9, "urls": ["https://elsewhere.example/layer"] });
        manifest["layers"].as_array_mut().expect("layers").push(layer);
    });
    let proxy = super::gate::Gate::to(here.server.address()).await;
    proxy.serve_manifest("app", "v1", &image);

    let artifact = describe(&*at(&proxy.url("/app")).source, &key("app", "v1"))
        .await
        .expect("an image");

    let digests: Vec<Digest> = artifact.blobs.iter().filter_map(|blob| blob.digest).collect();
    assert_eq!(digests.len(), 3, "configuration, own layer, manifest");
    assert!(!digests.contains(&Digest::of(b"elsewhere")));
}
