//! Real time: whatever changes is carried, once, by itself; whatever happens meanwhile.

use bytes::Bytes;
use domain::detail::{DetailState, ExecuteType, Outcome};
use domain::failure::ErrorKind;
use domain::id::TaskKey;
use domain::path::FilePath;
use domain::ports::{Expect, Put, PutOutcome};
use domain::record::{Record, RecordEnd, RecordStatus};
use domain::task::{ConflictStrategy, TaskStatus};
use engine::Limits;
use hosted::{HostedRepository, Publish, Supply, Viewer};
use storage::PageRequest;
use storage::moves::MoveKind;
use storage::undelivered::{EventFilter, Undelivered};
use testkit::{Hold, Op, artifact, on, on_any};

use crate::build::{TaskBuilder, name_of, task};
use crate::world::World;

const MINUTE_MS: i64 = 60_000;

fn following() -> TaskBuilder {
    task().real_time().on_conflict(ConflictStrategy::Overwrite)
}

/// Writes `bytes` to the file at `path`, as an upload does.
async fn change(files: &HostedRepository, path: &str, bytes: &[u8]) {
    let put = Put {
        artifact: artifact(path).bytes(bytes).build(),
        expect: Expect::Anything,
        with_metadata: true,
    };
    let supply = Supply::Bytes(Bytes::copy_from_slice(bytes));
    let viewer = Viewer::of_everything("alice");
    let outcomes = files
        .publish(vec![Publish { put, supply }], &viewer)
        .await
        .unwrap();
    assert!(
        matches!(outcomes[..], [PutOutcome::Stored { .. }]),
        "{outcomes:?}"
    );
}

impl World {
    /// Moves the clock on until nothing is left to carry and no run goes on; returns the task's records, the first first.
    async fn drained(&self, task: &TaskKey) -> Vec<Record> {
        self.drive(async || {
            let mut records = self.records_of(task).await;
            records.reverse();
            let ended = records.iter().all(|record| record.status.end().is_some());
            (ended && !records.is_empty() && self.undelivered().await.is_empty()).then_some(records)
        })
        .await
    }

    /// Moves the clock on until the task's record number `n` (from 1) has ended.
    async fn record_number(&self, task: &TaskKey, n: usize) -> Record {
        self.drive(async || {
            let mut records = self.records_of(task).await;
            records.reverse();
            let record = records.into_iter().nth(n - 1)?;
            record.status.end().is_some().then_some(record)
        })
        .await
    }

    async fn undelivered(&self) -> Vec<Undelivered> {
        let page = PageRequest::new(1, 1_000);
        self.store
            .events()
            .page(&EventFilter::default(), page)
            .await
            .unwrap()
            .rows
    }

    async fn names_of(&self, record: &Record) -> Vec<String> {
        self.overview_equals_rows(record).await;
        let rows = self.rows(record.id).await;
        rows.iter().map(|row| name_of(&row.artifact)).collect()
    }
}

#[tokio::test]
async fn a_change_is_carried_by_itself() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    let task = world.save(following()).await;

    change(&files, "/a.tgz", b"new").await;
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].status, records[0].triggered_by.as_str()),
        (RecordStatus::Succeeded, "event")
    );
    let rows = world.rows(records[0].id).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].execute_type, Some(ExecuteType::Delta));
    assert_eq!(world.target.bytes_of("/a.tgz").as_deref(), Some(&b"new"[..]));
    let task = world.task(&task.key).await;
    assert_eq!(
        (task.status, task.last_end),
        (TaskStatus::Replicating, Some(Some(RecordEnd::Succeeded)))
    );
}

#[tokio::test]
async fn a_burst_is_one_record_that_ends_when_nothing_comes_for_a_moment() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    let task = world.save(following()).await;

    for n in 0..5 {
        change(&files, &format!("/{n}"), b"new").await;
        world.pass(600).await;
    }
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(world.names_of(&records[0]).await, ["/0", "/1", "/2", "/3", "/4"]);
    change(&files, "/5", b"new").await;
    assert_eq!(
        world.names_of(&world.record_number(&task.key, 2).await).await,
        ["/5"]
    );
}

