//! Publishing, uploading, reading and removing files.

use bytes::Bytes;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, Expect, PutOutcome, SMALL_BLOB_BYTES};
use domain::repository::RepositoryRef;
use hosted::{HostedError, NewProject, NewRepository, NodeFilter, RepositoryChange, UploadOptions};

use crate::world::{World, admin, noise, path, put, stream, whole, with_bytes, without_bytes};

fn is_stored(outcome: &PutOutcome, bytes: u64) -> bool {
    matches!(outcome, PutOutcome::Stored { moved_bytes, .. } if *moved_bytes == bytes)
}

#[tokio::test]
async fn a_batch_is_published_in_one_pack_and_reads_back() {
    let world = World::start().await;

    let outcomes = world
        .publish(vec![
            with_bytes("/a/1", b"one"),
            with_bytes("/a/b/2", b"two"),
            with_bytes("/empty", b""),
        ])
        .await;

    assert!(is_stored(&outcomes[0], 3) && is_stored(&outcomes[1], 3) && is_stored(&outcomes[2], 0));
    assert_eq!(world.content("/a/1").await, Some(b"one".to_vec()));
    assert_eq!(world.content("/a/b/2").await, Some(b"two".to_vec()));
    assert_eq!(world.content("/empty").await, Some(Vec::new()));
    assert_eq!(world.blob_files().len(), 1);
    let folder = world
        .repository
        .node(&path("/a/b"))
        .await
        .expect("a look-up")
        .expect("it was made");
    assert!(folder.file.is_none());
}

#[tokio::test]
async fn bytes_that_are_not_the_ones_announced_are_refused_alone() {
    let world = World::start().await;
    let mut broken = with_bytes("/broken", b"good");
    broken.supply = hosted::Supply::Bytes(Bytes::from_static(b"evil"));

    let outcomes = world.publish(vec![broken, with_bytes("/whole", b"fine")]).await;

    assert!(matches!(&outcomes[0], PutOutcome::Failed(error) if error.kind == ErrorKind::Corrupt));
    assert!(is_stored(&outcomes[1], 4));
    assert_eq!(world.content("/broken").await, None);
}

#[tokio::test]
async fn an_expectation_that_does_not_hold_changes_nothing_and_says_what_stands_there() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/a", b"old")]).await;
    let mut absent = with_bytes("/a", b"new");
    absent.put.expect = Expect::Absent;
    let mut other = with_bytes("/a", b"new");
    other.put.expect = Expect::Digest(Digest::of(b"other"));
    let mut right = with_bytes("/a", b"new");
    right.put.expect = Expect::Digest(Digest::of(b"old"));

    let raced = world.publish(vec![absent, other]).await;
    let stored = world.publish(vec![right]).await;

    for outcome in &raced {
        let PutOutcome::Raced { found: Some(found) } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(found.digest, Some(Digest::of(b"old")));
    }
    assert!(is_stored(&stored[0], 3));
    assert_eq!(world.content("/a").await, Some(b"new".to_vec()));
}

#[tokio::test]
async fn the_same_path_twice_in_a_batch_ends_with_the_last_one() {
    let world = World::start().await;
    let mut second = with_bytes("/a", b"second");
    second.put.expect = Expect::Digest(Digest::of(b"first!"));

    let outcomes = world.publish(vec![with_bytes("/a", b"first!"), second]).await;

    assert!(
        is_stored(&outcomes[0], 6) && is_stored(&outcomes[1], 6),
        "{outcomes:?}"
    );
    assert_eq!(world.content("/a").await, Some(b"second".to_vec()));
    let info = world.hosted.repository(&world.repository.info().name).await;
    assert_eq!(
        info.expect("a look-up").expect("it is there").info().used_bytes,
        6
    );
}

