//! What starts runs: people and times; never two runs of a task at a time, never a lost trigger.

use domain::record::{RecordEnd, RecordStatus, RunEnd};
use domain::task::TaskStatus;
use engine::error::EngineError;
use engine::{Limits, schedule};
use storage::records::TaskAfter;
use testkit::{Hold, Op, artifact, on};

use crate::build::task;
use crate::world::{START_MS, World};

const MINUTE_MS: i64 = 60_000;
const EVERY_MINUTE: &str = "0 * * * * ?";

#[tokio::test]
async fn starting_a_task_during_its_run_is_refused_and_queues_nothing() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    let hold = Hold::default();
    world.target.script(on(Op::Put).waits_for(&hold));
    let task = world.save(task()).await;
    let id = world.engine.start_task(&task.key, "alice").await.unwrap();
    hold.reached(1).await;

    let refused = world.engine.start_task(&task.key, "bob").await;

    assert!(matches!(refused, Err(EngineError::RunGoingOn)), "{refused:?}");
    hold.release();
    world.end_of(id).await;
    world.pass(10_000).await;
    assert_eq!(world.records_of(&task.key).await.len(), 1);
}

#[tokio::test]
async fn firings_during_a_run_are_queued_once() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    let hold = Hold::default();
    world.target.script(on(Op::Put).waits_for(&hold));
    let task = world.save(task().cron(EVERY_MINUTE, START_MS + MINUTE_MS)).await;
    world.pass(MINUTE_MS).await;
    hold.reached(1).await;
    world.pass(3 * MINUTE_MS + 20_000).await;
    assert_eq!(world.records_of(&task.key).await.len(), 1);

    hold.release();
    world
        .until(async || (world.records_of(&task.key).await.len() == 2).then_some(()))
        .await;
    world.pass(10_000).await;

    let records = world.records_of(&task.key).await;
    assert_eq!(records.len(), 2);
    assert!(
        records
            .iter()
            .all(|record| record.status == RecordStatus::Succeeded)
    );
    let task = world.task(&task.key).await;
    assert_eq!((task.status, task.runs), (TaskStatus::Waiting, 2));
    assert_eq!(task.next_run_ms, Some(START_MS + 5 * MINUTE_MS));
}

#[tokio::test]
async fn firings_missed_while_the_node_was_down_fire_once_and_late() {
    let mut world = World::asleep(Limits::default()).await;
    let task = world.save(task().cron(EVERY_MINUTE, START_MS + MINUTE_MS)).await;
    world.clock.advance_ms(10 * MINUTE_MS + 5_000);

    world.wake();
    world
        .until(async || (world.records_of(&task.key).await.len() == 1).then_some(()))
        .await;
    world.pass(10_000).await;

    assert_eq!(world.records_of(&task.key).await.len(), 1);
    assert_eq!(
        world.task(&task.key).await.next_run_ms,
        Some(START_MS + 11 * MINUTE_MS)
    );
}

#[tokio::test]
async fn a_cron_task_fires_every_time() {
    let world = World::start().await;
    let task = world.save(task().cron(EVERY_MINUTE, START_MS + MINUTE_MS)).await;

    world.pass(3 * MINUTE_MS + 10_000).await;

    let records = world.records_of(&task.key).await;
    let created: Vec<i64> = records
        .iter()
        .map(|record| record.created_ms - START_MS)
        .collect();
    assert_eq!(created, [3 * MINUTE_MS, 2 * MINUTE_MS, MINUTE_MS]);
    assert_eq!(records[0].triggered_by, "schedule");
}

#[tokio::test]
async fn a_time_fires_once_even_when_it_was_missed() {
    let mut world = World::asleep(Limits::default()).await;
    let task = world.save(task().at(START_MS + MINUTE_MS)).await;
    world.clock.advance_ms(60 * MINUTE_MS);

    world.wake();
    world.pass(MINUTE_MS).await;

    assert_eq!(world.records_of(&task.key).await.len(), 1);
    let task = world.task(&task.key).await;
    assert_eq!((task.status, task.next_run_ms), (TaskStatus::Completed, None));
    assert_eq!(task.last_end, Some(Some(RecordEnd::Succeeded)));
}

#[tokio::test]
async fn a_task_that_runs_once_may_be_started_again_after_each_run() {
    let world = World::start().await;
    let task = world.save(task()).await;
    world.pass(MINUTE_MS).await;
    assert_eq!(world.records_of(&task.key).await.len(), 0);

    world.run_again(&task.key).await;
    world.run_again(&task.key).await;

    assert_eq!(world.task(&task.key).await.runs, 2);
}

#[tokio::test]
async fn a_disabled_task_is_not_started_by_anything() {
    let world = World::start().await;
    let task = world.save(task().cron(EVERY_MINUTE, START_MS + MINUTE_MS)).await;
    let tasks = world.store.tasks();
    tasks
        .set_enabled(&task.key, false, TaskStatus::Waiting, "bob", world.now_ms())
        .await
        .unwrap();

    world.pass(2 * MINUTE_MS).await;

    assert_eq!(world.records_of(&task.key).await.len(), 0);
    let refused = world.engine.start_task(&task.key, "alice").await;
    assert!(matches!(refused, Err(EngineError::TaskDisabled)), "{refused:?}");
}

#[tokio::test]
async fn a_firing_queued_behind_a_run_that_was_stopped_starts_the_next_one() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let task = world.save(task().cron(EVERY_MINUTE, START_MS + MINUTE_MS)).await;
    let id = world.engine.start_task(&task.key, "alice").await.unwrap();
    hold.reached(1).await;
    world.pass(MINUTE_MS + 5_000).await;

    world.engine.stop_record(id, "bob").await.unwrap();
    world.end_of_without_waiting(id).await;
    world.pass(10_000).await;

    let statuses: Vec<_> = world
        .records_of(&task.key)
        .await
        .iter()
        .map(|record| record.status)
        .collect();
    assert_eq!(statuses, [RecordStatus::Succeeded, RecordStatus::Stopped]);
}

#[tokio::test]
async fn a_firing_queued_when_the_node_died_is_not_lost() {
    let mut world = World::asleep(Limits::default()).await;
    world.source.holds(artifact("a.tgz"));
    let task = world.save(task().cron(EVERY_MINUTE, START_MS + MINUTE_MS)).await;
    world.engine.start_task(&task.key, "alice").await.unwrap();
    world.clock.advance_ms(MINUTE_MS);
    schedule::tick(&world.engine).await.unwrap();
    // The node dies right after it closed the run.
    let records = world.store.records();
    let claimed = records
        .claim("dead", world.now_ms() + 15_000)
        .await
        .unwrap()
        .unwrap();
    let after = TaskAfter {
        status: TaskStatus::Waiting,
    };
    let end = RunEnd::Complete { failed: 0 };
    let closed = records
        .finish(claimed.no, claimed.fence, end, vec![], world.now_ms(), after)
        .await;
    assert!(closed.unwrap().unwrap().queued);

    world.wake();
    world.pass(20_000).await;

    assert_eq!(world.records_of(&task.key).await.len(), 2);
}
