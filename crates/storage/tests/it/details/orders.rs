use domain::detail::{DetailFilter, DetailState, DetailStatus, RecordDetail};
use domain::id::DetailId;
use storage::orders::{DetailOrder, MOST_SORTED, Sorted};

use super::model::{Dice, detail, filters, rows, selects, set_units};
use crate::world::World;

fn place(order: DetailOrder, row: &RecordDetail) -> (i64, String, String) {
    let key = row.artifact.clone().expect("none is historical");
    match order {
        DetailOrder::Time => (row.started_ms, String::new(), String::new()),
        DetailOrder::Name => (0, key.name, key.version.unwrap_or_default()),
        DetailOrder::Size => (row.size_bytes.unwrap_or(0) as i64, String::new(), String::new()),
        DetailOrder::Attempts => match &row.state {
            DetailState::Settled(settled) => (settled.attempts.into(), String::new(), String::new()),
            _ => (0, String::new(), String::new()),
        },
    }
}

#[tokio::test]
async fn a_selection_that_is_not_too_long_comes_in_any_order_page_by_page() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let mut dice = Dice(21);
    let rows = rows(&world, &mut dice, 400, 30);
    world.commit(&run, rows.clone(), vec![]).await.unwrap();
    let model: Vec<RecordDetail> = rows.iter().map(|row| detail(&run, row)).collect();
    let orders = [
        DetailOrder::Time,
        DetailOrder::Name,
        DetailOrder::Size,
        DetailOrder::Attempts,
    ];

    for (filter, order) in filters().into_iter().zip(orders.into_iter().cycle()) {
        for descending in [false, true] {
            let mut expected: Vec<&RecordDetail> = model.iter().filter(|row| selects(&filter, row)).collect();
            expected.sort_by_key(|row| (place(order, row), row.started_ms, row.id));
            if descending {
                expected.reverse();
            }
            let mut found: Vec<RecordDetail> = Vec::new();
            loop {
                let behind: Option<DetailId> = found.last().map(|row| row.id);
                let details = world.store.details();
                let more = details
                    .sorted(run.id, &filter, (order, descending), behind, 37)
                    .await
                    .unwrap();
                let Sorted::Rows(more) = more else {
                    panic!("{filter:?} is not too long")
                };
                if more.is_empty() {
                    break;
                }
                found.extend(more);
            }
            assert_eq!(
                found.iter().collect::<Vec<_>>(),
                expected,
                "{order:?} {descending} {filter:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_too_long_to_be_put_in_order_says_so_and_a_filter_helps() {
    let world = World::start().await;
    let run = world.run("nightly").await;
    set_units(&world, &run).await;
    let mut dice = Dice(22);
    let rows = rows(&world, &mut dice, MOST_SORTED as usize + 1, 60_000);
    for group in rows.chunks(2_000) {
        world.commit(&run, group.to_vec(), vec![]).await.unwrap();
    }
    let details = world.store.details();
    let failed = DetailFilter {
        status: Some(DetailStatus::Failed),
        ..DetailFilter::default()
    };
    let order = (DetailOrder::Name, false);

    let all = details
        .sorted(run.id, &DetailFilter::default(), order, None, 5)
        .await;
    let some = details.sorted(run.id, &failed, order, None, 5).await;

    assert_eq!(all.unwrap(), Sorted::TooMany);
    let Sorted::Rows(some) = some.unwrap() else {
        panic!("few failed")
    };
    assert_eq!(some.len(), 5);
    assert!(some.iter().all(|row| row.status() == DetailStatus::Failed));
    assert!(some.is_sorted_by_key(|row| row.artifact.clone()));
}
