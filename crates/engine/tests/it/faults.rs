//! What breaks on the way, at either end.

use domain::detail::Outcome;
use domain::failure::{ErrorKind, Stage};
use domain::record::{ReasonLine, RecordStatus};
use domain::task::ConflictStrategy::Overwrite;
use testkit::{Hold, Op, artifact, on};

use crate::build::task;
use crate::world::World;

/// Larger than what travels together.
const LARGE_BYTES: usize = 300 * 1024;

#[tokio::test]
async fn an_artifact_is_tried_five_times_later_each_time() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    world
        .target
        .script(on(Op::Put).fails(ErrorKind::Limit).status(429).words("slow down"));

    let record = world.run(task()).await;

    let settlement = world.settlement_of(record.id, "/a.tgz").await;
    let failure = settlement.failure.unwrap();
    assert_eq!((settlement.attempts, failure.attempts), (5, 5));
    assert_eq!(
        (failure.stage, failure.class, failure.remote_status),
        (Stage::Write, ErrorKind::Limit, Some(429))
    );
    assert_eq!(world.target.calls(Op::Put), 5);
    // 200 + 400 + 800 + 1,600 ms, each at most a quarter shorter.
    let waited_ms = record.ended_ms.unwrap() - record.started_ms.unwrap();
    assert!(waited_ms >= 2_250, "{waited_ms}");
}

#[tokio::test]
async fn what_worked_is_not_sent_again_with_what_did_not() {
    let world = World::start().await;
    world.source.holds_files(10);
    world
        .target
        .script(on(Op::Put).about("/f/00003.bin").times(2).fails(ErrorKind::Limit));

    let record = world.run(task()).await;

    assert_eq!(record.counts.unwrap().copied, 10);
    assert_eq!(world.target.keys_asked(Op::Put), 12);
    assert_eq!(world.settlement_of(record.id, "/f/00003.bin").await.attempts, 3);
    assert_eq!(world.settlement_of(record.id, "/f/00004.bin").await.attempts, 1);
}

#[tokio::test]
async fn what_cannot_help_is_not_tried_again() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    world
        .target
        .script(on(Op::Put).fails(ErrorKind::Unauthorised).status(403));

    world.run(task()).await;

    assert_eq!(world.target.calls(Op::Put), 1);
}

#[tokio::test]
async fn retry_after_is_obeyed_by_every_run_to_that_target() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    world.target.script(
        on(Op::Put)
            .nth(1)
            .fails(ErrorKind::Limit)
            .status(429)
            .retry_after_s(7),
    );
    let first = world.begin(task()).await;
    world.wait_for(|| world.target.calls(Op::Put) == 1).await;
    world.settle().await;

    world.source_of("others").holds(artifact("b.tgz"));
    let others = world.target_of("edge-1", "others");
    let second = world.begin(task().of(&["others"])).await;
    let elsewhere = world.begin(task().of(&["others"]).to(&["edge-2"])).await;

    world.end_of_without_waiting(elsewhere).await;
    world.pass(6_900).await;
    assert_eq!((world.target.calls(Op::Put), others.steps()), (1, 0));
    assert_eq!(world.end_of(first).await.status, RecordStatus::Succeeded);
    assert_eq!(world.end_of(second).await.status, RecordStatus::Succeeded);
}

#[tokio::test]
async fn a_dead_target_ends_its_own_part_and_nobody_elses() {
    let world = World::start().await;
    world.source.holds_files(30);
    world.target.script(
        on(Op::Find)
            .fails(ErrorKind::Unreachable)
            .words("connection refused"),
    );
    let record = world.begin(task().to(&["edge-1", "edge-2"])).await;

    // The other target is done before the clock has moved at all.
    let other = world.target_of("edge-2", "files");
    world.wait_for(|| other.content() == world.source.content()).await;
    let record = world.end_of(record).await;

    assert_eq!(record.status, RecordStatus::Failed);
    assert_eq!(record.counts.unwrap().copied, 30);
    assert_eq!(world.rows(record.id).await.len(), 30);
    let waited_ms = record.ended_ms.unwrap() - record.started_ms.unwrap();
    assert!((10_000..60_000).contains(&waited_ms), "{waited_ms}");
    let [
        ReasonLine::NotAttempted {
            cluster,
            from_key,
            failure,
            ..
        },
    ] = record.reason.as_slice()
    else {
        panic!("one line for the dead target: {:?}", record.reason);
    };
    assert_eq!(
        (cluster.as_str(), from_key.as_deref()),
        ("edge-1", Some("/f/00000.bin"))
    );
    assert_eq!(
        (failure.class, failure.words.as_deref()),
        (ErrorKind::Unreachable, Some("connection refused"))
    );
}