#[tokio::test]
async fn two_changes_before_the_first_is_carried_are_one_transfer_of_the_latest() {
    let mut world = World::asleep(Limits::default()).await;
    let files = world.hosts("files").await;
    let task = world.save(following()).await;
    change(&files, "/a", b"one").await;
    change(&files, "/b", b"one").await;
    change(&files, "/a", b"two").await;
    assert_eq!(world.undelivered().await.len(), 2);

    world.wake();
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 1);
    assert_eq!(world.names_of(&records[0]).await, ["/a", "/b"]);
    assert_eq!(world.target.bytes_of("/a").as_deref(), Some(&b"two"[..]));
    assert_eq!(world.target.moved_bytes(), 6);
}

#[tokio::test]
async fn what_changes_while_it_is_in_hand_is_carried_again_by_the_next_record() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let task = world.save(following()).await;
    change(&files, "/a", b"one").await;
    hold.reached(1).await;

    change(&files, "/a", b"two").await;
    change(&files, "/b", b"one").await;
    world.until(async || world.target.bytes_of("/b")).await;
    hold.release();
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 2);
    assert_eq!(world.names_of(&records[0]).await, ["/a", "/b"]);
    assert_eq!(world.names_of(&records[1]).await, ["/a"]);
    assert_eq!(world.target.bytes_of("/a").as_deref(), Some(&b"two"[..]));
}

#[tokio::test]
async fn a_crash_at_any_step_neither_loses_nor_doubles_a_change() {
    let mut world = World::start().await;
    let mut files = world.hosts("files").await;
    let task = world.save(following()).await;
    let mut records_before = 0;
    for step in 1.. {
        world.target.behaves();
        let hold = Hold::default();
        world.target.script(on_any().nth(step).waits_for(&hold));
        let paths: Vec<String> = (0..3).map(|n| format!("/{step}/{n}")).collect();
        for path in &paths {
            change(&files, path, path.as_bytes()).await;
        }
        let reached = tokio::select! {
            () = hold.reached(1) => true,
            _ = world.drained(&task.key) => false,
        };
        if step % 2 == 0 {
            world.resume().await;
        } else {
            world.restart().await;
            files = world.hosts("files").await;
        }
        // Nobody holds up what comes after the crash.
        hold.release();

        let records = world.drained(&task.key).await;

        let mut rows = Vec::new();
        for record in &records[records_before..] {
            assert_eq!(
                record.status,
                RecordStatus::Succeeded,
                "step {step}: {:?}",
                record.reason
            );
            rows.extend(world.rows(record.id).await);
        }
        rows.sort_by_key(|row| name_of(&row.artifact));
        let names: Vec<String> = rows.iter().map(|row| name_of(&row.artifact)).collect();
        assert_eq!(names, paths, "step {step}");
        for row in &rows {
            let DetailState::Settled(settlement) = &row.state else {
                panic!("step {step}: {row:?}");
            };
            assert_eq!(settlement.outcome, Outcome::Copied, "step {step}");
        }
        records_before = records.len();
        if !reached {
            assert!(step > 3, "the target is asked a few times");
            return;
        }
    }
}

#[tokio::test]
async fn a_dead_target_keeps_its_changes_and_slows_no_other() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    world.target.script(on_any().fails(ErrorKind::Unreachable));
    let task = world.save(following().to(&["edge-1", "edge-2"])).await;

    change(&files, "/a", b"new").await;
    let first = world.record_number(&task.key, 1).await;

    assert_eq!(first.status, RecordStatus::Failed);
    assert!(world.target_of("edge-2", "files").bytes_of("/a").is_some());
    let left = world.undelivered().await;
    assert_eq!(left.len(), 1, "{left:?}");
    // It is held: neither time nor further changes make one failed record after the other.
    change(&files, "/b", b"new").await;
    world.record_number(&task.key, 2).await;
    world.pass(MINUTE_MS / 2).await;
    let records = world.records_of(&task.key).await;
    assert_eq!(records.len(), 2, "{records:?}");
    assert_eq!(records[0].status, RecordStatus::Succeeded);

    world.target.behaves();
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 3);
    assert_eq!(world.names_of(&records[2]).await, ["/a", "/b"]);
    assert_eq!(records[2].status, RecordStatus::Succeeded);
}

