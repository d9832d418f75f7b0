//! Historical records and details: kept as they were, with their ids, and never counted in an overview.
//!
//! Importing the same rows again changes nothing.

use std::collections::HashSet;

use domain::detail::{DetailState, RecordDetail};
use domain::id::{DetailId, RecordId};
use domain::record::Record;

use crate::db::{StoreError, StoreResult, Write, blob, int, maybe, placeholders, text};
use crate::details::Details;
use crate::entries::{Entry, EntryState};
use crate::records::{self, Records, Unit};
use crate::rows::{json, word};
use crate::settle;
use crate::stretches;

const INSERT_RECORD: &str = "INSERT INTO record (id, task_key, status, created_ms, started_ms, ended_ms, start_ms, \
    triggered_by, reason, historical) VALUES ($1, $2, $3, $4, $5, $6, COALESCE($5, $4), $7, $8, 1) \
    ON CONFLICT (id) DO NOTHING";
const RECORD: &str = "SELECT no, historical FROM record WHERE id = $1 AND purging = 0";
const UNITS: &str = "SELECT * FROM record_unit WHERE record_no = $1 ORDER BY unit_no";

impl Records<'_> {
    /// Keeps a historical record that has ended; says whether it is new.
    pub async fn import(&self, record: &Record) -> StoreResult<bool> {
        if record.status.end().is_none() {
            return Err(StoreError::Mismatch(format!(
                "record {} has not ended",
                record.id
            )));
        }
        let values = vec![
            blob(*record.id.as_bytes()),
            text(&record.task_key.0),
            text(word(&record.status)),
            int(record.created_ms),
            maybe(record.started_ms, int),
            maybe(record.ended_ms, int),
            text(&record.triggered_by),
            json(&record.reason),
        ];
        Ok(self.0.db().execute(INSERT_RECORD, values).await? > 0)
    }
}

impl Details<'_> {
    /// Keeps historical details of an imported record, in one transaction; returns how many are new.
    ///
    /// Rows that are still running, and rows of a record that was carried out here, are refused.
    pub async fn import(&self, record: RecordId, details: &[RecordDetail]) -> StoreResult<u64> {
        if let Some(running) = details.iter().find(|detail| detail.state == DetailState::Running) {
            return Err(StoreError::Mismatch(format!(
                "detail {} has not ended",
                running.id
            )));
        }
        let mut write = self.0.db().begin().await?;
        let row = write
            .fetch_optional(RECORD, vec![blob(*record.as_bytes())])
            .await?;
        let no = match row {
            Some(row) if row.flag("historical")? => row.int("no")?,
            _ => return Err(StoreError::Mismatch(format!("record {record} was not imported"))),
        };
        let mut seen = known(&mut write, details).await?;
        let new: Vec<&RecordDetail> = details.iter().filter(|detail| seen.insert(detail.id)).collect();
        let unit_nos = find_units(&mut write, no, &new).await?;
        let entries = new
            .iter()
            .zip(unit_nos)
            .map(|(detail, unit_no)| entry(detail, unit_no));
        let entries: Vec<Entry<'_>> = entries.collect();
        let changes = entries
            .iter()
            .map(|entry| settle::change(entry, entry.lane(), 1))
            .collect();
        let last = stretches::last_place(&mut write, no).await?;
        settle::insert(&mut write, no, entries).await?;
        stretches::count(&mut write, no, changes, last).await?;
        let ids = new
            .iter()
            .map(|detail| vec![blob(*detail.id.as_bytes()), int(no)]);
        write
            .insert_all(
                "INSERT INTO detail_import (id, record_no) VALUES",
                2,
                "",
                ids.collect(),
            )
            .await?;
        write.commit().await?;
        Ok(new.len() as u64)
    }
}

fn entry(detail: &RecordDetail, unit_no: u16) -> Entry<'_> {
    Entry {
        unit_no,
        id: detail.id,
        artifact: detail.artifact.as_ref(),
        package_name: None,
        size_bytes: detail.size_bytes,
        digest: detail.digest.as_ref(),
        state: EntryState::from(&detail.state),
        started_ms: detail.started_ms,
        ended_ms: detail.ended_ms,
        historical: detail.historical.as_deref(),
        cause_no: None,
    }
}

/// Returns the ids among those of `details` that were imported before.
async fn known(write: &mut Write, details: &[RecordDetail]) -> StoreResult<HashSet<DetailId>> {
    let mut known = HashSet::new();
    for details in details.chunks(500) {
        let sql = format!(
            "SELECT id FROM detail_import WHERE id IN {}",
            placeholders(1, details.len(), 1)
        );
        let ids = details.iter().map(|detail| blob(*detail.id.as_bytes())).collect();
        for row in write.fetch_all(sql, ids).await? {
            known.insert(DetailId::from(row.bytes("id")?));
        }
    }
    Ok(known)
}

/// Returns the unit of each of `details`, adding those the record does not have.
async fn find_units(write: &mut Write, no: i64, details: &[&RecordDetail]) -> StoreResult<Vec<u16>> {
    let mut units = Vec::new();
    for row in write.fetch_all(UNITS, vec![int(no)]).await? {
        units.push(records::read_unit(&row)?.unit);
    }
    let known = units.len();
    let mut unit_nos = Vec::with_capacity(details.len());
    for detail in details {
        let found = units
            .iter()
            .find(|unit| is_of(detail, unit))
            .map(|unit| unit.unit_no);
        unit_nos.push(match found {
            Some(unit_no) => unit_no,
            None => {
                let unit_no = u16::try_from(units.len())
                    .map_err(|_| StoreError::Mismatch("a record has too many repositories".into()))?;
                units.push(unit_of(detail, unit_no));
                unit_no
            }
        });
    }
    records::insert_units(write, no, &units[known..]).await?;
    Ok(unit_nos)
}

fn is_of(detail: &RecordDetail, unit: &Unit) -> bool {
    unit.remote_cluster == detail.remote_cluster
        && unit.local_repository == detail.local_repository
        && unit.local_cluster == detail.local_cluster
        && unit.repository_type == detail.repository_type
        && unit.execute_type == detail.execute_type
}

fn unit_of(detail: &RecordDetail, unit_no: u16) -> Unit {
    Unit {
        unit_no,
        local_cluster: detail.local_cluster.clone(),
        remote_cluster: detail.remote_cluster.clone(),
        local_repository: detail.local_repository.clone(),
        repository_type: detail.repository_type.clone(),
        execute_type: detail.execute_type,
    }
}
