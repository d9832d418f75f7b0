//! A crash at any step changes nothing: every artifact is reported once, as what happened to it.

use std::collections::{HashMap, HashSet};

use domain::detail::{DetailFilter, DetailState, DetailStatus, Outcome, RecordDetail};
use domain::record::{ReasonLine, RecordStatus};
use domain::task::{ConflictStrategy, ErrorStrategy};
use testkit::{Hold, MemoryRepository, Op, artifact, on, on_any};

use crate::build::{TaskBuilder, name_of, task};
use crate::world::World;

/// Artifacts of a crashed run: three small pages, since a fast-failing run plans 50 at a time.
const ARTIFACTS: usize = 110;

/// Which end of the run is held up when the node dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Source,
    Target,
}

/// Whether the rest of the run comes to rest before the node dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Death {
    AtOnce,
    AtRest,
}

fn crashing(name: &str) -> TaskBuilder {
    task()
        .of(&[name])
        .on_conflict(ConflictStrategy::Overwrite)
        .on_error(ErrorStrategy::FastFail)
}

#[tokio::test]
async fn a_run_that_the_program_breaks_at_is_closed_with_a_reason_and_can_be_retried() {
    let world = World::start().await;
    world.source.holds_files(2_500);
    world.target.script(on(Op::Find).nth(2).panics());

    let record = world.run(task()).await;
    let rest = DetailFilter {
        status: Some(DetailStatus::Failed),
        ..DetailFilter::default()
    };
    let retry = world.engine.retry_record(record.id, rest, "admin").await;
    let retry = world.end_of(retry.unwrap()).await;

    assert_eq!(record.status, RecordStatus::Failed);
    let [ReasonLine::BrokeOff { words }] = record.reason.as_slice() else {
        panic!("the fault is the only reason: {:?}", record.reason);
    };
    assert_eq!(words, "the script of a test breaks it here");
    assert_eq!(retry.status, RecordStatus::Succeeded, "{:?}", retry.reason);
    assert_eq!(world.target.content(), world.source.content());
}

/// Fills both ends: most artifacts are absent, one is equal, one is another, one has other properties.
fn fill(source: &MemoryRepository, target: &MemoryRepository) {
    source.holds_files(ARTIFACTS - 3);
    source.holds(artifact("/equal"));
    target.holds(artifact("/equal"));
    source.holds(artifact("/other").bytes(b"new"));
    target.holds(artifact("/other").bytes(b"old"));
    source.holds(artifact("/properties").property("stage", "live"));
    target.holds(artifact("/properties").property("stage", "test"));
}

/// Returns how many bytes a run moves from `source`: all but those of what is equal.
fn moved_bytes(source: &MemoryRepository) -> u64 {
    let files = (0..ARTIFACTS - 3).map(|n| format!("/f/{n:05}.bin"));
    let moved = files.chain(["/other".into()]);
    moved
        .map(|path| source.bytes_of(&path).unwrap().len() as u64)
        .sum()
}

fn outcome_of(row: &RecordDetail) -> Option<Outcome> {
    match &row.state {
        DetailState::Settled(settlement) => Some(settlement.outcome),
        _ => None,
    }
}

fn expected(name: &str) -> Outcome {
    match name {
        "/equal" => Outcome::Unchanged,
        "/other" | "/properties" => Outcome::Overwritten,
        _ => Outcome::Copied,
    }
}

/// Crashes a run of its own at step `step` of one end; `false` when it ended before.
async fn crash_at(world: &mut World, end: End, step: usize, death: Death, keeps_details: bool) -> bool {
    let name = format!("{end:?}-{step}");
    let (source, target) = (world.source_of(&name), world.target_of("edge-1", &name));
    fill(&source, &target);
    let hold = Hold::default();
    let held_up = if end == End::Source { &source } else { &target };
    held_up.script(on_any().nth(step).waits_for(&hold));
    let task = if keeps_details {
        crashing(&name)
    } else {
        crashing(&name).keeps_no_details()
    };
    let id = world.begin(task).await;
    let reached = tokio::select! {
        () = hold.reached(1) => true,
        _ = world.end_of(id) => false,
    };
    if !reached {
        return false;
    }
    if death == Death::AtRest {
        world.pass(1_500).await;
    }
    let before = world.rows(id).await;

    world.resume().await;
    let record = world.end_of(id).await;

    let what = format!("{end:?}, step {step}, {death:?}");
    assert_eq!(
        record.status,
        RecordStatus::Succeeded,
        "{what}: {:?}",
        record.reason
    );
    assert_eq!(target.content(), source.content(), "{what}");
    let counts = record.counts.unwrap();
    assert_eq!(
        (
            counts.copied,
            counts.overwritten,
            counts.unchanged,
            counts.conflicts
        ),
        (ARTIFACTS as u64 - 3, 2, 1, 1),
        "{what}"
    );
    assert_eq!(counts.bytes_moved, moved_bytes(&source), "{what}");
    if keeps_details {
        let rows = world.rows(id).await;
        once_each_as_expected(&rows, &what);
        settled_rows_stay(&before, &rows, &what);
    } else {
        assert_eq!(world.rows(id).await, [], "{what}");
    }
    true
}

fn once_each_as_expected(rows: &[RecordDetail], what: &str) {
    let names: HashSet<String> = rows.iter().map(|row| name_of(&row.artifact)).collect();
    assert_eq!((rows.len(), names.len()), (ARTIFACTS, ARTIFACTS), "{what}");
    for row in rows {
        let name = name_of(&row.artifact);
        assert_eq!(outcome_of(row), Some(expected(&name)), "{what}: {name}");
    }
}

