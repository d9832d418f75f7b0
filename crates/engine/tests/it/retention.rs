//! Old records go, in batches small enough that nobody waits for them.

use engine::retain;
use testkit::artifact;

use crate::build::task;
use crate::world::World;

const DAY_MS: i64 = 86_400_000;

async fn clear_away(world: &World) {
    let engine = world.engine.clone();
    let clearing = tokio::spawn(async move { retain::tick(&engine).await });
    world.drive(async || clearing.is_finished().then_some(())).await;
    clearing.await.unwrap().unwrap();
}

#[tokio::test]
async fn records_past_their_days_are_cleared_away() {
    let world = World::start().await;
    world.source.holds_files(2_500);
    let short = world.save(task().reserve_days(2)).await;
    let long = world.save(task().reserve_days(30)).await;
    let old = world.run_again(&short.key).await;
    let kept = world.run_again(&long.key).await;

    world.clock.advance_ms(DAY_MS);
    let young = world.run_again(&short.key).await;
    world.clock.advance_ms(DAY_MS + DAY_MS / 2);
    clear_away(&world).await;

    let records = world.store.records();
    assert!(records.get(old.id).await.unwrap().is_none());
    assert_eq!(records.no_of(old.id).await.unwrap(), None);
    assert_eq!(world.rows(young.id).await.len(), 2_500);
    assert_eq!(world.rows(kept.id).await.len(), 2_500);
}

#[tokio::test]
async fn what_a_deleted_task_leaves_behind_is_cleared_away() {
    let world = World::start().await;
    world.source.holds(artifact("a.tgz"));
    let gone = world.save(task()).await;
    let record = world.run_again(&gone.key).await;
    world.store.tasks().hide(&gone.key).await.unwrap();

    clear_away(&world).await;

    assert_eq!(world.store.records().no_of(record.id).await.unwrap(), None);
}
