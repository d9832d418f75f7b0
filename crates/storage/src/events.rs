//! Events: changed artifacts that a REAL_TIME task has still to carry, one per unit and path.
//!
//! A page takes the events it carries when it is journalled, and settles them when it settles its
//! artifacts, each in that same transaction. What arrived is gone from here; what failed waits and is
//! tried again; what changed again while it was in hand has another id by then and stays. An artifact
//! settled in a record is not taken by it again: the next record does that.

use std::collections::BTreeMap;

use domain::artifact::ArtifactKey;
use domain::failure::{ErrorKind, Failure};
use domain::id::{EventId, TaskKey};
use domain::record::RecordStatus;
use domain::task::Task;

use crate::Store;
use crate::db::{Db, StoreResult, Value, Write, blob, int, list_of, size, text};
use crate::hosted::lists;
use crate::journal::unit_no;
use crate::writer::{DetailRow, RowState};

/// How often an event fails before it is no more tried by itself: about a day.
const MOST_TRIES: i64 = 24;

/// When something that failed `column` times before is tried again, counted from now: after a minute, ten, an hour.
fn pause(column: &str) -> String {
    format!("CASE {column} WHEN 0 THEN 60000 WHEN 1 THEN 600000 ELSE 3600000 END")
}

/// The events that record `$1` may take at `$2`: due, in nobody's hand, and not settled in it.
const TAKEABLE: &str = "e.due_ms <= $2 AND e.taken_id IS NULL AND NOT EXISTS (SELECT 1 FROM detail d \
    WHERE d.record_no = $1 AND d.lane_group = e.unit_no * 4 AND d.name = e.path AND d.outcome <> 0)";

const DUE_TASKS: &str = "SELECT t.* FROM task t WHERE t.enabled = 1 AND t.deleted_ms IS NULL \
    AND t.no IN (SELECT w.task_no FROM watch w WHERE w.hold_until_ms <= $1 AND EXISTS (SELECT 1 FROM event e \
    WHERE e.task_no = w.task_no AND e.unit_no = w.unit_no AND e.due_ms <= $1)) AND NOT EXISTS (SELECT 1 FROM record r \
    WHERE r.task_key = t.key AND r.status IN ('waiting', 'running', 'stopping')) ORDER BY t.no LIMIT $2";
const RELEASE: &str = "UPDATE event SET taken_id = NULL WHERE task_no = $1 AND taken_id IS NOT NULL";
const WAIT_FOR_RETRY: &str = "UPDATE event SET due_ms = NULL WHERE task_no = $1 AND due_ms <= $2";
const DRAINED: &str = "UPDATE watch SET misses = 0, hold_until_ms = 0 WHERE task_no = $1 AND misses > 0 \
    AND unit_no IN (SELECT unit_no FROM record_unit WHERE record_no = $2 AND exhausted = 1)";

/// The events of this node.
pub struct Events<'a>(pub(crate) &'a Store);

impl Store {
    /// The changes that REAL_TIME tasks have still to carry.
    pub fn events(&self) -> Events<'_> {
        Events(self)
    }
}

