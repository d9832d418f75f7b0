//! Faults on the way: never a false success, never half an image, and what arrived is not sent again.

use std::time::Duration;

use domain::cluster::Credentials;
use domain::failure::ErrorKind;
use testkit::contract::noise;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::images::{Image, blob_at, manifest_at};
use testkit::servers::OciRegistry;

use super::world::{at, carry, error, key, moved, server_with, url};

/// Two registries with a proxy before each, and an image in the first.
struct Way {
    here: OciRegistry,
    there: OciRegistry,
    from: FaultProxy,
    to: FaultProxy,
    name: String,
    image: Image,
}

impl Way {
    async fn of(image: Image) -> Self {
        let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
        image.push(&here.server.url(), "app", "v1").await;
        Self {
            from: FaultProxy::to(here.server.address()).await,
            to: FaultProxy::to(there.server.address()).await,
            name: "app".into(),
            here,
            there,
            image,
        }
    }

    /// Goes on with another image, of which nothing is there yet.
    async fn with(&mut self, name: String, image: Image) {
        image.push(&self.here.server.url(), &name, "v1").await;
        self.from.clear();
        self.to.clear();
        (self.name, self.image) = (name, image);
    }

    async fn carry(&self) -> Option<domain::ports::PutOutcome> {
        let source = at(&format!("{}/{}", self.from.url(), self.name));
        let target = at(&format!("{}/{}", self.to.url(), self.name));
        carry(&source, &target, &key(&self.name, "v1")).await
    }

    async fn arrived(&self) -> Option<Vec<u8>> {
        manifest_at(&self.there.server.url(), &self.name, "v1").await
    }
}

fn two_layers() -> Image {
    seeded(0)
}

fn seeded(seed: usize) -> Image {
    Image::of(&[&noise(300_000, seed as u64), format!("small {seed}").as_bytes()])
}

#[tokio::test]
async fn bytes_of_a_source_that_are_cut_changed_or_of_another_length_never_become_an_image() {
    let mut way = Way::of(two_layers()).await;
    let faults = [
        ("*/blobs/*", Fault::CutAnswer(3)),
        ("*/blobs/*", Fault::ChangeAnswer(2)),
        ("*/blobs/*", Fault::ShortenAnswer(1)),
        ("*/blobs/*", Fault::LengthenAnswer(1)),
        ("*/blobs/*", Fault::StallAnswer(3)),
        ("*/blobs/*", Fault::status(500)),
        ("*/blobs/*", Fault::status(401)),
        ("*/blobs/*", Fault::slow_down(0)),
        ("*/manifests/*", Fault::status(401)),
        ("*/manifests/*", Fault::slow_down(0)),
        ("*/manifests/*", Fault::CutAnswer(20)),
        ("*/manifests/*", Fault::ChangeAnswer(20)),
        ("*/manifests/*", Fault::ShortenAnswer(1)),
        ("*/manifests/*", Fault::status(503)),
    ];
    for (number, (pattern, fault)) in faults.into_iter().enumerate() {
        way.with(format!("app{number}"), seeded(number + 1)).await;
        way.from.add(Rule::on("GET", pattern, fault.clone()));

        let failed = error(way.carry().await);

        assert!(!failed.to_string().is_empty(), "{fault:?}");
        assert_eq!(way.arrived().await, None, "{fault:?}");
        way.from.clear();
        moved(way.carry().await);
        assert_eq!(way.arrived().await, Some(way.image.bytes()), "{fault:?}");
    }
}

