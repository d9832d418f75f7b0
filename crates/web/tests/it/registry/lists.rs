//! Lists: tags, images, and what is said about a manifest.

use serde_json::{Value, json};

use super::{Registry, descriptor, digest_of, refused};
use crate::world::Answer;

const NAME: &str = "demo/images/app";

/// Follows the links of a list to its end.
async fn pages(registry: &Registry, path: &str, member: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next = Some(format!("/v2/{path}"));
    while let Some(path) = next {
        let answer: Answer = registry.world.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        next = answer.header("link").map(|link| {
            let (path, rel) = link.split_once(">; ").expect("a link");
            assert_eq!(rel, "rel=\"next\"");
            path.trim_start_matches('<').to_owned()
        });
        pages.push(answer.body[member].as_array().expect("rows").clone());
    }
    pages
}

#[tokio::test]
async fn tags_are_listed_in_order_page_by_page() {
    let registry = Registry::start().await;
    for tag in ["b", "a", "10", "c"] {
        registry.image(NAME, tag, "layer").await;
    }

    let all = pages(&registry, &format!("{NAME}/tags/list"), "tags").await;
    let paged = pages(&registry, &format!("{NAME}/tags/list?n=2"), "tags").await;
    let none = registry.get(&format!("{NAME}/tags/list?n=0")).await;
    let behind = registry.get(&format!("{NAME}/tags/list?last=a")).await;

    assert_eq!(all, [[json!("10"), json!("a"), json!("b"), json!("c")]]);
    assert_eq!(paged, [[json!("10"), json!("a")], [json!("b"), json!("c")]]);
    assert_eq!(none.body, json!({ "name": NAME, "tags": [] }));
    assert_eq!(behind.body["tags"], json!(["b", "c"]));
    let unread = registry.get(&format!("{NAME}/tags/list?n=many")).await;
    refused(&unread, 400, "PAGINATION_NUMBER_INVALID");
    refused(
        &registry.get("demo/images/ghost/tags/list").await,
        404,
        "NAME_UNKNOWN",
    );
}

#[tokio::test]
async fn images_are_listed_across_repositories() {
    let registry = Registry::start().await;
    registry.repository("charts", "OCI", json!({})).await;
    for name in ["demo/images/b/c", "demo/images/a", "demo/charts/z"] {
        registry.image(name, "v1", "layer").await;
    }

    let paged = pages(&registry, "_catalog?n=2", "repositories").await;

    assert_eq!(
        paged,
        [
            vec![json!("demo/charts/z"), json!("demo/images/a")],
            vec![json!("demo/images/b/c")]
        ]
    );
}

#[tokio::test]
async fn what_is_said_about_a_manifest_is_found_whether_it_is_here_or_not() {
    let registry = Registry::start().await;
    let (manifest, subject) = registry.image(NAME, "v1", "layer").await;
    registry.blob(NAME, b"{}").await;
    let about = |kind: &str| {
        json!({ "schemaVersion": 2, "mediaType": domain::oci::OCI_MANIFEST, "artifactType": kind,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [descriptor("application/vnd.oci.empty.v1+json", b"{}")],
            "subject": descriptor(domain::oci::OCI_MANIFEST, manifest.to_string().as_bytes()),
            "annotations": { "of": kind } })
    };
    for kind in ["a/signature", "a/sbom"] {
        let manifest = about(kind);
        let put = registry
            .put(NAME, &digest_of(&manifest).to_string(), &manifest)
            .await;
        assert_eq!(put.status, 201, "{}", put.text);
        assert_eq!(put.header("oci-subject"), Some(&*subject.to_string()));
    }
    let path = format!("{NAME}/referrers/{subject}");

    let all = registry.get(&path).await;
    let some = registry.get(&format!("{path}?artifactType=a%2Fsbom")).await;
    let none = registry
        .get(&format!("{NAME}/referrers/sha256:{}", "0".repeat(64)))
        .await;

    assert_eq!(all.header("content-type"), Some(domain::oci::OCI_INDEX));
    assert_eq!(all.body["manifests"].as_array().map(Vec::len), Some(2));
    let sbom = about("a/sbom");
    assert_eq!(some.header("oci-filters-applied"), Some("artifactType"));
    assert_eq!(
        some.body["manifests"],
        json!([{ "mediaType": domain::oci::OCI_MANIFEST, "digest": digest_of(&sbom).to_string(),
            "size": sbom.to_string().len(), "artifactType": "a/sbom", "annotations": { "of": "a/sbom" } }])
    );
    assert_eq!((none.status.as_u16(), &none.body["manifests"]), (200, &json!([])));
    refused(
        &registry.get(&format!("{NAME}/referrers/v1")).await,
        400,
        "DIGEST_INVALID",
    );
}
