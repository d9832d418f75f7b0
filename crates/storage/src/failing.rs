//! Keeps the open failures in step with the details, in the transaction that settles them.
//!
//! The latest detail of each artifact could be asked of the log only by looking through all of it. So an
//! artifact that fails leaves a row here, and the same artifact settled well at the same target takes it
//! away. A run of a task without open failures costs one look-up for each transaction.

use std::collections::{BTreeMap, HashMap};

use domain::artifact::ArtifactKey;
use domain::detail::{DetailFilter, Outcome, Settlement};
use domain::record::{RetryOf, RunPlan};
use domain::repository::RepositoryRef;

use crate::db::{Row, StoreResult, Value, Write, blob, int, list_of, maybe, size, text};
use crate::records::read_unit;
use crate::rows::{from_json, json};
use crate::writer::{DetailRow, RowState};

/// Names looked up by one statement.
const NAMES: usize = 256;

const SCOPES: &str =
    "SELECT s.* FROM record r JOIN failure_scope s ON s.task_key = r.task_key WHERE r.no = $1";
const RUN: &str =
    "SELECT r.task_key, p.plan FROM record r JOIN record_plan p ON p.record_no = r.no WHERE r.no = $1";
const UNITS: &str = "SELECT * FROM record_unit WHERE record_no = $1";
const INSERT_SCOPE: &str = "INSERT INTO failure_scope (task_key, cluster, cluster_id, project, repository, \
    remote_project, remote_repository, kind) \
    VALUES ($1, $2, (SELECT id FROM cluster WHERE name = $2), $3, $4, $5, $6, $7) RETURNING no";
const SET_CLUSTER: &str =
    "UPDATE failure_scope SET cluster_id = (SELECT id FROM cluster WHERE name = $2) WHERE no = $1";
const COUNT: &str = "UPDATE failure_scope SET rows = rows + $2 WHERE no = $1";
const COLUMNS: usize = 9;
const INSERT: &str = "INSERT INTO open_failure (scope_no, name, version, id, record_no, why, retries, \
    created_ms, modified_ms) VALUES";
const FAILED_AGAIN: &str = "ON CONFLICT (scope_no, name, version) DO UPDATE SET record_no = excluded.record_no, \
    why = excluded.why, modified_ms = excluded.modified_ms, retries = open_failure.retries + excluded.retries \
    WHERE open_failure.id <> excluded.id";
const NOTE_RETRY: &str = "UPDATE open_failure SET retry_no = $1 WHERE name = $2 AND version = $3 \
    AND scope_no IN (SELECT no FROM failure_scope WHERE task_key = $4 AND cluster = $5 AND repository = $6)";
const OF_RECORD: &str = "SELECT no, scope_no FROM open_failure WHERE record_no = $1 LIMIT $2";

/// Artifacts of one unit that are settled.
#[derive(Default)]
struct Settled<'a> {
    failed: Vec<(&'a DetailRow, &'a Settlement)>,
    well: Vec<&'a ArtifactKey>,
}

/// What open failures of one unit share.
#[derive(Clone, PartialEq, Eq)]
struct Ends {
    cluster: String,
    local: RepositoryRef,
    remote: RepositoryRef,
    kind: i64,
}

struct Scope {
    no: i64,
    ends: Ends,
    rows: u64,
}

/// What the record is part of.
struct Run {
    task_key: String,
    plan: RunPlan,
    units: HashMap<u16, (String, String)>,
}

