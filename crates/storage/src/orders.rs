//! Details in other orders than the one they lie in: as many as can be put in order for each page, and no more.
//!
//! An index for each order would be paid for by every row that is ever written; people sort what they have narrowed
//! down first.

use std::cmp::Ordering;

use domain::detail::{DetailFilter, DetailState, RecordDetail};
use domain::id::{DetailId, RecordId};

use crate::db::StoreResult;
use crate::details::{self, Details};
use crate::selection::Selection;

/// What a list of details is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailOrder {
    /// When they were begun.
    Time,
    /// What the artifacts are called.
    Name,
    /// How large the artifacts are; what is not known counts as nothing.
    Size,
    /// How often they were tried.
    Attempts,
}

/// A list in order, or how much too long it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Sorted {
    /// The rows asked for.
    Rows(Vec<RecordDetail>),
    /// More details are selected than are put in order: see [`MOST_SORTED`].
    TooMany,
}

/// Most details that are put in order.
pub const MOST_SORTED: u64 = 10_000;

impl Details<'_> {
    /// Returns at most `limit` selected details behind the one with the id `behind`, in `order` or, `descending`, the
    /// other way round. One that is gone is as good as none: the list begins anew.
    pub async fn sorted(
        &self,
        record: RecordId,
        filter: &DetailFilter,
        (order, descending): (DetailOrder, bool),
        behind: Option<DetailId>,
        limit: usize,
    ) -> StoreResult<Sorted> {
        let mut read = self.0.db().snapshot().await?;
        let Some(no) = details::visible(&mut read, record).await? else {
            return Ok(Sorted::Rows(Vec::new()));
        };
        let selection = Selection::read(&mut read, no, filter).await?;
        let Some(rows) = details::all_if_few(&mut read, &selection, MOST_SORTED).await? else {
            return Ok(Sorted::TooMany);
        };
        let mut found = details::read(&rows, record, &selection)?;
        found.sort_unstable_by(|a, b| {
            let compared = compare(order, a, b).then_with(|| (a.started_ms, a.id).cmp(&(b.started_ms, b.id)));
            if descending { compared.reverse() } else { compared }
        });
        let skip = behind.and_then(|behind| found.iter().position(|detail| detail.id == behind));
        let rows = found.into_iter().skip(skip.map_or(0, |index| index + 1));
        Ok(Sorted::Rows(rows.take(limit).collect()))
    }
}

fn compare(order: DetailOrder, a: &RecordDetail, b: &RecordDetail) -> Ordering {
    match order {
        DetailOrder::Time => a.started_ms.cmp(&b.started_ms),
        DetailOrder::Name => a.artifact.cmp(&b.artifact),
        DetailOrder::Size => a.size_bytes.unwrap_or(0).cmp(&b.size_bytes.unwrap_or(0)),
        DetailOrder::Attempts => attempts(a).cmp(&attempts(b)),
    }
}

fn attempts(detail: &RecordDetail) -> u32 {
    match &detail.state {
        DetailState::Settled(settled) => settled.attempts,
        DetailState::Running | DetailState::Imported { .. } => 0,
    }
}