#[tokio::test]
async fn a_target_that_dies_fails_what_is_in_flight_and_gives_the_rest_no_row() {
    let world = World::start().await;
    world.source.holds_files(5_000);
    for (op, nth) in [(Op::Put, 3), (Op::Find, 4)] {
        let dies = on(op).from_nth(nth).fails(ErrorKind::Unreachable);
        world.target.script(dies);
    }

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Failed);
    let counts = record.counts.unwrap();
    assert_eq!(counts.copied, 200);
    assert!((1..=2_800).contains(&counts.failed), "{counts:?}");
    let rest = record.reason.iter().find_map(|line| match line {
        ReasonLine::NotAttempted { from_key, .. } => from_key.clone(),
        _ => None,
    });
    assert_eq!(rest, Some(format!("/f/{:05}.bin", counts.settled())));
}

#[tokio::test]
async fn a_target_that_answers_questions_and_takes_nothing_is_given_up() {
    let world = World::start().await;
    // One file of each page is to be written: questions go on being answered in between.
    for n in 0..20_000 {
        let name = format!("/f/{n:05}.bin");
        world.source.holds(artifact(&name).size_bytes(8));
        if n % 1_000 != 0 {
            world.target.holds(artifact(&name).size_bytes(8));
        }
    }
    world.target.script(
        on(Op::Put)
            .fails(ErrorKind::Unreachable)
            .words("connection reset"),
    );

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Failed);
    let failed = record.counts.unwrap().failed;
    assert!((2..=16).contains(&failed), "{failed}");
    assert!(
        record.reason.iter().any(|line| matches!(
            line,
            ReasonLine::NotAttempted { failure, .. } if failure.words.as_deref() == Some("connection reset")
        )),
        "{:?}",
        record.reason
    );
}

#[tokio::test]
async fn one_artifact_that_breaks_its_connection_keeps_no_other_from_being_looked_at() {
    let world = World::start().await;
    for n in 0..5_000 {
        let name = format!("/f/{n:05}.bin");
        world.source.holds(artifact(&name).size_bytes(8));
        if n != 500 {
            world.target.holds(artifact(&name).size_bytes(8));
        }
    }
    world.target.script(on(Op::Put).fails(ErrorKind::Unreachable));

    let record = world.run(task()).await;

    let counts = record.counts.unwrap();
    assert_eq!(
        (counts.failed, counts.unchanged),
        (1, 4_999),
        "{:?}",
        record.reason
    );
}

#[tokio::test]
async fn a_connection_that_breaks_after_a_long_exchange_is_tried_again() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    let long = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&long));
    world
        .target
        .script(on(Op::Stored).nth(1).fails(ErrorKind::Unreachable));
    let record = world.begin(task()).await;
    long.reached(1).await;
    world.pass(120_000).await;
    long.release();

    let record = world.end_of(record).await;

    assert_eq!(record.status, RecordStatus::Succeeded, "{:?}", record.reason);
}

#[tokio::test]
async fn a_target_that_refuses_to_be_prepared_is_said_so_once() {
    let world = World::start().await;
    world.source.holds_files(3);
    world
        .target
        .script(on(Op::Prepare).fails(ErrorKind::Unauthorised).status(401));

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Failed);
    assert_eq!(world.rows(record.id).await, []);
    assert_eq!(world.target.calls(Op::Prepare), 1);
    assert!(matches!(
        record.reason.as_slice(),
        [ReasonLine::NotAttempted { failure, .. }] if failure.remote_status == Some(401)
    ));
}

#[tokio::test]
async fn a_look_up_that_fails_never_means_absent() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").bytes(b"new"));
    world.target.holds(artifact("a.tgz").bytes(b"old"));
    world.target.script(on(Op::Find).fails(ErrorKind::Protocol));

    let record = world.run(task().on_conflict(Overwrite)).await;

    assert_eq!(record.status, RecordStatus::Failed);
    assert_eq!(
        (world.target.calls(Op::Find), world.target.calls(Op::Put)),
        (5, 0)
    );
    assert_eq!(world.target.bytes_of("a.tgz").unwrap(), "old");
}

#[tokio::test]
async fn a_list_that_breaks_fails_the_run_whatever_the_rows_say() {
    let world = World::start().await;
    world.source.holds_files(1_100);
    world
        .source
        .script(on(Op::List).from_nth(2).fails(ErrorKind::Disk));

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Failed);
    let counts = record.counts.unwrap();
    assert_eq!((counts.copied, counts.failed), (1_000, 0));
    let [ReasonLine::NotAttempted { failure, .. }] = record.reason.as_slice() else {
        panic!("the list is the only reason: {:?}", record.reason);
    };
    assert_eq!((failure.stage, failure.subject.as_str()), (Stage::List, "center"));
}

#[tokio::test]
async fn a_list_that_breaks_once_goes_on_where_it_was() {
    let world = World::start().await;
    world.source.holds_files(1_100);
    world
        .source
        .script(on(Op::List).nth(2).fails(ErrorKind::Unreachable));

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(record.counts.unwrap().copied, 1_100);
}

