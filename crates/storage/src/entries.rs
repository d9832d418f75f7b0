//! How a record detail is written in columns, and read back.

use domain::artifact::ArtifactKey;
use domain::detail::{DetailState, DetailStatus, Historical, Outcome, RecordDetail, Settlement};
use domain::digest::Digest;
use domain::id::{DetailId, RecordId};
use domain::task::ConflictStrategy;

use crate::db::{Row, StoreResult, Value, blob, flag, int, maybe, size, text};
use crate::lanes::{Kind, group_of, kind_of, lane};
use crate::records::Unit;
use crate::rows::{from_json, json, unreadable};

/// Columns of a detail, in the order of [`Entry::values`].
pub const COLUMNS: usize = 23;
/// The statement that adds details.
pub const INSERT: &str = "INSERT INTO detail (record_no, start_ms, id, lane, lane_group, name, version, package_name, \
    outcome, size_bytes, digest, ended_ms, conflict, on_conflict, moved_bytes, moved_blobs, failed_blobs, \
    attempts, class, failure, note, historical, cause_no) VALUES";
/// Begins the statement that settles running ones, in front of their columns.
pub const SETTLE: &str = "UPDATE detail SET lane = v.column4, lane_group = v.column5, name = v.column6, \
    version = v.column7, package_name = v.column8, outcome = v.column9, size_bytes = v.column10, \
    digest = v.column11, ended_ms = v.column12, conflict = v.column13, on_conflict = v.column14, \
    moved_bytes = v.column15, moved_blobs = v.column16, failed_blobs = v.column17, attempts = v.column18, \
    class = v.column19, failure = v.column20, note = v.column21, historical = v.column22, \
    cause_no = v.column23 FROM (VALUES";
/// Ends it; it returns the ids of those that were there.
pub const SETTLED: &str = ") AS v WHERE detail.record_no = v.column1 AND detail.start_ms = v.column2 \
    AND detail.id = v.column3 AND detail.outcome = 0 RETURNING id";

const RUNNING: i64 = 0;
const IMPORTED: i64 = 7;

/// Where a detail on its way into the table stands.
#[derive(Clone, Copy)]
pub enum EntryState<'a> {
    /// In flight.
    Running,
    /// Settled by a run.
    Settled(&'a Settlement),
    /// Imported: only whether it ended well is known.
    Imported { succeeded: bool },
}

impl<'a> From<&'a DetailState> for EntryState<'a> {
    fn from(state: &'a DetailState) -> Self {
        match state {
            DetailState::Running => Self::Running,
            DetailState::Settled(settlement) => Self::Settled(settlement),
            DetailState::Imported { succeeded } => Self::Imported {
                succeeded: *succeeded,
            },
        }
    }
}

impl EntryState<'_> {
    fn status(self) -> DetailStatus {
        match self {
            Self::Running => DetailStatus::Running,
            Self::Settled(settlement) if settlement.outcome == Outcome::Failed => DetailStatus::Failed,
            Self::Imported { succeeded: false } => DetailStatus::Failed,
            Self::Settled(_) | Self::Imported { succeeded: true } => DetailStatus::Success,
        }
    }

    fn code(self) -> i64 {
        match self {
            Self::Running => RUNNING,
            Self::Settled(settlement) => outcome_code(settlement.outcome),
            Self::Imported { succeeded } => IMPORTED + i64::from(!succeeded),
        }
    }
}

/// A detail on its way into the table.
pub struct Entry<'a> {
    pub unit_no: u16,
    pub id: DetailId,
    pub artifact: Option<&'a ArtifactKey>,
    pub package_name: Option<&'a str>,
    pub size_bytes: Option<u64>,
    pub digest: Option<&'a Digest>,
    pub state: EntryState<'a>,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    pub historical: Option<&'a Historical>,
    /// Number of the cause of its failure.
    pub cause_no: Option<i64>,
}

impl Entry<'_> {
    /// Returns the lane it is counted in.
    pub fn lane(&self) -> i64 {
        lane(self.unit_no, self.kind(), self.state.status())
    }

    /// Returns the lane it was counted in while it was running.
    pub fn lane_while_running(&self) -> i64 {
        lane(self.unit_no, self.kind(), DetailStatus::Running)
    }

    fn kind(&self) -> Kind {
        match (self.artifact, self.historical) {
            (Some(key), _) if key.version.is_some() => Kind::Package,
            (Some(_), _) => Kind::File,
            (None, Some(historical)) if member(&historical.path_constraint, "path").is_some() => {
                Kind::HistoricalPath
            }
            (None, _) => Kind::HistoricalPackage,
        }
    }

    /// Returns its columns.
    pub fn values(&self, no: i64) -> Vec<Value> {
        let (name, package_name) = self.names();
        let mut values = Vec::with_capacity(COLUMNS);
        values.extend([
            int(no),
            int(self.started_ms),
            blob(*self.id.as_bytes()),
            int(self.lane()),
            int(group_of(self.lane())),
            maybe(name, text),
            maybe(self.artifact.and_then(|key| key.version.as_deref()), text),
            maybe(package_name, text),
            int(self.state.code()),
            maybe(self.size_bytes, size),
            maybe(self.digest, |digest| blob(*digest.as_bytes())),
            maybe(self.ended_ms, int),
        ]);
        match self.state {
            EntryState::Settled(settlement) => values.extend(settlement_values(settlement)),
            EntryState::Running | EntryState::Imported { .. } => {
                values.extend([flag(false), Value::Null, int(0), int(0), int(0), int(1)]);
                values.extend([Value::Null, Value::Null, Value::Null]);
            }
        }
        values.push(maybe(self.historical, json));
        values.push(maybe(self.cause_no, int));
        values
    }

    fn names(&self) -> (Option<&str>, Option<&str>) {
        let Some(key) = self.artifact else {
            let historical = self.historical;
            let path = historical.and_then(|historical| member(&historical.path_constraint, "path"));
            let package =
                historical.and_then(|historical| member(&historical.package_constraint, "packageKey"));
            return (path.or(package), package.map(bare_name));
        };
        let bare = key.version.as_ref().map(|_| bare_name(&key.name));
        (Some(&key.name), self.package_name.or(bare))
    }
}

