//! Details: what is read equals a naive model, for every filter, order and page.

use domain::artifact::ArtifactKey;
use domain::detail::{
    DetailFilter, DetailState, DetailStatus, Historical, Outcome, RecordDetail, Settlement,
};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::id::DetailId;
use domain::record::{Record, RecordStatus};
use storage::writer::{DetailRow, RowState};
use storage::{PageRequest, Store};

use crate::world::{Run, START_MS, World, unit};

/// A small generator: the same rows on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }
}

fn failure(class: ErrorKind) -> Failure {
    Failure {
        stage: Stage::Write,
        class,
        remote_status: Some(429),
        words: Some("slow down".into()),
        attempts: 5,
        subject: "edge-1".into(),
    }
}

fn settlement(dice: &mut Dice) -> Settlement {
    let outcome = dice.one_of(&[
        Outcome::Copied,
        Outcome::Copied,
        Outcome::Unchanged,
        Outcome::Overwritten,
        Outcome::SkippedConflict,
        Outcome::Failed,
        Outcome::Deleted,
    ]);
    let class = dice.one_of(&[ErrorKind::Limit, ErrorKind::Disk]);
    Settlement {
        moved_bytes: dice.below(50),
        moved_blobs: dice.below(2) as u32,
        conflict: outcome == Outcome::SkippedConflict,
        failure: (outcome == Outcome::Failed).then(|| failure(class)),
        ..Settlement::of(outcome)
    }
}

/// Files and package versions of four units; start times repeat, names share prefixes.
fn rows(world: &World, dice: &mut Dice, count: usize, spread_ms: u64) -> Vec<DetailRow> {
    (0..count)
        .map(|_| {
            let is_package = dice.below(3) == 0;
            let name = if is_package {
                format!(
                    "{}://{}{}",
                    dice.one_of(&["npm", "pypi"]),
                    dice.one_of(&["left", "npm", "é"]),
                    dice.below(30)
                )
            } else {
                format!(
                    "{}{}",
                    dice.one_of(&["/a/", "/a/b/", "/ü%_", "/c.+("]),
                    dice.below(40)
                )
            };
            let started_ms = START_MS + dice.below(spread_ms) as i64;
            let running = dice.below(12) == 0;
            DetailRow {
                unit_no: dice.below(4) as u16,
                id: world.store.next_id(),
                key: ArtifactKey {
                    name,
                    version: is_package.then(|| format!("1.{}", dice.below(3))),
                },
                package_name: None,
                size_bytes: dice.one_of(&[None, Some(7)]),
                digest: None,
                state: if running {
                    RowState::Running
                } else {
                    RowState::Settled(settlement(dice))
                },
                started_ms,
                ended_ms: (!running).then_some(started_ms + 1),
                was_running: false,
            }
        })
        .collect()
}

async fn set_units(world: &World, run: &Run) {
    let units = [
        unit(0, "edge-1", "files"),
        unit(1, "edge-1", "npm"),
        unit(2, "edge-2", "files"),
        unit(3, "edge-2", "npm"),
    ];
    world.store.records().set_units(run.no, &units).await.unwrap();
}

fn detail(run: &Run, row: &DetailRow) -> RecordDetail {
    let unit = match row.unit_no {
        0 => unit(0, "edge-1", "files"),
        1 => unit(1, "edge-1", "npm"),
        2 => unit(2, "edge-2", "files"),
        _ => unit(3, "edge-2", "npm"),
    };
    RecordDetail {
        id: row.id,
        record_id: run.id,
        local_cluster: unit.local_cluster,
        remote_cluster: unit.remote_cluster,
        local_repository: unit.local_repository,
        repository_type: unit.repository_type,
        artifact: Some(row.key.clone()),
        size_bytes: row.size_bytes,
        digest: row.digest,
        state: match &row.state {
            RowState::Running => DetailState::Running,
            RowState::Settled(settlement) => DetailState::Settled(settlement.clone()),
        },
        started_ms: row.started_ms,
        ended_ms: row.ended_ms,
        execute_type: unit.execute_type,
        historical: None,
    }
}

fn begins(text: Option<&str>, prefix: &Option<String>) -> bool {
    prefix
        .as_ref()
        .is_none_or(|prefix| text.is_some_and(|text| text.starts_with(prefix.as_str())))
}

