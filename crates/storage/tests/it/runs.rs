//! Records: triggers, leases, stops and ends.

use domain::detail::{Outcome, Settlement};
use domain::id::RecordId;
use domain::record::{ReasonLine, RecordStatus, RunEnd};
use domain::task::TaskStatus;
use storage::records::{Finished, Lease, Overlap, StartOutcome, StopOutcome, TaskAfter, TaskNext};
use storage::{PageRequest, StoreError};

use crate::world::{Run, START_MS, World};

const AFTER: TaskAfter = TaskAfter {
    status: TaskStatus::Completed,
};
const COMPLETE: RunEnd = RunEnd::Complete { failed: 0 };

#[tokio::test]
async fn a_trigger_during_a_run_is_refused_or_queued_once_and_taken_by_the_next_start() {
    let world = World::start().await;
    let task = world.saved_task("nightly").await;
    let records = world.store.records();
    let next = TaskNext {
        status: TaskStatus::Replicating,
        next_run_ms: Some(START_MS + 99),
    };

    assert_eq!(
        records
            .start(world.new_record(&task), Overlap::Refuse, next)
            .await
            .unwrap(),
        StartOutcome::Started
    );
    assert_eq!(
        records
            .start(world.new_record(&task), Overlap::Refuse, next)
            .await
            .unwrap(),
        StartOutcome::Busy
    );
    for _ in 0..2 {
        let queued = records
            .start(world.new_record(&task), Overlap::Queue, next)
            .await
            .unwrap();
        assert_eq!(queued, StartOutcome::Queued);
    }
    let seen = world.store.tasks().by_key(&task.key).await.unwrap().unwrap();
    assert_eq!(
        (seen.status, seen.last_end, seen.runs),
        (TaskStatus::Replicating, Some(None), 1)
    );
    assert_eq!(seen.next_run_ms, Some(START_MS + 99));

    let claimed = records.claim("node", START_MS + 10).await.unwrap().unwrap();
    let finished = records
        .finish(claimed.no, claimed.fence, COMPLETE, vec![], START_MS + 1, AFTER)
        .await
        .unwrap();
    let succeeded = Finished {
        status: RecordStatus::Succeeded,
        queued: true,
    };
    assert_eq!(finished, Some(succeeded));
    assert_eq!(world.store.tasks().queued(10).await.unwrap().len(), 1);
    assert_eq!(
        records
            .start(world.new_record(&task), Overlap::Queue, next)
            .await
            .unwrap(),
        StartOutcome::Started
    );
    assert!(world.store.tasks().queued(10).await.unwrap().is_empty());
    assert_eq!(
        records
            .page(&task.key, None, PageRequest::new(1, 10))
            .await
            .unwrap()
            .total,
        2
    );
}