#[tokio::test]
async fn a_file_never_replaces_a_folder_nor_a_folder_a_file() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/a/b", b"x")]).await;

    let outcomes = world
        .publish(vec![with_bytes("/a", b"y"), with_bytes("/a/b/c", b"z")])
        .await;
    let uploaded = world
        .repository
        .upload(
            &path("/a"),
            stream("y"),
            UploadOptions {
                overwrite: true,
                ..UploadOptions::default()
            },
            &admin(),
        )
        .await;

    for outcome in &outcomes {
        assert!(matches!(outcome, PutOutcome::Failed(error) if error.kind == ErrorKind::Conflict));
    }
    assert!(matches!(uploaded, Err(HostedError::NodeConflict(_))));
    assert_eq!(world.content("/a/b").await, Some(b"x".to_vec()));
}

#[tokio::test]
async fn properties_stay_unless_they_are_meant_to_be_replaced() {
    let world = World::start().await;
    let mut first = with_bytes("/a", b"1");
    first.put.artifact.metadata.insert("who".into(), "first".into());
    world.publish(vec![first]).await;
    let mut second = with_bytes("/a", b"2");
    second.put.with_metadata = false;

    world.publish(vec![second]).await;

    let found = world
        .repository
        .find(&[put("/a", b"").artifact.key])
        .await
        .expect("a look-up");
    let found = found[0].clone().expect("it is there");
    assert_eq!(found.digest, Some(Digest::of(b"2")));
    assert_eq!(found.metadata.get("who").map(String::as_str), Some("first"));
}

#[tokio::test]
async fn small_and_large_uploads_report_all_three_checksums() {
    let world = World::start().await;
    let small = b"123456789".to_vec();
    let large = noise(SMALL_BLOB_BYTES as usize * 9 + 7, 1);

    for (at, bytes) in [("/small", &small), ("/large", &large)] {
        let options = UploadOptions {
            sha256: Some(Digest::of(bytes)),
            ..UploadOptions::default()
        };
        let node = world
            .repository
            .upload(&path(at), stream(bytes.clone()), options, &admin())
            .await;
        let file = node.expect("it is stored").file.expect("it is a file");

        assert_eq!(file.digest, Digest::of(bytes));
        assert!(file.md5.is_some() && file.crc64.is_some());
        assert_eq!(world.content(at).await.as_ref(), Some(bytes));
    }
}

