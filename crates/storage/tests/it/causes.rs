//! Root causes and hours: counted in the transaction that settles, bounded whatever a remote says.

use domain::detail::{DetailFilter, DetailStatus, Outcome, Settlement};
use domain::failure::{ErrorKind, Failure, Stage};
use storage::PageRequest;
use storage::hours::{HOUR_MS, HourTotal};

use crate::world::{Run, START_MS, World};

fn failed(class: ErrorKind, words: &str) -> Settlement {
    Settlement {
        failure: Some(Failure {
            stage: Stage::Write,
            class,
            remote_status: None,
            words: Some(words.into()),
            attempts: 1,
            subject: "edge-1".into(),
        }),
        ..Settlement::of(Outcome::Failed)
    }
}

fn filter(change: impl FnOnce(&mut DetailFilter)) -> DetailFilter {
    let mut filter = DetailFilter::default();
    change(&mut filter);
    filter
}

impl World {
    async fn names(&self, run: &Run, filter: &DetailFilter) -> Vec<String> {
        let page = self
            .store
            .details()
            .page(run.id, filter, PageRequest::new(1, 10_000))
            .await
            .unwrap();
        assert_eq!(page.total, page.rows.len() as u64);
        let mut names: Vec<String> = page
            .rows
            .into_iter()
            .map(|row| row.artifact.unwrap().name)
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn failures_that_differ_in_names_only_are_one_cause_and_found_by_it() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    let full = |path: &str| failed(ErrorKind::Disk, &format!("{path}: 4096 bytes do not fit"));
    for part in [["/one", "/two"], ["/three", "/four"]] {
        let rows = part.iter().map(|path| run.row(&world, path, full(path)));
        world.commit(&run, rows.collect(), vec![]).await.unwrap();
    }
    let slow = failed(ErrorKind::Limit, "slow down");
    let copied = Settlement::of(Outcome::Copied);
    let rows = vec![run.row(&world, "/five", slow), run.row(&world, "/six", copied)];
    world.commit(&run, rows, vec![]).await.unwrap();

    let causes = world.store.details().causes(run.id).await.unwrap();

    let shown: Vec<_> = causes
        .iter()
        .map(|cause| (cause.rows, cause.words.as_deref(), cause.artifact.name.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (4, Some("\u{2026}: # bytes do not fit"), "/one"),
            (1, Some("slow down"), "/five")
        ]
    );
    let full = ["/four", "/one", "/three", "/two"];
    let by_no = filter(|filter| filter.cause = Some(causes[0].no));
    assert_eq!(world.names(&run, &by_no).await, full);
    for pasted in ["/one: 77777 BYTES do not", "disk", "EDGE-1 write"] {
        let by_words = filter(|filter| filter.words = Some(pasted.replace("/one", "\u{2026}")));
        let found = world.names(&run, &by_words).await;
        assert!(
            full.iter().all(|name| found.contains(&(*name).to_owned())),
            "{pasted}: {found:?}"
        );
    }
    let nothing = filter(|filter| filter.words = Some("certificate".into()));
    assert_eq!(world.names(&run, &nothing).await, [""; 0]);
    let one = filter(|filter| {
        filter.cause = Some(causes[0].no);
        filter.status = Some(DetailStatus::Failed);
        filter.path_prefix = Some("/t".into());
    });
    assert_eq!(world.names(&run, &one).await, ["/three", "/two"]);
}

#[tokio::test]
async fn a_remote_that_says_something_new_each_time_is_told_apart_by_class_in_the_end() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    // Letters: numbers are left out anyway.
    let word = |n: usize| {
        let letter = |n: usize| char::from(b'g' + u8::try_from(n % 20).unwrap());
        [letter(n / 400), letter(n / 20), letter(n)]
            .iter()
            .collect::<String>()
    };
    for part in (0..1_200).collect::<Vec<usize>>().chunks(400) {
        let rows = part.iter().map(|n| {
            let class = if n % 2 == 0 {
                ErrorKind::Disk
            } else {
                ErrorKind::Limit
            };
            run.row(&world, &format!("/f/{n}"), failed(class, &word(*n)))
        });
        world.commit(&run, rows.collect(), vec![]).await.unwrap();
    }

    let causes = world.store.details().causes(run.id).await.unwrap();

    assert_eq!(causes.len(), 502);
    assert_eq!(causes.iter().map(|cause| cause.rows).sum::<u64>(), 1_200);
    let whole: Vec<_> = causes.iter().filter(|cause| cause.cluster.is_none()).collect();
    assert_eq!(whole.iter().map(|cause| cause.rows).sum::<u64>(), 700);
    for cause in whole {
        let of_class = filter(|filter| filter.cause = Some(cause.no));
        assert_eq!(world.names(&run, &of_class).await.len() as u64, cause.rows);
    }
}

#[tokio::test]
async fn what_is_settled_counts_in_its_hour() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    let copied = || Settlement {
        moved_bytes: 10,
        ..Settlement::of(Outcome::Copied)
    };
    let rows = vec![
        run.row(&world, "/a", copied()),
        run.row(&world, "/b", failed(ErrorKind::Disk, "full")),
    ];
    world.commit(&run, rows, vec![]).await.unwrap();
    world.clock.advance_ms(HOUR_MS);
    let rows = vec![run.row(&world, "/c", copied()), run.running(&world, "/d")];
    world.commit(&run, rows, vec![]).await.unwrap();

    let hours = world.store.hours().since(START_MS - HOUR_MS).await.unwrap();

    let hour = |hour_ms, artifacts, failed, bytes| HourTotal {
        hour_ms,
        artifacts,
        failed,
        bytes,
    };
    assert_eq!(
        hours,
        [hour(START_MS, 2, 1, 10), hour(START_MS + HOUR_MS, 1, 0, 10)]
    );
    world
        .store
        .hours()
        .forget(START_MS + 91 * 24 * HOUR_MS)
        .await
        .unwrap();
    assert_eq!(world.store.hours().since(0).await.unwrap(), []);
}
