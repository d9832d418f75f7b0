//! Exactly this set again: the selected details of a record, and what it never attempted.

use domain::detail::{DetailFilter, DetailStatus, Outcome};
use domain::failure::ErrorKind;
use domain::id::RecordId;
use domain::record::{ReasonLine, RecordStatus};
use domain::task::{ConflictStrategy, ErrorStrategy};
use engine::error::EngineError;
use testkit::{Hold, Op, artifact, on, on_any};

use crate::build::{name_of, task};
use crate::world::World;

fn failed() -> DetailFilter {
    DetailFilter {
        status: Some(DetailStatus::Failed),
        ..DetailFilter::default()
    }
}

async fn names(world: &World, id: RecordId) -> Vec<String> {
    world
        .rows(id)
        .await
        .iter()
        .map(|row| name_of(&row.artifact))
        .collect()
}

#[tokio::test]
async fn a_retry_takes_the_failed_artifacts_and_no_others() {
    let world = World::start().await;
    world.source.holds_files(10);
    world
        .target
        .script(on(Op::Put).about("/f/00003.bin").fails(ErrorKind::Disk));
    let parent = world.run(task()).await;
    world.target.behaves();

    let retry = world
        .engine
        .retry_record(parent.id, failed(), "bob")
        .await
        .unwrap();
    let retry = world.end_of(retry).await;

    assert_eq!(retry.status, RecordStatus::Succeeded);
    assert_eq!(names(&world, retry.id).await, ["/f/00003.bin"]);
    assert_eq!(retry.plan.unwrap().retry_of.unwrap().parent, parent.id);
    assert_eq!(world.target.content(), world.source.content());
}

#[tokio::test]
async fn any_filter_is_a_selection() {
    let world = World::start().await;
    world.source.holds_files(30);
    let parent = world.run(task()).await;
    let filter = DetailFilter {
        path_prefix: Some("/f/0001".into()),
        outcome: Some(Outcome::Copied),
        ..DetailFilter::default()
    };

    let retry = world.engine.retry_record(parent.id, filter, "bob").await.unwrap();
    let retry = world.end_of(retry).await;

    assert_eq!(retry.counts.unwrap().unchanged, 10);
    assert_eq!(
        names(&world, retry.id).await.first().map(String::as_str),
        Some("/f/00010.bin")
    );
}

#[tokio::test]
async fn a_retry_takes_what_was_never_attempted_too() {
    let world = World::start().await;
    world.source.holds_files(120);
    world.target.holds(artifact("/f/00010.bin").bytes(b"other"));
    let fast_failing = task()
        .on_conflict(ConflictStrategy::FastFail)
        .on_error(ErrorStrategy::FastFail);
    let parent = world.run(fast_failing).await;
    world.target.loses("/f/00010.bin");

    let retry = world
        .engine
        .retry_record(parent.id, failed(), "bob")
        .await
        .unwrap();
    let retry = world.end_of(retry).await;

    assert_eq!(retry.status, RecordStatus::Succeeded);
    assert_eq!(names(&world, retry.id).await.len(), 110);
    assert_eq!(retry.counts.unwrap().copied, 110);
    assert_eq!(world.target.content(), world.source.content());
}

#[tokio::test]
async fn a_retry_of_a_part_that_never_began_takes_all_of_it() {
    let world = World::start().await;
    world.source.holds_files(5);
    world
        .target
        .script(on(Op::Prepare).fails(ErrorKind::Unauthorised));
    let parent = world.run(task().to(&["edge-1", "edge-2"])).await;
    world.target.behaves();

    let retry = world
        .engine
        .retry_record(parent.id, failed(), "bob")
        .await
        .unwrap();
    let retry = world.end_of(retry).await;

    assert_eq!(retry.counts.unwrap().copied, 5);
    assert_eq!(world.rows(retry.id).await.len(), 5);
}

#[tokio::test]
async fn a_retry_of_an_interrupted_retry_goes_on_where_that_ended() {
    let world = World::start().await;
    world.source.holds_files(2_500);
    world.target.script(on(Op::Put).fails(ErrorKind::Disk));
    let root = world.run(task()).await;
    world.target.behaves();
    world
        .target
        .script(on(Op::Find).from_nth(2).fails(ErrorKind::Unauthorised));
    let first = world.engine.retry_record(root.id, failed(), "bob").await.unwrap();
    let first = world.end_of(first).await;
    assert_eq!(
        (first.status, first.counts.unwrap().copied),
        (RecordStatus::Failed, 1_000)
    );
    world.target.behaves();

    let second = world
        .engine
        .retry_record(first.id, failed(), "bob")
        .await
        .unwrap();
    let second = world.end_of(second).await;

    assert_eq!(second.status, RecordStatus::Succeeded);
    assert_eq!(second.counts.unwrap().copied, 1_500);
    assert_eq!(world.target.content(), world.source.content());
}

#[tokio::test]
async fn a_stopped_run_is_retried_from_where_it_was_stopped() {
    let world = World::start().await;
    world.source.holds_files(5_000);
    let hold = Hold::default();
    world.target.script(on(Op::Put).from_nth(5).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(4).await;
    world.engine.stop_record(id, "bob").await.unwrap();
    let parent = world.end_of(id).await;
    world.target.behaves();

    let retry = world.engine.retry_record(id, failed(), "bob").await.unwrap();
    let retry = world.end_of(retry).await;

    assert_eq!(
        parent.counts.unwrap().copied + retry.counts.unwrap().copied,
        5_000
    );
    assert_eq!(retry.counts.unwrap().unchanged, 0);
    assert_eq!(world.target.content(), world.source.content());
}

#[tokio::test]
async fn a_run_resumed_to_a_dead_target_says_where_it_ended_and_a_retry_does_nothing_twice() {
    let mut world = World::start().await;
    world.source.holds_files(2_500);
    world
        .target
        .script(on(Op::Put).about("/f/00003.bin").fails(ErrorKind::Disk));
    let hold = Hold::default();
    world.target.script(on(Op::Put).from_nth(3).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(4).await;
    world
        .drive(async || (world.record(id).await.counts.unwrap().settled() == 200).then_some(()))
        .await;
    world.kill().await;
    world.target.script(on_any().fails(ErrorKind::Unreachable));
    world.resume().await;
    let parent = world.end_of(id).await;
    let counts = parent.counts.unwrap();
    assert_eq!((counts.copied, counts.failed), (199, 1));
    assert!(parent.reason.iter().any(|line| matches!(
        line,
        ReasonLine::NotAttempted { from_key: Some(key), .. } if key == "/f/00200.bin"
    )));
    world.target.behaves();

    let retry = world.engine.retry_record(id, failed(), "bob").await.unwrap();
    let retry = world.end_of(retry).await;

    assert_eq!(retry.status, RecordStatus::Succeeded);
    assert_eq!(
        (retry.counts.unwrap().copied, retry.counts.unwrap().settled()),
        (2_301, 2_301)
    );
    assert_eq!(world.target.content(), world.source.content());
}

#[tokio::test]
async fn a_record_that_has_not_ended_is_not_retried() {
    let world = World::start().await;
    world.source.holds_files(5);
    let hold = Hold::default();
    world.target.script(on(Op::Put).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(1).await;

    let refused = world.engine.retry_record(id, failed(), "bob").await;

    assert!(matches!(refused, Err(EngineError::RunGoingOn)), "{refused:?}");
}
