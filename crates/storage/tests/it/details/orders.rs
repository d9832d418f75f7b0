use domain::detail::{DetailFilter, DetailState, DetailStatus, RecordDetail};
use domain::id::DetailId;
use storage::orders::{DetailOrder, MOST_SORTED, Sorted};
use storage::writer::{DetailRow, RowState};

use super::model::{Dice, detail, filters, rows, selects, set_units};
use crate::world::{Run, World};

fn place(order: DetailOrder, row: &RecordDetail) -> (i64, String, String) {
    let key = row.artifact.clone().expect("none is historical");
    match order {
        DetailOrder::Time => (row.started_ms, String::new(), String::new()),
        DetailOrder::Name => (0, key.name, key.version.unwrap_or_default()),
        DetailOrder::Size => (row.size_bytes.unwrap_or(0) as i64, String::new(), String::new()),
        DetailOrder::Attempts => match &row.state {
            DetailState::Settled(settled) => (settled.attempts.into(), String::new(), String::new()),
            _ => (1, String::new(), String::new()),
        },
    }
}

const ORDERS: [DetailOrder; 4] = [
    DetailOrder::Time,
    DetailOrder::Name,
    DetailOrder::Size,
    DetailOrder::Attempts,
];

/// Reads everything `filter` selects, page by page; `None` when it is too much.
async fn paged(
    world: &World,
    run: &Run,
    filter: &DetailFilter,
    order: (DetailOrder, bool),
    limit: usize,
) -> Option<Vec<RecordDetail>> {
    let mut found: Vec<RecordDetail> = Vec::new();
    loop {
        let behind: Option<(i64, DetailId)> = found.last().map(|row| (row.started_ms, row.id));
        let details = world.store.details();
        let more = details.sorted(run.id, filter, order, behind, limit).await;
        let Sorted::Rows(more) = more.unwrap() else {
            return None;
        };
        if more.is_empty() {
            return Some(found);
        }
        found.extend(more);
    }
}

/// Returns what `filter` selects of `model`, in order.
fn ordered<'a>(
    model: &'a [RecordDetail],
    filter: &DetailFilter,
    (order, descending): (DetailOrder, bool),
) -> Vec<&'a RecordDetail> {
    let mut expected: Vec<&RecordDetail> = model.iter().filter(|row| selects(filter, row)).collect();
    expected.sort_by_key(|row| (place(order, row), row.started_ms, row.id));
    if descending {
        expected.reverse();
    }
    expected
}

/// Rows with sizes and tries that differ, many of them equal.
fn varied(world: &World, dice: &mut Dice, count: usize, spread_ms: u64) -> Vec<DetailRow> {
    let mut rows = rows(world, dice, count, spread_ms);
    for row in &mut rows {
        row.size_bytes = dice.one_of(&[None, Some(0), Some(7), Some(u64::from(u32::MAX) + 1)]);
        if let RowState::Settled(settlement) = &mut row.state {
            settlement.attempts = dice.one_of(&[1, 1, 1, 2, 5]);
        }
    }
    rows
}

#[tokio::test]
async fn a_selection_that_is_not_too_long_comes_in_any_order_page_by_page() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let rows = varied(&world, &mut Dice(21), 400, 30);
    world.commit(&run, rows.clone(), vec![]).await.unwrap();
    let model: Vec<RecordDetail> = rows.iter().map(|row| detail(&run, row)).collect();

    for (filter, order) in filters().into_iter().zip(ORDERS.into_iter().cycle()) {
        for descending in [false, true] {
            let found = paged(&world, &run, &filter, (order, descending), 37).await;

            assert_eq!(
                found.expect("it is not too long").iter().collect::<Vec<_>>(),
                ordered(&model, &filter, (order, descending)),
                "{order:?} {descending} {filter:?}"
            );
        }
    }
}