#[tokio::test]
async fn a_trigger_of_a_deleted_task_starts_nothing_and_its_records_are_gone() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    world.store.tasks().hide(&run.task.key).await.unwrap();
    let records = world.store.records();
    let next = TaskNext {
        status: TaskStatus::Replicating,
        next_run_ms: None,
    };

    let started = records
        .start(world.new_record(&run.task), Overlap::Queue, next)
        .await
        .unwrap();

    assert_eq!(started, StartOutcome::TaskGone);
    assert_eq!(records.get(run.id).await.unwrap(), None);
    assert_eq!(
        records
            .page(&run.task.key, None, PageRequest::new(1, 10))
            .await
            .unwrap()
            .total,
        0
    );
    assert!(
        records
            .list_after(&run.task.key, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_oldest_waiting_record_is_claimed_once_and_reads_back_whole() {
    let world = World::start().await;
    let (first, second) = (world.saved_task("a").await, world.saved_task("b").await);
    let oldest = world.started(&first).await;
    world.started(&second).await;
    world.clock.advance_ms(7);

    let claimed = world
        .store
        .records()
        .claim("node", START_MS + 100)
        .await
        .unwrap()
        .unwrap();

    assert_eq!((claimed.record.id, claimed.resumed), (oldest, false));
    let seen = world.store.records().get(oldest).await.unwrap().unwrap();
    assert_eq!(seen, claimed.record);
    assert_eq!((seen.created_ms, seen.started_ms), (START_MS, Some(START_MS + 7)));
    assert!(world.store.records().claim("node", 1).await.unwrap().is_some());
    assert!(world.store.records().claim("node", 1).await.unwrap().is_none());
}

#[tokio::test]
async fn a_lost_lease_sends_the_record_back_and_a_stale_fence_writes_nothing() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    let records = world.store.records();
    world
        .commit(
            &run,
            vec![run.row(&world, "/a", Settlement::of(Outcome::Copied))],
            vec![],
        )
        .await
        .unwrap();

    assert_eq!(
        records.reclaim("boot-1", START_MS).await.unwrap(),
        Vec::<RecordId>::new()
    );
    assert_eq!(records.reclaim("boot-2", START_MS).await.unwrap(), [run.id]);
    assert_eq!(
        records.heartbeat(run.no, run.fence, 1).await.unwrap(),
        Lease::Lost
    );
    let late = world
        .commit(
            &run,
            vec![run.row(&world, "/b", Settlement::of(Outcome::Copied))],
            vec![],
        )
        .await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    let again = records.claim("boot-2", START_MS + 100).await.unwrap().unwrap();
    assert!(again.resumed && again.fence > run.fence);
    let late = world
        .commit(
            &run,
            vec![run.row(&world, "/b", Settlement::of(Outcome::Copied))],
            vec![],
        )
        .await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    assert_eq!(
        records
            .finish(run.no, run.fence, COMPLETE, vec![], 0, AFTER)
            .await
            .unwrap(),
        None
    );

    let seen = records.get(run.id).await.unwrap().unwrap();
    assert_eq!(
        (seen.status, seen.counts.unwrap().copied),
        (RecordStatus::Running, 1)
    );
    assert_eq!(records.reclaim("boot-2", START_MS + 101).await.unwrap(), [run.id]);
}

#[tokio::test]
async fn groups_of_other_records_are_written_beside_a_stale_one() {
    let world = World::start().await;
    let (stale, held) = (world.run("stale").await, world.run("held").await);
    let records = world.store.records();
    world.clock.advance_ms(200);
    records
        .heartbeat(held.no, held.fence, START_MS + 900)
        .await
        .unwrap();
    assert_eq!(
        records.reclaim("boot-1", START_MS + 200).await.unwrap(),
        [stale.id]
    );

    let row = |run: &Run, path: &str| vec![run.row(&world, path, Settlement::of(Outcome::Copied))];
    let (first, lost, second) = tokio::join!(
        world.commit(&held, row(&held, "/a"), vec![]),
        world.commit(&stale, row(&stale, "/a"), vec![]),
        world.commit(&held, row(&held, "/b"), vec![]),
    );

    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(lost, Err(StoreError::LeaseLost)));
    let counts = async |run: &Run| records.get(run.id).await.unwrap().unwrap().counts.unwrap().copied;
    assert_eq!((counts(&stale).await, counts(&held).await), (0, 2));
}

#[tokio::test]
async fn a_waiting_record_stops_at_once_and_a_running_one_after_its_node_heard_of_it() {
    let world = World::start().await;
    let waiting = world.saved_task("waiting").await;
    let waiting_id = world.started(&waiting).await;
    let records = world.store.records();

    assert_eq!(
        records
            .request_stop(waiting_id, "bob", START_MS + 5)
            .await
            .unwrap(),
        StopOutcome::Stopped
    );
    let stopped = records.get(waiting_id).await.unwrap().unwrap();
    assert_eq!(
        (stopped.status, stopped.ended_ms),
        (RecordStatus::Stopped, Some(START_MS + 5))
    );
    assert_eq!(stopped.reason, [ReasonLine::StoppedBy { user: "bob".into() }]);
    let task = world.store.tasks().by_key(&waiting.key).await.unwrap().unwrap();
    assert_eq!(task.last_end, Some(stopped.status.end()));

    let run = world.run("running").await;
    assert_eq!(
        records.heartbeat(run.no, run.fence, 1).await.unwrap(),
        Lease::Held
    );
    assert_eq!(
        records.request_stop(run.id, "eve", START_MS).await.unwrap(),
        StopOutcome::Stopping
    );
    assert_eq!(
        records.request_stop(run.id, "mallory", START_MS).await.unwrap(),
        StopOutcome::Stopping
    );
    let lease = records.heartbeat(run.no, run.fence, 1).await.unwrap();
    assert_eq!(lease, Lease::StopRequested { by: "eve".into() });
    let finished = records
        .finish(run.no, run.fence, RunEnd::Aborted, vec![], START_MS, AFTER)
        .await
        .unwrap();
    assert_eq!(finished.unwrap().status, RecordStatus::Stopped);
    assert_eq!(
        records.request_stop(run.id, "eve", START_MS).await.unwrap(),
        StopOutcome::AlreadyEnded
    );
    let unknown = records
        .request_stop(world.store.next_id(), "eve", START_MS)
        .await
        .unwrap();
    assert_eq!(unknown, StopOutcome::Unknown);
}

