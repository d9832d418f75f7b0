//! Open failures: a view over the latest failed details, kept in step with them.

use domain::artifact::ArtifactKey;
use domain::detail::{DetailFilter, DetailStatus, Outcome, Settlement};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::open_failure::OpenFailure;
use domain::record::{RetryOf, RunEnd};
use domain::task::{Task, TaskStatus};
use storage::PageRequest;
use storage::open_failures::{FailureFilter, FailureKind, FailureSort};
use storage::records::{Overlap, TaskAfter, TaskNext};

use crate::world::{Run, World, unit};

fn failed(words: &str) -> Settlement {
    Settlement {
        failure: Some(Failure {
            stage: Stage::Write,
            class: ErrorKind::Limit,
            remote_status: Some(429),
            words: Some(words.into()),
            attempts: 5,
            subject: "edge-1".into(),
        }),
        ..Settlement::of(Outcome::Failed)
    }
}

impl World {
    async fn settle(&self, run: &Run, rows: &[(&str, Settlement)]) {
        self.clock.advance_ms(1);
        let rows = rows.iter().map(|(path, how)| run.row(self, path, how.clone()));
        self.commit(run, rows.collect(), vec![]).await.unwrap();
    }

    async fn finish(&self, run: &Run) {
        let after = TaskAfter {
            status: TaskStatus::Completed,
        };
        let end = RunEnd::Complete { failed: 0 };
        let records = self.store.records();
        let now_ms = self.store.now_ms();
        let finished = records
            .finish(run.no, run.fence, end, vec![], now_ms, after)
            .await;
        finished.unwrap().expect("the lease is held");
    }

    /// Runs `task` once, settling `rows`.
    async fn ran(&self, task: &Task, rows: &[(&str, Settlement)]) -> Run {
        let run = self.run_of(task).await;
        self.settle(&run, rows).await;
        self.finish(&run).await;
        run
    }

    /// Starts a retry of the file `path` of `parent`.
    async fn retry_of(&self, parent: &Run, path: &str) -> Run {
        let mut record = self.new_record(&parent.task);
        record.plan.retry_of = Some(RetryOf {
            parent: parent.id,
            filter: DetailFilter {
                status: Some(DetailStatus::Failed),
                cluster: Some("edge-1".into()),
                repository: Some("files".into()),
                artifact: Some(ArtifactKey {
                    name: path.into(),
                    version: None,
                }),
                ..DetailFilter::default()
            },
        });
        let id = record.id;
        let next = TaskNext {
            status: TaskStatus::Replicating,
            next_run_ms: None,
        };
        let records = self.store.records();
        records.start(record, Overlap::Refuse, next).await.unwrap();
        let claimed = records.claim("boot-1", i64::MAX).await.unwrap().unwrap();
        records
            .set_units(claimed.no, &[unit(0, "edge-1", "files")])
            .await
            .unwrap();
        Run {
            task: parent.task.clone(),
            id,
            no: claimed.no,
            fence: claimed.fence,
        }
    }

    async fn failures(&self, filter: &FailureFilter) -> Vec<OpenFailure> {
        let failures = self.store.open_failures();
        let page = failures.page(filter, PageRequest::new(1, 1_000)).await.unwrap();
        assert_eq!(page.total, page.rows.len() as u64);
        page.rows
    }

    async fn open(&self) -> Vec<String> {
        let filter = FailureFilter {
            sort: FailureSort::Created,
            ascending: true,
            ..FailureFilter::default()
        };
        let rows = self.failures(&filter).await;
        rows.into_iter().map(|row| row.artifact.name).collect()
    }
}

