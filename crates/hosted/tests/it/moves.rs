//! Moving, copying, renaming and deleting trees: what is atomic, what stands in the way, what a crash leaves.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use domain::repository::RepositoryRef;
use hosted::{
    Hosted, HostedError, HostedRepository, MoveKind, NewRepository, RepositoryChange, UploadOptions,
};
use storage::Store;
use storage::hosted::HostedData;
use storage::moves::{MoveRequest, NodePlace};
use storage::nodes::PathRange;

use crate::world::{World, admin, path, stream, with_bytes};

/// Starts a repository that takes three nodes at a time.
async fn in_small_batches() -> World {
    let world = World::start().await;
    let data = HostedData::open(&world.store).await.expect("it opens");
    let hosted = Hosted::over(data.with_batch_nodes(3));
    let repository = hosted.repository(&world.repository.info().name).await;
    World {
        repository: repository.expect("a look-up").expect("it is there"),
        hosted,
        ..world
    }
}

async fn go(
    world: &World,
    kind: MoveKind,
    from: &str,
    to: &str,
    overwrite: bool,
) -> Result<u64, HostedError> {
    let target = (&world.repository, &path(to));
    world
        .repository
        .move_to(kind, &path(from), target, overwrite, "someone")
        .await
}

/// Returns every path with the content of its file; folders have none.
async fn tree(repository: &HostedRepository) -> BTreeMap<String, Option<String>> {
    let nodes = repository.nodes_in(&PathRange::everything(), None, 10_000).await;
    nodes
        .expect("a list")
        .into_iter()
        .map(|node| (node.path.to_string(), node.file.map(|file| file.digest.to_hex())))
        .collect()
}

async fn paths(world: &World) -> Vec<String> {
    tree(&world.repository).await.into_keys().collect()
}

async fn used(world: &World) -> u64 {
    let found = world.hosted.repository(&world.repository.info().name).await;
    found.expect("a look-up").expect("it is there").info().used_bytes
}

/// Fails unless every node has all the folders above it.
fn assert_whole(tree: &BTreeMap<String, Option<String>>) {
    for at in tree.keys() {
        for folder in path(at).ancestors() {
            assert_eq!(tree.get(folder.as_str()), Some(&None), "{folder} above {at}");
        }
    }
}

#[tokio::test]
async fn files_and_folders_go_where_mv_and_cp_would_put_them() {
    use MoveKind::{Copy, Move, Rename};
    for (kind, from, to, then) in [
        (Move, "/f", "/g", vec!["/d", "/d/a", "/d/s", "/d/s/b", "/e", "/g"]),
        (
            Move,
            "/f",
            "/e",
            vec!["/d", "/d/a", "/d/s", "/d/s/b", "/e", "/e/f"],
        ),
        (
            Move,
            "/f",
            "/n/o/p",
            vec!["/d", "/d/a", "/d/s", "/d/s/b", "/e", "/n", "/n/o", "/n/o/p"],
        ),
        (Move, "/d", "/n", vec!["/e", "/f", "/n", "/n/a", "/n/s", "/n/s/b"]),
        (
            Move,
            "/d",
            "/e",
            vec!["/e", "/e/d", "/e/d/a", "/e/d/s", "/e/d/s/b", "/f"],
        ),
        (Move, "/d/s", "/", vec!["/d", "/d/a", "/e", "/f", "/s", "/s/b"]),
        (
            Move,
            "/e",
            "/d/s/e",
            vec!["/d", "/d/a", "/d/s", "/d/s/b", "/d/s/e", "/f"],
        ),
        (
            Copy,
            "/d/s",
            "/n",
            vec!["/d", "/d/a", "/d/s", "/d/s/b", "/e", "/f", "/n", "/n/b"],
        ),
        (
            Copy,
            "/f",
            "/e",
            vec!["/d", "/d/a", "/d/s", "/d/s/b", "/e", "/e/f", "/f"],
        ),
        (
            Rename,
            "/d",
            "/x/y",
            vec!["/e", "/f", "/x", "/x/y", "/x/y/a", "/x/y/s", "/x/y/s/b"],
        ),
        (
            Move,
            "/d/a",
            "/d",
            vec!["/d", "/d/a", "/d/s", "/d/s/b", "/e", "/f"],
        ),
        (Copy, "/f", "/f", vec!["/d", "/d/a", "/d/s", "/d/s/b", "/e", "/f"]),
    ] {
        for world in [World::start().await, in_small_batches().await] {
            let files = ["/d/a", "/d/s/b", "/f"].map(|at| with_bytes(at, at.as_bytes()));
            world.publish(files.into()).await;
            world
                .repository
                .make_folder(&path("/e"), "someone")
                .await
                .expect("it is made");

            go(&world, kind, from, to, false).await.expect("it goes");

            assert_eq!(paths(&world).await, then, "{kind:?} {from} {to}");
            let bytes: usize = if kind == Copy { from.len() } else { 0 };
            let copied = if kind == Copy && from == "/d/s" { 6 } else { bytes };
            let expected = 12 + if from == to { 0 } else { copied as u64 };
            assert_eq!(used(&world).await, expected, "{kind:?} {from} {to}");
        }
    }
}

