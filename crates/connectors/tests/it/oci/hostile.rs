//! What registries should never say: a named failure for that image, and nothing written.

use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::task::Scope;
use serde_json::{Value, json};
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::images::{INDEX, Image, MANIFEST, manifest_at};
use testkit::servers::OciRegistry;

use super::gate::Gate;
use super::world::{at, carry, describe, error, key, list, moved, url};

async fn gate() -> (OciRegistry, Gate) {
    let registry = OciRegistry::start().await;
    let gate = Gate::to(registry.server.address()).await;
    (registry, gate)
}

#[tokio::test]
async fn malformed_manifests_fail_by_name_and_the_rest_goes_on() {
    let (here, gate) = gate().await;
    let there = OciRegistry::start().await;
    let good = Image::of(&[b"good"]);
    good.push(&here.server.url(), "app", "good").await;
    let old = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let digest = format!("sha256:{}", "a".repeat(64));
    let deep = "[".repeat(200_000);
    let cases: [(&str, &str, Vec<u8>, &str); 7] = [
        ("text", MANIFEST, b"not json".to_vec(), "cannot be read"),
        ("deep", MANIFEST, deep.into_bytes(), "cannot be read"),
        (
            "half",
            MANIFEST,
            b"{\"schemaVersion\":2}".to_vec(),
            "cannot be read",
        ),
        ("old", old, b"{\"schemaVersion\":1}".to_vec(), "not supported"),
        ("html", "text/html", b"<html>".to_vec(), "cannot be read"),
        ("both", MANIFEST, both(&digest), "ambiguous"),
        ("huge", MANIFEST, vec![b' '; 5 << 20], "more than"),
    ];
    for (tag, media_type, body, _) in &cases {
        gate.say(&format!("/v2/app/manifests/{tag}"), media_type, body.clone());
    }
    let (source, target) = (at(&gate.url("/app")), at(&url(&there, "/app")));

    for (tag, _, _, words) in &cases {
        let failed = error(carry(&source, &target, &key("app", tag)).await);
        assert_eq!(failed.kind, ErrorKind::Protocol, "{tag}: {failed}");
        assert!(failed.to_string().contains(words), "{tag}: {failed}");
        assert_eq!(manifest_at(&there.server.url(), "app", tag).await, None);
    }
    moved(carry(&source, &target, &key("app", "good")).await);
}

fn both(digest: &str) -> Vec<u8> {
    let part = json!({ "mediaType": "application/x", "digest": digest, "size": 1 });
    json!({ "schemaVersion": 2, "config": part, "layers": [], "manifests": [] })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn an_index_that_leads_to_itself_or_lies_about_its_manifests_fails() {
    let (_here, gate) = gate().await;
    let child = Image::of(&[b"x"]);
    let entry = |digest: String, size: usize| json!({ "mediaType": INDEX, "digest": digest, "size": size });
    let index =
        |entry: Value| json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }).to_string();
    // By its digest nothing can contain itself, so a registry that says so lies about the digest.
    let digest = Digest::of(b"whatever").to_string();
    let itself = index(entry(digest.clone(), 1));
    gate.say("/v2/app/manifests/cyclic", INDEX, itself.clone());
    gate.say(&format!("/v2/app/manifests/{digest}"), INDEX, itself);
    let wrong_size = index(entry(child.digest().to_string(), 7));
    gate.say("/v2/app/manifests/size", INDEX, wrong_size);
    gate.serve_manifest("app", &child.digest().to_string(), &child);
    let source = at(&gate.url("/app")).source;

    for tag in ["cyclic", "size"] {
        let failed = describe(&*source, &key("app", tag)).await.expect_err("a lie");
        assert_eq!(failed.kind, ErrorKind::Corrupt, "{tag}: {failed}");
    }
}

#[tokio::test]
async fn indexes_in_indexes_end_somewhere() {
    let (_here, gate) = gate().await;
    let mut image = Image::of(&[b"x"]);
    for _ in 0..12 {
        gate.serve_manifest("app", &image.digest().to_string(), &image);
        image = Image::index(vec![("linux/amd64", image)]);
    }
    gate.serve_manifest("app", "deep", &image);

    let failed = describe(&*at(&gate.url("/app")).source, &key("app", "deep")).await;

    let failed = failed.expect_err("too deep");
    assert!(failed.to_string().contains("nested"), "{failed}");
}