/// The filter as its documentation says it, one row at a time.
fn selects(filter: &DetailFilter, row: &RecordDetail) -> bool {
    let historical = row.historical.clone().unwrap_or_default();
    let member = |object: &Option<serde_json::Value>, name: &str| {
        object
            .as_ref()
            .and_then(|object| object.get(name)?.as_str().map(str::to_owned))
    };
    let file = row
        .artifact
        .as_ref()
        .filter(|key| key.version.is_none())
        .map(|key| key.name.clone());
    let package = row
        .artifact
        .as_ref()
        .filter(|key| key.version.is_some())
        .map(|key| key.name.clone());
    let path = file
        .clone()
        .or_else(|| member(&historical.path_constraint, "path"));
    let package_key = package
        .clone()
        .or_else(|| member(&historical.package_constraint, "packageKey"));
    let bare = |key: &str| {
        key.split_once("://")
            .map_or(key.to_owned(), |(_, name)| name.to_owned())
    };
    let package_name = package_key.as_deref().map(bare);
    let artifact_name = file.or_else(|| package.as_deref().map(bare));
    let settlement = match &row.state {
        DetailState::Settled(settlement) => Some(settlement),
        _ => None,
    };
    filter.status.is_none_or(|status| row.status() == status)
        && filter
            .cluster
            .as_ref()
            .is_none_or(|cluster| row.remote_cluster == *cluster)
        && filter
            .repository
            .as_ref()
            .is_none_or(|repository| row.local_repository == *repository)
        && (begins(package_key.as_deref(), &filter.package_prefix)
            || begins(package_name.as_deref(), &filter.package_prefix))
        && begins(path.as_deref(), &filter.path_prefix)
        && begins(artifact_name.as_deref(), &filter.artifact_prefix)
        && filter
            .version
            .as_ref()
            .is_none_or(|version| row.artifact.as_ref().and_then(|key| key.version.as_ref()) == Some(version))
        && filter
            .outcome
            .is_none_or(|outcome| settlement.is_some_and(|settlement| settlement.outcome == outcome))
        && filter.class.is_none_or(|class| {
            settlement
                .and_then(|settlement| settlement.failure.as_ref())
                .is_some_and(|failure| failure.class == class)
        })
}

fn filters() -> Vec<DetailFilter> {
    let text = |text: &str| Some(text.to_owned());
    let mut filters = vec![DetailFilter::default()];
    let mut cross = |change: &dyn Fn(&mut DetailFilter)| {
        let changed: Vec<DetailFilter> = filters
            .iter()
            .map(|filter| {
                let mut filter = filter.clone();
                change(&mut filter);
                filter
            })
            .collect();
        filters.extend(changed);
    };
    cross(&|filter| filter.status = Some(DetailStatus::Success));
    cross(&|filter| filter.cluster = text("edge-2"));
    cross(&|filter| filter.repository = text("npm"));
    cross(&|filter| filter.path_prefix = text("/a/"));
    cross(&|filter| filter.package_prefix = text("npm"));
    cross(&|filter| filter.artifact_prefix = text("/a/b"));
    cross(&|filter| filter.version = text("1.1"));
    for (artifact, package, path) in [
        ("left", "npm://", "/"),
        ("", "é", "/ü%_"),
        ("/", "", ""),
        ("z", "p", "/c.+(1"),
    ] {
        filters.push(DetailFilter {
            artifact_prefix: text(artifact),
            ..DetailFilter::default()
        });
        filters.push(DetailFilter {
            package_prefix: text(package),
            ..DetailFilter::default()
        });
        filters.push(DetailFilter {
            path_prefix: text(path),
            ..DetailFilter::default()
        });
        filters.push(DetailFilter {
            package_prefix: text(package),
            artifact_prefix: text(artifact),
            ..DetailFilter::default()
        });
    }
    for outcome in [Outcome::Unchanged, Outcome::Failed] {
        filters.push(DetailFilter {
            outcome: Some(outcome),
            ..DetailFilter::default()
        });
    }
    for class in [ErrorKind::Disk, ErrorKind::Tls] {
        filters.push(DetailFilter {
            class: Some(class),
            path_prefix: text("/a"),
            ..DetailFilter::default()
        });
    }
    filters.push(DetailFilter {
        status: Some(DetailStatus::Failed),
        ..DetailFilter::default()
    });
    filters.push(DetailFilter {
        status: Some(DetailStatus::Running),
        ..DetailFilter::default()
    });
    filters.push(DetailFilter {
        cluster: text("nowhere"),
        ..DetailFilter::default()
    });
    filters
}

