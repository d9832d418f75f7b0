//! The journal: a run goes on where it was interrupted.

use std::collections::HashSet;

use domain::artifact::ArtifactKey;
use domain::decide::Action;
use domain::detail::{Outcome, Settlement};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::ports::Cursor;
use domain::record::RunEnd;
use domain::task::{Task, TaskStatus};
use storage::records::TaskAfter;
use storage::writer::{JournalPage, PageMark, Planned};

use crate::world::{START_MS, World};

fn file(name: &str) -> ArtifactKey {
    ArtifactKey {
        name: name.into(),
        version: None,
    }
}

fn page(page_no: u32, after: Option<&str>, names: &[&str]) -> JournalPage {
    JournalPage {
        unit_no: 0,
        page_no,
        cursor_after: after.map(|after| Cursor(after.into())),
        planned: names
            .iter()
            .map(|name| Planned {
                key: file(name),
                action: Action::Copy,
            })
            .collect(),
    }
}

fn closed(page_no: u32) -> PageMark {
    PageMark::Closed { unit_no: 0, page_no }
}

#[tokio::test]
async fn open_pages_and_the_place_behind_them_survive_a_restart() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    let first = page(0, Some("c1"), &["/a", "/b"]);
    let second = page(1, Some("c2"), &["/c"]);
    let copied = |path: &str| run.row(&world, path, Settlement::of(Outcome::Copied));
    world
        .commit(&run, vec![copied("/x")], vec![PageMark::Opened(first.clone())])
        .await
        .unwrap();
    world
        .commit(
            &run,
            vec![copied("/a"), run.running(&world, "/b")],
            vec![PageMark::Opened(second)],
        )
        .await
        .unwrap();
    world
        .commit(&run, vec![copied("/c")], vec![closed(1)])
        .await
        .unwrap();

    let world = world.restart().await;
    let writer = world.store.writer();
    let progress = writer.progress(run.no).await.unwrap();

    assert_eq!(progress.len(), 1);
    assert_eq!((progress[0].next_page_no, progress[0].exhausted), (2, false));
    assert_eq!(progress[0].cursor, Some(Cursor("c2".into())));
    assert_eq!(progress[0].open_pages, [first]);
    let keys = [file("/a"), file("/b"), file("/x"), file("/y")];
    let settled = writer.settled_keys(run.no, 0, &keys).await.unwrap();
    assert_eq!(settled, HashSet::from([file("/a"), file("/x")]));
    let running = writer.running(run.no).await.unwrap();
    assert_eq!(
        running.iter().map(|row| row.key.clone()).collect::<Vec<_>>(),
        [file("/b")]
    );
}

#[tokio::test]
async fn a_page_that_comes_early_waits_for_the_one_before_it() {
    let world = World::start().await;
    let run = world.run("nightly").await;

    let early = world.commit(&run, vec![], vec![PageMark::Opened(page(1, None, &["/b"]))]);
    let due = async {
        tokio::task::yield_now().await;
        world
            .commit(&run, vec![], vec![PageMark::Opened(page(0, Some("c1"), &["/a"]))])
            .await
    };
    let (early, due) = tokio::join!(early, due);

    assert!(early.is_ok() && due.is_ok());
    let progress = world.store.writer().progress(run.no).await.unwrap();
    assert_eq!((progress[0].next_page_no, progress[0].exhausted), (2, true));
    assert_eq!(
        progress[0]
            .open_pages
            .iter()
            .map(|page| page.page_no)
            .collect::<Vec<_>>(),
        [0, 1]
    );
    let again = world
        .commit(&run, vec![], vec![PageMark::Opened(page(1, None, &["/b"]))])
        .await;
    assert!(again.is_err(), "a page is opened once");
}

#[tokio::test]
async fn without_details_settled_artifacts_of_open_pages_are_known_until_the_page_closes() {
    let world = World::start().await;
    let task = Task {
        keeps_details: false,
        ..world.task("quiet", &[])
    };
    world.store.tasks().insert(&task).await.unwrap();
    let run = world.run_of(&task).await;
    let copied = |path: &str| run.row(&world, path, Settlement::of(Outcome::Copied));
    let failed = Settlement {
        failure: Some(Failure {
            stage: Stage::Write,
            class: ErrorKind::Limit,
            remote_status: None,
            words: None,
            attempts: 5,
            subject: "edge-1".into(),
        }),
        ..Settlement::of(Outcome::Failed)
    };
    let slow = run.running(&world, "/slow");
    let opened = page(0, None, &["/a", "/b", "/slow", "/bad"]);
    world
        .commit(
            &run,
            vec![copied("/kept"), slow.clone()],
            vec![PageMark::Opened(opened)],
        )
        .await
        .unwrap();
    let settled_slow = storage::writer::DetailRow {
        was_running: true,
        ..copied("/slow")
    };
    let settled_slow = storage::writer::DetailRow {
        id: slow.id,
        ..settled_slow
    };
    let bad = run.row(&world, "/bad", failed);
    world
        .commit(&run, vec![copied("/a"), settled_slow, bad], vec![])
        .await
        .unwrap();

    let keys = ["/a", "/b", "/slow", "/bad"].map(file);
    let settled = world.store.writer().settled_keys(run.no, 0, &keys).await.unwrap();
    assert_eq!(settled, HashSet::from(["/a", "/slow", "/bad"].map(file)));
    world
        .commit(&run, vec![copied("/b")], vec![closed(0)])
        .await
        .unwrap();
    let settled = world.store.writer().settled_keys(run.no, 0, &keys).await.unwrap();
    assert_eq!(
        settled,
        HashSet::from([file("/bad")]),
        "only what failed leaves a row"
    );
    let counts = world
        .store
        .records()
        .get(run.id)
        .await
        .unwrap()
        .unwrap()
        .counts
        .unwrap();
    assert_eq!((counts.copied, counts.failed), (4, 1));
}

#[tokio::test]
async fn what_a_run_left_over_begins_where_its_earliest_open_page_began() {
    let world = World::start().await;
    let after = TaskAfter {
        status: TaskStatus::Completed,
    };
    for (pages, rest) in [
        (
            vec![
                PageMark::Opened(page(0, Some("c1"), &["/a"])),
                PageMark::Opened(page(1, Some("c2"), &["/b"])),
                closed(0),
            ],
            Some(Some("c1")),
        ),
        (vec![PageMark::Opened(page(0, Some("c1"), &["/a"]))], Some(None)),
        (
            vec![PageMark::Opened(page(0, Some("c1"), &[])), closed(0)],
            Some(Some("c1")),
        ),
        (vec![PageMark::Opened(page(0, None, &[])), closed(0)], None),
        (vec![], Some(None)),
    ] {
        let run = world.run(&format!("task {pages:?}")).await;
        world.commit(&run, vec![], pages).await.unwrap();

        world
            .store
            .records()
            .finish(run.no, run.fence, RunEnd::Aborted, vec![], START_MS, after)
            .await
            .unwrap();

        let units = world.store.records().units(run.no).await.unwrap();
        let found = units[0]
            .rest
            .then(|| units[0].rest_cursor.as_ref().map(|cursor| cursor.0.as_str()));
        assert_eq!(found, rest);
        assert!(
            world.store.writer().progress(run.no).await.unwrap()[0]
                .open_pages
                .is_empty()
        );
    }
}
