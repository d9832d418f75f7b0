//! What a reader should know of artifacts that are there all the same.

use domain::detail::{DetailState, Outcome};
use domain::note::Note;
use domain::ports::Capabilities;
use domain::record::RecordStatus;
use domain::task::ConflictStrategy::{FastFail, Overwrite, Skip};
use testkit::{Hold, MemoryRepository, artifact, on_any};

use crate::build::{name_of, task};
use crate::world::World;

/// Makes `target` one that keeps no properties, as far as it says.
fn keeps_no_properties(target: &MemoryRepository) {
    let capable = target.as_target().capabilities();
    target.is_capable_of(Capabilities {
        metadata: false,
        ..capable
    });
}

fn unkept(names: &str) -> Vec<Note> {
    vec![Note::PropertiesUnkept { names: names.into() }]
}

#[tokio::test]
async fn properties_that_the_target_does_not_keep_are_noted_in_every_run() {
    let world = World::start().await;
    keeps_no_properties(&world.target);
    world.source.holds(
        artifact("a.tgz")
            .property("team", "core")
            .property("stage", "live"),
    );
    world.source.holds(artifact("plain.tgz"));

    let first = world.run(task()).await;
    let second = world.run_again(&first.task_key).await;

    for (record, outcome) in [(first, Outcome::Copied), (second, Outcome::Unchanged)] {
        let noted = world.settlement_of(record.id, "/a.tgz").await;
        let plain = world.settlement_of(record.id, "/plain.tgz").await;
        assert_eq!(record.status, RecordStatus::Succeeded);
        assert_eq!((noted.outcome, noted.notes), (outcome, unkept("stage, team")));
        assert_eq!(plain.notes, []);
        assert_eq!(record.counts.unwrap().noted, 1);
    }
}

#[tokio::test]
async fn properties_that_differ_and_are_left_alone_are_noted_by_name() {
    for strategy in [Skip, FastFail] {
        let world = World::start().await;
        let held = |stage: &str| {
            artifact("a.tgz")
                .property("stage", stage)
                .property("team", "core")
        };
        world.source.holds(held("live"));
        world.target.holds(held("test"));

        let record = world.run(task().on_conflict(strategy)).await;
        let without = world.run(task().on_conflict(strategy).without_metadata()).await;

        let noted = world.settlement_of(record.id, "/a.tgz").await;
        assert_eq!(noted.outcome, Outcome::Unchanged);
        assert_eq!(
            noted.notes,
            [Note::PropertiesDiffer {
                names: "stage".into()
            }]
        );
        assert_eq!(world.settlement_of(without.id, "/a.tgz").await.notes, []);
    }
}

#[tokio::test]
async fn nothing_is_noted_of_what_did_not_arrive_or_was_left_alone() {
    let world = World::start().await;
    keeps_no_properties(&world.target);
    world
        .source
        .holds(artifact("a.tgz").bytes(b"new").property("team", "core"));
    world.target.holds(artifact("a.tgz").bytes(b"old"));

    for strategy in [Skip, FastFail] {
        let record = world.run(task().on_conflict(strategy)).await;

        assert_eq!(world.settlement_of(record.id, "/a.tgz").await.notes, []);
        assert_eq!(record.counts.unwrap().noted, 0);
    }
}

#[tokio::test]
async fn a_crash_at_any_step_of_the_target_keeps_every_note() {
    let mut world = World::start().await;
    let mut step = 1;
    loop {
        let name = format!("step-{step}");
        let (source, target) = (world.source_of(&name), world.target_of("edge-1", &name));
        keeps_no_properties(&target);
        for file in ["new", "other", "equal"] {
            source.holds(artifact(file).bytes(file.as_bytes()).property("team", "core"));
        }
        target.holds(artifact("other").bytes(b"old"));
        target.holds(artifact("equal").bytes(b"equal"));
        let hold = Hold::default();
        target.script(on_any().nth(step).waits_for(&hold));
        let id = world.begin(task().of(&[&name]).on_conflict(Overwrite)).await;
        tokio::select! {
            () = hold.reached(1) => {}
            _ = world.end_of(id) => break,
        }

        world.resume().await;
        let record = world.end_of(id).await;

        assert_eq!(record.counts.unwrap().noted, 3, "step {step}");
        for row in world.rows(id).await {
            let DetailState::Settled(settlement) = row.state else {
                panic!("{} is settled", name_of(&row.artifact));
            };
            assert_eq!(
                settlement.notes,
                unkept("team"),
                "step {step}: {}",
                name_of(&row.artifact)
            );
        }
        step += 1;
    }
    assert!(step > 3, "the run was crashed several times");
}
