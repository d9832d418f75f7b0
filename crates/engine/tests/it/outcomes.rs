//! What one artifact to one target ends as: the table of outcomes, row by row.

use domain::counts::Counts;
use domain::detail::{DetailState, Outcome, Settlement};
use domain::failure::{ErrorKind, Stage};
use domain::record::{ReasonLine, RecordStatus};
use domain::task::ConflictStrategy::{self, FastFail, Overwrite, Skip};
use testkit::{Op, artifact, on};

use crate::build::task;
use crate::world::World;

#[tokio::test]
async fn an_artifact_that_is_absent_is_copied() {
    let world = World::start().await;
    world
        .source
        .holds(artifact("a.tgz").bytes(b"new").property("team", "core"));

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(record.reason, []);
    assert_eq!(
        record.counts,
        Some(Counts {
            copied: 1,
            blobs_moved: 1,
            bytes_moved: 3,
            bytes_settled: 3,
            ..Counts::default()
        })
    );
    assert_eq!(
        world.settlement_of(record.id, "/a.tgz").await,
        Settlement {
            moved_bytes: 3,
            moved_blobs: 1,
            ..Settlement::of(Outcome::Copied)
        }
    );
    assert_eq!(world.target.bytes_of("a.tgz").unwrap(), "new");
    assert_eq!(world.target.properties_of("a.tgz").unwrap()["team"], "core");
}

#[tokio::test]
async fn other_content_under_overwrite_is_replaced_and_counts_as_conflict() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"new"));
    world.target.holds(artifact("a.tgz").bytes(b"older"));

    let record = world.run(task().on_conflict(Overwrite)).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(
        record.counts,
        Some(Counts {
            overwritten: 1,
            conflicts: 1,
            blobs_moved: 1,
            bytes_moved: 3,
            bytes_settled: 3,
            ..Counts::default()
        })
    );
    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(settlement.on_conflict, Some(Overwrite));
    assert_eq!(world.target.bytes_of("a.tgz").unwrap(), "new");
}

#[tokio::test]
async fn equal_content_with_other_properties_is_overwritten_without_moving_bytes() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").property("stage", "live"));
    world.target.holds(artifact("a.tgz").property("stage", "test"));

    let record = world.run(task().on_conflict(Overwrite)).await;

    let counts = record.counts.unwrap();
    assert_eq!(
        (counts.overwritten, counts.conflicts, counts.bytes_moved),
        (1, 0, 0)
    );
    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!((settlement.conflict, settlement.on_conflict), (false, None));
    assert_eq!(world.target.properties_of("a.tgz").unwrap()["stage"], "live");
}

#[tokio::test]
async fn equal_content_is_unchanged_and_no_conflict_under_every_strategy() {
    for strategy in [Skip, Overwrite, FastFail] {
        let world = World::start().await;
        world.source.holds(artifact("a.tgz"));
        world.target.holds(artifact("a.tgz"));

        let record = world.run(task().on_conflict(strategy)).await;

        let settlement = world.settlement_of(record.id, "/a.tgz").await;
        assert_eq!(record.status, RecordStatus::Succeeded, "{strategy:?}");
        assert_eq!(settlement, Settlement::of(Outcome::Unchanged), "{strategy:?}");
        assert_eq!(world.target.calls(Op::Put), 0, "{strategy:?}");
    }
}

#[tokio::test]
async fn other_properties_stay_under_skip_and_fast_fail() {
    for strategy in [Skip, FastFail] {
        let world = World::start().await;
        world.source.holds(artifact("a.tgz").property("stage", "live"));
        world.target.holds(artifact("a.tgz").property("stage", "test"));

        let record = world.run(task().on_conflict(strategy)).await;

        assert_eq!(record.counts.unwrap().unchanged, 1, "{strategy:?}");
        assert_eq!(world.target.properties_of("a.tgz").unwrap()["stage"], "test");
    }
}

#[tokio::test]
async fn a_conflict_under_skip_leaves_the_target_alone_and_counts_once() {
    let world = World::start().await;
    world.source.holds(artifact("app-1.0.0.tgz").bytes(b"new"));
    world.target.holds(artifact("app-1.0.0.tgz").bytes(b"old"));

    let record = world.run(task().on_conflict(Skip)).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(
        record.counts,
        Some(Counts {
            skipped_conflict: 1,
            conflicts: 1,
            bytes_settled: 3,
            ..Counts::default()
        })
    );
    let settlement = world.settlement_of(record.id, "/app-1.0.0.tgz").await;
    assert_eq!(settlement.on_conflict, Some(Skip));
    assert_eq!(world.target.bytes_of("app-1.0.0.tgz").unwrap(), "old");
}