#[tokio::test]
async fn tags_that_are_none_fail_alone() {
    let (here, gate) = gate().await;
    let there = OciRegistry::start().await;
    Image::of(&[b"x"]).push(&here.server.url(), "app", "v1").await;
    let tags = json!({ "name": "app", "tags": ["../../etc", "v1", "a b", "", "v1"] });
    gate.say("/v2/app/tags/list", "application/json", tags.to_string());
    let (source, target) = (at(&gate.url("/app")), at(&url(&there, "/app")));

    let mut failed = Vec::new();
    for key in list(&*source.source, 2).await.expect("a list") {
        let artifact = describe(&*source.source, &key).await;
        match artifact {
            Ok(_) => drop(moved(carry(&source, &target, &key).await)),
            Err(error) => failed.push((key.version.unwrap_or_default(), error.kind)),
        }
    }

    let protocol = |tag: &str| (tag.to_owned(), ErrorKind::Protocol);
    assert_eq!(failed, [protocol(""), protocol("../../etc"), protocol("a b")]);
}

#[tokio::test]
async fn a_list_without_end_ends_with_a_named_failure() {
    let (_here, gate) = gate().await;
    let many: Vec<String> = (0..200_001).map(|number| number.to_string()).collect();
    gate.say(
        "/v2/app/tags/list",
        "application/json",
        json!({ "tags": many }).to_string(),
    );
    gate.say("/v2/odd/tags/list", "application/json", "{\"tags\":7}");

    let too_many = list(&*at(&gate.url("/app")).source, 10)
        .await
        .expect_err("too many");
    let odd = list(&*at(&gate.url("/odd")).source, 10)
        .await
        .expect_err("no list");

    assert_eq!(too_many.kind, ErrorKind::Limit);
    assert!(too_many.to_string().contains("200000"), "{too_many}");
    assert_eq!(odd.kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn what_is_no_registry_is_told_so() {
    let (_here, gate) = gate().await;
    gate.say("/v2/app/manifests/v1", "text/html", "<html>welcome</html>");

    let listed = list(&*at(&gate.url("/none/such")).source, 10)
        .await
        .expect_err("not there");
    let described = describe(&*at(&gate.url("/app")).source, &key("app", "v1")).await;

    assert_eq!(listed.kind, ErrorKind::NotFound);
    assert_eq!(described.expect_err("no manifest").kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn a_registry_that_knows_no_ranges_is_read_from_the_middle_all_the_same() {
    use futures_util::TryStreamExt as _;
    let (here, gate) = gate().await;
    let image = Image::of(&[b"0123456789"]);
    image.push(&here.server.url(), "app", "v1").await;
    let digest = Digest::of(b"0123456789");
    gate.say(
        &format!("/v2/app/blobs/{digest}"),
        "application/octet-stream",
        "0123456789",
    );
    let source = at(&gate.url("/app")).source;
    let artifact = describe(&*source, &key("app", "v1")).await.expect("an image");
    let layer = artifact.blobs.iter().find(|blob| blob.digest == Some(digest));

    let rest = source
        .open(&artifact.key, layer.expect("the layer"), 4)
        .await
        .expect("a stream");

    let rest: Vec<bytes::Bytes> = rest.try_collect().await.expect("all of it");
    assert_eq!(rest.concat(), b"456789");
}

#[tokio::test]
async fn an_image_whose_tags_cannot_be_listed_fails_alone_and_says_why() {
    let (here, gate) = gate().await;
    for name in ["app", "zoo"] {
        Image::of(&[b"x"]).push(&here.server.url(), name, "v1").await;
    }
    let images = json!({ "repositories": ["app", "../../secret", "odd", "Odd", "zoo"] });
    gate.say("/v2/_catalog", "application/json", images.to_string());
    gate.say("/v2/odd/tags/list", "application/json", "{\"tags\":7}");

    for limit in [1, 2, 100] {
        let source = at(&gate.url("")).source;
        let keys = list(&*source, limit).await.expect("a list");
        let mut shown = Vec::new();
        for key in keys {
            let words = match describe(&*source, &key).await {
                Ok(_) => "is there",
                Err(error) if error.to_string().contains("form registries have") => "no list",
                Err(error) if error.to_string().contains("repository's name") => "no name",
                Err(error) => unreachable!("{key}: {error}"),
            };
            shown.push(format!("{key}: {words}"));
        }
        let expected = [
            "docker://../../secret: no name",
            "docker://Odd: no name",
            "docker://app v1: is there",
            "docker://odd: no list",
            "docker://zoo v1: is there",
        ];
        assert_eq!(shown, expected, "pages of {limit}");
    }
    assert_eq!(gate.asked("secret"), 0, "what leads elsewhere is not asked for");
}

#[tokio::test]
async fn an_image_whose_tags_cannot_be_listed_any_more_half_way_fails_and_is_not_passed_over() {
    let (here, gate) = gate().await;
    for (name, tag) in [("app", "v1"), ("app", "v2"), ("zoo", "v1")] {
        Image::of(&[b"x"]).push(&here.server.url(), name, tag).await;
    }
    let source = || at(&gate.url("")).source;
    let first = source().list(&Scope::Repository, None, 1).await.expect("a page");
    gate.say("/v2/app/tags/list", "application/json", "{\"tags\":7}");

    // Whoever goes on after a restart remembers no tags.
    for limit in [1, 10] {
        let (mut keys, mut cursor) = (first.keys.clone(), first.next.clone());
        while let Some(behind) = cursor {
            let page = source().list(&Scope::Repository, Some(&behind), limit).await;
            let page = page.expect("a page");
            keys.extend(page.keys);
            cursor = page.next;
        }

        let shown: Vec<String> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["docker://app v1", "docker://app", "docker://zoo v1"],
            "pages of {limit}"
        );
    }
}

#[tokio::test]
async fn lists_that_go_in_circles_and_answers_without_end_end_with_a_named_failure() {
    let here = OciRegistry::start().await;
    let front = FaultProxy::to(here.server.address()).await;
    let next = |body: &str, next: &str| Fault::Answer {
        status: 200,
        headers: vec![
            ("Content-Type".into(), INDEX.into()),
            ("Link".into(), format!("<{next}>; rel=\"next\"")),
        ],
        body: body.into(),
    };
    let endless = |begin: &str, piece: &str| Fault::Endless {
        media_type: MANIFEST,
        begin: begin.into(),
        piece: piece.into(),
    };
    let source = || at(&format!("{}/app", front.url())).source;

    front.add(Rule::on(
        "GET",
        "*last=a",
        next("{\"tags\":[\"b\"]}", "/v2/app/tags/list?last=b"),
    ));
    front.add(Rule::on(
        "GET",
        "*/tags/list*",
        next("{\"tags\":[\"a\"]}", "/v2/app/tags/list?last=a"),
    ));
    let circle = list(&*source(), 10).await.expect_err("it never ends");
    assert!(circle.to_string().contains("on and on"), "{circle}");
    assert!(front.seen().len() < 10, "{}", front.seen().len());

    front.clear();
    front.add(Rule::on("GET", "*/tags/list*", endless("{\"tags\":[", "\"a\",")));
    let tags = list(&*source(), 10).await.expect_err("it never ends");
    front.add(Rule::on("GET", "*/manifests/*", endless("{\"layers\":[", "{},")));
    let manifest = describe(&*source(), &key("app", "v1"))
        .await
        .expect_err("it never ends");

    for error in [tags, manifest] {
        assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
        assert!(error.to_string().contains("more than"), "{error}");
    }
}

#[tokio::test]
async fn a_server_of_layers_that_is_gone_is_named_and_the_registry_is_not_blamed() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let image = Image::of(&[b"x"]);
    image.push(&here.server.url(), "app", "v1").await;
    let front = FaultProxy::to(here.server.address()).await;
    let points = |place: String| Fault::Answer {
        status: 307,
        headers: vec![("Location".into(), place)],
        body: String::new(),
    };
    let (source, target) = (at(&format!("{}/app", front.url())), at(&url(&there, "/app")));
    let loops = format!("{}/v2/app/blobs/{}", front.url(), Digest::of(b"x"));
    for (place, kind, words) in [
        (
            "http://127.0.0.1:1/layer?signature=s3cret".to_owned(),
            ErrorKind::Unreachable,
            "http://127.0.0.1:1: no connection",
        ),
        (loops, ErrorKind::Protocol, ""),
    ] {
        front.clear();
        front.add(Rule::on("GET", "*/blobs/*", points(place)));

        let failed = error(carry(&source, &target, &key("app", "v1")).await);

        assert_eq!(failed.kind, kind, "{failed}");
        assert!(failed.to_string().contains(words), "{failed}");
        assert!(!failed.to_string().contains("s3cret"), "{failed}");
        assert_eq!(manifest_at(&there.server.url(), "app", "v1").await, None);
    }
}
