//! Somebody else writes at the target between the look-up and the write.

use domain::detail::Outcome;
use domain::failure::ErrorKind;
use domain::record::RecordStatus;
use domain::task::ConflictStrategy::{FastFail, Overwrite, Skip};
use testkit::{Op, artifact, on};

use crate::build::task;
use crate::world::World;

async fn raced_by(theirs: &[u8]) -> World {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"ours"));
    world
        .target
        .script(on(Op::Put).nth(1).about("a.tgz").is_raced_by(theirs));
    world
}

#[tokio::test]
async fn a_raced_copy_is_skipped_as_a_conflict_under_skip() {
    let world = raced_by(b"theirs").await;

    let record = world.run(task().on_conflict(Skip)).await;

    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(
        (settlement.outcome, settlement.conflict),
        (Outcome::SkippedConflict, true)
    );
    assert_eq!(world.target.bytes_of("a.tgz").unwrap(), "theirs");
}

#[tokio::test]
async fn a_raced_copy_becomes_an_overwrite_under_overwrite() {
    let world = raced_by(b"theirs").await;

    let record = world.run(task().on_conflict(Overwrite)).await;

    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(
        (settlement.outcome, settlement.conflict),
        (Outcome::Overwritten, true)
    );
    assert_eq!(settlement.attempts, 2);
    assert_eq!(world.target.bytes_of("a.tgz").unwrap(), "ours");
}

#[tokio::test]
async fn a_raced_copy_is_refused_under_fast_fail() {
    let world = raced_by(b"theirs").await;

    let record = world.run(task().on_conflict(FastFail)).await;

    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!((settlement.outcome, settlement.conflict), (Outcome::Failed, true));
    assert_eq!(settlement.failure.unwrap().class, ErrorKind::Conflict);
    assert_eq!(world.target.bytes_of("a.tgz").unwrap(), "theirs");
}

#[tokio::test]
async fn a_copy_raced_by_the_same_content_is_unchanged() {
    let world = raced_by(b"ours").await;

    let record = world.run(task().on_conflict(FastFail)).await;

    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(
        (settlement.outcome, settlement.conflict),
        (Outcome::Unchanged, false)
    );
    assert_eq!(record.counts.unwrap().bytes_moved, 0);
}

#[tokio::test]
async fn an_overwrite_raced_by_a_removal_becomes_a_copy() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"ours"));
    world.target.holds(artifact("a.tgz").bytes(b"theirs"));
    world
        .target
        .script(on(Op::Put).nth(1).about("a.tgz").is_raced_by_a_removal());

    let record = world.run(task().on_conflict(Overwrite)).await;

    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(
        (settlement.outcome, settlement.conflict),
        (Outcome::Copied, false)
    );
    assert_eq!(world.target.bytes_of("a.tgz").unwrap(), "ours");
}

#[tokio::test]
async fn an_artifact_raced_again_and_again_fails_as_a_conflict() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"ours"));
    for n in 1..=9 {
        let theirs = format!("theirs, version {n}");
        world
            .target
            .script(on(Op::Put).nth(n).about("a.tgz").is_raced_by(theirs));
    }

    let record = world.run(task().on_conflict(Overwrite)).await;

    assert_eq!(record.status, RecordStatus::Failed);
    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    let failure = settlement.failure.unwrap();
    assert_eq!((failure.class, failure.attempts), (ErrorKind::Conflict, 5));
    assert_eq!(world.target.calls(Op::Put), 5);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_reported_as_copied() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"ours"));
    world
        .target
        .script(on(Op::Put).nth(1).loses_the_answer(ErrorKind::Unreachable));

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!((settlement.outcome, settlement.moved_bytes), (Outcome::Copied, 4));
    assert_eq!(settlement.attempts, 2);
}

#[tokio::test]
async fn a_lost_acknowledgement_of_an_overwrite_is_reported_as_overwritten() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"ours"));
    world.target.holds(artifact("a.tgz").bytes(b"theirs"));
    world.target.script(
        on(Op::Put)
            .nth(1)
            .about("a.tgz")
            .loses_the_answer(ErrorKind::Unreachable),
    );

    let record = world.run(task().on_conflict(Overwrite)).await;

    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(
        (settlement.outcome, settlement.conflict),
        (Outcome::Overwritten, true)
    );
    assert_eq!(settlement.moved_bytes, 4);
}

#[tokio::test]
async fn a_lost_acknowledgement_of_other_properties_moved_no_bytes() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").property("stage", "live"));
    world.target.holds(artifact("a.tgz").property("stage", "test"));
    world
        .target
        .script(on(Op::Put).nth(1).loses_the_answer(ErrorKind::Unreachable));

    let record = world.run(task().on_conflict(Overwrite)).await;

    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(
        (settlement.outcome, settlement.moved_bytes),
        (Outcome::Overwritten, 0)
    );
}
