//! What is kept no longer disappears at once for everybody, and row by row in the background.

use domain::detail::{DetailFilter, Outcome, Settlement};
use domain::record::RecordStatus;
use storage::PageRequest;

use crate::runs::finish;
use crate::world::{Run, START_MS, World};

const DAY_MS: i64 = 86_400_000;

async fn finished_run(world: &World, name: &str) -> Run {
    let run = world.run(name).await;
    let rows = (0..250).map(|n| run.row(world, &format!("/{n}"), Settlement::of(Outcome::Copied)));
    world.commit(&run, rows.collect(), vec![]).await.unwrap();
    assert_eq!(finish(world, &run).await, RecordStatus::Succeeded);
    run
}

async fn details_left(world: &World, run: &Run) -> u64 {
    world
        .store
        .details()
        .count(run.id, &DetailFilter::default())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_record_past_its_days_goes_in_batches_and_others_stay() {
    let world = World::start().await;
    let old = finished_run(&world, "old").await;
    world.clock.advance_ms(30 * DAY_MS);
    let young = finished_run(&world, "young").await;
    let records = world.store.records();

    assert!(
        records
            .expired(START_MS + 30 * DAY_MS, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        records.expired(START_MS + 30 * DAY_MS + 1, 10).await.unwrap(),
        [old.no]
    );
    assert!(records.purge(old.no, 100).await.unwrap());
    assert_eq!(records.get(old.id).await.unwrap(), None, "it is gone at once");
    assert_eq!(details_left(&world, &old).await, 0);
    assert_eq!(
        records.expired(START_MS, 10).await.unwrap(),
        [old.no],
        "what was begun is finished"
    );
    assert!(records.purge(old.no, 100).await.unwrap());
    assert!(!records.purge(old.no, 100).await.unwrap());
    assert!(
        records
            .expired(START_MS + 30 * DAY_MS + 1, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(records.no_of(old.id).await.unwrap(), None);
    assert_eq!(details_left(&world, &young).await, 250);
}

#[tokio::test]
async fn a_run_that_goes_on_is_never_cleared_away() {
    let world = World::start().await;
    let run = world.run("long").await;

    let expired = world
        .store
        .records()
        .expired(START_MS + 90 * DAY_MS, 10)
        .await
        .unwrap();
    world.store.tasks().hide(&run.task.key).await.unwrap();
    while world.store.tasks().purge_hidden(100).await.unwrap() {}

    assert!(expired.is_empty());
    assert_eq!(world.store.records().no_of(run.id).await.unwrap(), Some(run.no));
    finish(&world, &run).await;
    while world.store.tasks().purge_hidden(100).await.unwrap() {}
    assert_eq!(world.store.records().no_of(run.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_deleted_task_and_its_log_are_gone_at_once_and_removed_in_batches() {
    let world = World::start().await;
    let run = finished_run(&world, "gone").await;
    let kept = finished_run(&world, "kept").await;

    world.store.tasks().hide(&run.task.key).await.unwrap();

    assert_eq!(details_left(&world, &run).await, 0);
    let page = world
        .store
        .records()
        .page(&run.task.key, None, PageRequest::new(1, 10))
        .await
        .unwrap();
    assert_eq!(page.total, 0);
    let mut batches = 0;
    while world.store.tasks().purge_hidden(100).await.unwrap() {
        batches += 1;
    }
    assert_eq!(batches, 3);
    assert_eq!(world.store.records().no_of(run.id).await.unwrap(), None);
    assert_eq!(details_left(&world, &kept).await, 250);
}

#[tokio::test]
async fn the_file_shrinks_when_rows_are_cleared_away() {
    let world = World::start().await;
    let run = world.run("large").await;
    for _ in 0..8 {
        let rows = (0..1000).map(|n| run.row(&world, &format!("/{n}"), Settlement::of(Outcome::Copied)));
        world.commit(&run, rows.collect(), vec![]).await.unwrap();
    }
    finish(&world, &run).await;
    let (world, before) = file_bytes(world).await;

    while world.store.records().purge(run.no, 500).await.unwrap() {}

    let (_world, after) = file_bytes(world).await;
    assert!(after < before / 2, "{after} of {before} bytes are left");
}

/// Everything is in the one file only after the store was closed.
async fn file_bytes(world: World) -> (World, u64) {
    let world = world.restart().await;
    let bytes = std::fs::metadata(world.folder.path().join("waybill.db"))
        .unwrap()
        .len();
    (world, bytes)
}
