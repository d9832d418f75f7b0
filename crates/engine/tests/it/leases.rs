//! One node carries a run out at a time; the one that lost it writes nothing more.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use domain::record::RecordStatus;
use engine::Limits;
use testkit::{Hold, Op, on};
use tokio_util::sync::CancellationToken;

use crate::build::task;
use crate::world::World;

/// The loops of a node that can stop dead, as a process does that gets no processor.
struct Freezing {
    loops: Pin<Box<dyn Future<Output = ()> + Send>>,
    frozen: Arc<AtomicBool>,
}

impl Future for Freezing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.frozen.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        self.loops.as_mut().poll(context)
    }
}

#[tokio::test]
async fn a_run_that_was_taken_over_writes_nothing_more_and_lets_go() {
    let mut world = World::asleep(Limits::default()).await;
    world.source.holds_files(250);
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(2).waits_for(&hold));
    let first = world.engine.clone();
    let frozen = Arc::new(AtomicBool::new(false));
    let loops = Box::pin({
        let first = first.clone();
        async move { first.run_until(CancellationToken::new()).await }
    });
    tokio::spawn(Freezing {
        loops,
        frozen: frozen.clone(),
    });
    let id = world.begin(task()).await;
    hold.reached(1).await;
    world.settle().await;
    let settled_before = world.rows(id).await;
    frozen.store(true, Ordering::SeqCst);

    world.engine = world.another_engine();
    world.wake();
    let record = world.end_of_without_waiting(id).await;
    let rows = world.rows(id).await;
    hold.release();
    world.settle().await;
    world.pass(6_000).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(record.counts.unwrap().copied, 250);
    assert!(settled_before.iter().all(|row| rows.contains(row)));
    assert_eq!(world.rows(id).await, rows);
    assert_eq!(world.record(id).await, record);
    assert_eq!(first.active_runs(), 0);
}

#[tokio::test]
async fn a_run_that_was_taken_over_while_it_waits_lets_go_at_its_next_heartbeat() {
    let mut world = World::asleep(Limits::default()).await;
    world.source.holds_files(10);
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let first = world.engine.clone();
    let frozen = Arc::new(AtomicBool::new(false));
    let loops = Box::pin({
        let first = first.clone();
        async move { first.run_until(CancellationToken::new()).await }
    });
    tokio::spawn(Freezing {
        loops,
        frozen: frozen.clone(),
    });
    let id = world.begin(task()).await;
    hold.reached(1).await;
    world.driven_loops_sleep().await;
    frozen.store(true, Ordering::SeqCst);

    world.engine = world.another_engine();
    world.wake();
    world.end_of_without_waiting(id).await;
    world.pass(6_000).await;

    assert_eq!((first.active_runs(), hold.waiting()), (0, 0));
}

#[tokio::test]
async fn a_long_run_keeps_its_lease() {
    let world = World::start().await;
    world.source.holds_files(10);
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(1).await;

    world.pass(120_000).await;

    assert_eq!(world.record(id).await.status, RecordStatus::Running);
    hold.release();
    let record = world.end_of(id).await;
    assert_eq!(record.counts.unwrap().copied, 10);
    assert_eq!(world.target.calls(Op::Put), 1);
}

#[tokio::test]
async fn a_killed_run_is_resumed_in_its_own_record_as_soon_as_a_node_is_up() {
    let mut world = World::start().await;
    world.source.holds_files(10);
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(1).await;

    world.restart().await;
    let record = world.end_of_without_waiting(id).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(record.counts.unwrap().copied, 10);
    assert_eq!(world.records_of(&record.task_key).await.len(), 1);
}
