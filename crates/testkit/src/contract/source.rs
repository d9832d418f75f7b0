//! What every source promises.

use std::collections::BTreeMap;

use domain::artifact::{ArtifactKey, Blob};
use domain::checksums::Sums;
use domain::failure::ErrorKind;
use domain::ports::{Cursor, Source};
use domain::task::Scope;
use futures_util::StreamExt;

use super::{SourceWorld, artifact, key, noise};

/// Names that sort differently as texts, as folders and as people would.
const PATHS: [&str; 12] = [
    "/a",
    "/a.txt",
    "/a b/c d.txt",
    "/b/a",
    "/b/c/d/e/f",
    "/b.c",
    "/b0",
    "/é/ü.bin",
    "/z/%41+&=;#?",
    "/z/'\"",
    "/中文/文件",
    "/😀",
];

/// Runs the promises of every source as tests; `$world` makes a fresh `impl SourceWorld`.
#[macro_export]
macro_rules! source_contract {
    ($world:expr) => {
        $crate::source_contract!($world;
            an_empty_repository_lists_nothing,
            pages_of_every_size_list_every_key_once_in_one_order,
            a_cursor_still_fits_after_its_key_is_all_that_is_known,
            a_path_is_a_file_or_a_folder_with_all_below_it_literally,
            a_description_names_digest_and_size_in_the_order_asked,
            small_blobs_are_read_whole_in_the_order_asked,
            large_blobs_are_read_from_any_byte,
        );
    };
    ($world:expr; $($name:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $crate::contract::source::$name(&$world.await).await;
        })*
    };
}

async fn fill(world: &dyn SourceWorld) {
    for path in PATHS {
        world.hold(path, path.as_bytes()).await;
    }
}

async fn list_all(source: &dyn Source, scope: &Scope, limit: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = source.list(scope, cursor.as_ref(), limit).await.expect("a page");
        assert!(page.keys.len() <= limit, "a page is never longer than asked");
        names.extend(page.keys.into_iter().map(|key| key.name));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return names,
        }
    }
}

fn blob(bytes: &[u8]) -> Blob {
    artifact("/x", bytes).blobs.remove(0)
}

/// See its name.
pub async fn an_empty_repository_lists_nothing(world: &dyn SourceWorld) {
    assert!(
        list_all(&*world.source(), &Scope::Repository, 10)
            .await
            .is_empty()
    );
}

/// See its name.
pub async fn pages_of_every_size_list_every_key_once_in_one_order(world: &dyn SourceWorld) {
    fill(world).await;
    let mut expected: Vec<String> = PATHS.map(String::from).into();
    expected.sort();

    for limit in [1, 2, 5, PATHS.len() - 1, PATHS.len(), PATHS.len() + 1, 1000] {
        let listed = list_all(&*world.source(), &Scope::Repository, limit).await;
        assert_eq!(listed, expected, "pages of {limit}");
    }
}

/// See its name.
pub async fn a_cursor_still_fits_after_its_key_is_all_that_is_known(world: &dyn SourceWorld) {
    fill(world).await;
    let mut expected: Vec<String> = PATHS.map(String::from).into();
    expected.sort();

    for first in 1..PATHS.len() {
        let source = world.source();
        let page = source
            .list(&Scope::Repository, None, first)
            .await
            .expect("a page");
        let next = page.next.expect("more follows");
        // A page was asked for out of turn in between, as after a restart.
        source.list(&Scope::Repository, None, 1).await.expect("a page");
        let rest = source
            .list(&Scope::Repository, Some(&next), 1000)
            .await
            .expect("the rest");

        let listed: Vec<String> = page
            .keys
            .into_iter()
            .chain(rest.keys)
            .map(|key| key.name)
            .collect();
        assert_eq!(listed, expected, "resumed after {first}");
    }
}