#[tokio::test]
async fn a_record_whose_node_died_while_stopping_is_stopped_with_its_rows_settled() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    let records = world.store.records();
    world
        .commit(&run, vec![run.running(&world, "/slow")], vec![])
        .await
        .unwrap();
    records.request_stop(run.id, "bob", START_MS).await.unwrap();

    assert_eq!(records.reclaim("boot-2", START_MS + 3).await.unwrap(), [run.id]);

    let seen = records.get(run.id).await.unwrap().unwrap();
    assert_eq!(
        (seen.status, seen.ended_ms),
        (RecordStatus::Stopped, Some(START_MS + 3))
    );
    assert_eq!(seen.reason, [ReasonLine::StoppedBy { user: "bob".into() }]);
    assert_eq!(seen.counts.unwrap().failed, 1);
    assert!(world.store.writer().running(run.no).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_run_that_says_it_is_complete_is_failed_by_what_is_still_in_flight() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    world
        .commit(&run, vec![run.running(&world, "/slow")], vec![])
        .await
        .unwrap();

    let finished = world
        .store
        .records()
        .finish(run.no, run.fence, COMPLETE, vec![], START_MS, AFTER)
        .await
        .unwrap();

    assert_eq!(finished.unwrap().status, RecordStatus::Failed);
    let task = world.store.tasks().by_key(&run.task.key).await.unwrap().unwrap();
    assert_eq!(
        (task.status, task.last_end),
        (TaskStatus::Completed, Some(RecordStatus::Failed.end()))
    );
}

#[tokio::test]
async fn lists_go_on_behind_a_record_and_pages_filter_by_what_the_contract_shows() {
    let world = World::start().await;
    let task = world.saved_task("nightly").await;
    let records = world.store.records();
    let mut ids = Vec::new();
    for end in [COMPLETE, RunEnd::Aborted, COMPLETE] {
        world.clock.advance_ms(1);
        let run = world.run_of(&task).await;
        records
            .finish(run.no, run.fence, end, vec![], START_MS, AFTER)
            .await
            .unwrap();
        ids.insert(0, run.id);
    }
    world.clock.advance_ms(1);
    ids.insert(0, world.started(&task).await);

    let listed = records.list_after(&task.key, None, 2).await.unwrap();
    let last = listed.last().unwrap();
    let behind = records
        .list_after(&task.key, Some((last.started_ms.unwrap(), last.id)), 9)
        .await
        .unwrap();
    let all: Vec<RecordId> = listed.iter().chain(&behind).map(|record| record.id).collect();
    assert_eq!(all, ids);
    assert_eq!(records.latest(&task.key).await.unwrap().unwrap().id, ids[0]);
    assert_eq!(records.open_of(&task.key).await.unwrap().unwrap().id, ids[0]);
    for (status, expected) in [
        (domain::detail::DetailStatus::Running, vec![ids[0]]),
        (domain::detail::DetailStatus::Success, vec![ids[1], ids[3]]),
        (domain::detail::DetailStatus::Failed, vec![ids[2]]),
    ] {
        let page = records
            .page(&task.key, Some(status), PageRequest::new(1, 9))
            .await
            .unwrap();
        assert_eq!(
            page.rows.iter().map(|record| record.id).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(page.total, expected.len() as u64);
    }
}

/// Used by the tests of other files too.
pub async fn finish(world: &World, run: &Run) -> RecordStatus {
    let records = world.store.records();
    let now_ms = world.store.now_ms();
    records
        .finish(run.no, run.fence, COMPLETE, vec![], now_ms, AFTER)
        .await
        .unwrap()
        .unwrap()
        .status
}