#[tokio::test]
async fn what_stands_in_the_way_is_named_and_nothing_goes() {
    use HostedError as E;
    use MoveKind::{Copy, Move, Rename};
    for world in [World::start().await, in_small_batches().await] {
        let files = ["/d/a", "/d/b", "/d/c", "/d/z", "/f", "/g", "/e/d/b", "/h/d/z/x"];
        world
            .publish(files.map(|at| with_bytes(at, at.as_bytes())).into())
            .await;
        let before = tree(&world.repository).await;
        let long = format!("/{}", vec!["x".repeat(254); 4].join("/"));

        for kind in [Move, Copy] {
            let refused = |from, to| go(&world, kind, from, to, false);
            assert!(matches!(refused("/f", "/g").await, Err(E::NodeInTheWay(at)) if at == path("/g")));
            assert!(matches!(refused("/d", "/g").await, Err(E::NodeConflict(at)) if at == path("/g")));
            assert!(matches!(refused("/d", "/e").await, Err(E::NodeInTheWay(at)) if at == path("/e/d/b")));
            assert!(matches!(refused("/d", "/h").await, Err(E::NodeConflict(at)) if at == path("/h/d/z")));
            assert!(matches!(refused("/d", "/f/x").await, Err(E::NodeConflict(at)) if at == path("/f")));
            assert!(matches!(refused("/d", "/d/x").await, Err(E::WithinItself(_))));
            assert!(matches!(refused("/e/d", "/").await, Err(E::NodeInTheWay(at)) if at == path("/d/b")));
            assert!(matches!(refused("/", "/d").await, Err(E::WithinItself(_))));
            assert!(matches!(refused("/no", "/d").await, Err(E::NodeUnknown(_))));
            assert!(matches!(refused("/h", &long).await, Err(E::PathTooLong(_))));
        }
        assert!(matches!(
            go(&world, Rename, "/f", "/d", false).await,
            Err(E::NodeExists(_))
        ));

        assert_eq!(tree(&world.repository).await, before);
        go(&world, Move, "/d", "/e", true).await.expect("it replaces");
        let after = tree(&world.repository).await;
        assert_eq!(after.get("/e/d/b"), before.get("/d/b"));
        assert!(!after.contains_key("/d") && after.contains_key("/e/d/z"));
        assert_whole(&after);
    }
}