/// See its name.
pub async fn a_path_is_a_file_or_a_folder_with_all_below_it_literally(world: &dyn SourceWorld) {
    fill(world).await;
    let source = world.source();
    let paths = ["/b", "/b/c", "/a.txt", "/nowhere", "/a b/c"];
    let scope = Scope::Paths(paths.map(|path| path.parse().expect("a path")).into());

    let mut listed = list_all(&*source, &scope, 2).await;
    listed.sort();

    assert_eq!(listed, ["/a.txt", "/b/a", "/b/c/d/e/f"]);
    let missing = source.missing(&scope).await.expect("an answer");
    assert_eq!(missing, [key("/nowhere"), key("/a b/c")]);
    assert!(
        source
            .missing(&Scope::Repository)
            .await
            .expect("an answer")
            .is_empty()
    );
}

/// See its name.
pub async fn a_description_names_digest_and_size_in_the_order_asked(world: &dyn SourceWorld) {
    fill(world).await;
    let keys = [key("/😀"), key("/nowhere"), key("/b"), key("/a")];

    let described = world.source().describe(&keys).await.expect("an answer");

    assert_eq!(described.len(), keys.len());
    for (place, path) in [(0, "/😀"), (3, "/a")] {
        let artifact = described[place].as_ref().expect("it is there");
        assert_eq!(artifact.key.name.as_str(), path);
        assert_eq!(artifact.blobs.len(), 1);
        // A protocol without digests says nothing; what it does say is true.
        assert!(Sums::of(path.as_bytes(), &artifact.blobs[0]).are_of(&artifact.blobs[0]));
        assert_eq!(artifact.digest, artifact.blobs[0].digest);
        assert_eq!(artifact.size_bytes(), path.len() as u64);
    }
    let absent = described[1].as_ref().expect_err("it is not there");
    assert_eq!(absent.kind, ErrorKind::NotFound);
    assert!(described[2].is_err(), "a folder is no artifact");
}

/// See its name.
pub async fn small_blobs_are_read_whole_in_the_order_asked(world: &dyn SourceWorld) {
    let contents: BTreeMap<String, Vec<u8>> = (0..50_usize)
        .map(|number| (format!("/small/{number}"), noise(number * 977, number as u64)))
        .collect();
    for (path, bytes) in &contents {
        world.hold(path, bytes).await;
    }
    let wanted: Vec<(ArtifactKey, Blob)> = contents
        .iter()
        .rev()
        .map(|(path, bytes)| (key(path), blob(bytes)))
        .collect();
    let absent = (key("/small/none"), blob(b"none"));
    let asked: Vec<(&ArtifactKey, &Blob)> = wanted
        .iter()
        .chain([&absent])
        .map(|(key, blob)| (key, blob))
        .collect();

    let read = world.source().read(&asked).await.expect("an answer");

    assert_eq!(read.len(), wanted.len() + 1);
    for ((key, _), bytes) in wanted.iter().zip(&read) {
        assert_eq!(bytes.as_ref().expect("bytes"), &contents[&key.name], "{key}");
    }
    let refused = read
        .last()
        .expect("the absent one")
        .as_ref()
        .expect_err("it is not there");
    assert_eq!(refused.kind, ErrorKind::NotFound);
}

/// See its name.
pub async fn large_blobs_are_read_from_any_byte(world: &dyn SourceWorld) {
    let bytes = noise(5_000_003, 7);
    world.hold("/large.bin", &bytes).await;
    let source = world.source();
    let blob = blob(&bytes);

    for offset in [0, 1, 262_144, 4_999_999, bytes.len()] {
        let mut stream = source
            .open(&key("/large.bin"), &blob, offset as u64)
            .await
            .expect("a stream");
        let mut read = Vec::new();
        while let Some(piece) = stream.next().await {
            read.extend_from_slice(&piece.expect("a piece"));
        }
        assert!(read == bytes[offset..], "from {offset}: {} bytes", read.len());
    }
    let absent = artifact("/none.bin", b"never there").blobs.remove(0);
    let opened = source.open(&key("/none.bin"), &absent, 0).await;
    assert!(opened.is_err(), "what is not there is not opened");
}