/// Opens a failure for each failed artifact among `rows` of record `no`, and closes those of the others.
pub(crate) async fn follow<'a>(
    write: &mut Write,
    no: i64,
    rows: impl Iterator<Item = &'a DetailRow>,
) -> StoreResult<()> {
    let mut units: BTreeMap<(u16, i64), Settled<'a>> = BTreeMap::new();
    for row in rows {
        let RowState::Settled(settlement) = &row.state else {
            continue;
        };
        let kind = i64::from(row.key.version.is_some());
        let unit = units.entry((row.unit_no, kind)).or_default();
        match settlement.outcome {
            Outcome::Failed => unit.failed.push((row, settlement)),
            _ => unit.well.push(&row.key),
        }
    }
    let scopes = write.fetch_all(SCOPES, vec![int(no)]).await?;
    let scopes: Vec<Scope> = scopes.iter().map(Scope::read).collect::<StoreResult<_>>()?;
    let quiet = scopes.iter().all(|scope| scope.rows == 0);
    if quiet && units.values().all(|unit| unit.failed.is_empty()) {
        return Ok(());
    }
    let Some(run) = Run::read(write, no).await? else {
        return Ok(());
    };
    for ((unit_no, kind), settled) in units {
        let Some(ends) = run.ends(unit_no, kind) else {
            continue;
        };
        let known = scopes.iter().find(|scope| scope.ends == ends);
        if !settled.failed.is_empty() {
            let scope_no = scope_no(write, &run, &ends, known).await?;
            open(write, scope_no, no, &run.plan, &settled.failed).await?;
        }
        if let Some(scope) = known.filter(|scope| scope.rows > 0) {
            close(write, scope.no, &settled.well).await?;
        }
    }
    Ok(())
}

/// Notes that the record `no` of a task does one artifact alone again, if that is what `plan` says.
pub(crate) async fn note_retry(write: &mut Write, no: i64, task: &str, plan: &RunPlan) -> StoreResult<()> {
    let filter = plan.retry_of.as_ref().map(|RetryOf { filter, .. }| filter);
    let Some(DetailFilter {
        artifact: Some(key),
        cluster: Some(cluster),
        repository: Some(repository),
        ..
    }) = filter
    else {
        return Ok(());
    };
    let values = vec![
        int(no),
        text(&key.name),
        text(version(key)),
        text(task),
        text(cluster),
        text(repository),
    ];
    write.execute(NOTE_RETRY, values).await?;
    Ok(())
}

/// Removes at most `batch` open failures of record `no`, which is being cleared away; says how many.
pub(crate) async fn forget(write: &mut Write, no: i64, batch: usize) -> StoreResult<u64> {
    let rows = write
        .fetch_all(OF_RECORD, vec![int(no), size(batch as u64)])
        .await?;
    remove(write, &rows).await
}

/// Removes `rows` (`no, scope_no`) and counts them off; returns how many there were.
pub(crate) async fn remove(write: &mut Write, rows: &[Row]) -> StoreResult<u64> {
    let mut gone: BTreeMap<i64, i64> = BTreeMap::new();
    for part in rows.chunks(NAMES) {
        let nos = part.iter().map(|row| Ok(int(row.int("no")?)));
        let nos: Vec<Value> = nos.collect::<StoreResult<_>>()?;
        let sql = format!("DELETE FROM open_failure WHERE no IN ({})", list_of(nos.len()));
        write.execute(sql, nos).await?;
        for row in part {
            *gone.entry(row.int("scope_no")?).or_default() += 1;
        }
    }
    for (scope_no, rows) in gone {
        write.execute(COUNT, vec![int(scope_no), int(-rows)]).await?;
    }
    Ok(rows.len() as u64)
}

impl Scope {
    fn read(row: &Row) -> StoreResult<Self> {
        Ok(Self {
            no: row.int("no")?,
            rows: row.size("rows")?,
            ends: Ends {
                cluster: row.text("cluster")?,
                local: RepositoryRef::new(row.text("project")?, row.text("repository")?),
                remote: RepositoryRef::new(row.text("remote_project")?, row.text("remote_repository")?),
                kind: row.int("kind")?,
            },
        })
    }
}

impl Run {
    async fn read(write: &mut Write, no: i64) -> StoreResult<Option<Self>> {
        let Some(row) = write.fetch_optional(RUN, vec![int(no)]).await? else {
            return Ok(None);
        };
        let mut units = HashMap::new();
        for row in write.fetch_all(UNITS, vec![int(no)]).await? {
            let unit = read_unit(&row)?.unit;
            units.insert(unit.unit_no, (unit.remote_cluster, unit.local_repository));
        }
        Ok(Some(Self {
            task_key: row.text("task_key")?,
            plan: from_json("record_plan", &row.text("plan")?)?,
            units,
        }))
    }