/// Compares every page, the keyset list and the count of `filter` with the model.
async fn compare(store: &Store, run: &Run, model: &[RecordDetail], filter: &DetailFilter, size: u32) {
    let mut expected: Vec<&RecordDetail> = model.iter().filter(|row| selects(filter, row)).collect();
    expected.sort_by_key(|row| std::cmp::Reverse((row.started_ms, row.id)));
    let details = store.details();
    let total = expected.len() as u64;
    assert_eq!(details.count(run.id, filter).await.unwrap(), total, "{filter:?}");
    let pages = expected.len().div_ceil(size as usize) as u32 + 1;
    for number in [0, 1, 2, pages / 2, pages.saturating_sub(1), pages, pages + 7] {
        let page = details
            .page(run.id, filter, PageRequest::new(number, size))
            .await
            .unwrap();
        let skip = PageRequest::new(number, size).offset() as usize;
        let wanted: Vec<&RecordDetail> = expected.iter().copied().skip(skip).take(size as usize).collect();
        assert_eq!(page.total, total, "{filter:?} page {number}");
        assert_eq!(
            page.rows.iter().collect::<Vec<_>>(),
            wanted,
            "{filter:?} page {number}"
        );
    }
    let mut listed: Vec<RecordDetail> = Vec::new();
    loop {
        let after: Option<(i64, DetailId)> = listed.last().map(|row| (row.started_ms, row.id));
        let more = details.after(run.id, filter, after, 333).await.unwrap();
        if more.is_empty() {
            break;
        }
        listed.extend(more);
    }
    assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{filter:?}");
}

#[tokio::test]
async fn every_filter_page_and_order_equals_the_model() {
    for (seed, count, spread_ms) in [(1, 700, 50), (2, 3000, 1), (3, 2600, 40_000)] {
        let world = World::start().await;
        let run = world.run("nightly").await;
        set_units(&world, &run).await;
        let mut dice = Dice(seed);
        let rows = rows(&world, &mut dice, count, spread_ms);
        for group in rows.chunks(137) {
            world.commit(&run, group.to_vec(), vec![]).await.unwrap();
        }
        let model: Vec<RecordDetail> = rows.iter().map(|row| detail(&run, row)).collect();

        for filter in filters() {
            compare(&world.store, &run, &model, &filter, 45).await;
        }
    }
}

#[tokio::test]
async fn a_prefix_that_many_rows_match_is_paged_like_any_other() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let mut dice = Dice(4);
    let rows = rows(&world, &mut dice, 36_000, 60_000);
    for group in rows.chunks(5_000) {
        world.commit(&run, group.to_vec(), vec![]).await.unwrap();
    }
    let model: Vec<RecordDetail> = rows.iter().map(|row| detail(&run, row)).collect();

    let files = DetailFilter {
        path_prefix: Some("/".into()),
        ..DetailFilter::default()
    };
    compare(&world.store, &run, &model, &files, 400).await;
}

#[tokio::test]
async fn the_overview_equals_the_rows_after_every_commit() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let mut dice = Dice(7);
    let mut model: Vec<RecordDetail> = Vec::new();
    for _ in 0..12 {
        let mut group = rows(&world, &mut dice, 150, 5_000);
        // Whatever was running is settled, under the same id and start.
        for row in world.store.writer().running(run.no).await.unwrap() {
            model.retain(|known| known.id != row.id);
            group.push(DetailRow {
                unit_no: row.unit_no,
                id: row.id,
                key: row.key,
                package_name: None,
                size_bytes: Some(3),
                digest: None,
                state: RowState::Settled(settlement(&mut dice)),
                started_ms: row.started_ms,
                ended_ms: Some(row.started_ms),
                was_running: true,
            });
        }
        world.commit(&run, group.clone(), vec![]).await.unwrap();
        model.extend(group.iter().map(|row| detail(&run, row)));

        let mut counts = domain::counts::Counts::default();
        for row in &model {
            if let DetailState::Settled(settlement) = &row.state {
                counts.add(settlement, row.size_bytes.unwrap_or(0));
            }
        }
        let record = world.store.records().get(run.id).await.unwrap().unwrap();
        assert_eq!(record.counts, Some(counts));
        compare(&world.store, &run, &model, &DetailFilter::default(), 100).await;
        let running = DetailFilter {
            status: Some(DetailStatus::Running),
            ..DetailFilter::default()
        };
        compare(&world.store, &run, &model, &running, 100).await;
    }
}

