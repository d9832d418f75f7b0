//! Signatures and bills of materials travel with what they are about.

use serde_json::Value;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
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
async fn between_registries_without_lists_signatures_travel_with_one_tag_as_with_all() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let image = Image::of(&[b"app"]);
    let signed = signature(&image);
    let gone = Image::artifact("application/spdx+json").about(&image);
    let list_of = Image::index(vec![
        ("linux/amd64", signed.clone()),
        ("linux/arm64", gone.clone()),
    ]);
    image.push(&here.server.url(), "app", "v1").await;
    list_of
        .push(&here.server.url(), "app", &fallback_tag(&image))
        .await;
    let url_of_gone = format!("{}/v2/app/manifests/{}", here.server.url(), gone.digest());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let deleted = client.delete(url_of_gone).send().await;
    assert_eq!(deleted.expect("an answer").status(), 202);
    let all = at(&url(&here, "/app"));

    assert_eq!(
        list(&*all.source, 10).await.expect("a list"),
        [key("app", "v1")],
        "the list is no version of its own"
    );
    for (source, name) in [(all, "all"), (at(&url(&here, "/app:v1")), "one")] {
        let target = at(&url(&there, &format!("/{name}")));
        moved(carry(&source, &target, &key("app", "v1")).await);

        let arrived = manifest_at(&there.server.url(), name, &signed.digest().to_string()).await;
        assert_eq!(arrived, Some(signed.bytes()), "{name}");
        let list = manifest_at(&there.server.url(), name, &fallback_tag(&image)).await;
        let list: Value = serde_json::from_slice(&list.expect("a list")).expect("JSON");
        assert_eq!(list["manifests"][0]["digest"], signed.digest().to_string());
        assert!(
            carry(&source, &target, &key("app", "v1")).await.is_none(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_image_that_is_gone_leaves_the_signatures_of_others_known() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let from = Gate::to(here.server.address()).await;
    from.list_referrers();
    let image = Image::of(&[b"app"]);
    let signed = signature(&image);
    image.push(&from.url(""), "app", "v1").await;
    signed.push(&from.url(""), "app", "").await;
    let front = FaultProxy::to(from.address()).await;
    front.add(
        Rule::on(
            "GET",
            "*/referrers/*",
            Fault::Answer {
                status: 404,
                headers: Vec::new(),
                body: r#"{"errors":[{"code":"NAME_UNKNOWN","message":"gone"}]}"#.into(),
            },
        )
        .times(1),
    );
    let source = at(&format!("{}/app", front.url()));
    source
        .source
        .describe(&[key("app", "v1")])
        .await
        .expect("an answer");

    moved(carry(&source, &at(&url(&there, "/app")), &key("app", "v1")).await);

    let arrived = manifest_at(&there.server.url(), "app", &signed.digest().to_string()).await;
    assert_eq!(arrived, Some(signed.bytes()));
}