/// Returns the name of a package without its type: `left-pad` of `npm://left-pad`.
fn bare_name(package_key: &str) -> &str {
    package_key
        .split_once("://")
        .map_or(package_key, |(_, name)| name)
}

fn member<'a>(object: &'a Option<serde_json::Value>, name: &str) -> Option<&'a str> {
    object.as_ref()?.get(name)?.as_str()
}

fn settlement_values(settlement: &Settlement) -> [Value; 9] {
    let notes = Some(&settlement.notes).filter(|notes| !notes.is_empty());
    let failure = settlement.failure.as_ref();
    [
        flag(settlement.conflict),
        maybe(settlement.on_conflict.map(conflict_code), int),
        size(settlement.moved_bytes),
        int(settlement.moved_blobs.into()),
        int(settlement.failed_blobs.into()),
        int(settlement.attempts.into()),
        maybe(failure.map(|failure| failure.class.as_str()), text),
        maybe(failure, json),
        maybe(notes, json),
    ]
}

/// Returns how the table spells an outcome.
pub fn outcome_code(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Copied => 1,
        Outcome::Overwritten => 2,
        Outcome::Unchanged => 3,
        Outcome::SkippedConflict => 4,
        Outcome::Failed => 5,
        Outcome::Deleted => 6,
    }
}

fn outcome(code: i64) -> StoreResult<Outcome> {
    Ok(match code {
        1 => Outcome::Copied,
        2 => Outcome::Overwritten,
        3 => Outcome::Unchanged,
        4 => Outcome::SkippedConflict,
        5 => Outcome::Failed,
        6 => Outcome::Deleted,
        other => return Err(unreadable("detail", format!("outcome {other}"))),
    })
}

fn conflict_code(strategy: ConflictStrategy) -> i64 {
    match strategy {
        ConflictStrategy::Skip => 0,
        ConflictStrategy::Overwrite => 1,
        ConflictStrategy::FastFail => 2,
    }
}

fn conflict(code: i64) -> StoreResult<ConflictStrategy> {
    Ok(match code {
        0 => ConflictStrategy::Skip,
        1 => ConflictStrategy::Overwrite,
        2 => ConflictStrategy::FastFail,
        other => return Err(unreadable("detail", format!("conflict strategy {other}"))),
    })
}

/// Returns the artifact a row is about; `None` for historical ones.
pub fn read_key(row: &Row) -> StoreResult<Option<ArtifactKey>> {
    match kind_of(row.int("lane")?) {
        Kind::HistoricalPath | Kind::HistoricalPackage => Ok(None),
        Kind::File | Kind::Package => Ok(Some(ArtifactKey {
            name: row.text("name")?,
            version: row.maybe_text("version")?,
        })),
    }
}

/// Reads a detail of `record` that belongs to `unit`.
pub fn read(row: &Row, record_id: RecordId, unit: &Unit) -> StoreResult<RecordDetail> {
    let historical = row.maybe_text("historical")?;
    Ok(RecordDetail {
        id: DetailId::from(row.bytes("id")?),
        record_id,
        local_cluster: unit.local_cluster.clone(),
        remote_cluster: unit.remote_cluster.clone(),
        local_repository: unit.local_repository.clone(),
        repository_type: unit.repository_type.clone(),
        artifact: read_key(row)?,
        size_bytes: row
            .maybe_int("size_bytes")?
            .and_then(|size| u64::try_from(size).ok()),
        digest: read_digest(row)?,
        state: read_state(row)?,
        started_ms: row.int("start_ms")?,
        ended_ms: row.maybe_int("ended_ms")?,
        execute_type: unit.execute_type,
        historical: historical
            .map(|json| from_json("detail", &json).map(Box::new))
            .transpose()?,
    })
}

/// Reads the digest of a detail.
pub fn read_digest(row: &Row) -> StoreResult<Option<Digest>> {
    let Some(bytes) = row.maybe_blob("digest")? else {
        return Ok(None);
    };
    let bytes = bytes
        .try_into()
        .map_err(|_| unreadable("detail", "a digest that is not 32 bytes"))?;
    Ok(Some(Digest::from_bytes(bytes)))
}

fn read_state(row: &Row) -> StoreResult<DetailState> {
    let code = row.int("outcome")?;
    if code == RUNNING {
        return Ok(DetailState::Running);
    }
    if code >= IMPORTED {
        return Ok(DetailState::Imported {
            succeeded: code == IMPORTED,
        });
    }
    let small =
        |column: &str| -> StoreResult<u32> { Ok(u32::try_from(row.int(column)?).unwrap_or(u32::MAX)) };
    let (failure, notes) = (row.maybe_text("failure")?, row.maybe_text("note")?);
    Ok(DetailState::Settled(Settlement {
        outcome: outcome(code)?,
        conflict: row.flag("conflict")?,
        on_conflict: row.maybe_int("on_conflict")?.map(conflict).transpose()?,
        moved_bytes: row.size("moved_bytes")?,
        moved_blobs: small("moved_blobs")?,
        failed_blobs: small("failed_blobs")?,
        attempts: small("attempts")?,
        failure: failure.map(|json| from_json("detail", &json)).transpose()?,
        notes: notes.map_or(Ok(Vec::new()), |json| from_json("detail", &json))?,
    }))
}