#[tokio::test]
async fn a_selection_for_a_retry_is_ordered_by_name_and_version_and_goes_on_behind_a_key() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let mut dice = Dice(11);
    let mut rows = rows(&world, &mut dice, 900, 9);
    rows.sort_by(|a, b| (a.unit_no, &a.key).cmp(&(b.unit_no, &b.key)));
    rows.dedup_by(|a, b| (a.unit_no, &a.key) == (b.unit_no, &b.key));
    world.commit(&run, rows.clone(), vec![]).await.unwrap();

    for filter in filters() {
        for unit_no in [0, 3] {
            let of_unit = rows.iter().filter(|row| row.unit_no == unit_no);
            let expected: Vec<ArtifactKey> = of_unit
                .filter(|row| selects(&filter, &detail(&run, row)))
                .map(|row| row.key.clone())
                .collect();
            let mut found: Vec<ArtifactKey> = Vec::new();
            loop {
                let after = found.last().cloned();
                let details = world.store.details();
                let more = details
                    .select_keys(run.no, unit_no, &filter, after, 13)
                    .await
                    .unwrap();
                if more.is_empty() {
                    break;
                }
                found.extend(more);
            }
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}

fn historical(world: &World, run: &Run, dice: &mut Dice) -> RecordDetail {
    let row = &rows(world, dice, 1, 3000)[0];
    let key = row.key.clone();
    let modern = dice.below(4) == 0;
    let constraint = match (&key.version, dice.below(5)) {
        (_, 0) => Historical::default(),
        (Some(version), _) => Historical {
            package_constraint: Some(serde_json::json!({"packageKey": key.name, "versions": [version]})),
            ..Historical::default()
        },
        (None, _) => Historical {
            path_constraint: Some(serde_json::json!({"path": key.name})),
            progress: Some(serde_json::json!({"success": 10, "skip": 0})),
            ..Historical::default()
        },
    };
    RecordDetail {
        artifact: modern.then_some(key),
        state: DetailState::Imported {
            succeeded: dice.below(3) > 0,
        },
        ended_ms: None,
        execute_type: None,
        historical: (!modern).then(|| Box::new(constraint)),
        ..detail(run, row)
    }
}

#[tokio::test]
async fn imported_rows_keep_their_ids_come_once_and_are_found_by_their_constraints() {
    let world = World::start().await;
    let task = world.saved_task("old").await;
    let record = Record {
        id: "609b573d53ccce752bf9b860".parse().unwrap(),
        task_key: task.key.clone(),
        status: RecordStatus::Failed,
        created_ms: 1_620_821_948_813,
        started_ms: Some(1_620_821_948_813),
        ended_ms: None,
        counts: None,
        reason: vec![domain::record::ReasonLine::Text {
            text: "it broke".into(),
        }],
        triggered_by: "import".into(),
        plan: None,
    };
    let run = Run {
        task,
        id: record.id,
        no: 0,
        fence: 0,
    };
    assert!(world.store.records().import(&record).await.unwrap());
    assert!(!world.store.records().import(&record).await.unwrap());
    let mut dice = Dice(5);
    let model: Vec<RecordDetail> = (0..2500).map(|_| historical(&world, &run, &mut dice)).collect();
    let details = world.store.details();

    let mut added = 0;
    for group in model.chunks(1000) {
        added += details.import(record.id, group).await.unwrap();
    }
    assert_eq!(added, 2500);
    assert_eq!(details.import(record.id, &model[..700]).await.unwrap(), 0);

    assert_eq!(
        world.store.records().get(record.id).await.unwrap(),
        Some(record.clone())
    );
    for filter in filters() {
        compare(&world.store, &run, &model, &filter, 45).await;
    }
    let running = RecordDetail {
        state: DetailState::Running,
        ..model[0].clone()
    };
    assert!(details.import(record.id, &[running]).await.is_err());
    let ours = world.run("new").await;
    assert!(details.import(ours.id, &model[..1]).await.is_err());
}
