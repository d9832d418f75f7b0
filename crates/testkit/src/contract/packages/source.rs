//! What every source of packages promises.

use std::collections::BTreeSet;

use domain::artifact::{ArtifactKey, Blob};
use domain::checksums::Sums;
use domain::failure::ErrorKind;
use domain::ports::{Cursor, SMALL_BLOB_BYTES, Source};
use domain::task::{PackageSelection, Scope};
use futures_util::StreamExt;

use super::{LARGE, NOWHERE, PackageWorld, Release, VERSIONS, key};

/// Runs the promises of every source of packages as tests; `$world` makes a fresh `impl PackageWorld`.
#[macro_export]
macro_rules! package_source_contract {
    ($world:expr) => {
        $crate::package_source_contract!($world;
            an_empty_registry_lists_nothing,
            pages_of_every_size_list_every_version_once_in_one_order,
            a_selection_is_packages_and_versions_and_the_rest_is_named_missing,
            a_version_is_described_and_read_whole_in_the_order_asked,
            large_files_of_a_version_are_read_from_any_byte,
        );
    };
    ($world:expr; $($name:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $crate::contract::packages::source::$name(&$world.await).await;
        })*
    };
}

/// Makes every version of the first two packages, and one of the third.
async fn fill(world: &dyn PackageWorld) -> Vec<Release> {
    let [first, second, third] = world.names();
    let mut releases = Vec::new();
    for (seed, version) in VERSIONS.iter().enumerate() {
        releases.push(world.release(first, version, 100, seed as u64));
        releases.push(world.release(second, version, 200, 10 + seed as u64));
    }
    releases.push(world.release(third, VERSIONS[0], 300, 20));
    for release in &releases {
        world.hold(release).await;
    }
    releases
}

async fn list_all(source: &dyn Source, scope: &Scope, limit: usize) -> Vec<ArtifactKey> {
    let mut keys = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = source.list(scope, cursor.as_ref(), limit).await.expect("a page");
        assert!(page.keys.len() <= limit, "a page is never longer than asked");
        keys.extend(page.keys);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return keys,
        }
    }
}

/// See its name.
pub async fn an_empty_registry_lists_nothing(world: &dyn PackageWorld) {
    let listed = list_all(&*world.source(), &Scope::Repository, 10).await;

    assert_eq!(listed, []);
}

/// See its name.
pub async fn pages_of_every_size_list_every_version_once_in_one_order(world: &dyn PackageWorld) {
    let releases = fill(world).await;
    let expected: BTreeSet<ArtifactKey> = releases.into_iter().map(|it| it.artifact.key).collect();

    let order = list_all(&*world.source(), &Scope::Repository, 1000).await;

    assert_eq!(order.len(), expected.len(), "each once");
    assert_eq!(order.iter().cloned().collect::<BTreeSet<_>>(), expected);
    for limit in [1, 3, VERSIONS.len(), expected.len()] {
        let listed = list_all(&*world.source(), &Scope::Repository, limit).await;
        assert_eq!(listed, order, "pages of {limit}");
    }
    // Each rest is listed by another source: a place is all that survives a restart.
    let mut cursor = None;
    for done in 1..order.len() {
        let source = world.source();
        let page = source.list(&Scope::Repository, cursor.as_ref(), 1).await;
        let page = page.expect("a page");
        assert_eq!(page.keys, order[done - 1..done]);
        cursor = page.next;
        assert!(cursor.is_some(), "more follows");
    }
}

