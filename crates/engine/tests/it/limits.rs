//! Limits hold, summed over all workers; memory is bounded by what is in flight.

use domain::detail::DetailStatus;
use domain::record::RecordStatus;
use engine::Limits;
use testkit::{Hold, Op, artifact, on};

use crate::build::task;
use crate::world::World;

#[tokio::test]
async fn a_rate_holds_summed_over_all_workers_and_targets() {
    let world = World::start().await;
    for n in 0..40 {
        world
            .source
            .holds(artifact(&format!("/f/{n:05}.bin")).size_bytes(1_000 + n));
    }

    let record = world
        .run(task().to(&["edge-1", "edge-2"]).bytes_per_s(10_000))
        .await;

    let moved = record.counts.unwrap().bytes_moved;
    assert_eq!(moved, 2 * (40 * 1_000 + 780));
    let took_ms = record.ended_ms.unwrap() - record.started_ms.unwrap();
    // A quarter of a second's allowance may come at once; the looks of the loops move the clock a little further.
    assert!((7_900..12_000).contains(&took_ms), "{took_ms}");
}

#[tokio::test]
async fn a_large_blob_obeys_the_rate_too() {
    let world = World::start().await;
    world.source.holds(artifact("large.bin").size_bytes(1_000_000));

    let record = world.run(task().bytes_per_s(100_000)).await;

    let took_ms = record.ended_ms.unwrap() - record.started_ms.unwrap();
    assert!((9_700..14_000).contains(&took_ms), "{took_ms}");
}

#[tokio::test]
async fn exchanges_with_one_target_are_limited_over_all_runs() {
    let limits = Limits {
        parallel_exchanges: 3,
        ..Limits::default()
    };
    let world = World::with(limits).await;
    let hold = Hold::default();
    let names = ["one", "two", "three", "four"];
    for name in names {
        for n in 0..3 {
            world
                .source_of(name)
                .holds(artifact(&format!("{name}-{n}")).size_bytes(300 * 1024 + n));
        }
        world
            .target_of("edge-1", name)
            .script(on(Op::Put).waits_for(&hold));
    }

    let mut ids = Vec::new();
    for name in names {
        ids.push(world.begin(task().of(&[name])).await);
    }
    hold.reached(3).await;
    world.settle().await;

    assert_eq!(hold.waiting(), 3);
    hold.release();
    for id in ids {
        assert_eq!(world.end_of(id).await.status, RecordStatus::Succeeded);
    }
}

#[tokio::test]
async fn runs_over_the_limit_wait_for_their_turn() {
    let limits = Limits {
        parallel_runs: 2,
        ..Limits::default()
    };
    let world = World::with(limits).await;
    world.source.holds(artifact("a.tgz"));
    let hold = Hold::default();
    let mut ids = Vec::new();
    for edge in ["edge-1", "edge-2", "edge-3"] {
        world
            .target_of(edge, "files")
            .script(on(Op::Put).waits_for(&hold));
        ids.push(world.begin(task().to(&[edge])).await);
    }
    hold.reached(2).await;
    world.settle().await;

    assert_eq!(world.engine.active_runs(), 2);
    assert_eq!(world.record(ids[2]).await.status, RecordStatus::Waiting);
    hold.release();
    for id in ids {
        assert_eq!(world.end_of(id).await.status, RecordStatus::Succeeded);
    }
}

#[tokio::test]
async fn a_source_of_any_size_has_as_many_pages_in_flight_as_the_target_takes_batches() {
    let world = World::start().await;
    world.source.holds_files(20_000);
    let hold = Hold::default();
    world.target.script(on(Op::Put).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(4).await;
    world.pass(5_000).await;

    assert_eq!(world.source.calls(Op::List), 4);
    assert_eq!(world.source.keys_asked(Op::Describe), 4_000);
    let rows = world.rows(id).await;
    assert_eq!(rows.len(), 400);
    assert!(rows.iter().all(|row| row.status() == DetailStatus::Running));

    hold.release();
    let record = world.end_of(id).await;
    assert_eq!(record.counts.unwrap().copied, 20_000);
    assert_eq!(world.target.most_going_on(Op::Put), 4);
    assert_eq!(world.source.calls(Op::List), 20);
}