#[tokio::test]
async fn a_folder_of_the_same_name_within_is_not_moved_up_into_itself() {
    let world = in_small_batches().await;
    let files = ["/a/a/a/y", "/a/a/x"].map(|at| with_bytes(at, b"1"));
    world.publish(files.into()).await;

    let refused = go(&world, MoveKind::Move, "/a/a", "/", false).await;

    assert!(
        matches!(refused, Err(HostedError::WithinItself(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn copies_between_repositories_count_against_the_quota_and_moves_give_back() {
    let world = in_small_batches().await;
    let name = RepositoryRef::new("blueking", "other");
    world
        .hosted
        .create_repository(&NewRepository::generic(name.clone()), "admin")
        .await
        .expect("it is made");
    let other = || async {
        let found = world.hosted.repository(&name).await;
        found.expect("a look-up").expect("it is there")
    };
    let files = ["/d/1", "/d/2", "/d/3", "/d/4", "/d/5"].map(|at| with_bytes(at, b"12345"));
    world.publish(files.into()).await;
    let limit = RepositoryChange {
        quota_bytes: Some(24),
        ..RepositoryChange::default()
    };
    world
        .hosted
        .update_repository(&name, limit, "admin")
        .await
        .expect("a quota");
    let to = other().await;
    let go = |kind, from: &'static str| {
        let to = to.clone();
        let repository = world.repository.clone();
        async move {
            repository
                .move_to(kind, &path(from), (&to, &path("/in")), false, "x")
                .await
        }
    };

    assert!(matches!(go(MoveKind::Copy, "/d").await, Err(HostedError::OverQuota(at)) if at == name));
    assert_eq!(other().await.info().used_bytes, 0);
    assert!(tree(&to).await.is_empty());
    let lifted = RepositoryChange {
        quota_bytes: Some(25),
        ..RepositoryChange::default()
    };
    world
        .hosted
        .update_repository(&name, lifted, "admin")
        .await
        .expect("a quota");
    go(MoveKind::Move, "/").await.expect("all of it goes");
    assert_eq!((other().await.info().used_bytes, used(&world).await), (25, 0));
    assert_eq!(
        tree(&to).await.into_keys().collect::<Vec<_>>(),
        [
            "/in", "/in/d", "/in/d/1", "/in/d/2", "/in/d/3", "/in/d/4", "/in/d/5"
        ]
    );
}

#[tokio::test]
async fn what_is_moved_keeps_who_made_it_and_what_is_copied_is_new() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/a", b"1")]).await;
    let options = UploadOptions {
        metadata: [("k".into(), "v".into())].into(),
        ..UploadOptions::default()
    };
    world
        .repository
        .upload(&path("/b"), stream("2"), options, &admin())
        .await
        .expect("it is stored");
    let node = async |at: &str| {
        let found = world.repository.node(&path(at)).await;
        found.expect("a look-up").expect("it is there")
    };
    let (a, b) = (node("/a").await, node("/b").await);
    world.clock.advance_ms(5_000);

    go(&world, MoveKind::Rename, "/a", "/c", false)
        .await
        .expect("it goes");
    go(&world, MoveKind::Copy, "/b", "/d", false)
        .await
        .expect("it goes");

    let (c, d) = (node("/c").await, node("/d").await);
    assert_eq!(
        (c.id, &c.created_by, c.created_ms),
        (a.id, &a.created_by, a.created_ms)
    );
    assert_eq!(
        (c.modified_by.as_str(), c.modified_ms),
        ("someone", a.modified_ms + 5_000)
    );
    assert_eq!(
        (d.created_by.as_str(), d.created_ms),
        ("someone", b.created_ms + 5_000)
    );
    assert!(d.id != b.id && d.metadata == b.metadata && d.file == b.file);
}

#[tokio::test]
async fn new_folders_stay_and_a_file_cannot_be_one() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/f", b"1")]).await;
    let make = async |at: &str| world.repository.make_folder(&path(at), "someone").await;

    make("/a/b/c").await.expect("it is made");

    assert_eq!(paths(&world).await, ["/a", "/a/b", "/a/b/c", "/f"]);
    assert!(matches!(make("/a/b").await, Err(HostedError::NodeExists(_))));
    assert!(matches!(make("/").await, Err(HostedError::NodeExists(_))));
    assert!(matches!(make("/f").await, Err(HostedError::NodeExists(_))));
    assert!(matches!(make("/f/g").await, Err(HostedError::NodeConflict(at)) if at == path("/f")));
}

/// Polls `future` at most `polls` times; `None` when it was not done by then, and is dropped.
async fn cut_off<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_move_or_copy_cut_off_anywhere_is_completed_by_repeating_it() {
    let files: Vec<String> = (0..12)
        .map(|n| format!("/d/{}/f{n}", ["s", "t", "u/v"][n % 3]))
        .collect();
    for kind in [MoveKind::Move, MoveKind::Copy, MoveKind::Rename] {
        for (cuts, polls) in (1..400).step_by(7).enumerate() {
            let world = in_small_batches().await;
            let wanted = files.iter().map(|at| with_bytes(at, at.as_bytes())).collect();
            world.publish(wanted).await;
            let whole = tree(&world.repository).await;
            let place = |at: &str| NodePlace {
                repository_no: world.repository.info().no,
                path: path(at),
            };
            let request = MoveRequest {
                kind,
                from: place("/d"),
                to: place("/n"),
                overwrite: false,
                user: "someone".into(),
            };
            let data = HostedData::open(&world.store).await.expect("it opens");
            let data = data.with_batch_nodes(3);

            let cut = cut_off(data.move_nodes(&request), polls).await.is_none();
            // What was on its way to the store when it was cut off is done before the store opens again.
            drop(data);
            let world = world.restart().await;

            let between = tree(&world.repository).await;
            assert_whole(&between);
            for (at, digest) in whole.iter().filter(|(_, digest)| digest.is_some()) {
                let moved = at.replacen("/d", "/n", 1);
                let stands = [at, &moved]
                    .iter()
                    .filter(|at| between.get(**at) == Some(digest))
                    .count();
                let copied = kind == MoveKind::Copy && between.contains_key(&moved);
                assert_eq!(stands, if copied { 2 } else { 1 }, "{kind:?} {polls} {at}");
            }
            if !cut {
                assert!(cuts > 5, "{kind:?} was cut off {cuts} times only");
                break;
            }
            let moved: BTreeMap<_, _> = whole
                .iter()
                .map(|(at, digest)| (at.replacen("/d", "/n", 1), digest.clone()))
                .collect();
            let expected = match kind {
                MoveKind::Copy => whole.clone().into_iter().chain(moved).collect(),
                MoveKind::Move | MoveKind::Rename => moved,
            };
            if between == expected {
                // Cut off behind the last commit: all is done, and the same call again would be another one.
                continue;
            }
            let data = HostedData::open(&world.store).await.expect("it opens");
            let done = data.with_batch_nodes(3).move_nodes(&request).await;
            assert!(matches!(done, Ok(Ok(_))), "{kind:?} {polls}: {done:?}");
            let after = tree(&world.repository).await;
            assert_eq!(after, expected, "{kind:?} {polls}");
        }
    }
}

#[tokio::test]
async fn a_tree_whose_deletion_was_cut_off_has_no_file_without_its_folders() {
    for (cuts, polls) in (1..400).step_by(5).enumerate() {
        let world = in_small_batches().await;
        let files = (0..12).map(|n| with_bytes(&format!("/d/{}/{n}", n % 4), b"1"));
        world.publish(files.collect()).await;
        let data = HostedData::open(&world.store)
            .await
            .expect("it opens")
            .with_batch_nodes(3);
        let no = world.repository.info().no;

        let cut = cut_off(data.remove_tree(no, &path("/d")), polls).await.is_none();

        assert_whole(&tree(&world.repository).await);
        if !cut {
            assert!(cuts > 5, "it was cut off {cuts} times only");
            break;
        }
        data.remove_tree(no, &path("/d")).await.expect("a store");
        assert!(paths(&world).await.is_empty());
        assert_eq!(used(&world).await, 0);
    }
}

#[tokio::test]
async fn uploads_are_not_kept_waiting_by_a_large_move() {
    let world = World::start().await;
    for part in 0..4 {
        let files = (0..1_000).map(|n| with_bytes(&format!("/d/{part}/{n}"), b"1"));
        world.publish(files.collect()).await;
    }
    let moving = {
        let repository = world.repository.clone();
        async move {
            let to = repository.clone();
            repository
                .move_to(MoveKind::Move, &path("/d"), (&to, &path("/n")), false, "x")
                .await
        }
    };

    let uploading = async {
        let mut uploads = 0;
        loop {
            world
                .publish(vec![with_bytes(&format!("/up/{uploads}"), b"2")])
                .await;
            uploads += 1;
            if world
                .repository
                .node(&path("/d"))
                .await
                .expect("a look-up")
                .is_none()
            {
                return uploads;
            }
        }
    };
    let (moved, uploads) = tokio::join!(moving, uploading);

    assert_eq!(moved.expect("it goes"), 4_005);
    assert!(uploads > 3, "only {uploads} uploads came through meanwhile");
    assert_whole(&tree(&world.repository).await);
}

#[tokio::test]
async fn a_broken_off_rename_nobody_repeats_is_forgotten() {
    let world = in_small_batches().await;
    let files = (0..30).map(|n| with_bytes(&format!("/d/{n}"), b"1"));
    world.publish(files.collect()).await;
    let store: &Store = &world.store;
    let data = HostedData::open(store)
        .await
        .expect("it opens")
        .with_batch_nodes(2);
    let place = |at: &str| NodePlace {
        repository_no: world.repository.info().no,
        path: path(at),
    };
    let request = MoveRequest {
        kind: MoveKind::Rename,
        from: place("/d"),
        to: place("/n"),
        overwrite: false,
        user: "someone".into(),
    };
    let mut polls = 20;
    while world
        .repository
        .node(&path("/n"))
        .await
        .expect("a look-up")
        .is_none()
    {
        assert!(cut_off(data.move_nodes(&request), polls).await.is_none());
        polls += 1;
    }

    world.clock.advance_ms(24 * 60 * 60 * 1000);

    assert_eq!(data.forget_moves().await.expect("a store"), 1);
    let refused = go(&world, MoveKind::Rename, "/d", "/n", false).await;
    assert!(matches!(refused, Err(HostedError::NodeExists(_))), "{refused:?}");
}