#[tokio::test]
async fn an_upload_with_a_wrong_checksum_leaves_nothing_behind() {
    let world = World::start().await;
    let large = noise(SMALL_BLOB_BYTES as usize * 3, 2);

    for bytes in [b"small".to_vec(), large] {
        let wrong_sha = UploadOptions {
            sha256: Some(Digest::of(b"other")),
            ..UploadOptions::default()
        };
        let wrong_md5 = UploadOptions {
            md5: Some("00".repeat(16)),
            ..UploadOptions::default()
        };
        for options in [wrong_sha, wrong_md5] {
            let refused = world
                .repository
                .upload(&path("/a"), stream(bytes.clone()), options, &admin())
                .await;
            assert!(matches!(refused, Err(HostedError::Mismatch(_))), "{refused:?}");
        }
    }

    assert_eq!(world.content("/a").await, None);
    assert_eq!(world.blob_files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let world = World::start().await;
    let broken = || ConnectorError::new(ErrorKind::Unreachable, Stage::Write, "client");
    let pieces = vec![Ok(Bytes::from(noise(600_000, 3))), Err(broken())];

    let refused = world
        .repository
        .upload(
            &path("/a"),
            Box::pin(futures_util::stream::iter(pieces)),
            UploadOptions::default(),
            &admin(),
        )
        .await;

    assert!(matches!(refused, Err(HostedError::Arriving(_))));
    assert_eq!(world.blob_files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn an_existing_file_is_replaced_only_when_asked() {
    let world = World::start().await;
    let (at, viewer) = (path("/a"), admin());
    let upload = |bytes: &'static str, overwrite| {
        let options = UploadOptions {
            overwrite,
            ..UploadOptions::default()
        };
        world.repository.upload(&at, stream(bytes), options, &viewer)
    };

    upload("1", false).await.expect("nothing stood there");
    let refused = upload("2", false).await;
    upload("3", true).await.expect("it was asked to replace");

    assert!(matches!(refused, Err(HostedError::NodeExists(_))));
    assert_eq!(world.content("/a").await, Some(b"3".to_vec()));
}

#[tokio::test]
async fn uploads_that_come_together_are_stored_together_and_each_is_answered() {
    let world = World::start().await;

    let uploads = (0..200).map(|n| {
        let world = &world;
        async move {
            let at = path(&format!("/d/{n:03}"));
            let bytes = format!("content {n}");
            world
                .repository
                .upload(&at, stream(bytes), UploadOptions::default(), &admin())
                .await
        }
    });
    let stored = futures_util::future::join_all(uploads).await;

    assert!(stored.iter().all(Result::is_ok));
    assert_eq!(world.content("/d/117").await, Some(b"content 117".to_vec()));
    assert!(
        world.blob_files().len() < 100,
        "{} files",
        world.blob_files().len()
    );
}

#[tokio::test]
async fn ranges_are_exactly_those_bytes() {
    let world = World::start().await;
    let bytes = noise(1_500_000, 4);
    let node = world
        .repository
        .upload(
            &path("/a"),
            stream(bytes.clone()),
            UploadOptions::default(),
            &admin(),
        )
        .await
        .expect("it is stored");

    for range in [0..1, 0..0, 524_287..524_290, 1_499_999..1_500_000, 7..1_400_000] {
        let read = world
            .repository
            .read(&node, Some(range.clone()))
            .await
            .expect("it opens");
        let read = whole(read).await.expect("it reads");
        assert!(
            read == bytes[range.start as usize..range.end as usize],
            "{range:?}"
        );
    }
    assert!(matches!(
        world.repository.read(&node, Some(1_500_001..1_500_002)).await,
        Err(HostedError::RangeOutside)
    ));
}

#[tokio::test]
async fn a_full_quota_refuses_what_is_too_much_and_keeps_the_rest() {
    let world = World::start().await;
    let change = RepositoryChange {
        quota_bytes: Some(10),
        ..RepositoryChange::default()
    };
    world
        .hosted
        .update_repository(&world.repository.info().name, change, "admin")
        .await
        .expect("it is there");

    let outcomes = world
        .publish(vec![with_bytes("/a", b"123456"), with_bytes("/b", b"123456")])
        .await;

    assert!(is_stored(&outcomes[0], 6));
    assert!(matches!(&outcomes[1], PutOutcome::Failed(error) if error.kind == ErrorKind::Limit));
}

#[tokio::test]
async fn a_deleted_repository_takes_nothing_more_and_its_name_is_free() {
    let world = World::start().await;
    let name = world.repository.info().name.clone();
    world.publish(vec![with_bytes("/a", b"1")]).await;

    let refused = world.hosted.delete_repository(&name, false).await;
    world
        .hosted
        .delete_repository(&name, true)
        .await
        .expect("it was forced");
    let late = world.publish(vec![with_bytes("/b", b"2")]).await;
    world
        .hosted
        .create_repository(&NewRepository::generic(name.clone()), "admin")
        .await
        .expect("free");
    world.hosted.collect().await.expect("a pass");

    assert!(matches!(refused, Err(HostedError::RepositoryNotEmpty(_))));
    assert!(matches!(&late[0], PutOutcome::Failed(error) if error.kind == ErrorKind::NotFound));
    let again = world
        .hosted
        .repository(&name)
        .await
        .expect("a look-up")
        .expect("the new one");
    assert_eq!(again.node(&path("/a")).await.expect("a look-up"), None);
}

#[tokio::test]
async fn names_the_contract_does_not_allow_are_refused() {
    let world = World::start().await;

    let project = world
        .hosted
        .create_project(&NewProject::named("1st"), "admin")
        .await;
    let repository = NewRepository::generic(RepositoryRef::new("blueking", "a/b"));
    let repository = world.hosted.create_repository(&repository, "admin").await;
    let orphan = NewRepository::generic(RepositoryRef::new("nowhere", "images"));
    let orphan = world.hosted.create_repository(&orphan, "admin").await;

    assert!(matches!(
        project,
        Err(HostedError::Invalid { member: "name", .. })
    ));
    assert!(matches!(
        repository,
        Err(HostedError::Invalid { member: "name", .. })
    ));
    assert!(matches!(orphan, Err(HostedError::ProjectUnknown(_))));
}

#[tokio::test]
async fn only_empty_folders_go_alone_and_trees_go_whole() {
    let world = World::start().await;
    world
        .publish(vec![
            with_bytes("/a/b/1", b"1"),
            with_bytes("/a/2", b"22"),
            with_bytes("/ab", b"3"),
        ])
        .await;

    let refused = world.repository.delete(&path("/a")).await;
    world.repository.delete(&path("/a/b/1")).await.expect("a file");
    world
        .repository
        .delete(&path("/a/b"))
        .await
        .expect("an empty folder");
    let removed = world.repository.delete_tree(&path("/a")).await.expect("a tree");

    assert!(matches!(refused, Err(HostedError::FolderNotEmpty(_))));
    assert_eq!((removed.nodes, removed.size_bytes), (2, 2));
    assert_eq!(world.content("/ab").await, Some(b"3".to_vec()));
    assert!(matches!(
        world.repository.delete(&path("/a")).await,
        Err(HostedError::NodeUnknown(_))
    ));
}

#[tokio::test]
async fn pages_show_one_level_or_everything_below() {
    let world = World::start().await;
    world
        .publish(vec![
            with_bytes("/a/b/1", b"1"),
            with_bytes("/a/c", b"2"),
            with_bytes("/a!", b"3"),
        ])
        .await;
    let shown = async |folder: &str, folders, deep| {
        let filter = NodeFilter {
            folders,
            deep,
            order: Vec::new(),
        };
        let page = world
            .repository
            .page(&path(folder), &filter, 0, 100)
            .await
            .expect("a page");
        assert_eq!(
            world
                .repository
                .count(&path(folder), &filter)
                .await
                .expect("a count"),
            page.len() as u64
        );
        page.iter().map(|node| node.path.to_string()).collect::<Vec<_>>()
    };

    assert_eq!(shown("/", true, false).await, ["/a", "/a!"]);
    assert_eq!(shown("/a", true, false).await, ["/a/b", "/a/c"]);
    assert_eq!(shown("/a", false, true).await, ["/a/b/1", "/a/c"]);
    assert_eq!(shown("/", false, false).await, ["/a!"]);
}

#[tokio::test]
async fn a_blob_nobody_sent_is_not_taken_for_present() {
    let world = World::start().await;

    let outcomes = world.publish(vec![without_bytes("/a", b"never sent")]).await;

    assert!(matches!(&outcomes[0], PutOutcome::Failed(error) if error.kind == ErrorKind::NotFound));
}

/// Run by hand with `TMPDIR` on a file system of a few MiB.
#[tokio::test]
#[ignore = "needs a small disk"]
async fn a_full_disk_is_said_and_what_did_not_fit_leaves_nothing_behind() {
    let world = World::start().await;
    world.publish(vec![with_bytes("/kept", b"kept")]).await;
    let files = world.blob_files().len();

    let large = noise(64 << 20, 1);
    let batch = (0..300)
        .map(|n| with_bytes(&format!("/{n}"), &noise(250_000, n)))
        .collect();
    let published = world.repository.publish(batch, &admin()).await;
    let known = UploadOptions {
        size_bytes: Some(64 << 20),
        ..UploadOptions::default()
    };
    for options in [UploadOptions::default(), known] {
        let uploaded = world
            .repository
            .upload(&path("/a"), stream(large.clone()), options, &admin())
            .await;
        assert_eq!(uploaded.expect_err("it cannot fit").kind(), ErrorKind::Disk);
    }

    assert_eq!(published.expect_err("it cannot fit").kind(), ErrorKind::Disk);
    assert_eq!(world.blob_files().len(), files);
    assert_eq!(world.content("/kept").await, Some(b"kept".to_vec()));
}
