//! What every source of packages promises.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use domain::artifact::{ArtifactKey, Blob};
use domain::checksums::Sums;
use domain::failure::ErrorKind;
use domain::ports::{Cursor, SMALL_BLOB_BYTES, Source};
use domain::task::{PackageSelection, Scope};
use domain::versions::{Choice, VersionFilter};
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
            only_wanted_versions_are_listed_unless_they_are_named,
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

fn choosing(include: &[&str], exclude: &[&str], newest: usize) -> Choice {
    let patterns = |texts: &[&str]| texts.iter().map(|it| it.parse().expect("a pattern")).collect();
    Choice {
        versions: VersionFilter {
            include: patterns(include),
            exclude: patterns(exclude),
            newest: NonZeroUsize::new(newest),
        },
        ..Choice::default()
    }
}

/// See its name.
pub async fn only_wanted_versions_are_listed_unless_they_are_named(world: &dyn PackageWorld) {
    fill(world).await;
    let [first, second, third] = world.names();
    let expected = |named: &[(&str, &str)]| -> BTreeSet<_> {
        named
            .iter()
            .map(|(name, version)| key(world, name, version))
            .collect()
    };
    let package = |name: &str, versions: &[&str]| PackageSelection {
        key: key(world, name, NOWHERE).name,
        versions: versions.iter().map(ToString::to_string).collect(),
        target_versions: Vec::new(),
    };
    let two = [
        (first, "1.2.0"),
        (first, "1.10.0"),
        (second, "1.2.0"),
        (second, "1.10.0"),
    ];
    let some = [(first, "1.0.0"), (second, "1.0.0"), (third, "0.9.0")];

    for (choice, wanted) in [
        (choosing(&["semver:>=1"], &[], 2), &two[..]),
        (choosing(&["regex:1\\..*0\\.0|1\\.2.*"], &["1.0.0"], 0), &two[..]),
        (choosing(&[], &["1.2.*", "1.10.0"], 1), &some[..]),
        (choosing(&["9.*"], &[], 1), &[]),
    ] {
        for limit in [1, 3, 100] {
            let source = world.source_of(choice.clone());
            let listed = list_all(&*source, &Scope::Repository, limit).await;
            let unique: BTreeSet<_> = listed.iter().cloned().collect();
            assert_eq!(unique, expected(wanted), "{choice:?} by {limit}");
            assert_eq!(listed.len(), unique.len(), "each once");
        }
    }
    let scope = Scope::Packages(vec![package(first, &["0.9.0"]), package(second, &[])]);
    let source = world.source_of(choosing(&[], &[], 1));
    let listed: BTreeSet<_> = list_all(&*source, &scope, 10).await.into_iter().collect();
    assert_eq!(listed, expected(&[(first, "0.9.0"), (second, "1.10.0")]));
    let nothing = world.source_of(choosing(&["9.*"], &[], 0));
    let missing = nothing.missing(&scope).await.expect("an answer");
    assert_eq!(missing, [], "what is not wanted is not missing");
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
