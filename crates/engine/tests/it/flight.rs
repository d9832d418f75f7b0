//! What is on its way: settled as soon as it is stored, in flight from when its bytes are asked for.

use domain::detail::DetailStatus;
use testkit::{Hold, Op, on};

use crate::build::task;
use crate::world::World;

#[tokio::test]
async fn what_is_stored_is_settled_while_the_rest_of_its_batch_is_on_its_way() {
    let world = World::start().await;
    world.source.holds_files(10);
    let hold = Hold::default();
    world
        .target
        .script(on(Op::Stored).about("/f/00006.bin").waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(1).await;
    world.pass(100).await;

    let rows = world.rows(id).await;
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row.status() == DetailStatus::Success));
    world.overview_equals_rows(&world.record(id).await).await;

    hold.release();
    assert_eq!(world.end_of(id).await.counts.unwrap().copied, 10);
    assert_eq!(world.target.calls(Op::Put), 1);
}

#[tokio::test]
async fn an_artifact_begins_when_its_bytes_are_asked_for_not_when_its_batch_does() {
    let world = World::start().await;
    world.source.holds_files(10);
    let hold = Hold::default();
    world.target.script(on(Op::Put).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(1).await;
    world.pass(900).await;
    let asked_ms = world.now_ms();
    hold.release();
    world.end_of(id).await;

    let rows = world.rows(id).await;
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| row.started_ms == asked_ms));
}

#[tokio::test]
async fn a_batch_of_which_nothing_is_asked_for_is_in_flight_as_a_whole() {
    let world = World::start().await;
    world.source.holds_files(10);
    let hold = Hold::default();
    world.target.script(on(Op::Put).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(1).await;
    let put_ms = world.now_ms();
    world.pass(2_000).await;

    let rows = world.rows(id).await;
    assert_eq!(rows.len(), 10);
    assert!(
        rows.iter()
            .all(|row| row.status() == DetailStatus::Running && row.started_ms == put_ms)
    );

    hold.release();
    world.end_of(id).await;
    let settled = world.rows(id).await;
    assert_eq!(
        settled
            .iter()
            .map(|row| (row.id, row.started_ms))
            .collect::<Vec<_>>(),
        rows.iter()
            .map(|row| (row.id, row.started_ms))
            .collect::<Vec<_>>()
    );
}
