//! Details in other orders than the one they lie in.
//!
//! A few are put in order for each page. Many are read in order: what lanes alone select (status, cluster, repository,
//! or nothing at all) from the indexes by name, size and attempts, and any selection by time. What is left are long
//! selections by prefix, version, outcome or failure in another order than time: those are refused, and told so.

use std::cmp::Ordering;

use domain::detail::{DetailFilter, DetailState, RecordDetail};
use domain::id::{DetailId, RecordId};

use crate::db::{Row, Snapshot, StoreResult, blob, int};
use crate::details::{self, Details};
use crate::selection::Selection;
use crate::strides::{Direction, Strides};
use crate::walks;

/// What a list of details is ordered by; details that are equal by it lie in the order they were begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailOrder {
    /// When they were begun.
    Time,
    /// What the artifacts are called.
    Name,
    /// How large the artifacts are; what is not known counts as nothing.
    Size,
    /// How often they were tried; what is in flight, or was imported, counts as once.
    Attempts,
}

/// A list in order, or how much too long it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Sorted {
    /// The rows asked for.
    Rows(Vec<RecordDetail>),
    /// More details are selected than are put in order, and they cannot be read in order: see [`MOST_SORTED`].
    TooMany,
    /// The detail they are to lie behind is gone, so that nobody knows where that is; by time it is known.
    Gone,
}

/// Most details that are put in order for a page.
pub const MOST_SORTED: u64 = 10_000;

const BEHIND: &str = "SELECT * FROM detail WHERE record_no = $1 AND start_ms = $2 AND id = $3";

impl Details<'_> {
    /// Returns at most `limit` selected details in `order` or, `descending`, the other way round: those behind the one
    /// that was begun at `after.0` with the id `after.1`.
    pub async fn sorted(
        &self,
        record: RecordId,
        filter: &DetailFilter,
        (order, descending): (DetailOrder, bool),
        after: Option<(i64, DetailId)>,
        limit: usize,
    ) -> StoreResult<Sorted> {
        let mut read = self.0.db().snapshot().await?;
        let Some(no) = details::visible(&mut read, record).await? else {
            return Ok(Sorted::Rows(Vec::new()));
        };
        let selection = Selection::read(&mut read, no, filter).await?;
        let behind = place_of(&mut read, record, &selection, after).await?;
        if after.is_some() && behind.is_none() && order != DetailOrder::Time {
            return Ok(Sorted::Gone);
        }
        let asked = Asked {
            record,
            order,
            descending,
            after,
            behind,
            limit,
        };
        let few = details::all_if_few(&mut read, &selection, MOST_SORTED).await?;
        let found = match few {
            Some(rows) => Some(details::read(&rows, record, &selection)?),
            None if order == DetailOrder::Time => {
                let rows = asked.by_time(&mut read, &selection).await?;
                Some(details::read(&rows, record, &selection)?)
            }
            None => walks::first(&mut read, &selection, &asked).await?,
        };
        let Some(mut found) = found else {
            return Ok(Sorted::TooMany);
        };
        asked.cut(&mut found);
        Ok(Sorted::Rows(found))
    }
}

/// Finds the detail a page lies behind.
async fn place_of(
    read: &mut Snapshot,
    record: RecordId,
    selection: &Selection,
    after: Option<(i64, DetailId)>,
) -> StoreResult<Option<RecordDetail>> {
    let Some((start_ms, id)) = after else {
        return Ok(None);
    };
    let values = vec![int(selection.no), int(start_ms), blob(*id.as_bytes())];
    let rows = read.fetch_all(BEHIND, values).await?;
    Ok(details::read(&rows, record, selection)?.pop())
}

/// Which part of a list is asked for, in which order.
pub(crate) struct Asked {
    pub(crate) record: RecordId,
    pub(crate) order: DetailOrder,
    pub(crate) descending: bool,
    /// Where it begins, by time.
    pub(crate) after: Option<(i64, DetailId)>,
    /// The detail that stands there, if it still does.
    pub(crate) behind: Option<RecordDetail>,
    pub(crate) limit: usize,
}

impl Asked {
    /// Compares two details as they are to lie.
    fn compare(&self, a: &RecordDetail, b: &RecordDetail) -> Ordering {
        let compared = match self.order {
            DetailOrder::Time => Ordering::Equal,
            DetailOrder::Name => a.artifact.cmp(&b.artifact),
            DetailOrder::Size => size_of(a).cmp(&size_of(b)),
            DetailOrder::Attempts => attempts(a).cmp(&attempts(b)),
        };
        self.directed(compared.then_with(|| (a.started_ms, a.id).cmp(&(b.started_ms, b.id))))
    }

    fn directed(&self, compared: Ordering) -> Ordering {
        if self.descending {
            compared.reverse()
        } else {
            compared
        }
    }

    /// Leaves of `found` the first ones behind the place asked for, in order, and no more than are asked for.
    pub(crate) fn cut(&self, found: &mut Vec<RecordDetail>) {
        found.retain(|detail| match (&self.behind, self.after) {
            (Some(behind), _) => self.compare(detail, behind).is_gt(),
            (None, Some(after)) => self.directed((detail.started_ms, detail.id).cmp(&after)).is_gt(),
            (None, None) => true,
        });
        found.sort_unstable_by(|a, b| self.compare(a, b));
        found.truncate(self.limit);
    }

    async fn by_time(&self, read: &mut Snapshot, selection: &Selection) -> StoreResult<Vec<Row>> {
        let place = self
            .after
            .map(|(start_ms, id)| (start_ms, id.as_bytes().to_vec()));
        let strides = match (self.descending, place) {
            (true, place) => Strides::new(selection, Direction::Back, place),
            (false, Some(place)) => Strides::forth(read, selection, place).await?,
            (false, None) => Strides::new(selection, Direction::Forth, None),
        };
        strides.rows(read, 0, self.limit as u64).await
    }
}

/// Returns the size of a detail as the index by size has it.
pub(crate) fn size_of(detail: &RecordDetail) -> u64 {
    detail.size_bytes.unwrap_or(0)
}

/// Returns the attempts of a detail as the index by attempts has them.
pub(crate) fn attempts(detail: &RecordDetail) -> u32 {
    match &detail.state {
        DetailState::Settled(settled) => settled.attempts,
        DetailState::Running | DetailState::Imported { .. } => 1,
    }
}
