//! Counts details by stretches, so that the place of a deep page is found without walking to it.
//!
//! A record's details, in the order they are listed in, are cut into stretches of about a thousand. A
//! stretch reaches from its first place up to the next stretch's first place, and has a count for each
//! lane. New details mostly come at the end and begin new stretches there; a stretch that grew in its
//! middle is cut again. Identical start times do no harm: a place is a start time and an id.

use std::collections::BTreeMap;

use crate::db::{Row, StoreResult, Write, blob, int};

/// Rows of a full stretch; one that holds twice as many is cut.
pub const STRETCH_ROWS: i64 = 1024;

/// Where a detail stands among those of its record: its start time, then its id.
pub type Place = (i64, Vec<u8>);

/// One detail that came to a lane, or left it.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where it stands.
    pub place: Place,
    /// The lane.
    pub lane: i64,
    /// 1 or -1.
    pub delta: i64,
}

/// A stretch and how many details it holds.
#[derive(Debug, Clone)]
struct Stretch {
    first: Place,
    rows: i64,
    touched: bool,
}

const LAST_PLACE: &str = "SELECT start_ms, id FROM detail WHERE record_no = $1 \
    ORDER BY start_ms DESC, id DESC LIMIT 1";
const STRETCH_OF: &str = "SELECT first_ms, first_id FROM detail_stretch WHERE record_no = $1 \
    AND (first_ms, first_id) <= ($2, $3) ORDER BY first_ms DESC, first_id DESC LIMIT 1";
const FROM: &str = "SELECT first_ms, first_id, SUM(rows) AS rows FROM detail_stretch WHERE record_no = $1 \
    AND (first_ms, first_id) >= ($2, $3) GROUP BY first_ms, first_id ORDER BY first_ms, first_id";
const ADD: &str = "INSERT INTO detail_stretch (record_no, first_ms, first_id, lane, rows) VALUES";
const ADDED: &str = "ON CONFLICT (record_no, first_ms, first_id, lane) DO UPDATE \
    SET rows = detail_stretch.rows + excluded.rows";
const ADD_LANE: &str = "INSERT INTO detail_lane (record_no, lane, rows) VALUES";
const ADDED_LANE: &str =
    "ON CONFLICT (record_no, lane) DO UPDATE SET rows = detail_lane.rows + excluded.rows";
const FORGET: &str = "DELETE FROM detail_stretch WHERE record_no = $1 AND first_ms = $2 AND first_id = $3";
const ROWS_FROM: &str = "SELECT start_ms, id, lane FROM detail WHERE record_no = $1 \
    AND (start_ms, id) >= ($2, $3) ORDER BY start_ms, id LIMIT $4";

/// Returns the last place of a record; asked before details are added.
pub(crate) async fn last_place(write: &mut Write, no: i64) -> StoreResult<Option<Place>> {
    let row = write.fetch_optional(LAST_PLACE, vec![int(no)]).await?;
    row.map(|row| Ok((row.int("start_ms")?, row.blob("id")?)))
        .transpose()
}

/// Counts `changes`, whose details are written already; `last` was the last place before that.
pub(crate) async fn count(
    write: &mut Write,
    no: i64,
    mut changes: Vec<Change>,
    last: Option<Place>,
) -> StoreResult<()> {
    changes.sort_unstable_by(|a, b| a.place.cmp(&b.place));
    let Some(first) = changes.first() else {
        return Ok(());
    };
    let mut stretches = load(write, no, &first.place).await?;
    let mut counts: BTreeMap<(usize, i64), i64> = BTreeMap::new();
    let mut lanes: BTreeMap<i64, i64> = BTreeMap::new();
    let mut at = 0;
    for change in changes {
        while stretches
            .get(at + 1)
            .is_some_and(|next| next.first <= change.place)
        {
            at += 1;
        }
        let appended = at + 1 == stretches.len() && last.as_ref().is_none_or(|last| *last < change.place);
        if appended && stretches[at].rows >= STRETCH_ROWS {
            stretches.push(Stretch {
                first: change.place,
                rows: 0,
                touched: false,
            });
            at += 1;
        }
        stretches[at].rows += change.delta;
        stretches[at].touched = true;
        *counts.entry((at, change.lane)).or_default() += change.delta;
        *lanes.entry(change.lane).or_default() += change.delta;
    }
    add(write, no, &stretches, counts).await?;
    let lanes = lanes
        .into_iter()
        .map(|(lane, rows)| vec![int(no), int(lane), int(rows)]);
    write.insert_all(ADD_LANE, 3, ADDED_LANE, lanes.collect()).await?;
    for stretch in stretches {
        if stretch.touched && stretch.rows >= 2 * STRETCH_ROWS {
            cut(write, no, stretch).await?;
        }
    }
    Ok(())
}

/// Returns the stretch `place` belongs to and all behind it; there is always one.
async fn load(write: &mut Write, no: i64, place: &Place) -> StoreResult<Vec<Stretch>> {
    let values = vec![int(no), int(place.0), blob(place.1.clone())];
    let begin = match write.fetch_optional(STRETCH_OF, values).await? {
        Some(row) => first_place(&row)?,
        None => (i64::MIN, Vec::new()),
    };
    let values = vec![int(no), int(begin.0), blob(begin.1.clone())];
    let mut stretches = Vec::new();
    for row in write.fetch_all(FROM, values).await? {
        stretches.push(Stretch {
            first: first_place(&row)?,
            rows: row.int("rows")?,
            touched: false,
        });
    }
    if stretches.first().is_none_or(|stretch| stretch.first != begin) {
        let first = Stretch {
            first: begin,
            rows: 0,
            touched: false,
        };
        stretches.insert(0, first);
    }
    Ok(stretches)
}

async fn add(
    write: &mut Write,
    no: i64,
    stretches: &[Stretch],
    counts: BTreeMap<(usize, i64), i64>,
) -> StoreResult<()> {
    let rows = counts
        .into_iter()
        .filter(|(_, rows)| *rows != 0)
        .map(|((at, lane), rows)| {
            let (first_ms, first_id) = &stretches[at].first;
            vec![
                int(no),
                int(*first_ms),
                blob(first_id.clone()),
                int(lane),
                int(rows),
            ]
        });
    write.insert_all(ADD, 5, ADDED, rows.collect()).await?;
    Ok(())
}

/// Cuts a stretch that grew too long into full ones.
async fn cut(write: &mut Write, no: i64, stretch: Stretch) -> StoreResult<()> {
    let (first_ms, first_id) = &stretch.first;
    let place = vec![int(no), int(*first_ms), blob(first_id.clone())];
    let mut values = place.clone();
    values.push(int(stretch.rows));
    let rows = write.fetch_all(ROWS_FROM, values).await?;
    write.execute(FORGET, place).await?;
    let mut pieces = Vec::new();
    let mut counts: BTreeMap<(usize, i64), i64> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        if index % STRETCH_ROWS as usize == 0 {
            let first = if index == 0 {
                stretch.first.clone()
            } else {
                (row.int("start_ms")?, row.blob("id")?)
            };
            pieces.push(Stretch {
                first,
                rows: 0,
                touched: true,
            });
        }
        *counts.entry((pieces.len() - 1, row.int("lane")?)).or_default() += 1;
    }
    add(write, no, &pieces, counts).await
}

fn first_place(row: &Row) -> StoreResult<Place> {
    Ok((row.int("first_ms")?, row.blob("first_id")?))
}
