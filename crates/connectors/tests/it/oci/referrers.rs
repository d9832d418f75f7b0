//! Signatures and bills of materials travel with what they are about.

use serde_json::Value;
use testkit::images::{Image, manifest_at};
use testkit::servers::OciRegistry;

use super::gate::Gate;
use super::world::{at, carry, key, list, moved, url};

fn signature(about: &Image) -> Image {
    Image::artifact("application/vnd.example.signature").about(about)
}

fn fallback_tag(image: &Image) -> String {
    image.digest().to_string().replace(':', "-")
}

#[tokio::test]
async fn referrers_go_from_one_list_to_another() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let (from, to) = (
        Gate::to(here.server.address()).await,
        Gate::to(there.server.address()).await,
    );
    from.list_referrers();
    to.list_referrers();
    let image = Image::of(&[b"app"]);
    let signed = signature(&image);
    let twice = signature(&signed);
    for (image, tag) in [(&image, "v1"), (&signed, ""), (&twice, "")] {
        image.push(&from.url(""), "app", tag).await;
    }
    let (source, target) = (at(&from.url("/app")), at(&to.url("/app")));

    moved(carry(&source, &target, &key("app", "v1")).await);

    for referrer in [&signed, &twice] {
        let arrived = manifest_at(&there.server.url(), "app", &referrer.digest().to_string()).await;
        assert_eq!(arrived, Some(referrer.bytes()));
    }
    let tags = at(&url(&there, "/app"));
    assert_eq!(
        list(&*tags.source, 10).await.expect("a list"),
        [key("app", "v1")],
        "no tag was needed"
    );
    assert!(
        carry(&source, &target, &key("app", "v1")).await.is_none(),
        "nothing is missing"
    );
}

#[tokio::test]
async fn a_signature_that_comes_later_is_carried_to_an_image_that_is_there_already() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let from = Gate::to(here.server.address()).await;
    from.list_referrers();
    let image = Image::of(&[b"app"]);
    image.push(&from.url(""), "app", "v1").await;
    let (source, target) = (at(&from.url("/app")), at(&url(&there, "/app")));
    moved(carry(&source, &target, &key("app", "v1")).await);
    signature(&image).push(&from.url(""), "app", "").await;

    let bytes = moved(carry(&source, &target, &key("app", "v1")).await);

    assert_eq!(
        bytes,
        (signature(&image).bytes().len() + 2) as u64,
        "the image itself stood there"
    );
    assert!(carry(&source, &target, &key("app", "v1")).await.is_none());
}

#[tokio::test]
async fn a_registry_without_a_list_gets_it_as_a_tag_that_others_entries_stay_in() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let from = Gate::to(here.server.address()).await;
    from.list_referrers();
    let image = Image::of(&[b"app"]);
    let (ours, theirs) = (
        signature(&image),
        Image::artifact("application/spdx+json").about(&image),
    );
    image.push(&from.url(""), "app", "v1").await;
    ours.push(&from.url(""), "app", "").await;
    image.push(&there.server.url(), "app", "other").await;
    theirs.push(&there.server.url(), "app", "").await;
    let list_of = |image: &Image| Image::index(vec![("linux/amd64", image.clone())]);
    list_of(&theirs)
        .push(&there.server.url(), "app", &fallback_tag(&image))
        .await;

    moved(
        carry(
            &at(&from.url("/app")),
            &at(&url(&there, "/app")),
            &key("app", "v1"),
        )
        .await,
    );

    let list = manifest_at(&there.server.url(), "app", &fallback_tag(&image))
        .await
        .expect("a list");
    let list: Value = serde_json::from_slice(&list).expect("JSON");
    let entries = list["manifests"].as_array().expect("entries");
    let digests: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["digest"].as_str())
        .collect();
    assert_eq!(digests, [theirs.digest().to_string(), ours.digest().to_string()]);
    assert_eq!(entries[1]["artifactType"], "application/vnd.example.signature");
}

#[tokio::test]
async fn between_registries_without_lists_the_tags_that_stand_for_them_are_carried() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let image = Image::of(&[b"app"]);
    let list_of = Image::index(vec![("linux/amd64", signature(&image))]);
    image.push(&here.server.url(), "app", "v1").await;
    list_of
        .push(&here.server.url(), "app", &fallback_tag(&image))
        .await;
    let (source, target) = (at(&url(&here, "/app")), at(&url(&there, "/app")));

    for key in list(&*source.source, 10).await.expect("a list") {
        moved(carry(&source, &target, &key).await);
    }

    let arrived = manifest_at(&there.server.url(), "app", &fallback_tag(&image)).await;
    assert_eq!(arrived, Some(list_of.bytes()));
}
