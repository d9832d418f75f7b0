//! What was settled hour by hour, counted in the transaction that settles it.

use std::collections::BTreeMap;

use domain::detail::Outcome;

use crate::Store;
use crate::db::{StoreResult, Write, int, size};
use crate::writer::{DetailRow, RowState};

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// How long hours are kept, in milliseconds.
const KEPT_MS: i64 = 90 * 24 * HOUR_MS;

/// What was settled in one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HourTotal {
    /// When the hour began (Unix milliseconds).
    pub hour_ms: i64,
    /// Artifacts that were settled, whatever became of them.
    pub artifacts: u64,
    /// Those among them that failed.
    pub failed: u64,
    /// Bytes that really moved.
    pub bytes: u64,
}

/// What this node settled, by hours.
pub struct Hours<'a>(pub(crate) &'a Store);

const COUNT: &str = "INSERT INTO hour_total (hour_ms, artifacts, failed, bytes) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (hour_ms) DO UPDATE SET artifacts = hour_total.artifacts + excluded.artifacts, \
    failed = hour_total.failed + excluded.failed, bytes = hour_total.bytes + excluded.bytes";
const SINCE: &str = "SELECT * FROM hour_total WHERE hour_ms >= $1 ORDER BY hour_ms";
const FORGET: &str = "DELETE FROM hour_total WHERE hour_ms < $1";

/// Counts the settled ones of `rows`.
pub(crate) async fn count<'a>(
    write: &mut Write,
    rows: impl Iterator<Item = &'a DetailRow>,
) -> StoreResult<()> {
    let mut hours: BTreeMap<i64, HourTotal> = BTreeMap::new();
    for row in rows {
        let RowState::Settled(settlement) = &row.state else {
            continue;
        };
        let ended_ms = row.ended_ms.unwrap_or(row.started_ms);
        let hour = hours.entry(ended_ms - ended_ms.rem_euclid(HOUR_MS)).or_default();
        hour.artifacts += 1;
        hour.failed += u64::from(settlement.outcome == Outcome::Failed);
        hour.bytes += settlement.moved_bytes;
    }
    for (hour_ms, hour) in hours {
        let values = vec![
            int(hour_ms),
            size(hour.artifacts),
            size(hour.failed),
            size(hour.bytes),
        ];
        write.execute(COUNT, values).await?;
    }
    Ok(())
}

impl Hours<'_> {
    /// Returns the hours that began at `since_ms` or later and in which something was settled, in order.
    pub async fn since(&self, since_ms: i64) -> StoreResult<Vec<HourTotal>> {
        let rows = self.0.db().fetch_all(SINCE, vec![int(since_ms)]).await?;
        let read = |row: &crate::db::Row| {
            Ok(HourTotal {
                hour_ms: row.int("hour_ms")?,
                artifacts: row.size("artifacts")?,
                failed: row.size("failed")?,
                bytes: row.size("bytes")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Forgets hours of long ago.
    pub async fn forget(&self, now_ms: i64) -> StoreResult<()> {
        self.0.db().execute(FORGET, vec![int(now_ms - KEPT_MS)]).await?;
        Ok(())
    }
}
