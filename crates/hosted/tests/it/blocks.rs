//! Files that arrive in blocks: in any order, over restarts, and never half.

use domain::digest::Digest;
use hosted::{HostedError, HostedResult, RepositoryChange, UPLOAD_MS, UploadOptions, Viewer};

use crate::world::{HOUR_MS, World, admin, noise, path, stream};

async fn start(world: &World, at: &str) -> String {
    let started = world.repository.start_blocks(&path(at), false, &admin()).await;
    started.expect("it starts")
}

async fn put(world: &World, at: &str, id: &str, sequence: u32, bytes: &[u8]) -> HostedResult<()> {
    put_with(world, at, id, sequence, bytes, UploadOptions::default()).await
}

async fn put_with(
    world: &World,
    at: &str,
    id: &str,
    sequence: u32,
    bytes: &[u8],
    options: UploadOptions,
) -> HostedResult<()> {
    let bytes = stream(bytes.to_vec());
    let repository = &world.repository;
    repository
        .put_block(&path(at), id, sequence, bytes, &options, &admin())
        .await
}

async fn complete(world: &World, at: &str, id: &str) -> HostedResult<()> {
    let options = UploadOptions::default();
    let completed = world
        .repository
        .complete_blocks(&path(at), id, options, &admin())
        .await;
    completed.map(|_| ())
}

fn overwriting() -> UploadOptions {
    UploadOptions {
        overwrite: true,
        ..UploadOptions::default()
    }
}

async fn used_bytes(world: &World) -> u64 {
    let name = &world.repository.info().name;
    let found = world.hosted.repository(name).await.expect("a look-up");
    found.expect("it is there").info().used_bytes
}

#[tokio::test]
async fn blocks_in_any_order_over_a_restart_become_the_file_and_leave_nothing_behind() {
    let world = World::start().await;
    let whole = noise(2_500_000, 9);
    let id = start(&world, "/big/a.bin").await;
    put(&world, "/big/a.bin", &id, 3, &whole[2_000_000..])
        .await
        .expect("block 3");
    put(&world, "/big/a.bin", &id, 1, &whole[..1_100_000])
        .await
        .expect("block 1");

    let world = world.restart().await;
    let here = world
        .repository
        .blocks(&path("/big/a.bin"), &id, &admin())
        .await
        .expect("the list");
    put(&world, "/big/a.bin", &id, 2, &whole[1_100_000..2_000_000])
        .await
        .expect("block 2");
    complete(&world, "/big/a.bin", &id).await.expect("it is joined");

    let shown: Vec<_> = here
        .iter()
        .map(|block| (block.sequence, block.place.size_bytes, block.digest))
        .collect();
    assert_eq!(
        shown,
        [
            (1, 1_100_000, Digest::of(&whole[..1_100_000])),
            (3, 500_000, Digest::of(&whole[2_000_000..])),
        ]
    );
    assert!(world.content("/big/a.bin").await.expect("it is there") == whole);
    assert_eq!(used_bytes(&world).await, 2_500_000);
    assert_eq!(world.blob_files().len(), 1);
    let again = complete(&world, "/big/a.bin", &id).await;
    assert!(matches!(again, Err(HostedError::UploadUnknown(_))), "{again:?}");
}

#[tokio::test]
async fn a_missing_block_is_named_and_the_upload_goes_on() {
    let world = World::start().await;
    let id = start(&world, "/a").await;

    let empty = complete(&world, "/a", &id).await;
    put(&world, "/a", &id, 1, b"one ").await.expect("block 1");
    put(&world, "/a", &id, 3, b"three").await.expect("block 3");
    let gap = complete(&world, "/a", &id).await;
    put(&world, "/a", &id, 2, b"two ").await.expect("block 2");
    complete(&world, "/a", &id).await.expect("it is joined");

    assert!(matches!(empty, Err(HostedError::BlockMissing(1))), "{empty:?}");
    assert!(matches!(gap, Err(HostedError::BlockMissing(2))), "{gap:?}");
    assert_eq!(world.content("/a").await, Some(b"one two three".to_vec()));
}

