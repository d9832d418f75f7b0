//! What a run would do, told without doing any of it, and never more of it than somebody waits for.

use domain::failure::ErrorKind;
use engine::DryBounds;
use testkit::{Hold, Op, artifact, on};

use crate::build::task;
use crate::world::World;

#[tokio::test]
async fn a_plan_looks_at_no_more_than_its_bounds_say_and_says_that_there_is_more() {
    let world = World::start().await;
    world.source.holds_files(2_500);
    world.target.holds(artifact("/f/00000.bin").bytes(b"other"));
    let task = world.save(task().to(&["edge-1", "edge-2"])).await;
    let plan = world.engine.run_plan(&task, None).await.unwrap();
    let bounds = DryBounds {
        artifacts: Some(2_000),
        ..DryBounds::PREVIEW.naming(3)
    };

    let part = world.engine.dry_run(&plan, &bounds).await;
    let whole = world.engine.dry_run(&plan, &DryBounds::WHOLE).await;

    assert_eq!((part.more, whole.more), (true, false));
    assert_eq!((part.counts.copy, part.counts.skip_conflict), (3_999, 1));
    assert_eq!((whole.counts.copy, whole.counts.skip_conflict), (4_999, 1));
    assert_eq!((part.items.len(), whole.items.len()), (3, 100));
    assert!(world.target.calls(Op::Put) == 0 && world.target.calls(Op::Prepare) == 0);
}

#[tokio::test]
async fn a_plan_that_takes_too_long_ends_with_what_it_knows() {
    let world = World::start().await;
    world.source.holds_files(1_500);
    let hold = Hold::default();
    world.target.script(on(Op::Find).nth(2).waits_for(&hold));
    let task = world.save(task()).await;
    let plan = world.engine.run_plan(&task, None).await.unwrap();

    let engine = world.engine.clone();
    let planning = tokio::spawn(async move { engine.dry_run(&plan, &DryBounds::PREVIEW).await });
    let ended = world.drive(async || planning.is_finished().then_some(())).await;
    let found = planning.await.unwrap();

    assert_eq!((ended, found.more, found.counts.copy), ((), true, 1_000));
}

#[tokio::test]
async fn problems_are_counted_all_and_told_a_hundred_of() {
    let world = World::start().await;
    world.source.holds_files(150);
    for n in 0..130 {
        let path = format!("/f/{n:05}.bin");
        world
            .source
            .script(on(Op::Describe).about(&path).fails(ErrorKind::Disk));
    }
    let task = world.save(task()).await;
    let plan = world.engine.run_plan(&task, None).await.unwrap();

    let found = world.engine.dry_run(&plan, &DryBounds::PREVIEW).await;

    assert_eq!((found.problem_count, found.problems.len()), (130, 100));
    assert_eq!((found.counts.copy, found.more), (20, false));
}
