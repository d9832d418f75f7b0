//! Stores details together with everything that counts them.
//!
//! One transaction, always: a detail, the overview of its record and the counts of its pages change
//! together or not at all. That is why the overview equals the rows at every moment.

use std::collections::HashSet;

use domain::counts::Counts;
use domain::detail::Outcome;
use domain::id::DetailId;

use crate::causes;
use crate::db::{StoreResult, Value, Write, blob, int, size};
use crate::entries::{COLUMNS, Entry, INSERT, SETTLE, SETTLED};
use crate::failing;
use crate::hours;
use crate::stretches::{self, Change};
use crate::writer::{DetailRow, RowState};

const COUNT: &str = "UPDATE record SET copied = copied + $2, overwritten = overwritten + $3, \
    unchanged = unchanged + $4, skipped_conflict = skipped_conflict + $5, failed = failed + $6, \
    deleted = deleted + $7, conflicts = conflicts + $8, blobs_moved = blobs_moved + $9, \
    blobs_failed = blobs_failed + $10, bytes_moved = bytes_moved + $11, bytes_settled = bytes_settled + $12, \
    noted = noted + $13 WHERE no = $1";
const REMOVE: &str = "DELETE FROM detail WHERE (record_no, start_ms, id) IN (VALUES";
// Found by their places: the index of all that are running is not asked.
const REMOVED: &str = ") AND +outcome = 0 RETURNING id";

/// Stores the details of a run and counts them in the overview of record `no`.
///
/// Without `keeps_details` the settled ones that did not fail are counted only, and leave no row.
pub(crate) async fn store_rows<'a>(
    write: &mut Write,
    no: i64,
    keeps_details: bool,
    rows: impl Iterator<Item = &'a DetailRow> + Clone,
) -> StoreResult<()> {
    let mut counts = Counts::default();
    for row in rows.clone() {
        if let RowState::Settled(settlement) = &row.state {
            counts.add(settlement, row.size_bytes.unwrap_or(0));
        }
    }
    failing::follow(write, no, rows.clone()).await?;
    let causes = causes::count(write, no, rows.clone()).await?;
    hours::count(write, rows.clone()).await?;
    let last = stretches::last_place(write, no).await?;
    let entries = rows.map(|row| {
        let entry = Entry {
            cause_no: causes.get(&row.id).copied(),
            ..row.entry()
        };
        (entry, row.was_running, keeps_details || leaves_row(row))
    });
    let entries: Vec<_> = entries.collect();
    let were_there = settle_running(write, no, &entries).await?;
    let mut changes = Vec::new();
    let mut new = Vec::new();
    for (entry, _, kept) in entries {
        let was_there = were_there.contains(&entry.id);
        if was_there {
            changes.push(change(&entry, entry.lane_while_running(), -1));
        }
        if kept {
            changes.push(change(&entry, entry.lane(), 1));
            if !was_there {
                new.push(entry);
            }
        }
    }
    insert(write, no, new).await?;
    stretches::count(write, no, changes, last).await?;
    if counts != Counts::default() {
        write.execute(COUNT, count_values(no, &counts)).await?;
    }
    Ok(())
}

/// Adds details in the order they lie in.
pub(crate) async fn insert(write: &mut Write, no: i64, mut entries: Vec<Entry<'_>>) -> StoreResult<()> {
    entries.sort_unstable_by_key(|entry| (entry.started_ms, entry.id));
    let rows = entries.iter().map(|entry| entry.values(no)).collect();
    write.insert_all(INSERT, COLUMNS, "", rows).await?;
    Ok(())
}

/// Says that a detail came to a lane or left it.
pub(crate) fn change(entry: &Entry<'_>, lane: i64, delta: i64) -> Change {
    Change {
        place: (entry.started_ms, entry.id.as_bytes().to_vec()),
        lane,
        delta,
    }
}

/// Settles the rows of those artifacts that were in flight (the first flag), or removes those that are not kept (the
/// second); returns which had one.
async fn settle_running(
    write: &mut Write,
    no: i64,
    entries: &[(Entry<'_>, bool, bool)],
) -> StoreResult<HashSet<DetailId>> {
    let running = entries.iter().filter(|(_, was_running, _)| *was_running);
    let (mut settled, mut removed) = (Vec::new(), Vec::new());
    for (entry, _, kept) in running {
        match kept {
            true => settled.push(entry.values(no)),
            false => removed.push(vec![int(no), int(entry.started_ms), blob(*entry.id.as_bytes())]),
        }
    }
    let mut there = write.change_all(SETTLE, COLUMNS, SETTLED, settled).await?;
    there.extend(write.change_all(REMOVE, 3, REMOVED, removed).await?);
    there
        .iter()
        .map(|row| Ok(DetailId::from(row.bytes("id")?)))
        .collect()
}

/// Says whether a detail is kept by a record that keeps none of those that went well.
pub(crate) fn leaves_row(row: &DetailRow) -> bool {
    match &row.state {
        RowState::Running => true,
        RowState::Settled(settlement) => settlement.outcome == Outcome::Failed,
    }
}

fn count_values(no: i64, counts: &Counts) -> Vec<Value> {
    vec![
        int(no),
        size(counts.copied),
        size(counts.overwritten),
        size(counts.unchanged),
        size(counts.skipped_conflict),
        size(counts.failed),
        size(counts.deleted),
        size(counts.conflicts),
        size(counts.blobs_moved),
        size(counts.blobs_failed),
        size(counts.bytes_moved),
        size(counts.bytes_settled),
        size(counts.noted),
    ]
}