#[tokio::test]
async fn a_failed_artifact_is_open_until_it_is_settled_well() {
    let world = World::start().await;
    let edge = world.cluster("edge-1");
    world.store.clusters().insert(&edge).await.unwrap();
    let task = world.saved_task("nightly").await;
    let copied = Settlement::of(Outcome::Copied);

    let first = world
        .ran(
            &task,
            &[("/a", failed("slow down")), ("/b", failed("x")), ("/c", copied)],
        )
        .await;
    let shown = world.failures(&FailureFilter::default()).await;
    world
        .ran(
            &task,
            &[
                ("/a", Settlement::of(Outcome::Unchanged)),
                ("/b", failed("worse")),
            ],
        )
        .await;
    let later = world.failures(&FailureFilter::default()).await;

    assert_eq!(world.open().await, ["/b"]);
    let a = shown.iter().find(|row| row.artifact.name == "/a").unwrap();
    assert_eq!((&a.task_key, a.record_id), (&task.key, first.id));
    assert_eq!((a.cluster.as_str(), a.cluster_id), ("edge-1", Some(edge.id)));
    assert_eq!(
        (a.local.to_string(), a.remote.to_string()),
        ("demo/files".into(), "demo/files".into())
    );
    assert_eq!(a.failure.as_ref().unwrap().words.as_deref(), Some("slow down"));
    let b = &later[0];
    assert!(b.created_ms < b.modified_ms && b.record_id != first.id);
    assert_eq!(
        (b.failure.as_ref().unwrap().words.as_deref(), b.retries),
        (Some("worse"), 0)
    );
}

#[tokio::test]
async fn a_retry_that_fails_is_counted_and_one_that_succeeds_closes_the_failure() {
    let world = World::start().await;
    let task = world.saved_task("nightly").await;
    let parent = world
        .ran(&task, &[("/a", failed("x")), ("/b", failed("x"))])
        .await;
    let retrying = FailureFilter {
        retrying: Some(true),
        ..FailureFilter::default()
    };
    let resting = FailureFilter {
        retrying: Some(false),
        ..FailureFilter::default()
    };

    let retry = world.retry_of(&parent, "/a").await;
    let during = world.failures(&retrying).await;
    let others = world.failures(&resting).await;
    world.settle(&retry, &[("/a", failed("again"))]).await;
    world.finish(&retry).await;
    let after = world.failures(&resting).await;

    assert_eq!((during.len(), during[0].artifact.name.as_str()), (1, "/a"));
    assert_eq!((others.len(), others[0].artifact.name.as_str()), (1, "/b"));
    let retries: Vec<(&str, u32)> = after
        .iter()
        .map(|row| (row.artifact.name.as_str(), row.retries))
        .collect();
    assert_eq!(retries, [("/a", 1), ("/b", 0)]);

    let retry = world.retry_of(&retry, "/a").await;
    world
        .settle(&retry, &[("/a", Settlement::of(Outcome::Copied))])
        .await;
    assert_eq!(world.open().await, ["/b"]);
}

#[tokio::test]
async fn a_record_that_keeps_no_details_keeps_its_failures() {
    let world = World::start().await;
    let mut task = world.task("nightly", &[]);
    task.keeps_details = false;
    world.store.tasks().insert(&task).await.unwrap();

    world
        .ran(
            &task,
            &[("/a", failed("x")), ("/b", Settlement::of(Outcome::Copied))],
        )
        .await;
    let opened = world.open().await;
    world.ran(&task, &[("/a", Settlement::of(Outcome::Copied))]).await;

    assert_eq!(opened, ["/a"]);
    assert_eq!(world.open().await, Vec::<String>::new());
}

#[tokio::test]
async fn artifacts_left_in_flight_when_a_record_closes_are_open_failures() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    let running = run.running(&world, "/a");
    world.commit(&run, vec![running], vec![]).await.unwrap();

    world.finish(&run).await;

    assert_eq!(world.open().await, ["/a"]);
}