impl Events<'_> {
    /// Returns once something was noted after this was called.
    pub fn noted(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.event_bell().notified()
    }

    /// Returns at most `limit` enabled tasks that have something to carry at `now_ms` and no open record.
    pub async fn due_tasks(&self, now_ms: i64, limit: usize) -> StoreResult<Vec<Task>> {
        let values = vec![int(now_ms), size(limit as u64)];
        let rows = self.0.db().fetch_all(DUE_TASKS, values).await?;
        rows.iter().map(crate::tasks::read).collect()
    }

    /// Returns the units that have something for record `record_no` to carry at `now_ms`.
    pub async fn due_units(&self, record_no: i64, now_ms: i64) -> StoreResult<Vec<u16>> {
        let sql = format!(
            "SELECT w.unit_no FROM record r JOIN watch w ON w.task_no = r.events_of WHERE r.no = $1 \
             AND w.hold_until_ms <= $2 AND EXISTS (SELECT 1 FROM event e WHERE e.task_no = w.task_no \
             AND e.unit_no = w.unit_no AND {TAKEABLE}) ORDER BY w.unit_no"
        );
        let values = vec![int(record_no), int(now_ms)];
        let rows = self.0.db().fetch_all(sql, values).await?;
        rows.iter().map(|row| unit_no(row.int("unit_no")?)).collect()
    }

    /// Returns at most `limit` changes that a unit of record `record_no` may take at `now_ms`, the longest due first.
    pub async fn due(
        &self,
        record_no: i64,
        unit_no: u16,
        now_ms: i64,
        limit: usize,
    ) -> StoreResult<Vec<(EventId, ArtifactKey)>> {
        let sql = format!(
            "SELECT e.id, e.path FROM record r JOIN event e ON e.task_no = r.events_of WHERE r.no = $1 \
             AND e.unit_no = $3 AND {TAKEABLE} ORDER BY e.due_ms, e.path LIMIT $4"
        );
        let values = vec![
            int(record_no),
            int(now_ms),
            int(unit_no.into()),
            size(limit as u64),
        ];
        let rows = self.0.db().fetch_all(sql, values).await?;
        let read = |row: &crate::db::Row| {
            let key = ArtifactKey {
                name: row.text("path")?,
                version: None,
            };
            Ok((EventId::from(row.bytes("id")?), key))
        };
        rows.iter().map(read).collect()
    }

    /// Lets everything a task has to carry wait for a while, because no record of it could be started.
    pub async fn put_off(&self, key: &TaskKey, now_ms: i64) -> StoreResult<()> {
        let sql = format!(
            "UPDATE watch SET misses = misses + 1, hold_until_ms = $2 + {} \
             WHERE task_no = (SELECT no FROM task WHERE key = $1)",
            pause("misses")
        );
        self.0.db().execute(sql, vec![text(&key.0), int(now_ms)]).await?;
        Ok(())
    }
}

/// Takes `events` in hand: those that changed again since they were listed stay for later.
pub(crate) async fn take(write: &mut Write, events: &[EventId]) -> StoreResult<()> {
    for list in lists(events) {
        let sql = format!(
            "UPDATE event SET taken_id = id WHERE id IN ({})",
            list_of(list.len())
        );
        let values = list.iter().map(|id| blob(*id.as_bytes())).collect();
        write.execute(sql, values).await?;
    }
    Ok(())
}

/// What becomes of an event once its artifact is settled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It is carried.
    Delivered,
    /// It is tried again by itself.
    TriedAgain,
    /// It waits for a retry.
    Waits,
}

impl Fate {
    fn of(failure: Option<&Failure>) -> Self {
        match failure.map(|failure| failure.class) {
            None => Self::Delivered,
            // Trying again changes nothing, or is not wanted.
            Some(ErrorKind::Conflict | ErrorKind::Stopped) => Self::Waits,
            Some(
                ErrorKind::Unreachable
                | ErrorKind::Tls
                | ErrorKind::Unauthorised
                | ErrorKind::NotFound
                | ErrorKind::Limit
                | ErrorKind::Corrupt
                | ErrorKind::Changed
                | ErrorKind::Disk
                | ErrorKind::Protocol,
            ) => Self::TriedAgain,
        }
    }

    fn statement(self) -> String {
        match self {
            Self::Delivered => "DELETE FROM event".into(),
            Self::TriedAgain => format!(
                "UPDATE event SET due_ms = CASE WHEN tries < {} THEN ? + {} END, \
                 modified_ms = ?, tries = tries + 1, taken_id = NULL",
                MOST_TRIES - 1,
                pause("tries")
            ),
            Self::Waits => {
                "UPDATE event SET due_ms = NULL, modified_ms = ?, tries = tries + 1, taken_id = NULL".into()
            }
        }
    }

    fn values(self, now_ms: i64) -> Vec<Value> {
        match self {
            Self::Delivered => Vec::new(),
            Self::TriedAgain => vec![int(now_ms), int(now_ms)],
            Self::Waits => vec![int(now_ms)],
        }
    }
}

