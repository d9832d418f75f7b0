//! Large blobs in parts.

use bytes::Bytes;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, PutOutcome};
use futures_util::StreamExt;
use hosted::{HostedError, LEAST_PART_BYTES, Session, UPLOAD_MS, Viewer};

use crate::world::{World, admin, noise, stream, without_bytes};

const PART: usize = LEAST_PART_BYTES as usize;

fn part(bytes: &[u8], part_no: usize) -> domain::ports::ByteStream {
    let end = bytes.len().min((part_no + 1) * PART);
    stream(bytes[part_no * PART..end].to_vec())
}

/// Opens or resumes a session of eve's.
async fn opened(world: &World, digest: Digest, size_bytes: u64) -> Session {
    let session = world
        .hosted
        .open_upload("eve", digest, size_bytes, PART as u64)
        .await;
    session.expect("opened")
}

/// Sends part `n` of `bytes`.
async fn put(world: &World, session: &Session, bytes: &[u8], n: u32) {
    let put = world
        .hosted
        .put_part("eve", &session.id, n, part(bytes, n as usize));
    put.await.expect("durable");
}

#[tokio::test]
async fn parts_in_any_order_become_the_blob() {
    let world = World::start().await;
    let bytes = noise(PART * 7 + 123, 1);
    let digest = Digest::of(&bytes);
    let size = bytes.len() as u64;
    let session = opened(&world, digest, size).await;

    let parts = [3, 0, 7, 1, 5, 2, 6, 4].map(|n| {
        world
            .hosted
            .put_part("eve", &session.id, n, part(&bytes, n as usize))
    });
    for done in futures_util::future::join_all(parts).await {
        done.expect("it is durable");
    }
    let finished = world
        .hosted
        .finish_upload("eve", &session.id)
        .await
        .expect("the digest is right");
    let eve = Viewer {
        user: "eve".into(),
        projects: Some(Vec::new()),
    };
    let outcomes = world
        .repository
        .publish(vec![without_bytes("/big", &bytes)], &eve)
        .await
        .expect("answered");

    assert_eq!((session.parts, finished), (8, digest));
    assert!(matches!(outcomes[0], PutOutcome::Stored { .. }));
    assert!(world.content("/big").await == Some(bytes));
}

#[tokio::test]
async fn a_session_goes_on_after_a_restart_with_the_parts_it_has() {
    let world = World::start().await;
    let bytes = noise(PART * 4, 2);
    let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
    let session = opened(&world, digest, size).await;
    for n in [0, 2] {
        put(&world, &session, &bytes, n).await;
    }

    let world = world.restart().await;
    let resumed = world
        .hosted
        .open_upload("eve", digest, size, 1 << 20)
        .await
        .expect("resumed");
    let early = world.hosted.finish_upload("eve", &resumed.id).await;
    for n in [1, 3] {
        world
            .hosted
            .put_part("eve", &resumed.id, n, part(&bytes, n as usize))
            .await
            .expect("durable");
    }
    let finished = world
        .hosted
        .finish_upload("eve", &resumed.id)
        .await
        .expect("complete");
    let again = world.hosted.finish_upload("eve", &resumed.id).await;

    assert_eq!(
        (resumed.id.as_str(), resumed.part_bytes),
        (session.id.as_str(), PART as u64)
    );
    assert_eq!(resumed.parts_done, [0, 2]);
    assert!(matches!(early, Err(HostedError::UploadIncomplete(_))));
    assert_eq!(finished, digest);
    assert!(matches!(again, Err(HostedError::UploadUnknown(_))));
    world.publish(vec![without_bytes("/big", &bytes)]).await;
    assert!(world.content("/big").await == Some(bytes));
}

#[tokio::test]
async fn wrong_bytes_end_the_session_and_leave_nothing() {
    let world = World::start().await;
    let bytes = noise(PART * 2, 3);
    let session = opened(&world, Digest::of(b"other"), bytes.len() as u64).await;
    for n in 0..2 {
        put(&world, &session, &bytes, n).await;
    }

    let refused = world.hosted.finish_upload("eve", &session.id).await;

    assert!(matches!(refused, Err(HostedError::Mismatch("sha256"))));
    assert_eq!(world.blob_files().len(), 0);
    assert!(matches!(
        world.hosted.upload_session("eve", &session.id).await,
        Err(HostedError::UploadUnknown(_))
    ));
}