#[tokio::test]
async fn however_many_are_selected_by_status_cluster_and_repository_they_come_in_any_order() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let mut dice = Dice(22);
    let rows = varied(&world, &mut dice, MOST_SORTED as usize * 2, 3_000);
    for group in rows.chunks(2_000) {
        world.commit(&run, group.to_vec(), vec![]).await.unwrap();
    }
    let model: Vec<RecordDetail> = rows.iter().map(|row| detail(&run, row)).collect();
    let settled = DetailFilter {
        status: Some(DetailStatus::Success),
        ..DetailFilter::default()
    };

    for filter in [DetailFilter::default(), settled] {
        for order in ORDERS
            .into_iter()
            .flat_map(|order| [(order, false), (order, true)])
        {
            let expected = ordered(&model, &filter, order);
            assert!(expected.len() as u64 > MOST_SORTED);

            for _ in 0..12 {
                let place = dice.below(expected.len() as u64 + 1) as usize;
                let behind = place.checked_sub(1).map(|last| expected[last]);
                let behind = behind.map(|row| (row.started_ms, row.id));
                let found = world
                    .store
                    .details()
                    .sorted(run.id, &filter, order, behind, 50)
                    .await;

                let rest = expected[place..].iter().copied().take(50).cloned().collect();
                assert_eq!(
                    found.unwrap(),
                    Sorted::Rows(rest),
                    "{order:?} {filter:?} {behind:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_no_index_has_in_order_is_refused_when_it_is_long_and_a_filter_helps() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let rows = rows(&world, &mut Dice(23), MOST_SORTED as usize * 4, 60_000);
    for group in rows.chunks(2_000) {
        world.commit(&run, group.to_vec(), vec![]).await.unwrap();
    }
    let named = |prefix: &str| DetailFilter {
        path_prefix: Some(prefix.into()),
        ..DetailFilter::default()
    };
    let files = named("/a");
    let failed = DetailFilter {
        status: Some(DetailStatus::Failed),
        ..files.clone()
    };

    let by_size = (DetailOrder::Size, false);
    let all = paged(&world, &run, &files, by_size, 500).await;
    let by_time = paged(&world, &run, &files, (DetailOrder::Time, false), 500).await;
    let some = paged(&world, &run, &failed, by_size, 500).await;

    let model: Vec<RecordDetail> = rows.iter().map(|row| detail(&run, row)).collect();
    assert_eq!(all, None);
    let by_time = by_time.expect("time is the order they lie in");
    assert!(
        by_time
            .iter()
            .eq(ordered(&model, &files, (DetailOrder::Time, false)))
    );
    assert!(
        some.expect("few failed")
            .iter()
            .eq(ordered(&model, &failed, by_size))
    );
}

#[tokio::test]
async fn behind_a_detail_that_is_gone_lists_go_on_by_time_only() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let rows = varied(&world, &mut Dice(24), 60, 30);
    world.commit(&run, rows.clone(), vec![]).await.unwrap();
    let model: Vec<RecordDetail> = rows.iter().map(|row| detail(&run, row)).collect();
    let filter = DetailFilter::default();
    let middle = ordered(&model, &filter, (DetailOrder::Time, false))[30];
    let gone = Some((middle.started_ms, world.store.next_id()));
    let ask = async |order| {
        let details = world.store.details();
        details.sorted(run.id, &filter, order, gone, 100).await.unwrap()
    };

    for order in ORDERS
        .into_iter()
        .flat_map(|order| [(order, false), (order, true)])
    {
        let rest: Vec<RecordDetail> = ordered(&model, &filter, order)
            .into_iter()
            .filter(|row| {
                let place = Some((row.started_ms, row.id));
                if order.1 { place < gone } else { place > gone }
            })
            .cloned()
            .collect();
        let expected = match order.0 {
            DetailOrder::Time => Sorted::Rows(rest),
            DetailOrder::Name | DetailOrder::Size | DetailOrder::Attempts => Sorted::Gone,
        };
        assert_eq!(ask(order).await, expected, "{order:?}");
    }
}
