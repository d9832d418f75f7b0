//! Blobs that arrive piece after piece.

use domain::digest::Digest;
use domain::ports::ByteStream;
use hosted::{HostedError, UPLOAD_MS, UploadOptions, Viewer};

use crate::world::{World, noise, path, stream, whole};

const MIB: usize = 1024 * 1024;

fn eve() -> Viewer {
    Viewer {
        user: "eve".into(),
        projects: Some(Vec::new()),
    }
}

async fn append(
    world: &World,
    id: &str,
    bytes: &[u8],
    range: std::ops::Range<usize>,
) -> Result<u64, HostedError> {
    let piece = stream(bytes[range.clone()].to_vec());
    let (offset, length) = (range.start as u64, range.len() as u64);
    world.hosted.append("eve", id, offset, length, piece).await
}

fn nothing() -> ByteStream {
    stream(Vec::new())
}

#[tokio::test]
async fn pieces_that_overlap_or_come_twice_become_the_blob_even_over_a_restart() {
    let world = World::start().await;
    let bytes = noise(3 * MIB + 17, 1);
    let digest = Digest::of(&bytes);
    let id = world.hosted.open_append("eve", &digest).await.expect("opened").id;

    assert_eq!(
        append(&world, &id, &bytes, 0..MIB).await.expect("taken"),
        MIB as u64
    );
    assert_eq!(
        append(&world, &id, &bytes, 0..MIB).await.expect("again"),
        MIB as u64
    );
    let world = world.restart().await;
    let again = world.hosted.open_append("eve", &digest).await.expect("resumed");
    assert_eq!(
        (again.id.as_str(), again.arrived_bytes),
        (id.as_str(), MIB as u64)
    );
    let gap = append(&world, &id, &bytes, MIB + 1..2 * MIB).await;
    assert!(matches!(gap, Err(HostedError::RangeOutside)));
    let overlapping = append(&world, &id, &bytes, MIB / 2..3 * MIB).await;
    assert_eq!(overlapping.expect("taken"), 3 * MIB as u64);
    let rest = stream(bytes[3 * MIB..].to_vec());
    let size = Some(bytes.len() as u64);
    let finished = world.hosted.finish_append("eve", &id, size, rest).await;

    assert_eq!(finished.expect("the digest is right"), digest);
    let options = UploadOptions::default();
    let node = world
        .repository
        .refer(&path("/big"), &digest, &options, &eve())
        .await;
    let file = node.expect("its bytes are here").file.expect("a file");
    assert!(file.md5.is_some() && file.crc64.is_some());
    assert!(world.content("/big").await == Some(bytes));
}

#[tokio::test]
async fn a_whole_that_is_not_the_one_announced_ends_the_session_and_leaves_nothing() {
    let world = World::start().await;
    let bytes = noise(MIB, 2);
    let before = world.blob_files().len();
    let digest = Digest::of(b"something else");
    let id = world.hosted.open_append("eve", &digest).await.expect("opened").id;
    append(&world, &id, &bytes, 0..MIB).await.expect("taken");

    let short = world
        .hosted
        .finish_append("eve", &id, Some(2 * MIB as u64), nothing())
        .await;
    assert!(matches!(short, Err(HostedError::WrongSize { .. })));
    let wrong = world.hosted.finish_append("eve", &id, None, nothing()).await;

    assert!(matches!(wrong, Err(HostedError::Mismatch("sha256"))));
    let gone = world.hosted.append_session("eve", &id).await;
    assert!(matches!(gone, Err(HostedError::UploadUnknown(_))));
    assert_eq!(world.blob_files().len(), before);
}