#[tokio::test]
async fn a_block_sent_again_is_kept_once_and_replaced_only_when_that_is_asked_for() {
    let world = World::start().await;
    let id = start(&world, "/a").await;
    put(&world, "/a", &id, 1, b"old").await.expect("block 1");

    put(&world, "/a", &id, 1, b"old").await.expect("the same bytes");
    let other = put(&world, "/a", &id, 1, b"newer").await;
    let files_before = world.blob_files().len();
    put_with(&world, "/a", &id, 1, b"newer", overwriting())
        .await
        .expect("it may");
    let files_after = world.blob_files().len();
    complete(&world, "/a", &id).await.expect("it is joined");

    assert!(matches!(other, Err(HostedError::BlockExists(1))), "{other:?}");
    assert_eq!((files_before, files_after), (1, 1));
    assert_eq!(world.content("/a").await, Some(b"newer".to_vec()));
}

#[tokio::test]
async fn a_block_or_a_whole_with_a_wrong_checksum_is_not_taken() {
    let world = World::start().await;
    let id = start(&world, "/a").await;
    let wrong = || UploadOptions {
        sha256: Some(Digest::of(b"other")),
        ..UploadOptions::default()
    };

    let block = put_with(&world, "/a", &id, 1, b"bytes", wrong()).await;
    put(&world, "/a", &id, 1, b"bytes").await.expect("block 1");
    let whole = world
        .repository
        .complete_blocks(&path("/a"), &id, wrong(), &admin())
        .await;

    assert!(matches!(block, Err(HostedError::Mismatch("sha256"))), "{block:?}");
    assert!(matches!(whole, Err(HostedError::Mismatch("sha256"))), "{whole:?}");
    assert_eq!(world.content("/a").await, None);
    complete(&world, "/a", &id).await.expect("it goes on");
}

#[tokio::test]
async fn an_upload_belongs_to_its_owner_and_path_and_ends_by_abort_or_twelve_hours_after_its_last_block() {
    let world = World::start().await;
    let late = start(&world, "/late").await;
    let gone = start(&world, "/gone").await;
    put(&world, "/gone", &gone, 1, b"1").await.expect("block 1");
    world.clock.advance_ms(UPLOAD_MS - HOUR_MS);
    put(&world, "/late", &late, 1, b"1").await.expect("block 1");
    let eve = Viewer::of_everything("eve");

    let stolen = world.repository.blocks(&path("/late"), &late, &eve).await;
    let elsewhere = put(&world, "/other", &late, 2, b"2").await;
    world.clock.advance_ms(HOUR_MS);
    let expired = put(&world, "/gone", &gone, 2, b"2").await;
    let swept = world.hosted.expire().await.expect("a pass");
    put(&world, "/late", &late, 2, b"2").await.expect("it lives on");
    world
        .repository
        .abort_blocks(&path("/late"), &late, &admin())
        .await
        .expect("it ends");

    for refused in [stolen.map(|_| ()), elsewhere, expired] {
        assert!(
            matches!(refused, Err(HostedError::UploadUnknown(_))),
            "{refused:?}"
        );
    }
    assert_eq!(swept, 1);
    assert!(world.blob_files().is_empty());
    let unknown = complete(&world, "/late", &late).await;
    assert!(matches!(unknown, Err(HostedError::UploadUnknown(_))));
}

