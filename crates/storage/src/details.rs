//! Reads record details: pages, lists and selections, in time bounded by what is asked for.
//!
//! Filters by status, cluster and repository are answered from counters. A prefix or version that few
//! rows match is answered from its index; one that many match by walking through the rows in their
//! order, from the nearer end.

use std::collections::BTreeSet;

use domain::artifact::ArtifactKey;
use domain::detail::{DetailFilter, RecordDetail};
use domain::id::{DetailId, RecordId};

use crate::Store;
use crate::builder::Builder;
use crate::db::{Row, Snapshot, StoreResult, blob, int, size, text, unindexed};
use crate::entries;
use crate::lanes::{Kind, group_of, kind_of, unit_of};
use crate::page::{Page, PageRequest};
use crate::rows::unreadable;
use crate::selection::Selection;
use crate::strides::{Direction, Strides};

/// Up to so many matches of an index are put in order for each page.
const FEW: u64 = 20_000;

/// The details of this node's records; those of hidden tasks are gone.
pub struct Details<'a>(pub(crate) &'a Store);

const VISIBLE: &str = "SELECT r.no FROM record r JOIN task t ON t.key = r.task_key AND t.deleted_ms IS NULL \
    WHERE r.purging = 0 AND r.id = $1";

impl Details<'_> {
    /// Returns one page of the details `filter` selects, newest first, and how many there are in all.
    pub async fn page(
        &self,
        record: RecordId,
        filter: &DetailFilter,
        page: PageRequest,
    ) -> StoreResult<Page<RecordDetail>> {
        let mut read = self.0.db().snapshot().await?;
        let Some(no) = visible(&mut read, record).await? else {
            return Ok(Page::empty(0));
        };
        let selection = Selection::read(&mut read, no, filter).await?;
        let (rows, total) = page_rows(&mut read, &selection, page).await?;
        Ok(Page {
            rows: self::read(&rows, record, &selection)?,
            total,
        })
    }

    /// Returns how many details `filter` selects.
    pub async fn count(&self, record: RecordId, filter: &DetailFilter) -> StoreResult<u64> {
        let mut read = self.0.db().snapshot().await?;
        let Some(no) = visible(&mut read, record).await? else {
            return Ok(0);
        };
        let selection = Selection::read(&mut read, no, filter).await?;
        if selection.is_by_lane() {
            return Ok(selection.lane_rows);
        }
        count(&mut read, &selection, None).await
    }

    /// Returns at most `limit` selected details behind the one that started at `after.0` with id `after.1`.
    pub async fn after(
        &self,
        record: RecordId,
        filter: &DetailFilter,
        after: Option<(i64, DetailId)>,
        limit: usize,
    ) -> StoreResult<Vec<RecordDetail>> {
        let mut read = self.0.db().snapshot().await?;
        let Some(no) = visible(&mut read, record).await? else {
            return Ok(Vec::new());
        };
        let selection = Selection::read(&mut read, no, filter).await?;
        let beyond = after.map(|(start_ms, id)| (start_ms, id.as_bytes().to_vec()));
        let rows = if is_few(&mut read, &selection).await?.is_some() {
            let span = Span {
                beyond,
                skip: 0,
                take: limit as u64,
            };
            sorted(&mut read, &selection, span).await?
        } else {
            let strides = Strides::new(&selection, Direction::Back, beyond);
            strides.rows(&mut read, 0, limit as u64).await?
        };
        self::read(&rows, record, &selection)
    }

    /// Returns at most `limit` names of selected artifacts of one unit behind `after`, ordered by name and
    /// version: what a retry does again.
    pub async fn select_keys(
        &self,
        record_no: i64,
        unit_no: u16,
        filter: &DetailFilter,
        after: Option<ArtifactKey>,
        limit: usize,
    ) -> StoreResult<Vec<ArtifactKey>> {
        let mut read = self.0.db().snapshot().await?;
        let mut selection = Selection::read(&mut read, record_no, filter).await?;
        let artifacts =
            |lane: &i64| unit_of(*lane) == unit_no && matches!(kind_of(*lane), Kind::File | Kind::Package);
        selection.lanes.retain(artifacts);
        selection.every_lane = false;
        if selection.lanes.is_empty() {
            return Ok(Vec::new());
        }
        // One group in all likelihood, whose index is in the order asked for.
        let groups: BTreeSet<i64> = selection.lanes.iter().map(|lane| group_of(*lane)).collect();
        let mut sql = Builder::new("SELECT name, version, lane FROM detail WHERE record_no = ");
        sql.bind(int(record_no))
            .push(" AND lane_group IN ")
            .bind_list(groups.into_iter().map(int));
        if let Some(key) = &filter.artifact {
            sql.push(" AND name = ").bind(text(&key.name));
        }
        if let Some(after) = &after {
            let version = text(after.version.as_deref().unwrap_or_default());
            sql.push(" AND name >= ").bind(text(&after.name));
            sql.push(" AND (name > ").bind(text(&after.name));
            sql.push(" OR COALESCE(version, '') > ").bind(version).push(")");
        }
        selection.and_lanes(&mut sql);
        selection.and_conditions(&mut sql);
        sql.push(" ORDER BY name, version LIMIT ")
            .bind(size(limit as u64));
        let rows = read.fetch_all(sql.sql, sql.values).await?;
        let keys = rows
            .iter()
            .map(entries::read_key)
            .collect::<StoreResult<Vec<_>>>()?;
        Ok(keys.into_iter().flatten().collect())
    }
}

