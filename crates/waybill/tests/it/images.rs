//! `waybill copy` between two real registries, looked at with the tools people use.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use testkit::contract::noise;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::images::Image;
use testkit::servers::{OciRegistry, RegistryLogin, program, run};

use crate::clients::{buildah, keeping};
use crate::support::{Said, waybill};

struct World {
    here: OciRegistry,
    there: OciRegistry,
    state: TempDir,
}

impl World {
    async fn start() -> Self {
        Self {
            here: OciRegistry::start().await,
            there: OciRegistry::start().await,
            state: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    async fn push(&self, image: &Image, name: &str, tag: &str) {
        image.push(&self.here.server.url(), name, tag).await;
    }

    fn from(&self, path: &str) -> String {
        format!("oci+{}{path}", self.here.server.url())
    }

    fn to(&self, path: &str) -> String {
        format!("oci+{}{path}", self.there.server.url())
    }

    async fn copy(&self, arguments: &[&str]) -> Said {
        let mut command = waybill(&["copy", "--output", "json"]);
        command.args(arguments).arg("--state").arg(self.state.path());
        let said = tokio::task::spawn_blocking(move || crate::support::run(&mut command));
        said.await.expect("it ends")
    }
}

fn outcome(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| unreachable!("{} {}", said.out, said.err))
}

/// Returns the manifest of `reference` as skopeo has it.
async fn inspected(reference: &str) -> String {
    let mut skopeo = Command::new(program("skopeo"));
    skopeo.args([
        "inspect",
        "--raw",
        "--tls-verify=false",
        &format!("docker://{reference}"),
    ]);
    run(&mut skopeo).await
}

/// Returns an index of two platforms that share a layer.
fn two_platforms(seed: u64) -> Image {
    let shared = noise(300_000, 7);
    let own = noise(1000, seed);
    Image::index(vec![
        ("linux/amd64", Image::of(&[&shared, &own])),
        ("linux/arm64", Image::of(&[&shared, b"arm"])),
    ])
}

#[tokio::test]
async fn images_with_all_their_platforms_are_copied_and_a_second_copy_moves_nothing() {
    let world = World::start().await;
    for (name, tag) in [("team/one", "1.0"), ("team/one", "1.1"), ("team/two", "latest")] {
        world.push(&two_platforms(tag.len() as u64), name, tag).await;
    }
    let (from, to) = (world.from("/team/*"), world.to("/mirror/*"));

    let first = world.copy(&[&from, &to]).await;
    let second = world.copy(&[&from, &to]).await;

    assert_eq!((first.code, second.code), (0, 0), "{} {}", first.err, second.err);
    assert_eq!(outcome(&first)["counts"]["copied"], 3, "{}", first.out);
    assert_eq!(outcome(&second)["counts"]["unchanged"], 3, "{}", second.out);
    for image in ["one:1.0", "one:1.1", "two:latest"] {
        let here = inspected(&format!("{}/team/{image}", world.here.host())).await;
        let there = inspected(&format!("{}/mirror/{image}", world.there.host())).await;
        assert_eq!(here, there, "{image}");
    }
    // Skopeo reads every byte and compares digests.
    let folder = world.state.path().join("layout");
    let mut skopeo = Command::new(program("skopeo"));
    skopeo
        .args(["copy", "--all", "--src-tls-verify=false"])
        .arg(format!("docker://{}/mirror/two:latest", world.there.host()))
        .arg(format!("oci:{}:two", folder.display()));
    run(&mut skopeo).await;
}

/// Builds an image of one file with buildah and pushes it, packed as `packing` and tagged so; returns the file's bytes.
fn push_packed(home: &Path, registry: &str, packing: &str) -> Vec<u8> {
    // Of other bytes each: buildah sends a layer in one packing only.
    let (file, bytes) = (
        home.join(packing),
        [packing.as_bytes(), &noise(200_000, 11)].concat(),
    );
    std::fs::write(&file, &bytes).expect("written");
    let container = buildah(home, &["from", "scratch"]);
    let file = file.to_str().expect("UTF-8");
    buildah(
        home,
        &["copy", "--chmod", "751", &container, file, "/opt/program"],
    );
    buildah(home, &["commit", &container, packing]);
    let to = format!("docker://{registry}/app:{packing}");
    buildah(
        home,
        &[
            "push",
            "--tls-verify=false",
            "--compression-format",
            packing,
            packing,
            &to,
        ],
    );
    bytes
}

/// Unpacks an image in a store of its own; returns where its files are.
fn unpacked(home: &Path, image: &str) -> PathBuf {
    let unpack = |arguments: &[&str]| keeping("buildah", home, "unpacked", arguments);
    let container = unpack(&[
        "from",
        "--tls-verify=false",
        "--pull-always",
        &format!("docker://{image}"),
    ]);
    unpack(&["mount", &container]).into()
}

#[tokio::test]
async fn a_container_image_is_unpacked_from_the_copy_whatever_its_layers_are_packed_with() {
    let world = World::start().await;
    let home = world.state.path().join("home");
    std::fs::create_dir_all(&home).expect("made");
    let packings = [("gzip", "layer.v1.tar+gzip"), ("zstd", "layer.v1.tar+zstd")];
    let pushed = packings.map(|(packing, _)| push_packed(&home, &world.here.host(), packing));

    let said = world.copy(&[&world.from("/app"), &world.to("/app")]).await;

    assert_eq!(outcome(&said)["counts"]["copied"], 2, "{} {}", said.out, said.err);
    for ((packing, layer), bytes) in packings.into_iter().zip(pushed) {
        let here = inspected(&format!("{}/app:{packing}", world.here.host())).await;
        let there = inspected(&format!("{}/app:{packing}", world.there.host())).await;
        assert_eq!(here, there);
        assert!(there.contains(layer), "{there}");
        let root = unpacked(&home, &format!("{}/app:{packing}", world.there.host()));
        let arrived = std::fs::read(root.join("opt/program")).expect("it is there");
        assert!(arrived == bytes, "{packing}: other bytes were unpacked");
    }
}

#[tokio::test]
async fn only_the_wanted_versions_are_copied() {
    let world = World::start().await;
    for tag in ["1.9", "1.10", "2.0-rc", "edge"] {
        world.push(&Image::of(&[tag.as_bytes()]), "app", tag).await;
    }
    let (from, to) = (world.from("/app"), world.to("/app"));

    let said = world
        .copy(&[
            &from,
            &to,
            "--include",
            "*.*",
            "--exclude",
            "*-rc",
            "--newest",
            "1",
        ])
        .await;
    let folder = world.copy(&["./src", "./nowhere", "--newest", "1"]).await;

    assert_eq!(outcome(&said)["counts"]["copied"], 1, "{}", said.out);
    let tags = run(Command::new(program("skopeo"))
        .args(["list-tags", "--tls-verify=false"])
        .arg(format!("docker://{}/app", world.there.host())))
    .await;
    let tags: Value = serde_json::from_str(&tags).expect("JSON");
    assert_eq!(tags["Tags"], serde_json::json!(["1.10"]));
    assert!(
        folder.code != 0 && folder.err.contains("--newest"),
        "{}",
        folder.err
    );
}

#[tokio::test]
async fn faults_on_the_way_are_overcome_or_named_and_never_a_success() {
    let world = World::start().await;
    let image = two_platforms(3);
    world.push(&image, "app", "v1").await;
    let proxy = FaultProxy::to(world.there.server.address()).await;
    let (from, to) = (world.from("/app:v1"), format!("oci+{}/app:v1", proxy.url()));
    for fault in [
        Fault::status(500),
        Fault::Reset,
        Fault::slow_down(1),
        Fault::ChangeRequest(0),
    ] {
        proxy.add(Rule::on("PUT", "*", fault).times(1));
    }

    let said = world.copy(&[&from, &to]).await;

    assert_eq!(said.code, 0, "{} {}", said.out, said.err);
    assert_eq!(proxy.struck(), 4);
    let arrived = inspected(&format!("{}/app:v1", world.there.host())).await;
    assert_eq!(arrived.into_bytes(), image.bytes());

    world.push(&two_platforms(4), "other", "v1").await;
    let (from, to) = (world.from("/other:v1"), format!("oci+{}/other:v1", proxy.url()));
    proxy.clear();
    proxy.add(Rule::on("PUT", "*/manifests/v1", Fault::status(500)));
    let said = world.copy(&[&from, &to]).await;

    assert_eq!(outcome(&said)["counts"]["failed"], 1, "{}", said.out);
    assert_ne!(said.code, 0);
    let nothing = testkit::images::manifest_at(&world.there.server.url(), "other", "v1").await;
    assert_eq!(nothing, None);
}

#[tokio::test]
async fn a_registry_that_wants_a_login_gets_the_password_from_the_environment() {
    let world = World::start().await;
    let locked = OciRegistry::with(RegistryLogin::Basic).await;
    world.push(&Image::of(&[b"x"]), "app", "v1").await;
    let to = format!("oci+http://bob@{}/app", locked.host());

    let mut command = waybill(&["copy", &world.from("/app"), &to, "--state"]);
    command.arg(world.state.path()).env("WAYBILL_PASSWORD", "secret");
    let said = tokio::task::spawn_blocking(move || crate::support::run(&mut command));
    let said = said.await.expect("it ends");

    assert_eq!(said.code, 0, "{}", said.err);
    let tags = run(Command::new(program("skopeo"))
        .args(["list-tags", "--tls-verify=false", "--creds", "bob:secret"])
        .arg(format!("docker://{}/app", locked.host())))
    .await;
    assert!(tags.contains("\"v1\""), "{tags}");
}