#[tokio::test]
async fn what_fails_is_tried_again_by_itself_and_a_refused_conflict_is_not() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    world.target.script(on(Op::Put).nth(1).fails(ErrorKind::Disk));
    world.target.holds(artifact("/taken").bytes(b"other"));
    let task = world
        .save(task().real_time().on_conflict(ConflictStrategy::FastFail))
        .await;
    change(&files, "/a", b"new").await;
    change(&files, "/taken", b"mine").await;
    assert_eq!(
        world.record_number(&task.key, 1).await.status,
        RecordStatus::Failed
    );
    assert_eq!(world.undelivered().await.len(), 2);

    let second = world.record_number(&task.key, 2).await;

    assert!(second.created_ms - world.record_number(&task.key, 1).await.created_ms >= MINUTE_MS);
    assert_eq!(world.names_of(&second).await, ["/a"]);
    world.pass(4 * MINUTE_MS).await;
    assert_eq!(world.records_of(&task.key).await.len(), 2);
    let left = world.undelivered().await;
    assert_eq!(
        (left.len(), left[0].path.as_str(), left[0].tries),
        (1, "/taken", 1)
    );

    world.target.loses("/taken");
    assert!(
        world
            .store
            .events()
            .retry(left[0].id, world.now_ms())
            .await
            .unwrap()
    );
    let records = world.drained(&task.key).await;
    assert_eq!(world.names_of(&records[2]).await, ["/taken"]);
}

#[tokio::test]
async fn a_task_hears_of_what_happens_from_the_moment_it_is_switched_on() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    change(&files, "/before", b"new").await;
    let task = world.save(following()).await;
    change(&files, "/on", b"new").await;
    world.drained(&task.key).await;

    world.engine.toggle_task(&task.key, "bob").await.unwrap();
    assert_eq!(world.task(&task.key).await.status, TaskStatus::Waiting);
    change(&files, "/off", b"new").await;
    world.engine.toggle_task(&task.key, "bob").await.unwrap();
    change(&files, "/on-again", b"new").await;
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 2);
    assert_eq!(world.names_of(&records[1]).await, ["/on-again"]);
    assert_eq!(world.task(&task.key).await.status, TaskStatus::Replicating);
    let there: Vec<String> = world.target.content().into_iter().map(|(path, _)| path).collect();
    assert_eq!(there, ["/on", "/on-again"]);
}

#[tokio::test]
async fn what_is_removed_before_it_was_carried_is_not_carried() {
    let mut world = World::asleep(Limits::default()).await;
    let files = world.hosts("files").await;
    let task = world.save(following()).await;
    change(&files, "/dir/a", b"new").await;
    change(&files, "/dir/b", b"new").await;
    change(&files, "/stays", b"new").await;
    files.delete_tree(&"/dir".parse().unwrap()).await.unwrap();

    world.wake();
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 1);
    assert_eq!(world.names_of(&records[0]).await, ["/stays"]);
}

#[tokio::test]
async fn what_is_moved_or_copied_is_carried_to_where_it_went() {
    let mut world = World::asleep(Limits::default()).await;
    let files = world.hosts("files").await;
    let other = world.hosts("other").await;
    for path in ["/in/a", "/in/b/c"] {
        change(&other, path, path.as_bytes()).await;
    }
    let task = world.save(following()).await;
    let [from, to, of, onto] =
        ["/in", "/copied", "/copied/b", "/renamed"].map(|text| text.parse::<FilePath>().unwrap());
    let copied = other.move_to(MoveKind::Copy, &from, (&files, &to), false, "alice");
    copied.await.unwrap();
    let renamed = files.move_to(MoveKind::Rename, &of, (&files, &onto), false, "alice");
    renamed.await.unwrap();

    world.wake();
    let records = world.drained(&task.key).await;

    assert_eq!(world.names_of(&records[0]).await, ["/copied/a", "/renamed/c"]);
    assert_eq!(
        world.target.bytes_of("/renamed/c").as_deref(),
        Some(&b"/in/b/c"[..])
    );
}

#[tokio::test]
async fn a_task_of_paths_hears_of_those_only() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    let other = world.hosts("other").await;
    let task = world.save(following().paths(&["/img", "/one.txt"])).await;

    for path in ["/img/a", "/imgs", "/one.txt", "/one.txt2", "/x/img"] {
        change(&files, path, b"new").await;
        change(&other, path, b"new").await;
    }
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 1);
    assert_eq!(world.names_of(&records[0]).await, ["/img/a", "/one.txt"]);
}