#[tokio::test]
async fn bytes_that_change_on_their_way_to_the_target_never_become_an_image() {
    let mut way = Way::of(two_layers()).await;
    let faults = [
        ("PUT", "*/blobs/uploads/*", Fault::ChangeRequest(0)),
        ("PUT", "*/blobs/uploads/*", Fault::CutRequest(2)),
        ("PUT", "*/blobs/uploads/*", Fault::LoseAnswer),
        ("PUT", "*/blobs/uploads/*", Fault::StallRequest(100_000)),
        ("PUT", "*/blobs/uploads/*", Fault::slow_down(0)),
        ("PUT", "*/blobs/uploads/*", Fault::status(500)),
        ("POST", "*/blobs/uploads/*", Fault::status(401)),
        ("PUT", "*/manifests/*", Fault::ChangeRequest(40)),
        ("PUT", "*/manifests/*", Fault::CutRequest(40)),
        ("PUT", "*/manifests/*", Fault::status(401)),
        ("PUT", "*/manifests/*", Fault::slow_down(0)),
        ("PUT", "*/manifests/*", Fault::status(413)),
    ];
    for (number, (method, pattern, fault)) in faults.into_iter().enumerate() {
        way.with(format!("app{number}"), seeded(number + 1)).await;
        // Each of its three blobs, whichever is first.
        way.to.add(Rule::on(method, pattern, fault.clone()).times(3));

        let failed = error(way.carry().await);

        assert!(!failed.to_string().is_empty(), "{fault:?}");
        assert_eq!(way.arrived().await, None, "{method} {pattern} {fault:?}");
        way.to.clear();
        moved(way.carry().await);
        assert_eq!(way.arrived().await, Some(way.image.bytes()), "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_about_a_tag_is_made_good_by_the_next_try() {
    let way = Way::of(two_layers()).await;
    way.to
        .add(Rule::on("PUT", "*/manifests/v1", Fault::LoseAnswer).times(1));

    let lost = error(way.carry().await);

    assert_eq!(lost.kind, ErrorKind::Unreachable, "{lost}");
    assert!(way.carry().await.is_none(), "it had arrived");
    assert_eq!(way.arrived().await, Some(way.image.bytes()));
}

#[tokio::test]
async fn a_registry_that_asks_for_patience_says_for_how_long() {
    let way = Way::of(two_layers()).await;
    way.to.add(Rule::on("POST", "*", Fault::slow_down(7)));

    let failed = error(way.carry().await);

    assert_eq!((failed.kind, failed.remote_status), (ErrorKind::Limit, Some(429)));
    assert_eq!(failed.retry_after, Some(Duration::from_secs(7)));
    assert!(failed.to_string().contains("slow down"), "{failed}");
}

#[tokio::test]
async fn the_tag_is_written_last_and_only_after_everything_else() {
    let image = Image::index(vec![
        ("linux/amd64", two_layers()),
        ("linux/arm64", Image::of(&[b"arm"])),
    ]);
    let way = Way::of(image).await;

    moved(way.carry().await);

    let seen = way.to.seen();
    let writes: Vec<&str> = seen
        .iter()
        .filter(|seen| seen.method == "PUT")
        .map(|seen| seen.path.as_str())
        .collect();
    assert_eq!(writes.last(), Some(&"/v2/app/manifests/v1"));
    assert_eq!(writes.iter().filter(|path| path.ends_with("/v1")).count(), 1);
    let first_manifest = writes.iter().position(|path| path.contains("/manifests/"));
    assert!(
        first_manifest > Some(1),
        "blobs of an image go before its manifest"
    );
}

#[tokio::test]
async fn what_arrived_is_not_sent_again_after_a_failure() {
    let way = Way::of(two_layers()).await;
    way.to
        .add(Rule::on("PUT", "*/manifests/*", Fault::status(500)).times(1));

    error(way.carry().await);
    let manifest_bytes = moved(way.carry().await);

    assert_eq!(manifest_bytes, way.image.bytes().len() as u64);
}

#[tokio::test]
async fn a_large_layer_goes_on_where_it_broke_off_in_the_next_process() {
    let large = noise(33 * 1024 * 1024, 5);
    let way = Way::of(Image::of(&[&large])).await;
    let state = tempfile::tempdir().expect("a temporary folder");
    let opened = || {
        let server = server_with(
            &format!("{}/app", way.to.url()),
            &Credentials::default(),
            Some(state.path()),
        );
        connectors::oci::open(server).expect("a place")
    };
    let source = at(&url(&way.here, "/app"));
    // The third piece never comes to its answer.
    way.to.add(Rule::on("PATCH", "*", Fault::Reset).after(2));

    error(carry(&source, &opened(), &key("app", "v1")).await);
    way.to.clear();
    let second = moved(carry(&source, &opened(), &key("app", "v1")).await);

    assert_eq!(way.to.count("PATCH", "*"), 1, "only the last piece was sent");
    assert!(second < 2 * 1024 * 1024, "{second}");
    let arrived = blob_at(&way.there.server.url(), "app", domain::digest::Digest::of(&large)).await;
    assert!(arrived.as_ref() == Some(&large));
}

#[tokio::test]
async fn a_large_layer_whose_piece_broke_in_the_middle_arrives_whole() {
    for fault in [
        Fault::CutRequest(3_000_000),
        Fault::LoseAnswer,
        Fault::ChangeRequest(3_000_000),
    ] {
        let large = noise(17 * 1024 * 1024, 6);
        let way = Way::of(Image::of(&[&large])).await;
        way.to.add(Rule::on("PATCH", "*", fault.clone()).times(1));
        let (source, target) = (at(&url(&way.here, "/app")), at(&format!("{}/app", way.to.url())));

        let mut tries = 0;
        while way.arrived().await.is_none() {
            let outcome = carry(&source, &target, &key("app", "v1")).await;
            tries += 1;
            assert!(tries < 5, "{fault:?}: {outcome:?}");
        }

        assert!(tries > 1, "{fault:?} broke nothing");
        let arrived = blob_at(&way.there.server.url(), "app", domain::digest::Digest::of(&large)).await;
        assert!(arrived.as_ref() == Some(&large), "{fault:?}");
    }
}

#[tokio::test]
async fn an_upload_the_registry_forgot_is_begun_anew_in_the_next_try() {
    let way = Way::of(two_layers()).await;
    let forgotten = Fault::Answer {
        status: 404,
        headers: Vec::new(),
        body: r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown"}]}"#.into(),
    };
    way.to
        .add(Rule::on("PUT", "*/blobs/uploads/*", forgotten).times(1));

    let failed = error(way.carry().await);

    assert!(failed.kind.is_transient(), "{failed}");
    assert!(failed.to_string().contains("BLOB_UPLOAD_UNKNOWN"), "{failed}");
    moved(way.carry().await);
    assert_eq!(way.arrived().await, Some(way.image.bytes()));
}

#[tokio::test]
async fn a_refused_mount_becomes_an_upload() {
    let mut way = Way::of(two_layers()).await;
    // What a registry has is remembered as long as it is open.
    let (source, target) = (at(&way.from.url()), at(&way.to.url()));
    moved(carry(&source, &target, &key("app", "v1")).await);
    way.with("other".into(), two_layers()).await;
    way.to.add(Rule::on("POST", "*mount=*", Fault::status(403)));

    let bytes = moved(carry(&source, &target, &key("other", "v1")).await);

    assert!(bytes > 300_000, "everything was sent: {bytes}");
    assert_eq!(way.to.struck(), way.image.blobs.len());
    assert_eq!(way.arrived().await, Some(way.image.bytes()));
}