/// See its name.
pub async fn a_selection_is_packages_and_versions_and_the_rest_is_named_missing(world: &dyn PackageWorld) {
    fill(world).await;
    let [first, second, third] = world.names();
    let select = |name: &str, versions: &[&str]| PackageSelection {
        key: key(world, name, NOWHERE).name,
        versions: versions.iter().map(ToString::to_string).collect(),
        target_versions: Vec::new(),
    };
    let mut nothing = select(third, &[]);
    nothing.key.push_str("-that-is-not-there");
    let scope = Scope::Packages(vec![
        select(second, &["1.10.0", NOWHERE]),
        select(first, &[]),
        nothing.clone(),
    ]);
    let source = world.source();

    let listed: BTreeSet<_> = list_all(&*source, &scope, 2).await.into_iter().collect();

    let mut expected: BTreeSet<_> = VERSIONS.iter().map(|it| key(world, first, it)).collect();
    expected.insert(key(world, second, "1.10.0"));
    assert_eq!(listed, expected);
    let missing: BTreeSet<_> = source
        .missing(&scope)
        .await
        .expect("an answer")
        .into_iter()
        .collect();
    let package = ArtifactKey {
        name: nothing.key,
        version: None,
    };
    assert_eq!(missing, BTreeSet::from([key(world, second, NOWHERE), package]));
    let of_all = source.missing(&Scope::Repository).await.expect("an answer");
    assert_eq!(of_all, []);
}

/// See its name.
pub async fn a_version_is_described_and_read_whole_in_the_order_asked(world: &dyn PackageWorld) {
    let releases = fill(world).await;
    let [first, _, third] = world.names();
    let source = world.source();
    let mut keys: Vec<ArtifactKey> = releases.iter().rev().map(|it| it.artifact.key.clone()).collect();
    keys.insert(1, key(world, third, NOWHERE));
    keys.push(key(world, &format!("{first}-that-is-not-there"), NOWHERE));

    let mut described = source.describe(&keys).await.expect("an answer");

    assert_eq!(described.len(), keys.len());
    for place in [keys.len() - 1, 1] {
        let absent = described.remove(place).expect_err("it is not there");
        assert_eq!(absent.kind, ErrorKind::NotFound, "{absent}");
    }
    for (release, artifact) in releases.iter().rev().zip(described) {
        let artifact = artifact.expect("it is there");
        let names = |blobs: &[Blob]| blobs.iter().map(|it| it.name.clone()).collect::<BTreeSet<_>>();
        assert_eq!(artifact.key, release.artifact.key);
        assert_eq!(names(&artifact.blobs), names(&release.artifact.blobs));
        let asked: Vec<_> = artifact.blobs.iter().map(|it| (&artifact.key, it)).collect();
        assert!(asked.iter().all(|(_, it)| it.size_bytes <= SMALL_BLOB_BYTES));
        let read = source.read(&asked).await.expect("an answer");
        for (blob, bytes) in artifact.blobs.iter().zip(read) {
            let bytes = bytes.expect("bytes");
            // A protocol without digests says nothing; what it does say is true.
            assert!(Sums::of(&bytes, blob).are_of(blob), "{} {blob:?}", artifact.key);
            assert_eq!(
                bytes,
                bytes_of(release, &blob.name),
                "{} {}",
                artifact.key,
                blob.name
            );
        }
    }
}

fn bytes_of(release: &Release, name: &str) -> Vec<u8> {
    let place = release.artifact.blobs.iter().position(|blob| blob.name == name);
    release.bytes[place.expect("a blob of the release")].clone()
}

/// See its name.
pub async fn large_files_of_a_version_are_read_from_any_byte(world: &dyn PackageWorld) {
    let release = world.release(world.names()[0], VERSIONS[0], LARGE, 7);
    world.hold(&release).await;
    let source = world.source();
    let described = source.describe(std::slice::from_ref(&release.artifact.key)).await;
    let artifact = described.expect("an answer").remove(0).expect("it is there");
    let blob = artifact
        .blobs
        .iter()
        .max_by_key(|blob| blob.size_bytes)
        .expect("a blob");
    let bytes = bytes_of(&release, &blob.name);

    for offset in [0, 1, LARGE / 2, bytes.len() - 1] {
        let mut stream = source
            .open(&artifact.key, blob, offset as u64)
            .await
            .expect("a stream");
        let mut read = Vec::new();
        while let Some(piece) = stream.next().await {
            read.extend_from_slice(&piece.expect("a piece"));
        }
        assert!(read == bytes[offset..], "from {offset}: {} bytes", read.len());
    }
    // Where bytes are named by their digest, the package they are in is all that tells.
    let absent = key(world, world.names()[2], NOWHERE);
    let opened = source.open(&absent, blob, 0).await;
    assert!(opened.is_err(), "what is not there is not opened");
}