#[tokio::test]
async fn after_a_stop_what_is_left_waits_for_a_retry_or_another_change() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let task = world.save(following()).await;
    change(&files, "/a", b"one").await;
    hold.reached(1).await;
    let open = world.store.records().open_of(&task.key).await.unwrap().unwrap();

    world.engine.stop_record(open.id, "bob").await.unwrap();
    let stopped = world.record_number(&task.key, 1).await;
    world.pass(2 * MINUTE_MS).await;

    assert_eq!(stopped.status, RecordStatus::Stopped);
    assert_eq!(world.records_of(&task.key).await.len(), 1);
    assert_eq!(world.undelivered().await.len(), 1);
    change(&files, "/b", b"one").await;
    world.record_number(&task.key, 2).await;
    assert_eq!(world.undelivered().await.len(), 1);
    let events = world.store.events();
    events.retry_all(&task.key, world.now_ms()).await.unwrap();
    let records = world.drained(&task.key).await;
    assert_eq!(world.names_of(&records[2]).await, ["/a"]);
}

#[tokio::test]
async fn what_changes_during_a_run_by_hand_is_carried_after_it() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    change(&files, "/before", b"new").await;
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let task = world.save(following()).await;
    let by_hand = world.engine.execute_task(&task.key, "alice").await.unwrap();
    hold.reached(1).await;

    change(&files, "/meanwhile", b"new").await;
    world.pass(10_000).await;
    assert_eq!(world.records_of(&task.key).await.len(), 1);
    hold.release();
    let records = world.drained(&task.key).await;

    assert_eq!((records.len(), records[0].id), (2, by_hand));
    assert_eq!(world.names_of(&records[0]).await, ["/before"]);
    assert_eq!(world.names_of(&records[1]).await, ["/meanwhile"]);
}

#[tokio::test]
async fn a_change_that_comes_back_to_where_it_began_ends_there() {
    let world = World::start().await;
    let here = world.hosts("here").await;
    let there = world.hosts("there").await;
    let forth = world
        .save(following().of(&["here"]).onto("there").to(&["self"]))
        .await;
    let back = world
        .save(following().of(&["there"]).onto("here").to(&["self"]))
        .await;

    change(&here, "/a", b"new").await;
    world.drained(&back.key).await;
    world.pass(2 * MINUTE_MS).await;

    let forth = world.drained(&forth.key).await;
    let back = world.drained(&back.key).await;
    assert_eq!((forth.len(), back.len()), (1, 1));
    let outcome = |counts: domain::counts::Counts| (counts.copied, counts.overwritten, counts.unchanged);
    assert_eq!(outcome(forth[0].counts.unwrap()), (1, 0, 0));
    assert_eq!(outcome(back[0].counts.unwrap()), (0, 0, 1));
    assert!(there.node(&"/a".parse().unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_task_that_is_replaced_during_its_run_carries_to_its_new_target_only() {
    let world = World::start().await;
    let files = world.hosts("files").await;
    let hold = Hold::default();
    world.target.script(on(Op::Put).nth(1).waits_for(&hold));
    let other = world.save(following().to(&["edge-2"]).paths(&["/nothing"])).await;
    let task = world.save(following()).await;
    change(&files, "/a", b"new").await;
    hold.reached(1).await;

    let mut replaced = world.task(&task.key).await;
    replaced.targets = other.targets;
    assert!(world.store.tasks().replace(&replaced).await.unwrap());
    change(&files, "/b", b"new").await;
    world.pass(5_000).await;
    hold.release();
    let records = world.drained(&task.key).await;

    assert_eq!(records.len(), 2);
    assert_eq!(world.names_of(&records[0]).await, ["/a"]);
    assert_eq!(world.names_of(&records[1]).await, ["/b"]);
    assert_eq!(world.target.bytes_of("/b"), None);
    assert!(world.target_of("edge-2", "files").bytes_of("/b").is_some());
}

#[tokio::test]
async fn the_events_of_a_removed_task_go_with_it() {
    let mut world = World::asleep(Limits::default()).await;
    let files = world.hosts("files").await;
    let task = world.save(following()).await;
    for n in 0..5 {
        change(&files, &format!("/{n}"), b"new").await;
    }

    world.engine.delete_task(&task.key, "bob").await.unwrap();
    assert!(world.undelivered().await.is_empty());
    while world.store.tasks().purge_hidden(2).await.unwrap() {}
    change(&files, "/later", b"new").await;

    // The next task gets the number of the removed one, and nothing of what was noted for it.
    let next = world.save(following()).await;
    assert!(world.undelivered().await.is_empty());
    world.wake();
    world.pass(10_000).await;
    assert!(world.records_of(&next.key).await.is_empty());
}