    fn ends(&self, unit_no: u16, kind: i64) -> Option<Ends> {
        let (cluster, repository) = self.units.get(&unit_no)?;
        let local = RepositoryRef::new(&self.plan.project, repository);
        let object = self.plan.object_of(unit_no);
        Some(Ends {
            cluster: cluster.clone(),
            remote: object.map_or_else(|| local.clone(), |object| object.remote(&self.plan.project)),
            local,
            kind,
        })
    }
}

/// Returns the scope of a unit, which from now on names the cluster that has this name now.
async fn scope_no(write: &mut Write, run: &Run, ends: &Ends, known: Option<&Scope>) -> StoreResult<i64> {
    if let Some(scope) = known {
        let values = vec![int(scope.no), text(&ends.cluster)];
        write.execute(SET_CLUSTER, values).await?;
        return Ok(scope.no);
    }
    let values = vec![
        text(&run.task_key),
        text(&ends.cluster),
        text(&ends.local.project),
        text(&ends.local.name),
        text(&ends.remote.project),
        text(&ends.remote.name),
        int(ends.kind),
    ];
    let row = write.fetch_optional(INSERT_SCOPE, values).await?;
    row.map_or(Ok(0), |row| row.int("no"))
}

async fn open(
    write: &mut Write,
    scope_no: i64,
    record_no: i64,
    plan: &RunPlan,
    failed: &[(&DetailRow, &Settlement)],
) -> StoreResult<()> {
    let rows = |retries: i64| -> Vec<Vec<Value>> {
        let row = |(row, settlement): &(&DetailRow, &Settlement)| {
            let ended_ms = row.ended_ms.unwrap_or(row.started_ms);
            vec![
                int(scope_no),
                text(&row.key.name),
                text(version(&row.key)),
                blob(*row.id.as_bytes()),
                int(record_no),
                maybe(settlement.failure.as_ref(), json),
                int(retries),
                int(ended_ms),
                int(ended_ms),
            ]
        };
        failed.iter().map(row).collect()
    };
    let tail = "ON CONFLICT (scope_no, name, version) DO NOTHING";
    let new = write.insert_all(INSERT, COLUMNS, tail, rows(0)).await?;
    if new < failed.len() as u64 {
        let retries = i64::from(plan.retry_of.is_some());
        write
            .insert_all(INSERT, COLUMNS, FAILED_AGAIN, rows(retries))
            .await?;
    }
    write.execute(COUNT, vec![int(scope_no), size(new)]).await?;
    Ok(())
}

async fn close(write: &mut Write, scope_no: i64, well: &[&ArtifactKey]) -> StoreResult<()> {
    let mut most = NAMES;
    let mut rest = well;
    // Groups of 256, 128, 64, ... names: few texts, so that the driver keeps every one prepared.
    while !rest.is_empty() {
        while most > rest.len() {
            most /= 2;
        }
        let (part, behind) = rest.split_at(most);
        rest = behind;
        let sql = format!(
            "SELECT no, scope_no, name, version FROM open_failure WHERE scope_no = ? AND name IN ({})",
            list_of(part.len())
        );
        let names = part.iter().map(|key| text(&key.name));
        let values = std::iter::once(int(scope_no)).chain(names).collect();
        let mut closed = Vec::new();
        for row in write.fetch_all(sql, values).await? {
            let (name, of_version) = (row.text("name")?, row.text("version")?);
            let well = |key: &&ArtifactKey| key.name == name && version(key) == of_version;
            if part.iter().any(well) {
                closed.push(row);
            }
        }
        remove(write, &closed).await?;
    }
    Ok(())
}

fn version(key: &ArtifactKey) -> &str {
    key.version.as_deref().unwrap_or_default()
}
