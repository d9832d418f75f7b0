//! Leases: which node carries a record out, and until when.
//!
//! Every claim raises the record's fence; every write of a run carries the fence it was claimed with, so
//! a node that lost its lease without noticing writes nothing more.

use domain::id::{RecordId, TaskKey};
use domain::record::{ReasonLine, Record, RecordEvent, RecordStatus};

use crate::closing;
use crate::db::{StoreResult, int, text};
use crate::live::Subject;
use crate::records::{OPEN, Records, SELECT, read, read_status};
use crate::rows::word;

/// A record this node carries out from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Its number in the store.
    pub no: i64,
    /// What every write of this run has to carry.
    pub fence: i64,
    /// The record.
    pub record: Record,
    /// Whether a node had begun it before.
    pub resumed: bool,
}

/// What a heartbeat found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// The lease goes on.
    Held,
    /// The lease goes on; somebody asked the run to stop.
    StopRequested {
        /// Who.
        by: String,
    },
    /// Another node has the record, or it has ended: this run writes nothing more.
    Lost,
}

const CLAIM: &str = "UPDATE record SET status = $2, fence = fence + 1, lease_node = $3, lease_until_ms = $4, \
    started_ms = COALESCE(started_ms, $5), start_ms = COALESCE(started_ms, $5) \
    WHERE no = $1 AND status = 'waiting'";
const HEARTBEAT: &str = "UPDATE record SET lease_until_ms = $3 WHERE no = $1 AND fence = $2 \
    AND status IN ('running', 'stopping')";
const STOP_BY: &str = "SELECT status, stop_by FROM record WHERE no = $1";
const LAPSED: &str = "SELECT no, id, task_key, status, stop_by FROM record \
    WHERE status IN ('waiting', 'running', 'stopping') AND status <> 'waiting' AND (lease_node <> $1 \
    OR lease_until_ms < $2) ORDER BY no";
const BACK: &str = "UPDATE record SET status = $2, lease_node = NULL, lease_until_ms = NULL WHERE no = $1";

impl Records<'_> {
    /// Claims the oldest waiting record for `node` until `lease_until_ms` (Unix time).
    ///
    /// Returns `None` when nothing waits.
    pub async fn claim(&self, node: &str, lease_until_ms: i64) -> StoreResult<Option<Claimed>> {
        let mut write = self.0.db().begin().await?;
        let oldest = format!("{SELECT} AND r.{OPEN} AND r.status = 'waiting' ORDER BY r.no LIMIT 1");
        let Some(row) = write.fetch_optional(oldest, vec![]).await? else {
            return Ok(None);
        };
        let (no, fence) = (row.int("no")?, row.int("fence")? + 1);
        let mut record = read(&row)?;
        let now_ms = self.0.now_ms();
        let Some(status) = record.status.after(RecordEvent::Claimed) else {
            return Ok(None);
        };
        let values = vec![
            int(no),
            text(word(&status)),
            text(node),
            int(lease_until_ms),
            int(now_ms),
        ];
        write.execute(CLAIM, values).await?;
        write.changed(Subject::Record {
            id: record.id,
            task: record.task_key.clone(),
        });
        write.commit().await?;
        record.status = status;
        let resumed = record.started_ms.is_some();
        record.started_ms.get_or_insert(now_ms);
        Ok(Some(Claimed {
            no,
            fence,
            record,
            resumed,
        }))
    }

    /// Prolongs a lease until `lease_until_ms` and says what has become of the record meanwhile.
    pub async fn heartbeat(&self, no: i64, fence: i64, lease_until_ms: i64) -> StoreResult<Lease> {
        let mut write = self.0.db().begin().await?;
        let values = vec![int(no), int(fence), int(lease_until_ms)];
        if write.execute(HEARTBEAT, values).await? == 0 {
            return Ok(Lease::Lost);
        }
        let row = write.fetch_optional(STOP_BY, vec![int(no)]).await?;
        write.commit().await?;
        let Some(row) = row else { return Ok(Lease::Lost) };
        Ok(match (read_status(&row)?, row.maybe_text("stop_by")?) {
            (RecordStatus::Stopping, by) => Lease::StopRequested {
                by: by.unwrap_or_default(),
            },
            _ => Lease::Held,
        })
    }

    /// Takes back every record whose lease has ended, or is held by another boot of this node.
    ///
    /// A running one waits again and is resumed by whoever claims it; one that was being stopped is stopped.
    /// Returns the ids of all of them.
    pub async fn reclaim(&self, node_boot: &str, now_ms: i64) -> StoreResult<Vec<RecordId>> {
        // A look that finds nothing, as nearly all do, does not disturb the writer.
        let values = vec![text(node_boot), int(now_ms)];
        if self.0.db().fetch_all(LAPSED, values.clone()).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.0.db().begin().await?;
        let mut ids = Vec::new();
        for row in write.fetch_all(LAPSED, values).await? {
            let no = row.int("no")?;
            match read_status(&row)?.after(RecordEvent::LeaseLost) {
                Some(RecordStatus::Waiting) => {
                    let waiting = text(word(&RecordStatus::Waiting));
                    write.execute(BACK, vec![int(no), waiting]).await?;
                    write.changed(Subject::Record {
                        id: RecordId::from(row.bytes("id")?),
                        task: TaskKey(row.text("task_key")?),
                    });
                }
                Some(status) => {
                    let user = row.maybe_text("stop_by")?.unwrap_or_default();
                    let reason = vec![ReasonLine::StoppedBy { user }];
                    closing::close(&mut write, no, status, reason, now_ms, None).await?;
                }
                None => continue,
            }
            ids.push(RecordId::from(row.bytes("id")?));
        }
        write.commit().await?;
        Ok(ids)
    }
}
