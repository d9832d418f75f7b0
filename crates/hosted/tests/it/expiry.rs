//! Files with a date: gone at once when it is due, whoever asks and whenever they are removed.

use domain::artifact::ArtifactKey;
use domain::task::Scope;
use hosted::{FolderSize, HostedError, NodeFilter, PathRange, UploadOptions};

use crate::world::{HOUR_MS, World, admin, path, stream};

const START_MS: i64 = 1_790_000_000_000;

/// Starts with `/d/due` (5 bytes, for an hour) and `/d/kept` (4 bytes).
async fn world() -> World {
    let world = World::start().await;
    upload(&world, "/d/due", "12345", Some(START_MS + HOUR_MS))
        .await
        .expect("stored");
    upload(&world, "/d/kept", "1234", None).await.expect("stored");
    world
}

async fn upload(
    world: &World,
    at: &str,
    bytes: &'static str,
    expires_ms: Option<i64>,
) -> Result<(), HostedError> {
    let options = UploadOptions {
        expires_ms,
        ..UploadOptions::default()
    };
    let repository = &world.repository;
    let stored = repository
        .upload(&path(at), stream(bytes), options, &admin())
        .await;
    stored.map(|_| ())
}

/// Returns what every way of looking finds: node, list, size, page, count, children, range, source.
async fn seen(world: &World) -> Vec<usize> {
    let repository = &world.repository;
    let folder = path("/d");
    let filter = |deep| NodeFilter {
        folders: false,
        deep,
        order: Vec::new(),
    };
    let keys = [
        ArtifactKey::file(&path("/d/due")),
        ArtifactKey::file(&path("/d/kept")),
    ];
    let nodes = repository.nodes(&["/d/due", "/d/kept"]).await.expect("nodes");
    let found = repository.find(&keys).await.expect("found");
    let FolderSize { files, .. } = repository.folder_size(&folder).await.expect("a size");
    let page = repository
        .page(&folder, &filter(false), 0, 10)
        .await
        .expect("a page");
    let deep = repository
        .page(&folder, &filter(true), 0, 10)
        .await
        .expect("a page");
    let count = repository.count(&folder, &filter(false)).await.expect("a count");
    let children = repository
        .children(&folder, false, None, 10)
        .await
        .expect("children");
    let range = PathRange::below(&folder);
    let range = repository.nodes_in(&range, None, 10).await.expect("a range");
    let source = repository.source();
    let listed = source.list(&Scope::Repository, None, 10).await.expect("keys");
    let missing = source
        .missing(&Scope::Paths(vec![path("/d/due"), path("/d/kept")]))
        .await
        .expect("an answer");
    vec![
        nodes.iter().flatten().count(),
        found.iter().flatten().count(),
        files as usize,
        page.len(),
        deep.len(),
        count as usize,
        children.len(),
        range.len(),
        listed.keys.len(),
        2 - missing.len(),
    ]
}

async fn used_bytes(world: &World) -> u64 {
    let name = &world.repository.info().name;
    let found = world.hosted.repository(name).await.expect("a look-up");
    found.expect("it is there").info().used_bytes
}

#[tokio::test]
async fn a_file_is_absent_for_everybody_from_the_moment_it_is_due() {
    let world = world().await;

    world.clock.advance_ms(HOUR_MS - 1);
    let before = seen(&world).await;
    world.clock.advance_ms(1);
    let due = seen(&world).await;
    let deleted = world.repository.delete(&path("/d/due")).await;

    assert_eq!(before, [2; 10]);
    assert_eq!(due, [1; 10]);
    assert!(matches!(deleted, Err(HostedError::NodeUnknown(_))));
}

#[tokio::test]
async fn a_pass_removes_what_is_due_and_gives_its_room_back() {
    let world = world().await;
    let before = used_bytes(&world).await;
    world.clock.advance_ms(HOUR_MS);

    let removed = world.hosted.expire().await.expect("a pass");
    let again = world.hosted.expire().await.expect("a pass");

    assert_eq!((removed, again), (1, 0));
    assert_eq!((before, used_bytes(&world).await), (9, 4));
    assert_eq!(world.content("/d/kept").await, Some(b"1234".to_vec()));
}

#[tokio::test]
async fn the_place_of_a_due_file_is_free_before_any_pass() {
    let world = world().await;
    upload(&world, "/e", "12345678", Some(START_MS + HOUR_MS))
        .await
        .expect("stored");
    world.clock.advance_ms(HOUR_MS);

    upload(&world, "/d/due", "new", None)
        .await
        .expect("nothing stands there");
    upload(&world, "/e/below", "it was a file", None)
        .await
        .expect("nothing stands there");

    assert_eq!(world.content("/d/due").await, Some(b"new".to_vec()));
    assert_eq!(world.content("/e/below").await, Some(b"it was a file".to_vec()));
    assert_eq!(used_bytes(&world).await, 3 + 4 + 13);
    assert_eq!(world.hosted.expire().await.expect("a pass"), 0);
}

#[tokio::test]
async fn a_folder_and_a_repository_of_due_files_only_count_as_empty() {
    let world = World::start().await;
    upload(&world, "/due", "12345", Some(START_MS + HOUR_MS))
        .await
        .expect("stored");
    world.clock.advance_ms(HOUR_MS);
    let name = world.repository.info().name.clone();

    let deleted = world.hosted.delete_repository(&name, false).await;

    assert!(deleted.is_ok(), "{deleted:?}");
}