/// Settles the events of the artifacts that `rows` settle.
pub(crate) async fn settle<'a>(
    write: &mut Write,
    task_no: i64,
    rows: impl Iterator<Item = &'a DetailRow>,
) -> StoreResult<()> {
    let mut fates: BTreeMap<(u16, Fate), (i64, Vec<&str>)> = BTreeMap::new();
    for row in rows {
        let RowState::Settled(settlement) = &row.state else {
            continue;
        };
        let fate = Fate::of(settlement.failure.as_ref());
        let (now_ms, paths) = fates.entry((row.unit_no, fate)).or_default();
        *now_ms = row.ended_ms.unwrap_or(row.started_ms).max(*now_ms);
        paths.push(&row.key.name);
    }
    for ((unit_no, fate), (now_ms, paths)) in fates {
        put_down(write, (task_no, unit_no), fate, now_ms, &paths).await?;
    }
    Ok(())
}

/// Forgets the events of a unit that name nothing any more.
pub(crate) async fn vanish(
    write: &mut Write,
    task_no: i64,
    unit_no: u16,
    keys: &[ArtifactKey],
) -> StoreResult<()> {
    let paths: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    put_down(write, (task_no, unit_no), Fate::Delivered, 0, &paths).await
}

async fn put_down(
    write: &mut Write,
    (task_no, unit_no): (i64, u16),
    fate: Fate,
    now_ms: i64,
    paths: &[&str],
) -> StoreResult<()> {
    for list in lists(paths) {
        let places = list_of(list.len());
        let of_unit = [int(task_no), int(unit_no.into())]
            .into_iter()
            .chain(list.into_iter().map(text));
        let of_unit: Vec<Value> = of_unit.collect();
        let theirs = format!("WHERE task_no = ? AND unit_no = ? AND path IN ({places})");
        let sql = format!("{} {theirs} AND taken_id = id", fate.statement());
        let values = fate.values(now_ms).into_iter().chain(of_unit.clone()).collect();
        write.execute(sql, values).await?;
        // What changed while it was in hand is carried again, by the next record.
        let sql = format!("UPDATE event SET taken_id = NULL {theirs} AND taken_id IS NOT NULL");
        write.execute(sql, of_unit).await?;
    }
    Ok(())
}

/// Lays down what record `no` of a task had in hand when it ended.
///
/// A unit that did not come to the end of its events is held for a while, so that a dead target does not
/// make one failed record after the other. After a stop they wait for a retry or another change.
pub(crate) async fn lay_down(
    write: &mut Write,
    no: i64,
    task_no: i64,
    status: RecordStatus,
    now_ms: i64,
) -> StoreResult<()> {
    write.execute(RELEASE, vec![int(task_no)]).await?;
    if status == RecordStatus::Stopped {
        write
            .execute(WAIT_FOR_RETRY, vec![int(task_no), int(now_ms)])
            .await?;
        return Ok(());
    }
    write.execute(DRAINED, vec![int(task_no), int(no)]).await?;
    let hold = format!(
        "UPDATE watch SET misses = misses + 1, hold_until_ms = $3 + {} WHERE task_no = $1 \
         AND unit_no IN (SELECT unit_no FROM record_unit WHERE record_no = $2 AND exhausted = 0)",
        pause("misses")
    );
    write
        .execute(hold, vec![int(task_no), int(no), int(now_ms)])
        .await?;
    Ok(())
}

/// Removes at most `limit` events of tasks nobody sees any more; says whether there were any.
pub(crate) async fn purge_hidden(db: &Db, limit: usize) -> StoreResult<bool> {
    let sql = "DELETE FROM event WHERE id IN (SELECT e.id FROM event e JOIN task t ON t.no = e.task_no \
        WHERE t.deleted_ms IS NOT NULL LIMIT $1)";
    const HIDDEN: &str = "SELECT 1 AS one FROM task t WHERE t.deleted_ms IS NOT NULL \
        AND EXISTS (SELECT 1 FROM event e WHERE e.task_no = t.no) LIMIT 1";
    if db.fetch_optional(HIDDEN, vec![]).await?.is_none() {
        return Ok(false);
    }
    Ok(db.execute(sql, vec![size(limit as u64)]).await? > 0)
}
