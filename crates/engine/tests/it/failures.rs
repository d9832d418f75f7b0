//! Open failures: what failed last, done again one by one.

use domain::failure::ErrorKind;
use domain::open_failure::OpenFailure;
use domain::record::RecordStatus;
use engine::error::EngineError;
use storage::PageRequest;
use storage::open_failures::FailureFilter;
use testkit::{Op, on};

use crate::build::{name_of, task};
use crate::world::World;

async fn open(world: &World) -> Vec<OpenFailure> {
    let filter = FailureFilter::default();
    let page = world.engine.failure_page(&filter, PageRequest::new(1, 100));
    page.await.unwrap().rows
}

#[tokio::test]
async fn a_retry_of_a_failure_does_that_artifact_at_that_target_and_nothing_else() {
    let world = World::start().await;
    world.source.holds_files(5);
    for edge in ["edge-1", "edge-2"] {
        let target = world.target_of(edge, "files");
        target.script(on(Op::Put).fails(ErrorKind::Disk));
    }
    world.run(task().to(&["edge-1", "edge-2"])).await;
    world.target_of("edge-1", "files").behaves();
    let failures = open(&world).await;
    let failure = failures
        .iter()
        .find(|row| row.cluster == "edge-1" && row.artifact.name == "/f/00003.bin")
        .unwrap();
    let id = failure.id.to_string();

    let record = world.engine.retry_failure(&id, "bob").await.unwrap();
    let record = world.end_of(record).await;

    assert_eq!(failures.len(), 10);
    assert_eq!(record.status, RecordStatus::Succeeded);
    let rows = world.rows(record.id).await;
    assert_eq!((rows.len(), rows[0].remote_cluster.as_str()), (1, "edge-1"));
    assert_eq!(name_of(&rows[0].artifact), "/f/00003.bin");
    assert!(world.engine.is_mended(&id, record.id).await.unwrap());
    assert_eq!(open(&world).await.len(), 9);
}

#[tokio::test]
async fn a_retry_that_fails_leaves_the_failure_open_and_counts() {
    let world = World::start().await;
    world.source.holds_files(2);
    world
        .target
        .script(on(Op::Put).about("/f/00001.bin").fails(ErrorKind::Disk));
    world.run(task()).await;
    let id = open(&world).await[0].id.to_string();

    let record = world.engine.retry_failure(&id, "bob").await.unwrap();
    let again = world.engine.retry_failure(&id, "bob").await;
    world.end_of(record).await;

    assert!(matches!(again, Err(EngineError::RunGoingOn)), "{again:?}");
    assert!(!world.engine.is_mended(&id, record).await.unwrap());
    let failure = world.engine.failure(&id).await.unwrap().unwrap();
    assert_eq!(
        (failure.retries, failure.retrying, failure.record_id),
        (1, false, record)
    );
}

#[tokio::test]
async fn an_ordinary_run_closes_what_it_carries_well_and_unknown_ids_are_refused() {
    let world = World::start().await;
    world.source.holds_files(3);
    world.target.script(on(Op::Put).fails(ErrorKind::Disk));
    let first = world.run(task()).await;
    let opened = open(&world).await.len();
    world.target.behaves();

    world.run_again(&first.task_key).await;

    assert_eq!((opened, open(&world).await.len()), (3, 0));
    for id in ["", "nobody", "0123456789abcdef01234567"] {
        let refused = world.engine.retry_failure(id, "bob").await;
        assert!(matches!(refused, Err(EngineError::FailureUnknown(_))), "{id}");
    }
}