#[tokio::test]
async fn failures_are_dismissed_by_id_by_retries_or_by_both() {
    let world = World::start().await;
    let task = world.saved_task("nightly").await;
    let names: Vec<String> = (0..6).map(|n| format!("/{n}")).collect();
    let rows: Vec<(&str, Settlement)> = names.iter().map(|name| (name.as_str(), failed("x"))).collect();
    let mut parent = world.ran(&task, &rows).await;
    for path in ["/0", "/1", "/1"] {
        let retry = world.retry_of(&parent, path).await;
        world.settle(&retry, &[(path, failed("x"))]).await;
        world.finish(&retry).await;
        parent = retry;
    }
    let failures = world.store.open_failures();
    let rows = world.failures(&FailureFilter::default()).await;
    let id = |name: &str| rows.iter().find(|row| row.artifact.name == name).unwrap().id;

    assert_eq!(
        failures
            .dismiss(Some(&[id("/2"), id("/0")]), Some(0))
            .await
            .unwrap(),
        1
    );
    assert_eq!(failures.dismiss(Some(&[]), Some(0)).await.unwrap(), 0);
    assert_eq!(failures.dismiss(None, Some(1)).await.unwrap(), 1);
    assert_eq!(
        failures.dismiss(Some(&[id("/3"), id("/1")]), None).await.unwrap(),
        1
    );
    assert_eq!(failures.get(id("/3")).await.unwrap(), None);
    assert_eq!(world.open().await, ["/2", "/4", "/5"]);
}

#[tokio::test]
async fn failures_go_with_the_record_they_failed_in_and_with_their_task() {
    let world = World::start().await;
    let task = world.saved_task("nightly").await;
    let first = world
        .ran(&task, &[("/a", failed("x")), ("/b", failed("x"))])
        .await;
    world.ran(&task, &[("/b", failed("x"))]).await;
    let other = world.saved_task("weekly").await;
    world.ran(&other, &[("/c", failed("x"))]).await;
    let records = world.store.records();

    while records.purge(first.no, 1).await.unwrap() {}
    assert_eq!(world.open().await, ["/b", "/c"]);
    world.store.tasks().hide(&other.key).await.unwrap();
    assert_eq!(world.open().await, ["/b"]);
    while world.store.tasks().purge_hidden(10).await.unwrap() {}
    assert_eq!(world.open().await, ["/b"]);
}

/// Everything a filter can name, against looking at each row.
#[tokio::test]
async fn every_filter_order_and_page_is_what_looking_at_each_row_finds() {
    let world = World::start().await;
    for (number, name) in ["nightly", "weekly", "monthly"].into_iter().enumerate() {
        let task = world.saved_task(name).await;
        let paths: Vec<String> = (0..9).map(|n| format!("/{number}/{n}")).collect();
        let mut parent = world.run_of(&task).await;
        for path in &paths {
            world.settle(&parent, &[(path, failed("x"))]).await;
        }
        let package = ArtifactKey {
            name: "npm://left-pad".into(),
            version: Some("1.0".into()),
        };
        let mut row = parent.row(&world, "", failed("x"));
        row.key = package;
        world.commit(&parent, vec![row], vec![]).await.unwrap();
        world.finish(&parent).await;
        for path in &paths[..number] {
            let retry = world.retry_of(&parent, path).await;
            world.settle(&retry, &[(path, failed("x"))]).await;
            world.finish(&retry).await;
            parent = retry;
        }
    }
    let everything = world.failures(&FailureFilter::default()).await;
    assert_eq!(everything.len(), 30);
    let task_key = everything[0].task_key.0.clone();

    let mut filters = vec![FailureFilter::default()];
    let mut one = |change: &dyn Fn(&mut FailureFilter)| {
        let mut filter = FailureFilter::default();
        change(&mut filter);
        filters.push(filter);
    };
    one(&|filter| filter.task_key = Some(task_key.clone()));
    one(&|filter| filter.kind = Some(FailureKind::Package));
    one(&|filter| filter.kind = Some(FailureKind::Repository));
    one(&|filter| filter.more_retries_than = Some(0));
    one(&|filter| filter.more_retries_than = Some(-1));
    one(&|filter| filter.retrying = Some(false));
    one(&|filter| filter.retrying = Some(true));
    one(&|filter| filter.project = Some("demo".into()));
    one(&|filter| filter.remote_repository = Some("other".into()));
    one(&|filter| {
        filter.task_key = Some(task_key.clone());
        filter.more_retries_than = Some(0);
        filter.retrying = Some(false);
    });
    for filter in &filters {
        for sort in [FailureSort::Created, FailureSort::Modified, FailureSort::Retries] {
            for ascending in [true, false] {
                let filter = FailureFilter {
                    sort,
                    ascending,
                    ..filter.clone()
                };
                let expected = looked_at(&everything, &filter);
                for page in 1..=5 {
                    let failures = world.store.open_failures();
                    let found = failures.page(&filter, PageRequest::new(page, 7)).await.unwrap();
                    let rows = expected.iter().skip((page as usize - 1) * 7).take(7);
                    assert_eq!(found.total, expected.len() as u64, "{filter:?}");
                    assert!(found.rows.iter().eq(rows), "{filter:?} page {page}");
                }
            }
        }
    }
}