#[tokio::test]
async fn an_artifact_that_vanished_fails_as_not_found() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    world.source.holds(artifact("b.tgz"));
    world
        .source
        .script(on(Op::Describe).about("a.tgz").fails(ErrorKind::NotFound));

    let record = world.run(task()).await;

    assert_eq!(record.counts.unwrap().copied, 1);
    let failure = world.settlement_of(record.id, "/a.tgz").await.failure.unwrap();
    assert_eq!(
        (failure.stage, failure.class),
        (Stage::Describe, ErrorKind::NotFound)
    );
}

#[tokio::test]
async fn an_artifact_that_cannot_be_described_at_once_is_asked_for_again() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    world.source.holds(artifact("b.tgz"));
    world.source.script(
        on(Op::Describe)
            .about("a.tgz")
            .times(2)
            .fails(ErrorKind::Unreachable),
    );

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Succeeded, "{:?}", record.reason);
}

#[tokio::test]
async fn a_source_that_changes_while_it_is_read_is_described_once_more() {
    for size_bytes in [10, LARGE_BYTES] {
        let op = if size_bytes > 10 { Op::Open } else { Op::Read };
        let world = World::start().await;
        world.source.holds(artifact("a.tgz").size_bytes(size_bytes));
        let newer = vec![b'n'; size_bytes + 1];
        world
            .source
            .script(on(op).nth(1).about("a.tgz").changes_to(&newer));

        let record = world.run(task()).await;

        assert_eq!(record.status, RecordStatus::Succeeded, "{size_bytes}");
        assert_eq!(world.target.bytes_of("a.tgz").unwrap(), newer);
        let rows = world.rows(record.id).await;
        assert_eq!(rows[0].digest, Some(domain::digest::Digest::of(&newer)));
    }
}

#[tokio::test]
async fn a_source_that_goes_on_changing_fails_as_changed() {
    for size_bytes in [10, LARGE_BYTES] {
        let op = if size_bytes > 10 { Op::Open } else { Op::Read };
        let world = World::start().await;
        world.source.holds(artifact("a.tgz").size_bytes(size_bytes));
        for n in 1..=9 {
            let newer = vec![b'n'; size_bytes + n];
            world
                .source
                .script(on(op).nth(n).about("a.tgz").changes_to(&newer));
        }

        let record = world.run(task()).await;

        let failure = world.settlement_of(record.id, "/a.tgz").await.failure.unwrap();
        assert_eq!(failure.class, ErrorKind::Changed, "{size_bytes}: {failure:?}");
        assert_eq!(world.source.calls(op), 2, "{size_bytes}");
        assert_eq!(world.target.bytes_of("a.tgz"), None);
    }
}

#[tokio::test]
async fn bytes_spoiled_on_the_way_never_become_a_success() {
    for size_bytes in [10, LARGE_BYTES] {
        let op = if size_bytes > 10 { Op::Open } else { Op::Read };
        let world = World::start().await;
        world.source.holds(artifact("a.tgz").size_bytes(size_bytes));
        world.source.script(on(op).flips_a_bit());

        let record = world.run(task()).await;

        assert_eq!(record.status, RecordStatus::Failed);
        let failure = world.settlement_of(record.id, "/a.tgz").await.failure.unwrap();
        assert_eq!(
            (failure.class, failure.attempts),
            (ErrorKind::Corrupt, 5),
            "{size_bytes}"
        );
        assert_eq!(world.target.bytes_of("a.tgz"), None);
    }
}

#[tokio::test]
async fn bytes_cut_off_on_the_way_never_become_a_success() {
    for size_bytes in [10, LARGE_BYTES] {
        let op = if size_bytes > 10 { Op::Open } else { Op::Read };
        let world = World::start().await;
        world.source.holds(artifact("a.tgz").size_bytes(size_bytes));
        world.source.script(on(op).cuts_the_end());

        let record = world.run(task()).await;

        assert_eq!(record.status, RecordStatus::Failed, "{size_bytes}");
        assert_eq!(
            world.settlement_of(record.id, "/a.tgz").await.outcome,
            Outcome::Failed
        );
        assert_eq!(world.target.bytes_of("a.tgz"), None);
    }
}

#[tokio::test]
async fn bytes_spoiled_once_are_sent_again() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").size_bytes(LARGE_BYTES));
    world.target.script(on(Op::Put).nth(1).flips_a_bit());

    let record = world.run(task()).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(world.settlement_of(record.id, "/a.tgz").await.attempts, 2);
    assert_eq!(world.target.content(), world.source.content());
}

#[tokio::test]
async fn bytes_spoiled_at_the_target_fail_as_corrupt_at_the_target() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    world.target.script(on(Op::Put).flips_a_bit());

    let record = world.run(task()).await;

    let failure = world.settlement_of(record.id, "/a.tgz").await.failure.unwrap();
    assert_eq!(
        (failure.stage, failure.class),
        (Stage::Verify, ErrorKind::Corrupt)
    );
    assert_eq!((failure.subject.as_str(), failure.attempts), ("edge-1", 5));
}
