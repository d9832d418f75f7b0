//! Details: what is read equals a naive model, for every filter, order and page.

mod model;
mod orders;

use std::collections::BTreeSet;

use domain::artifact::ArtifactKey;
use domain::detail::{DetailFilter, DetailState, DetailStatus, Outcome, RecordDetail, Settlement};
use domain::id::DetailId;
use domain::record::{Record, RecordStatus};
use storage::writer::{DetailRow, RowState};
use storage::{PageRequest, Store};

use model::{Dice, detail, filters, historical, rows, selects, set_units, settlement};

use crate::world::{Run, World};

/// Compares every page, the keyset list and the count of `filter` with the model.
async fn compare(store: &Store, run: &Run, model: &[RecordDetail], filter: &DetailFilter, size: u32) {
    let mut expected: Vec<&RecordDetail> = model.iter().filter(|row| selects(filter, row)).collect();
    expected.sort_by_key(|row| std::cmp::Reverse((row.started_ms, row.id)));
    let details = store.details();
    let total = expected.len() as u64;
    assert_eq!(details.count(run.id, filter).await.unwrap(), total, "{filter:?}");
    let pages = expected.len().div_ceil(size as usize) as u32 + 1;
    let numbers = [0, 1, 2, pages / 2, pages.saturating_sub(1), pages, pages + 7];
    for number in BTreeSet::from(numbers) {
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

/// Compares everything that can be asked about `count` rows that began within `spread_ms`.
async fn every_filter_page_and_order(seed: u64, count: usize, spread_ms: u64) {
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

// Three tests, so that they go side by side.

#[tokio::test]
async fn every_filter_page_and_order_equals_the_model() {
    every_filter_page_and_order(1, 700, 50).await;
}

#[tokio::test]
async fn every_filter_page_and_order_equals_the_model_where_all_began_at_once() {
    every_filter_page_and_order(2, 3_000, 1).await;
}

#[tokio::test]
async fn every_filter_page_and_order_equals_the_model_over_a_long_time() {
    every_filter_page_and_order(3, 2_600, 40_000).await;
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
async fn an_outcome_that_all_or_none_have_is_paged_like_any_other() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let mut rows = rows(&world, &mut Dice(5), 900, 4_000);
    for row in &mut rows {
        if let RowState::Settled(settlement) = &mut row.state
            && settlement.outcome != Outcome::Failed
        {
            *settlement = Settlement::of(Outcome::Unchanged);
        }
    }
    for group in rows.chunks(137) {
        world.commit(&run, group.to_vec(), vec![]).await.unwrap();
    }
    let model: Vec<RecordDetail> = rows.iter().map(|row| detail(&run, row)).collect();

    for filter in filters().into_iter().filter(|filter| filter.outcome.is_some()) {
        for cluster in [None, Some("edge-1".to_owned())] {
            let filter = DetailFilter {
                cluster,
                ..filter.clone()
            };
            compare(&world.store, &run, &model, &filter, 45).await;
        }
    }
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