fn settled_rows_stay(before: &[RecordDetail], after: &[RecordDetail], what: &str) {
    for row in before {
        let same = after.iter().find(|other| other.id == row.id);
        let same = same.unwrap_or_else(|| panic!("{what}: {} lost its row", name_of(&row.artifact)));
        if row.state != DetailState::Running {
            assert_eq!(same, row, "{what}");
        }
    }
}

async fn crash_at_every_step(end: End, death: Death, keeps_details: bool, stride: usize) {
    let mut world = World::start().await;
    let mut step = 1;
    while crash_at(&mut world, end, step, death, keeps_details).await {
        step += stride;
    }
    assert!(step > 5, "the run was crashed several times");
}

#[tokio::test]
async fn a_crash_at_any_step_of_the_source_changes_nothing() {
    crash_at_every_step(End::Source, Death::AtOnce, true, 1).await;
}

#[tokio::test]
async fn a_crash_at_rest_at_any_step_of_the_source_changes_nothing() {
    crash_at_every_step(End::Source, Death::AtRest, true, 1).await;
}

#[tokio::test]
async fn a_crash_at_any_step_of_the_target_changes_nothing() {
    crash_at_every_step(End::Target, Death::AtOnce, true, 7).await;
}

#[tokio::test]
async fn a_crash_at_rest_at_any_step_of_the_target_changes_nothing() {
    crash_at_every_step(End::Target, Death::AtRest, true, 5).await;
}

#[tokio::test]
async fn a_crash_of_a_run_without_details_counts_nothing_twice() {
    crash_at_every_step(End::Target, Death::AtOnce, false, 11).await;
    crash_at_every_step(End::Target, Death::AtRest, false, 13).await;
}

#[tokio::test]
async fn a_run_that_crashes_again_and_again_comes_to_the_same_end() {
    let mut world = World::start().await;
    let (source, target) = (world.source.clone(), world.target.clone());
    fill(&source, &target);
    let id = world.begin(crashing("files")).await;
    for step in [3, 40, 5, 60, 2, 30, 17] {
        let hold = Hold::default();
        target.script(on_any().nth(step).waits_for(&hold));
        tokio::select! {
            () = hold.reached(1) => {}
            _ = world.end_of(id) => break,
        }
        world.restart().await;
    }

    let record = world.end_of(id).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    once_each_as_expected(&world.rows(id).await, "again and again");
    assert_eq!(target.content(), source.content());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crash_at_any_moment_of_a_run_on_many_threads_changes_nothing() {
    let mut interrupted = 0;
    for nth in [1, 5, 14, 27] {
        let mut world = World::start().await;
        world.source.holds_files(4_500);
        let id = world.begin(task().to(&["edge-1", "edge-2"])).await;
        let target = world.target.clone();
        world.wait_for(|| target.calls(Op::Put) >= nth).await;
        world.kill().await;
        let before = world.rows(id).await;
        interrupted += usize::from(before.len() < 9_000);

        world.restart().await;
        let record = world.end_of(id).await;

        assert_eq!(
            record.status,
            RecordStatus::Succeeded,
            "{nth}: {:?}",
            record.reason
        );
        assert_eq!(record.counts.unwrap().copied, 9_000, "{nth}");
        let rows = world.rows(id).await;
        let names: HashSet<(&str, String)> = rows
            .iter()
            .map(|row| (row.remote_cluster.as_str(), name_of(&row.artifact)))
            .collect();
        assert_eq!((rows.len(), names.len()), (9_000, 9_000), "{nth}");
        let after: HashMap<_, _> = rows.iter().map(|row| (row.id, row)).collect();
        assert!(before.iter().all(|row| after[&row.id] == row), "{nth}");
        assert_eq!(world.target.content(), world.source.content(), "{nth}");
    }
    assert!(interrupted > 0, "some run was interrupted in the middle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_overview_equals_the_rows_at_every_moment() {
    let world = World::start().await;
    world.source.holds_files(9_000);
    let id = world.begin(task()).await;

    let mut looks = 0;
    loop {
        let rows_before = world.rows(id).await.len() as u64;
        let record = world.record(id).await;
        let rows_after = world.rows(id).await.len() as u64;
        let settled = record.counts.unwrap().settled();
        // The clock stands still, so no row is stored before it is settled.
        assert!(
            (rows_before..=rows_after).contains(&settled),
            "{rows_before}..={rows_after}: {settled}"
        );
        looks += 1;
        if record.status.end().is_some() {
            assert_eq!(rows_after, settled);
            break;
        }
    }
    assert!(looks > 2, "the run was looked at while it went on");
}

#[tokio::test]
async fn an_artifact_settled_in_a_run_is_not_looked_at_again_in_it() {
    let mut world = World::start().await;
    world.source.holds_files(10);
    world.source.holds(artifact("/large").size_bytes(300 * 1024));
    let hold = Hold::default();
    world
        .target
        .script(on(Op::Stored).about("/large").nth(1).waits_for(&hold));
    let id = world.begin(task()).await;
    hold.reached(1).await;
    world
        .drive(async || (world.rows(id).await.len() == 10).then_some(()))
        .await;
    world
        .source
        .holds(artifact("/f/00003.bin").bytes(b"changed meanwhile"));

    world.resume().await;
    let record = world.end_of(id).await;

    assert_eq!(record.status, RecordStatus::Succeeded);
    assert_eq!(record.counts.unwrap().copied, 11);
    assert_ne!(
        world.target.bytes_of("/f/00003.bin").unwrap(),
        "changed meanwhile"
    );
}
