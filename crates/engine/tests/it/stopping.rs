//! A stop ends a run at once, whatever it is doing.

use domain::detail::{DetailState, DetailStatus};
use domain::failure::ErrorKind;
use domain::record::{ReasonLine, RecordStatus};
use domain::task::TaskStatus;
use engine::Limits;
use testkit::{Hold, Op, artifact, on};

use crate::build::task;
use crate::world::World;

fn stopped_by_bob() -> ReasonLine {
    ReasonLine::StoppedBy { user: "bob".into() }
}

#[tokio::test]
async fn a_waiting_run_is_stopped_before_anybody_claims_it() {
    let mut world = World::asleep(Limits::default()).await;
    world.source.holds(artifact("a.tgz"));
    let id = world.begin(task()).await;

    assert!(world.engine.stop_record(id, "bob").await.unwrap());

    let record = world.record(id).await;
    assert_eq!(
        (record.status, record.reason),
        (RecordStatus::Stopped, vec![stopped_by_bob()])
    );
    world.wake();
    world.pass(10_000).await;
    assert_eq!(world.target.steps(), 0);
}

#[tokio::test]
async fn a_run_stops_wherever_it_is_held_up() {
    let at_source = [Op::List, Op::Missing, Op::Describe, Op::Read, Op::Open];
    let at_target = [Op::Prepare, Op::Find, Op::Put, Op::Stored, Op::Acknowledged];
    for op in at_source.into_iter().chain(at_target) {
        let world = World::start().await;
        world.source.holds_files(3);
        world
            .source
            .holds(artifact("/f/large.bin").size_bytes(300 * 1024));
        let hold = Hold::default();
        let held_up = if at_source.contains(&op) {
            &world.source
        } else {
            &world.target
        };
        held_up.script(on(op).waits_for(&hold));
        let id = world.begin(task().paths(&["/f"])).await;
        hold.reached(1).await;

        assert!(world.engine.stop_record(id, "bob").await.unwrap());
        let asked_ms = world.now_ms();
        let record = world.end_of(id).await;

        let took_ms = record.ended_ms.unwrap() - asked_ms;
        assert!(took_ms <= 2_000, "{op:?}: {took_ms}");
        assert_eq!(record.status, RecordStatus::Stopped, "{op:?}");
        assert_eq!(record.reason[0], stopped_by_bob(), "{op:?}");
        for row in world.rows(id).await {
            let DetailState::Settled(settlement) = row.state else {
                panic!("{op:?}: nothing is running in a stopped record");
            };
            let class = settlement.failure.map(|failure| failure.class);
            assert!(
                matches!(class, None | Some(ErrorKind::Stopped)),
                "{op:?}: {class:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_run_stops_while_it_waits_for_its_rate() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz").size_bytes(200_000));
    let id = world.begin(task().bytes_per_s(10)).await;
    world.wait_for(|| world.source.calls(Op::Read) == 1).await;
    world.settle().await;

    world.engine.stop_record(id, "bob").await.unwrap();

    assert_eq!(
        world.end_of_without_waiting(id).await.status,
        RecordStatus::Stopped
    );
}

#[tokio::test]
async fn a_run_stops_while_its_target_makes_it_wait() {
    for op in [Op::Prepare, Op::Find, Op::Put] {
        let world = World::start().await;
        world.source.holds_files(3);
        world
            .target
            .script(on(op).fails(ErrorKind::Limit).status(429).retry_after_s(200));
        let first = world.begin(task()).await;
        world.wait_for(|| world.target.calls(op) == 1).await;
        world.settle().await;
        let second = world.begin(task()).await;
        world.settle().await;

        for id in [first, second] {
            world.engine.stop_record(id, "bob").await.unwrap();
            assert_eq!(
                world.end_of_without_waiting(id).await.status,
                RecordStatus::Stopped,
                "{op:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_in_flight_when_a_run_stops_is_settled_as_stopped() {
    let world = World::start().await;
    world.source.holds_files(250);
    let hold = Hold::default();
    world.target.script(on(Op::Put).from_nth(2).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(2).await;
    world.pass(3_000).await;
    let running = world
        .rows(id)
        .await
        .iter()
        .filter(|row| row.status() == DetailStatus::Running)
        .count();
    assert_eq!(running, 150);

    world.engine.stop_record(id, "bob").await.unwrap();
    let record = world.end_of_without_waiting(id).await;

    let counts = record.counts.unwrap();
    assert_eq!((counts.copied, counts.failed), (100, 150));
    world.overview_equals_rows(&record).await;
}

#[tokio::test]
async fn an_ended_run_is_not_stopped_any_more() {
    let world = World::start().await;
    let record = world.run(task()).await;

    assert!(!world.engine.stop_record(record.id, "bob").await.unwrap());

    assert_eq!(world.record(record.id).await.status, RecordStatus::Succeeded);
}

#[tokio::test]
async fn a_run_whose_node_died_while_it_was_stopped_is_stopped() {
    let mut world = World::start().await;
    world.source.holds_files(10);
    let hold = Hold::default();
    world.target.script(on(Op::Put).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(1).await;
    world.pass(3_000).await;
    world.kill().await;

    world.another_engine().stop_record(id, "bob").await.unwrap();
    world.resume().await;
    let record = world.end_of_without_waiting(id).await;

    assert_eq!(record.status, RecordStatus::Stopped);
    assert_eq!(record.reason[0], stopped_by_bob());
    world.overview_equals_rows(&record).await;
    let task = world.task(&record.task_key).await;
    assert_eq!(task.status, TaskStatus::Completed);
}