#[tokio::test]
async fn a_part_that_breaks_off_or_has_the_wrong_length_does_not_count() {
    let world = World::start().await;
    let bytes = noise(PART * 2, 4);
    let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
    let session = opened(&world, digest, size).await;
    let broken = ConnectorError::new(ErrorKind::Unreachable, Stage::Write, "client");
    let broken: domain::ports::ByteStream = Box::pin(futures_util::stream::iter([
        Ok(Bytes::from_static(b"some")),
        Err(broken),
    ]));

    for wrong in [broken, stream("short"), stream(noise(PART + 1, 5))] {
        assert!(world.hosted.put_part("eve", &session.id, 0, wrong).await.is_err());
    }
    let out_of_range = world.hosted.put_part("eve", &session.id, 2, stream("x")).await;
    let found = world
        .hosted
        .upload_session("eve", &session.id)
        .await
        .expect("it is open");

    assert!(matches!(out_of_range, Err(HostedError::Invalid { .. })));
    assert_eq!(found.parts_done, Vec::<u32>::new());
}

#[tokio::test]
async fn whoever_sends_a_part_anew_takes_over_from_a_dead_connection() {
    let world = World::start().await;
    let bytes = noise(PART, 6);
    let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
    let session = opened(&world, digest, size).await;
    let stalled =
        futures_util::stream::iter([Ok(Bytes::from_static(b"some"))]).chain(futures_util::stream::pending());

    let (first, second) = tokio::join!(
        world.hosted.put_part("eve", &session.id, 0, Box::pin(stalled)),
        world.hosted.put_part("eve", &session.id, 0, part(&bytes, 0)),
    );

    assert!(first.is_err());
    second.expect("it took over");
    assert_eq!(
        world
            .hosted
            .finish_upload("eve", &session.id)
            .await
            .expect("complete"),
        digest
    );
}

#[tokio::test]
async fn sessions_belong_to_their_owner_count_against_the_budget_and_expire() {
    let world = World::with(|hosted| hosted.with_upload_budget(100_000)).await;
    let digest = Digest::of(b"x");
    let session = opened(&world, digest, 80_000).await;

    let stranger = world.hosted.put_part("bob", &session.id, 0, stream("x")).await;
    let too_much = world.hosted.open_upload("bob", digest, 80_000, PART as u64).await;
    world.clock.advance_ms(UPLOAD_MS + 1);
    world.hosted.collect().await.expect("a pass");
    let expired = world.hosted.put_part("eve", &session.id, 0, stream("x")).await;
    world
        .hosted
        .open_upload("bob", digest, 80_000, PART as u64)
        .await
        .expect("there is room again");

    assert!(matches!(stranger, Err(HostedError::UploadUnknown(_))));
    assert!(matches!(too_much, Err(HostedError::UploadBudget(100_000))));
    assert!(matches!(expired, Err(HostedError::UploadUnknown(_))));
    assert_eq!(world.blob_files().len(), 1);
}

#[tokio::test]
async fn a_blob_larger_than_the_disk_is_refused_at_once() {
    let world = World::start().await;

    let refused = world
        .hosted
        .open_upload("eve", Digest::of(b"x"), 1 << 60, 1 << 45)
        .await;

    let error = refused.expect_err("no disk is that large");
    assert_eq!(error.kind(), ErrorKind::Disk, "{error}");
    assert_eq!(world.blob_files().len(), 0);
    assert!(world.hosted.present(&[Digest::of(b"x")], &admin()).await.is_ok());
}

#[tokio::test]
async fn right_bytes_are_never_called_wrong_however_late_the_digest_is_asked_for() {
    let world = World::start().await;
    for round in 0..40_u64 {
        let bytes = noise(PART + 1, 100 + round);
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        let session = opened(&world, digest, size).await;
        for n in [1, 0] {
            put(&world, &session, &bytes, n).await;
        }
        // From at once to long after everything is hashed.
        for _ in 0..round {
            tokio::task::yield_now().await;
        }

        let finished = world.hosted.finish_upload("eve", &session.id).await;

        assert_eq!(finished.expect("the digest is right"), digest, "round {round}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_back_is_a_disk_failure_and_keeps_the_session() {
    let world = World::start().await;
    let bytes = noise(PART * 2, 7);
    let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
    let session = opened(&world, digest, size).await;
    world
        .hosted
        .put_part("eve", &session.id, 0, part(&bytes, 0))
        .await
        .expect("durable");
    let file = world.blob_files().remove(0);
    world
        .hosted
        .put_part("eve", &session.id, 1, part(&bytes, 1))
        .await
        .expect("durable");
    let world = {
        std::fs::OpenOptions::new()
            .write(true)
            .open(&file)
            .expect("a file")
            .set_len(10)
            .expect("cut");
        world.restart().await
    };

    let broken = world.hosted.finish_upload("eve", &session.id).await;
    std::fs::write(&file, &bytes).expect("mended");
    let mended = world.hosted.finish_upload("eve", &session.id).await;

    assert!(matches!(broken, Err(HostedError::Disk(_))), "{broken:?}");
    assert_eq!(mended.expect("the digest is right"), digest);
}
