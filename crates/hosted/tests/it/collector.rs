//! Blobs that must not vanish, and those that must.

use domain::digest::Digest;
use domain::ports::PutOutcome;
use domain::repository::RepositoryRef;
use hosted::{UploadOptions, Viewer};
use storage::collect::LINGER_MS;

use crate::world::{HOUR_MS, World, admin, noise, path, stream, with_bytes, without_bytes};

fn stored(outcomes: &[PutOutcome]) -> bool {
    outcomes
        .iter()
        .all(|outcome| matches!(outcome, PutOutcome::Stored { .. }))
}

#[tokio::test]
async fn a_push_that_skips_bytes_survives_the_collector() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/old", b"shared")]).await;
    world.clock.advance_ms(10 * HOUR_MS);

    let present = world
        .hosted
        .present(&[Digest::of(b"shared")], &admin())
        .await
        .expect("an answer");
    world
        .repository
        .delete(&path("/old"))
        .await
        .expect("it was there");
    world.clock.advance_ms(HOUR_MS - 1);
    let collected = world.hosted.collect().await.expect("a pass");
    let outcomes = world.publish(vec![without_bytes("/new", b"shared")]).await;
    world.clock.advance_ms(10 * HOUR_MS);
    world.hosted.collect().await.expect("a pass");
    world.clock.advance_ms(LINGER_MS);
    world.hosted.collect().await.expect("a pass");

    assert_eq!(present, [true]);
    assert_eq!(collected.blobs, 0);
    assert!(stored(&outcomes), "{outcomes:?}");
    assert_eq!(world.content("/new").await, Some(b"shared".to_vec()));
}

#[tokio::test]
async fn a_push_that_comes_after_its_pin_is_refused_rather_than_dangling() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/old", b"shared")]).await;
    world
        .hosted
        .present(&[Digest::of(b"shared")], &admin())
        .await
        .expect("an answer");
    world
        .repository
        .delete(&path("/old"))
        .await
        .expect("it was there");
    world.clock.advance_ms(HOUR_MS + 1);

    let collected = world.hosted.collect().await.expect("a pass");
    let late = world.publish(vec![without_bytes("/new", b"shared")]).await;
    let again = world.publish(vec![with_bytes("/new", b"shared")]).await;
    world.clock.advance_ms(LINGER_MS);
    world.hosted.collect().await.expect("a pass");

    assert_eq!((collected.blobs, collected.size_bytes), (1, 6));
    assert!(matches!(late[0], PutOutcome::Failed(_)));
    assert!(stored(&again));
    assert_eq!(world.content("/new").await, Some(b"shared".to_vec()));
    assert_eq!(world.blob_files().len(), 1);
}

#[tokio::test]
async fn a_file_that_was_just_looked_up_is_still_there_for_its_reader() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/a", b"bytes")]).await;
    let node = world
        .repository
        .node(&path("/a"))
        .await
        .expect("a look-up")
        .expect("it is there");
    world.repository.delete(&path("/a")).await.expect("it was there");
    world.clock.advance_ms(HOUR_MS + 1);
    world.hosted.collect().await.expect("a pass");

    let reader = world
        .repository
        .read(&node, None)
        .await
        .expect("it is only condemned");
    world.clock.advance_ms(LINGER_MS);
    let collected = world.hosted.collect().await.expect("a pass");

    assert_eq!(collected.files, 1);
    assert_eq!(
        crate::world::whole(reader).await.expect("an open file stays"),
        b"bytes"
    );
    assert_eq!(world.blob_files().len(), 0);
}

#[tokio::test]
async fn a_pack_that_is_mostly_dead_is_written_anew() {
    let world = World::start().await;
    let items = (0..10)
        .map(|n| with_bytes(&format!("/{n}"), &noise(10_000, n)))
        .collect();
    world.publish(items).await;
    for n in 0..8 {
        world
            .repository
            .delete(&path(&format!("/{n}")))
            .await
            .expect("it was there");
    }
    world.clock.advance_ms(HOUR_MS + 1);

    let collected = world.hosted.collect().await.expect("a pass");
    world.clock.advance_ms(LINGER_MS);
    world.hosted.collect().await.expect("a pass");

    assert_eq!((collected.blobs, collected.packs), (8, 1));
    assert_eq!(world.content("/9").await, Some(noise(10_000, 9)));
    let files = world.blob_files();
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::metadata(&files[0]).expect("a file").len(), 20_000);
}

#[tokio::test]
async fn files_without_a_row_are_removed_at_the_start() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/a", b"kept")]).await;
    let shelf = world.folder.path().join("blobs/000000");
    std::fs::write(shelf.join("00000000ff"), b"left by a crash").expect("a file");

    let world = world.restart().await;

    assert_eq!(world.blob_files().len(), 1);
    assert_eq!(world.content("/a").await, Some(b"kept".to_vec()));
    let stored = world.publish(vec![with_bytes("/b", b"later")]).await;
    assert!(matches!(stored[0], PutOutcome::Stored { .. }));
    assert_eq!(world.content("/b").await, Some(b"later".to_vec()));
}

#[tokio::test]
async fn expired_files_go_and_others_stay() {
    let world = World::start().await;
    let expires_ms = Some(1_790_000_000_000 + HOUR_MS);
    let options = UploadOptions {
        expires_ms,
        ..UploadOptions::default()
    };
    world
        .repository
        .upload(&path("/a"), stream("1"), options, &admin())
        .await
        .expect("stored");
    world.publish(vec![with_bytes("/b", b"2")]).await;
    world.clock.advance_ms(2 * HOUR_MS);

    world.hosted.collect().await.expect("a pass");

    assert_eq!(world.content("/a").await, None);
    assert_eq!(world.content("/b").await, Some(b"2".to_vec()));
}

#[tokio::test]
async fn nobody_learns_what_projects_hold_that_they_may_not_read() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/secret", b"secret")]).await;
    let other = RepositoryRef::new("others", "images");
    let other = world
        .hosted
        .ensure_repository(&other, "admin")
        .await
        .expect("made");
    let stranger = Viewer {
        user: "bob".into(),
        projects: Some(vec!["others".into()]),
    };
    let reader = Viewer {
        user: "eve".into(),
        projects: Some(vec!["blueking".into(), "x".into()]),
    };
    let digest = Digest::of(b"secret");

    let to_stranger = world
        .hosted
        .present(&[digest], &stranger)
        .await
        .expect("an answer");
    let to_nobody = world
        .hosted
        .present(
            &[digest],
            &Viewer {
                user: "bob".into(),
                projects: Some(vec![]),
            },
        )
        .await
        .expect("an answer");
    let to_reader = world.hosted.present(&[digest], &reader).await.expect("an answer");
    let taken = other
        .publish(vec![without_bytes("/stolen", b"secret")], &stranger)
        .await
        .expect("answered");
    let sent = other
        .publish(vec![with_bytes("/own", b"secret")], &stranger)
        .await
        .expect("answered");
    let now = world
        .hosted
        .present(&[digest], &stranger)
        .await
        .expect("an answer");

    assert_eq!(
        (to_stranger, to_nobody, to_reader, now),
        (vec![false], vec![false], vec![true], vec![true])
    );
    assert!(matches!(taken[0], PutOutcome::Failed(_)));
    assert!(matches!(sent[0], PutOutcome::Stored { .. }));
}
