//! What a failed artifact means for the rest: go on, or stop planning for that target.

use domain::failure::ErrorKind;
use domain::record::{ReasonLine, Record, RecordStatus};
use domain::task::{ConflictStrategy, ErrorStrategy};
use testkit::{Hold, Op, artifact, on};

use crate::build::{TaskBuilder, name_of, task};
use crate::world::World;

fn fast_failing() -> TaskBuilder {
    task()
        .on_conflict(ConflictStrategy::FastFail)
        .on_error(ErrorStrategy::FastFail)
}

/// A node with 120 files of which the eleventh is another one at `edge-1`.
async fn with_a_conflict() -> World {
    let world = World::start().await;
    world.source.holds_files(120);
    world.target.holds(artifact("/f/00010.bin").bytes(b"other"));
    world
}

fn from_key(record: &Record) -> Option<String> {
    record.reason.iter().find_map(|line| match line {
        ReasonLine::NotAttempted { from_key, .. } => from_key.clone(),
        _ => None,
    })
}

#[tokio::test]
async fn continue_goes_on_after_a_failed_artifact() {
    let world = with_a_conflict().await;

    let record = world.run(task().on_conflict(ConflictStrategy::FastFail)).await;

    let counts = record.counts.unwrap();
    assert_eq!((counts.copied, counts.failed), (119, 1));
    assert_eq!(record.status, RecordStatus::Failed);
    assert_eq!(from_key(&record), None);
}

#[tokio::test]
async fn fast_fail_stops_planning_at_the_first_failed_artifact_and_names_the_rest() {
    let world = with_a_conflict().await;

    let record = world.run(fast_failing()).await;

    let counts = record.counts.unwrap();
    assert_eq!((counts.copied, counts.failed), (10, 1));
    assert_eq!(record.status, RecordStatus::Failed);
    assert_eq!(from_key(&record).as_deref(), Some("/f/00011.bin"));
    let names: Vec<String> = world
        .rows(record.id)
        .await
        .iter()
        .map(|row| name_of(&row.artifact))
        .collect();
    assert_eq!(names.last().map(String::as_str), Some("/f/00010.bin"));
}

#[tokio::test]
async fn fast_fail_settles_what_is_in_flight_when_a_write_fails() {
    let world = World::start().await;
    world.source.holds_files(400);
    world
        .target
        .script(on(Op::Put).about("/f/00010.bin").fails(ErrorKind::Disk));

    let record = world.run(fast_failing()).await;

    let counts = record.counts.unwrap();
    assert_eq!(counts.failed, 1);
    assert!(counts.settled() < 400, "{counts:?}");
    assert_eq!(from_key(&record), Some(format!("/f/{:05}.bin", counts.settled())));
}

#[tokio::test]
async fn fast_fail_leaves_the_other_targets_alone() {
    let world = with_a_conflict().await;

    let record = world.run(fast_failing().to(&["edge-1", "edge-2"])).await;

    let rows = world.rows(record.id).await;
    assert_eq!(
        rows.iter().filter(|row| row.remote_cluster == "edge-2").count(),
        120
    );
    assert_eq!(
        rows.iter().filter(|row| row.remote_cluster == "edge-1").count(),
        11
    );
}

#[tokio::test]
async fn fast_fail_leaves_the_other_repositories_of_that_target_for_later() {
    let world = with_a_conflict().await;
    world.source_of("more").holds(artifact("b.tgz"));

    let record = world.run(fast_failing().of(&["files", "more"])).await;

    assert_eq!(world.target_of("edge-1", "more").content(), []);
    assert_eq!(world.rows(record.id).await.len(), 11);
    assert!(record.reason.iter().any(|line| matches!(
        line,
        ReasonLine::NotAttempted { repository, from_key: Some(key), .. } if repository == "more" && key == "/b.tgz"
    )));
}

#[tokio::test]
async fn repository_runs_of_the_contract_go_on_under_fast_fail() {
    let world = with_a_conflict().await;

    let record = world.run(fast_failing().repository_runs_go_on()).await;

    assert_eq!(record.counts.unwrap().copied, 119);
}

#[tokio::test]
async fn path_runs_of_the_contract_stop_under_fast_fail() {
    let world = with_a_conflict().await;

    let record = world
        .run(fast_failing().repository_runs_go_on().paths(&["/f"]))
        .await;

    assert_eq!(record.counts.unwrap().copied, 10);
}

#[tokio::test]
async fn a_fast_failed_run_that_is_resumed_does_not_go_on_planning() {
    let mut world = with_a_conflict().await;
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let id = world.begin(fast_failing()).await;
    hold.reached(1).await;
    world
        .until(async || (!world.rows(id).await.is_empty()).then_some(()))
        .await;

    world.resume().await;
    let record = world.end_of(id).await;

    let counts = record.counts.unwrap();
    assert_eq!((counts.copied, counts.failed), (10, 1));
    assert_eq!(from_key(&record).as_deref(), Some("/f/00011.bin"));
}

#[tokio::test]
async fn a_missing_path_ends_a_fast_failing_run() {
    let world = World::start().await;
    world.source.holds_files(120);

    let record = world.run(fast_failing().paths(&["/nowhere", "/f"])).await;

    assert_eq!(record.counts.unwrap().failed, 1);
    assert_eq!(from_key(&record).as_deref(), Some("/f/00000.bin"));
}