/// Which part of an ordered list is wanted.
struct Span {
    beyond: Option<(i64, Vec<u8>)>,
    skip: u64,
    take: u64,
}

pub(crate) async fn visible(read: &mut Snapshot, record: RecordId) -> StoreResult<Option<i64>> {
    let row = read
        .fetch_optional(VISIBLE, vec![blob(*record.as_bytes())])
        .await?;
    row.map(|row| row.int("no")).transpose()
}

async fn page_rows(
    read: &mut Snapshot,
    selection: &Selection,
    page: PageRequest,
) -> StoreResult<(Vec<Row>, u64)> {
    let (skip, take) = (page.offset(), u64::from(page.size));
    if selection.is_by_lane() {
        let total = selection.lane_rows;
        return Ok((by_lane(read, selection, total, skip, take).await?, total));
    }
    if let Some(total) = is_few(read, selection).await? {
        let span = Span {
            beyond: None,
            skip,
            take,
        };
        let rows = if skip < total {
            sorted(read, selection, span).await?
        } else {
            Vec::new()
        };
        return Ok((rows, total));
    }
    let (total, span_ms) = spread(read, selection).await?;
    Ok((walked(read, selection, total, span_ms, page).await?, total))
}

/// Returns how many rows are selected, if an index tells that they are few.
async fn is_few(read: &mut Snapshot, selection: &Selection) -> StoreResult<Option<u64>> {
    if selection.is_by_lane() || !selection.has_index() {
        return Ok(None);
    }
    let found = count(read, selection, Some(FEW + 1)).await?;
    Ok((found <= FEW).then_some(found))
}

/// Returns every selected row, the newest first, if there are at most `most`.
pub(crate) async fn all_if_few(
    read: &mut Snapshot,
    selection: &Selection,
    most: u64,
) -> StoreResult<Option<Vec<Row>>> {
    if selection.is_by_lane() {
        if selection.lane_rows > most {
            return Ok(None);
        }
        let strides = Strides::new(selection, Direction::Back, None);
        return strides.rows(read, 0, selection.lane_rows).await.map(Some);
    }
    if count(read, selection, Some(most + 1)).await? > most {
        return Ok(None);
    }
    let span = Span {
        beyond: None,
        skip: 0,
        take: most,
    };
    sorted(read, selection, span).await.map(Some)
}

/// Counts selected rows, no further than `most`.
async fn count(read: &mut Snapshot, selection: &Selection, most: Option<u64>) -> StoreResult<u64> {
    let mut total = 0;
    for branch in selection.branches() {
        let mut sql = Builder::new("SELECT COUNT(*) AS rows FROM ");
        match most {
            None => sql.push("detail WHERE "),
            Some(_) => sql.push("(SELECT 1 FROM detail WHERE "),
        };
        branch.write(&mut sql, selection.no);
        if let Some(most) = most {
            sql.push(" LIMIT ").bind(size(most)).push(") found");
        }
        let rows = read.fetch_all(sql.sql, sql.values).await?;
        total += rows.first().map_or(Ok(0), |row| row.size("rows"))?;
    }
    Ok(total)
}