#[tokio::test]
async fn what_stands_there_is_replaced_only_when_start_or_completion_say_so() {
    let world = World::start().await;
    let early = start(&world, "/a").await;
    put(&world, "/a", &early, 1, b"in blocks").await.expect("block 1");
    world
        .repository
        .upload(&path("/a"), stream("first"), UploadOptions::default(), &admin())
        .await
        .expect("it is stored");

    let refused_start = world.repository.start_blocks(&path("/a"), false, &admin()).await;
    let refused_end = complete(&world, "/a", &early).await;
    let standing = world.content("/a").await;
    world
        .repository
        .complete_blocks(&path("/a"), &early, overwriting(), &admin())
        .await
        .expect("it may");

    assert!(matches!(refused_start, Err(HostedError::NodeExists(_))));
    assert!(matches!(refused_end, Err(HostedError::NodeExists(_))));
    assert_eq!(standing, Some(b"first".to_vec()));
    assert_eq!(world.content("/a").await, Some(b"in blocks".to_vec()));
    assert_eq!(used_bytes(&world).await, 9);
}

#[tokio::test]
async fn blocks_stay_within_the_quota_and_the_budget() {
    let world = World::with(|hosted| hosted.with_upload_budget(20)).await;
    let id = start(&world, "/a").await;
    put(&world, "/a", &id, 1, b"0123456789").await.expect("block 1");

    let over_budget = put(&world, "/a", &id, 2, b"0123456789+").await;
    let change = RepositoryChange {
        quota_bytes: Some(15),
        ..RepositoryChange::default()
    };
    let name = world.repository.info().name.clone();
    world
        .hosted
        .update_repository(&name, change, "admin")
        .await
        .expect("it is there");
    let over_quota = put(&world, "/a", &id, 2, b"012345").await;
    put(&world, "/a", &id, 2, b"01234").await.expect("it fits");
    complete(&world, "/a", &id).await.expect("it is joined");
    let full = world
        .repository
        .upload(&path("/b"), stream("1"), UploadOptions::default(), &admin())
        .await;

    assert!(matches!(over_budget, Err(HostedError::UploadBudget(20))));
    assert!(matches!(over_quota, Err(HostedError::OverQuota(_))));
    assert!(matches!(full, Err(HostedError::OverQuota(_))));
    assert_eq!(used_bytes(&world).await, 15);
}

#[tokio::test]
async fn two_completions_at_once_make_the_file_once() {
    let world = World::start().await;
    let id = start(&world, "/a").await;
    put(&world, "/a", &id, 1, &noise(600_000, 3))
        .await
        .expect("block 1");

    let (one, other) = tokio::join!(complete(&world, "/a", &id), complete(&world, "/a", &id));

    let (done, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (1, 1));
    // Whoever comes second finds the upload gone, or the file there.
    for refused in refused {
        assert!(
            matches!(
                refused,
                Err(HostedError::UploadUnknown(_) | HostedError::NodeExists(_))
            ),
            "{refused:?}"
        );
    }
    assert!(world.content("/a").await.expect("it is there") == noise(600_000, 3));
    assert_eq!((used_bytes(&world).await, world.blob_files().len()), (600_000, 1));
}

#[tokio::test]
async fn what_is_announced_over_the_quota_is_refused_before_a_byte_is_read() {
    let world = World::start().await;
    let change = RepositoryChange {
        quota_bytes: Some(10),
        ..RepositoryChange::default()
    };
    let name = world.repository.info().name.clone();
    let update = world.hosted.update_repository(&name, change, "admin");
    update.await.expect("it is there");
    let repository = world.hosted.repository(&name).await.expect("a look-up");
    let repository = repository.expect("it is there");
    let never = || -> domain::ports::ByteStream {
        Box::pin(futures_util::stream::poll_fn(|_| panic!("a byte was asked for")))
    };
    let announced = || UploadOptions {
        size_bytes: Some(11),
        ..UploadOptions::default()
    };
    let id = repository.start_blocks(&path("/a"), false, &admin()).await;
    let id = id.expect("it starts");

    let upload = repository
        .upload(&path("/a"), never(), announced(), &admin())
        .await
        .map(|_| ());
    let block = repository
        .put_block(&path("/a"), &id, 1, never(), &announced(), &admin())
        .await;

    for refused in [upload, block] {
        assert!(matches!(refused, Err(HostedError::OverQuota(_))), "{refused:?}");
    }
}