#[tokio::test]
async fn a_conflict_under_fast_fail_fails_the_artifact_and_alters_nothing() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"new"));
    world.target.holds(artifact("a.tgz").bytes(b"old"));

    let record = world.run(task().on_conflict(FastFail)).await;

    assert_eq!(record.status, RecordStatus::Failed);
    let counts = record.counts.unwrap();
    assert_eq!((counts.failed, counts.conflicts, counts.blobs_failed), (1, 1, 0));
    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(settlement.on_conflict, Some(FastFail));
    let failure = settlement.failure.expect("a failed artifact says why");
    assert_eq!(
        (failure.class, failure.subject.as_str()),
        (ErrorKind::Conflict, "edge-1")
    );
    assert_eq!(world.target.bytes_of("a.tgz").unwrap(), "old");
    assert_eq!(world.target.calls(Op::Put), 0);
}

#[tokio::test]
async fn a_broken_copy_is_failed_with_stage_class_status_words_and_tries() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    world.source.holds(artifact("b.tgz"));
    world.target.script(
        on(Op::Put)
            .about("a.tgz")
            .fails(ErrorKind::Disk)
            .status(507)
            .words("no space left"),
    );

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Failed);
    let counts = record.counts.unwrap();
    assert_eq!(
        (
            counts.copied,
            counts.failed,
            counts.conflicts,
            counts.blobs_failed
        ),
        (1, 1, 0, 1)
    );
    let failure = world.settlement_of(record.id, "/a.tgz").await.failure.unwrap();
    assert_eq!((failure.stage, failure.class), (Stage::Write, ErrorKind::Disk));
    assert_eq!(
        (failure.remote_status, failure.words.as_deref()),
        (Some(507), Some("no space left"))
    );
    assert_eq!((failure.attempts, failure.subject.as_str()), (1, "edge-1"));
    let [
        ReasonLine::ArtifactsFailed {
            cluster,
            failed: 1,
            artifact,
            first,
        },
    ] = record.reason.as_slice()
    else {
        panic!("one line for the failing target: {:?}", record.reason);
    };
    assert_eq!(
        (cluster.as_str(), artifact.as_str(), first),
        ("edge-1", "/a.tgz", &failure)
    );
}

#[tokio::test]
async fn a_broken_overwrite_is_failed_and_still_counts_as_conflict() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"new"));
    world.target.holds(artifact("a.tgz").bytes(b"old"));
    world
        .target
        .script(on(Op::Put).fails(ErrorKind::Unauthorised).status(403));

    let record = world.run(task().on_conflict(Overwrite)).await;

    let counts = record.counts.unwrap();
    assert_eq!((counts.failed, counts.conflicts), (1, 1));
    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    assert_eq!(settlement.on_conflict, Some(Overwrite));
}

#[tokio::test]
async fn a_second_run_copies_no_bytes() {
    let world = World::start().await;
    world.source.holds_files(20);
    let task = world.save(task()).await;
    world.run_again(&task.key).await;
    let moved_bytes = world.target.moved_bytes();

    let record = world.run_again(&task.key).await;

    assert_eq!(record.counts.unwrap().unchanged, 20);
    assert_eq!(record.counts.unwrap().bytes_moved, 0);
    assert_eq!(world.target.moved_bytes(), moved_bytes);
}

#[tokio::test]
async fn every_target_has_a_row_of_its_own_for_every_artifact() {
    let world = World::start().await;
    world.source.holds_files(3);
    world.target.holds(artifact("/f/00001.bin").bytes(b"other"));

    let record = world
        .run(task().to(&["edge-1", "edge-2"]).on_conflict(Overwrite))
        .await;

    let rows = world.rows(record.id).await;
    assert_eq!(rows.len(), 6);
    let conflicts: Vec<&str> = rows
        .iter()
        .filter(|row| matches!(&row.state, DetailState::Settled(settlement) if settlement.conflict))
        .map(|row| row.remote_cluster.as_str())
        .collect();
    assert_eq!(conflicts, ["edge-1"]);
    assert_eq!(
        world.target_of("edge-2", "files").content(),
        world.source.content()
    );
    assert_eq!(world.target.content(), world.source.content());
}

#[tokio::test]
async fn nothing_to_do_is_done_well() {
    let world = World::start().await;

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(record.counts, Some(Counts::default()));
}

#[tokio::test]
async fn the_settings_of_a_run_are_those_it_was_triggered_with() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));

    let record = world.run(task().on_conflict(Overwrite)).await;

    let plan = record.plan.expect("a run keeps what it ran with");
    assert_eq!(plan.settings.on_conflict, ConflictStrategy::Overwrite);
    assert_eq!(
        (plan.targets, record.triggered_by.as_str()),
        (vec!["edge-1".into()], "alice")
    );
}