/// More rows than are put in order for one page.
#[tokio::test]
async fn a_page_among_many_failures_is_found_from_either_end() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    let mut rows: Vec<_> = (0..1_200)
        .map(|n| run.row(&world, &format!("/{n:04}"), failed("x")))
        .collect();
    for (row, after_ms) in rows.iter_mut().zip(0..) {
        row.ended_ms = Some(row.started_ms + after_ms % 7);
    }
    let mut package = run.row(&world, "npm://left-pad", failed("x"));
    package.key.version = Some("1.0".into());
    rows.push(package);
    world.commit(&run, rows, vec![]).await.unwrap();
    let files = FailureFilter {
        kind: Some(FailureKind::Path),
        ..FailureFilter::default()
    };
    let failures = world.store.open_failures();
    let everything = failures
        .page(&FailureFilter::default(), PageRequest::new(1, 2_000))
        .await;
    let everything = everything.unwrap().rows;
    assert_eq!(everything.len(), 1_201);

    for ascending in [true, false] {
        let filter = FailureFilter {
            ascending,
            ..files.clone()
        };
        let expected = looked_at(&everything, &filter);
        for page in [1, 2, 40, 79, 80, 81] {
            let found = failures.page(&filter, PageRequest::new(page, 15)).await.unwrap();
            let rows = expected.iter().skip((page as usize - 1) * 15).take(15);
            assert_eq!(found.total, 1_200);
            assert!(found.rows.iter().eq(rows), "page {page}");
        }
    }
}

fn looked_at(rows: &[OpenFailure], filter: &FailureFilter) -> Vec<OpenFailure> {
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    let mut rows: Vec<OpenFailure> = rows
        .iter()
        .filter(|row| {
            is(&filter.task_key, &row.task_key.0)
                && is(&filter.project, &row.local.project)
                && is(&filter.remote_repository, &row.remote.name)
                && filter.retrying.is_none_or(|wanted| wanted == row.retrying)
                && filter
                    .more_retries_than
                    .is_none_or(|bound| i64::from(row.retries) > bound)
                && match filter.kind {
                    None => true,
                    Some(FailureKind::Path) => row.artifact.version.is_none(),
                    Some(FailureKind::Package) => row.artifact.version.is_some(),
                    Some(FailureKind::Repository) => false,
                }
        })
        .cloned()
        .collect();
    rows.sort_by_key(|row| match filter.sort {
        FailureSort::Created => (row.created_ms, row.id),
        FailureSort::Modified => (row.modified_ms, row.id),
        FailureSort::Retries => (row.retries.into(), row.id),
    });
    if !filter.ascending {
        rows.reverse();
    }
    rows
}
