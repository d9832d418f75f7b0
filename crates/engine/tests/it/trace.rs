//! One artifact at every cluster: whether it arrived, and if not, why not yet.

use domain::artifact::ArtifactKey;
use domain::failure::ErrorKind;
use domain::repository::RepositoryRef;
use domain::task::ConflictStrategy;
use engine::trace::{Trace, Verdict};
use testkit::{Hold, Op, artifact, on};

use crate::build::task;
use crate::world::{START_MS, World};

const DAY_MS: i64 = 86_400_000;

impl World {
    async fn trace(&self, path: &str) -> Trace {
        let key = ArtifactKey {
            name: path.into(),
            version: None,
        };
        let local = RepositoryRef::new("demo", "files");
        self.engine.trace(&local, &key).await.unwrap()
    }
}

fn verdicts(found: &Trace) -> Vec<(&str, Verdict)> {
    let sides = found.sides.iter();
    sides.map(|side| (side.cluster.as_str(), side.verdict)).collect()
}

#[tokio::test]
async fn an_artifact_says_where_it_is_and_why_it_is_not_there_yet() {
    let world = World::start().await;
    world.source.holds_files(2);
    let broken = world.target_of("edge-2", "files");
    broken.script(on(Op::Put).fails(ErrorKind::Disk));
    let record = world.run(task().to(&["edge-1", "edge-2"])).await;

    let found = world.trace("/f/00001.bin").await;
    let nowhere = world.trace("/f/nothing").await;
    broken.behaves();
    world.run_again(&record.task_key).await;
    let arrived = world.trace("/f/00001.bin").await;

    assert_eq!(
        verdicts(&found),
        [("edge-1", Verdict::Same), ("edge-2", Verdict::Failed)]
    );
    let there = found.sides[0].there.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(there.sha256(), found.here.as_ref().unwrap().sha256());
    assert_eq!(found.sides[1].there, Ok(None));
    assert_eq!(found.attempts.len(), 2);
    assert_eq!(nowhere.here.as_ref().unwrap_err().class, ErrorKind::NotFound);
    assert_eq!(
        verdicts(&nowhere),
        [("edge-1", Verdict::NotHere), ("edge-2", Verdict::NotHere)]
    );
    assert_eq!(
        verdicts(&arrived),
        [("edge-1", Verdict::Same), ("edge-2", Verdict::Same)]
    );
    assert_eq!(arrived.attempts.len(), 4);
    let latest = arrived.sides[1].latest.as_ref().unwrap();
    assert_ne!(latest.record_id, record.id);
}

#[tokio::test]
async fn what_differs_waits_for_the_next_run_or_for_somebody_or_is_left_alone() {
    let world = World::start().await;
    world.source.holds(artifact("a").bytes(b"new"));
    for name in ["edge-1", "edge-2", "edge-3"] {
        world.target_of(name, "files").holds(artifact("a").bytes(b"old"));
    }
    world.save(task().cron("0 0 0 * * ?", START_MS + DAY_MS)).await;
    world.save(task().to(&["edge-2"])).await;
    let skips = task().to(&["edge-3"]).on_conflict(ConflictStrategy::Skip);
    world.run(skips).await;

    let mut found = world.trace("/a").await;

    found.sides.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    assert_eq!(
        verdicts(&found),
        [
            ("edge-1", Verdict::NextRun),
            ("edge-2", Verdict::ByHand),
            ("edge-3", Verdict::LeftAlone)
        ]
    );
}

#[tokio::test]
async fn a_run_that_goes_on_and_a_task_that_is_off_are_told() {
    let world = World::start().await;
    world.source.holds(artifact("a"));
    let hold = Hold::default();
    world.target.script(on(Op::Put).waits_for(&hold));
    world.begin(task()).await;
    hold.reached(1).await;
    let off = world.save(task().to(&["edge-2"])).await;
    world.engine.toggle_task(&off.key, "alice").await.unwrap();

    let mut found = world.trace("/a").await;

    found.sides.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    assert_eq!(
        verdicts(&found),
        [("edge-1", Verdict::Running), ("edge-2", Verdict::Off)]
    );
    hold.release();
}

#[tokio::test]
async fn a_target_that_does_not_answer_costs_five_seconds_and_the_others_answer() {
    let world = World::start().await;
    world.source.holds(artifact("a"));
    world.run(task().to(&["edge-1", "edge-2"])).await;
    let silent = Hold::default();
    world.target.script(on(Op::Find).waits_for(&silent));

    let engine = world.engine.clone();
    let asked = tokio::spawn(async move {
        let local = RepositoryRef::new("demo", "files");
        let key = ArtifactKey {
            name: "/a".into(),
            version: None,
        };
        engine.trace(&local, &key).await.unwrap()
    });
    let began_ms = world.now_ms();
    silent.reached(1).await;
    world.pass(5_000).await;
    let found = asked.await.unwrap();

    assert_eq!(world.now_ms() - began_ms, 5_000);
    assert_eq!(
        verdicts(&found),
        [("edge-1", Verdict::Unknown), ("edge-2", Verdict::Same)]
    );
    let failure = found.sides[0].there.as_ref().unwrap_err();
    assert_eq!(failure.class, ErrorKind::Unreachable);
    silent.release();
}

#[tokio::test]
async fn an_artifact_no_task_covers_has_no_sides_and_what_tasks_cover_is_asked_within_bounds() {
    let world = World::start().await;
    world.source.holds_files(2);
    world.save(task().paths(&["/other"])).await;
    let uncovered = world.trace("/f/00001.bin").await;
    let names: Vec<String> = (0..70).map(|n| format!("edge-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.save(task().to(&names)).await;

    let many = world.trace("/f/00001.bin").await;

    assert!(uncovered.sides.is_empty() && uncovered.here.is_ok());
    assert_eq!((many.sides.len(), many.unasked), (64, 6));
}
