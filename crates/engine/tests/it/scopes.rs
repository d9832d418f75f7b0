//! Which artifacts a run covers.

use domain::detail::ExecuteType;
use domain::failure::{ErrorKind, Stage};
use domain::record::RecordStatus;
use testkit::{Op, artifact, on};

use crate::build::{name_of, task};
use crate::world::World;

#[tokio::test]
async fn a_path_is_a_file_or_a_folder_with_all_below_it() {
    let world = World::start().await;
    for path in ["/a/1", "/a/b/2", "/ab/3", "/c", "/cd"] {
        world.source.holds(artifact(path));
    }

    let record = world.run(task().paths(&["/a", "/c"])).await;

    let rows = world.rows(record.id).await;
    let names: Vec<String> = rows.iter().map(|row| name_of(&row.artifact)).collect();
    assert_eq!(names, ["/a/1", "/a/b/2", "/c"]);
    assert!(
        rows.iter()
            .all(|row| row.execute_type == Some(ExecuteType::Partial))
    );
}

#[tokio::test]
async fn a_path_that_does_not_exist_gives_one_failed_row() {
    let world = World::start().await;
    world.source.holds(artifact("/a/1"));

    let record = world.run(task().paths(&["/a", "/nowhere"])).await;

    assert_eq!(record.status, RecordStatus::Failed);
    assert_eq!(world.rows(record.id).await.len(), 2);
    let failure = world.settlement_of(record.id, "/nowhere").await.failure.unwrap();
    assert_eq!((failure.stage, failure.class), (Stage::List, ErrorKind::NotFound));
    assert_eq!(world.target.content().len(), 1);
}

#[tokio::test]
async fn a_repository_run_is_a_full_one() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));

    let record = world.run(task()).await;

    assert_eq!(
        world.rows(record.id).await[0].execute_type,
        Some(ExecuteType::Full)
    );
}

#[tokio::test]
async fn several_repositories_go_one_after_the_other() {
    let world = World::start().await;
    for name in ["files", "more", "most"] {
        world.source_of(name).holds(artifact(name));
    }

    let record = world.run(task().of(&["files", "more", "most"])).await;

    assert_eq!(record.counts.unwrap().copied, 3);
    for name in ["files", "more", "most"] {
        assert_eq!(
            world.target_of("edge-1", name).content(),
            world.source_of(name).content()
        );
    }
    let mut repositories: Vec<String> = world
        .rows(record.id)
        .await
        .into_iter()
        .map(|row| row.local_repository)
        .collect();
    repositories.sort_unstable();
    assert_eq!(repositories, ["files", "more", "most"]);
}

#[tokio::test]
async fn without_details_only_failed_rows_are_kept_and_all_are_counted() {
    let world = World::start().await;
    world.source.holds_files(20);
    world
        .target
        .script(on(Op::Put).about("/f/00003.bin").fails(ErrorKind::Disk));

    let record = world.run(task().keeps_no_details()).await;

    let counts = record.counts.unwrap();
    assert_eq!((counts.copied, counts.failed), (19, 1));
    let rows = world.rows(record.id).await;
    assert_eq!(
        rows.iter().map(|row| name_of(&row.artifact)).collect::<Vec<_>>(),
        ["/f/00003.bin"]
    );
}