#[tokio::test]
async fn what_is_appended_and_announced_shares_one_budget_and_the_last_piece_counts_too() {
    let budget_bytes = 2 * MIB as u64;
    let world = World::with(|hosted| hosted.with_upload_budget(budget_bytes)).await;
    let bytes = noise(3 * MIB, 3);
    let digest = Digest::of(&bytes);
    let over = |refused: &HostedError| matches!(refused, HostedError::UploadBudget(_));
    let id = world.hosted.open_append("eve", &digest).await.expect("opened").id;
    append(&world, &id, &bytes, 0..MIB).await.expect("taken");

    let announced = Digest::of(b"another");
    let upload = world
        .hosted
        .open_upload("eve", announced, budget_bytes, MIB as u64)
        .await;
    let piece = append(&world, &id, &bytes, MIB..3 * MIB).await;
    let said = world
        .hosted
        .finish_append("eve", &id, Some(bytes.len() as u64), nothing())
        .await;
    let rest = stream(bytes[MIB..].to_vec());
    let unsaid = world.hosted.finish_append("eve", &id, None, rest).await;

    assert!(upload.is_err_and(|refused| over(&refused)));
    assert!(piece.is_err_and(|refused| over(&refused)));
    assert!(said.is_err_and(|refused| over(&refused)));
    assert!(unsaid.is_err_and(|refused| over(&refused)));
    let session = world
        .hosted
        .open_append("eve", &digest)
        .await
        .expect("it goes on");
    assert_eq!((session.id, session.arrived_bytes), (id, MIB as u64));
}

#[tokio::test]
async fn opening_a_session_again_keeps_it_for_twelve_more_hours() {
    let world = World::start().await;
    let digest = Digest::of(b"x");
    let id = world.hosted.open_append("eve", &digest).await.expect("opened").id;

    world.clock.advance_ms(UPLOAD_MS - 1);
    world.hosted.open_append("eve", &digest).await.expect("again");
    world.clock.advance_ms(UPLOAD_MS - 1);
    world.hosted.collect().await.expect("a pass");

    let kept = world.hosted.append_session("eve", &id).await;
    assert_eq!(kept.expect("it goes on").arrived_bytes, 0);
}

#[tokio::test]
async fn a_session_belongs_to_who_opened_it_and_ends_after_twelve_hours() {
    let world = World::start().await;
    let digest = Digest::of(b"x");
    let id = world.hosted.open_append("eve", &digest).await.expect("opened").id;

    let stolen = world
        .hosted
        .append("mallory", &id, 0, 1, stream(b"x".to_vec()))
        .await;
    world.clock.advance_ms(UPLOAD_MS + 1);
    world.hosted.collect().await.expect("a pass");

    assert!(matches!(stolen, Err(HostedError::UploadUnknown(_))));
    assert!(world.hosted.append_session("eve", &id).await.is_err());
    assert!(world.blob_files().is_empty());
}

#[tokio::test]
async fn a_blob_is_known_to_who_brought_it_and_to_nobody_else() {
    let world = World::start().await;
    let digest = Digest::of(b"secret");
    let received = world
        .hosted
        .receive_blob(stream(b"secret".to_vec()))
        .await
        .expect("taken");
    world
        .hosted
        .keep_blob(received, &digest, Some(6), "eve")
        .await
        .expect("as announced");
    let mallory = Viewer {
        user: "mallory".into(),
        projects: Some(Vec::new()),
    };

    assert_eq!(
        world.hosted.blob_size(&digest, &eve()).await.expect("an answer"),
        Some(6)
    );
    assert_eq!(
        world
            .hosted
            .blob_size(&digest, &mallory)
            .await
            .expect("an answer"),
        None
    );
    let opened = world
        .hosted
        .open_blob(&digest, &mallory, None)
        .await
        .expect("an answer");
    assert!(opened.is_none());
    let (length, bytes) = world
        .hosted
        .open_blob(&digest, &eve(), Some(1..3))
        .await
        .expect("an answer")
        .expect("it is here");
    assert_eq!(
        (length, whole(bytes).await.expect("it reads")),
        (2, b"ec".to_vec())
    );
    let options = UploadOptions::default();
    let refused = world
        .repository
        .refer(&path("/a"), &digest, &options, &mallory)
        .await;
    assert!(matches!(refused, Err(HostedError::BlobAbsent(_))));
}