/// Counts selected rows, and says between which start times they lie.
async fn spread(read: &mut Snapshot, selection: &Selection) -> StoreResult<(u64, Option<(i64, i64)>)> {
    let mut total = 0;
    let mut span_ms: Option<(i64, i64)> = None;
    for branch in selection.branches() {
        let mut sql = Builder::new(
            "SELECT COUNT(*) AS rows, MIN(start_ms) AS first_ms, MAX(start_ms) AS last_ms FROM detail WHERE ",
        );
        branch.write(&mut sql, selection.no);
        for row in read.fetch_all(sql.sql, sql.values).await? {
            total += row.size("rows")?;
            if let (Some(first_ms), Some(last_ms)) = (row.maybe_int("first_ms")?, row.maybe_int("last_ms")?) {
                let (low_ms, high_ms) = span_ms.unwrap_or((first_ms, last_ms));
                span_ms = Some((low_ms.min(first_ms), high_ms.max(last_ms)));
            }
        }
    }
    Ok((total, span_ms))
}

/// Reads rows that lanes alone select.
async fn by_lane(
    read: &mut Snapshot,
    selection: &Selection,
    total: u64,
    skip: u64,
    take: u64,
) -> StoreResult<Vec<Row>> {
    let (direction, skip, take) = nearer_end(total, skip, take);
    let strides = Strides::new(selection, direction, None);
    let mut rows = strides.rows(read, skip, take).await?;
    if direction == Direction::Forth {
        rows.reverse();
    }
    Ok(rows)
}

/// Puts the rows an index finds in order.
async fn sorted(read: &mut Snapshot, selection: &Selection, span: Span) -> StoreResult<Vec<Row>> {
    let mut sql = Builder::new("SELECT d.* FROM (SELECT start_ms, id FROM (");
    for (index, branch) in selection.branches().iter().enumerate() {
        if index > 0 {
            sql.push(" UNION ALL ");
        }
        sql.push("SELECT start_ms, id FROM detail WHERE ");
        branch.write(&mut sql, selection.no);
    }
    sql.push(") found");
    if let Some((ms, id)) = span.beyond {
        let place = format!(" WHERE ({}, id) < ", unindexed("start_ms"));
        sql.push(&place).bind_list([int(ms), blob(id)]);
    }
    sql.push(&format!(
        " ORDER BY {} DESC, id DESC LIMIT ",
        unindexed("start_ms")
    ));
    sql.bind(size(span.take)).push(" OFFSET ").bind(size(span.skip));
    // CROSS: the page leads. Led by the details, the page would be made again for each of them.
    sql.push(") page CROSS JOIN detail d WHERE d.record_no = ")
        .bind(int(selection.no));
    sql.push(" AND d.start_ms = page.start_ms AND d.id = page.id ORDER BY d.start_ms DESC, d.id DESC");
    read.fetch_all(sql.sql, sql.values).await
}

/// Looks at the rows between two start times in their order until the page is full.
async fn walked(
    read: &mut Snapshot,
    selection: &Selection,
    total: u64,
    span_ms: Option<(i64, i64)>,
    page: PageRequest,
) -> StoreResult<Vec<Row>> {
    let (direction, skip, take) = nearer_end(total, page.offset(), page.size.into());
    let mut sql = Builder::new("SELECT * FROM detail WHERE record_no = ");
    sql.bind(int(selection.no));
    if let Some((first_ms, last_ms)) = span_ms {
        sql.push(" AND start_ms >= ").bind(int(first_ms));
        sql.push(" AND start_ms <= ").bind(int(last_ms));
    }
    selection.and_lanes(&mut sql);
    selection.and_conditions(&mut sql);
    let order = match direction {
        Direction::Back => "DESC",
        Direction::Forth => "ASC",
    };
    sql.push(&format!(" ORDER BY start_ms {order}, id {order} LIMIT "))
        .bind(size(take));
    sql.push(" OFFSET ").bind(size(skip));
    let mut rows = read.fetch_all(sql.sql, sql.values).await?;
    if direction == Direction::Forth {
        rows.reverse();
    }
    Ok(rows)
}

/// Returns from which end a page is read, how many rows are before it there, and how many it has.
fn nearer_end(total: u64, skip: u64, take: u64) -> (Direction, u64, u64) {
    let take = take.min(total.saturating_sub(skip));
    let behind = total.saturating_sub(skip).saturating_sub(take);
    if behind < skip {
        (Direction::Forth, behind, take)
    } else {
        (Direction::Back, skip, take)
    }
}

pub(crate) fn read(rows: &[Row], record: RecordId, selection: &Selection) -> StoreResult<Vec<RecordDetail>> {
    let read = |row: &Row| {
        let unit_no = unit_of(row.int("lane")?);
        let unit = selection.units.get(&unit_no);
        let unit = unit.ok_or_else(|| unreadable("detail", format!("unknown unit {unit_no}")))?;
        entries::read(row, record, unit)
    };
    rows.iter().map(read).collect()
}
