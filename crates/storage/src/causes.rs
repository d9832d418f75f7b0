//! Counts why artifacts of a record failed, in the transaction that settles them.
//!
//! So the causes of a run with a million failures are read as quickly as those of one with ten. A record has
//! a bounded number of them: beyond, failures are told apart by their class only.

use std::collections::{BTreeMap, HashMap};

use domain::artifact::ArtifactKey;
use domain::cause::{Cause, in_common};
use domain::failure::Failure;
use domain::id::{DetailId, RecordId};
use sha2::{Digest as _, Sha256};

use crate::db::{Row, Snapshot, StoreResult, Value, Write, blob, int, list_of, maybe, size, text};
use crate::details::{Details, visible};
use crate::rows::{from_json, json};
use crate::writer::{DetailRow, RowState};

/// Most causes of a record that are told apart by more than their class.
const MOST_CAUSES: i64 = 500;
/// Keys looked up by one statement.
const KEYS: usize = 128;
/// Bytes of a key.
const KEY_BYTES: usize = 16;

/// Why artifacts of a record failed, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseRow {
    /// Its number within the record: what a filter names it by.
    pub no: i64,
    /// Target cluster; `None`: failures of this class that are not told apart any more.
    pub cluster: Option<String>,
    /// The words, without what differs from artifact to artifact.
    pub words: Option<String>,
    /// How many artifacts failed so.
    pub rows: u64,
    /// The first of their failures.
    pub first: Failure,
    /// The artifact that failed so first.
    pub artifact: ArtifactKey,
}

const UNITS: &str = "SELECT unit_no, remote_cluster FROM record_unit WHERE record_no = $1";
const LAST: &str = "SELECT COALESCE(MAX(cause_no), 0) AS no FROM record_cause WHERE record_no = $1";
const COLUMNS: usize = 10;
const INSERT: &str = "INSERT INTO record_cause (record_no, cause_no, key, cluster, class, words, rows, failure, \
    name, version) VALUES";
const COUNT: &str = "ON CONFLICT (record_no, key) DO UPDATE SET rows = record_cause.rows + excluded.rows";
const ALL: &str = "SELECT * FROM record_cause WHERE record_no = $1 ORDER BY rows DESC, cause_no";

/// Failed artifacts of one cause.
struct Group<'a> {
    cause: Cause,
    rows: u64,
    first: (&'a DetailRow, &'a Failure),
}

/// Counts the failed ones among `rows` of record `no`; returns the cause of each.
pub(crate) async fn count<'a>(
    write: &mut Write,
    no: i64,
    rows: impl Iterator<Item = &'a DetailRow> + Clone,
) -> StoreResult<HashMap<DetailId, i64>> {
    let failed: Vec<(&DetailRow, &Failure)> = rows.filter_map(failure_of).collect();
    if failed.is_empty() {
        return Ok(HashMap::new());
    }
    let clusters = clusters(write, no).await?;
    let mut groups: BTreeMap<[u8; KEY_BYTES], Group<'_>> = BTreeMap::new();
    let mut key_of = Vec::with_capacity(failed.len());
    for (row, failure) in failed {
        let cluster = clusters.get(&row.unit_no).map_or("", String::as_str);
        let cause = Cause::of(failure, cluster, &row.key);
        let key = key(&cause);
        key_of.push((row.id, key));
        let group = groups.entry(key).or_insert(Group {
            cause,
            rows: 0,
            first: (row, failure),
        });
        group.rows += 1;
    }
    let merged = number(write, no, groups).await?;
    Ok(key_of
        .into_iter()
        .filter_map(|(id, key)| Some((id, *merged.get(&key)?)))
        .collect())
}

fn failure_of(row: &DetailRow) -> Option<(&DetailRow, &Failure)> {
    match &row.state {
        RowState::Settled(settlement) => Some((row, settlement.failure.as_ref()?)),
        RowState::Running => None,
    }
}

async fn clusters(write: &mut Write, no: i64) -> StoreResult<HashMap<u16, String>> {
    let mut clusters = HashMap::new();
    for row in write.fetch_all(UNITS, vec![int(no)]).await? {
        let unit_no = crate::journal::unit_no(row.int("unit_no")?)?;
        clusters.insert(unit_no, row.text("remote_cluster")?);
    }
    Ok(clusters)
}

/// Stores `groups` under the numbers they have, or get; returns these.
async fn number(
    write: &mut Write,
    no: i64,
    groups: BTreeMap<[u8; KEY_BYTES], Group<'_>>,
) -> StoreResult<HashMap<[u8; KEY_BYTES], i64>> {
    let mut known = known(write, no, groups.keys()).await?;
    let last = write.fetch_optional(LAST, vec![int(no)]).await?;
    let mut last = last.map_or(Ok(0), |row| row.int("no"))?;
    let mut stored: BTreeMap<i64, (Vec<u8>, Group<'_>)> = BTreeMap::new();
    let mut numbers = HashMap::new();
    for (key, group) in groups {
        let (shared_key, group) = match known.get(&key[..]) {
            Some(_) => (key, group),
            None if last < MOST_CAUSES => (key, group),
            None => others(group),
        };
        let cause_no = match known.get(&shared_key[..]) {
            Some(cause_no) => *cause_no,
            None => {
                last += 1;
                known.insert(shared_key.to_vec(), last);
                last
            }
        };
        numbers.insert(key, cause_no);
        stored
            .entry(cause_no)
            .and_modify(|(_, before)| before.rows += group.rows)
            .or_insert((shared_key.to_vec(), group));
    }
    let rows = stored
        .into_iter()
        .map(|(cause_no, (key, group))| group.values(no, cause_no, key));
    write.insert_all(INSERT, COLUMNS, COUNT, rows.collect()).await?;
    Ok(numbers)
}

/// Returns the numbers of those of `keys` that have one, and of the causes of whole classes.
async fn known(
    write: &mut Write,
    no: i64,
    keys: impl Iterator<Item = &[u8; KEY_BYTES]>,
) -> StoreResult<HashMap<Vec<u8>, i64>> {
    let mut known = HashMap::new();
    let mut read = |rows: Vec<Row>| -> StoreResult<()> {
        for row in rows {
            known.insert(row.blob("key")?, row.int("cause_no")?);
        }
        Ok(())
    };
    let keys: Vec<&[u8; KEY_BYTES]> = keys.collect();
    for part in keys.chunks(KEYS) {
        let sql = format!(
            "SELECT key, cause_no FROM record_cause WHERE record_no = ? AND key IN ({})",
            list_of(part.len())
        );
        let values = std::iter::once(int(no)).chain(part.iter().map(|key| blob(**key)));
        read(write.fetch_all(sql, values.collect()).await?)?;
    }
    let whole = "SELECT key, cause_no FROM record_cause WHERE record_no = $1 AND cause_no > $2";
    read(write.fetch_all(whole, vec![int(no), int(MOST_CAUSES)]).await?)?;
    Ok(known)
}

/// Returns `group` as one of all failures of its class.
fn others(group: Group<'_>) -> ([u8; KEY_BYTES], Group<'_>) {
    let cause = Cause {
        cluster: String::new(),
        stage: "",
        remote_status: None,
        words: None,
        ..group.cause
    };
    (key(&cause), Group { cause, ..group })
}

fn key(cause: &Cause) -> [u8; KEY_BYTES] {
    let mut hasher = Sha256::new();
    let status = cause.remote_status.map(|status| status.to_string());
    let parts = [
        Some(cause.cluster.as_str()),
        Some(cause.stage),
        Some(cause.class),
        status.as_deref(),
        cause.words.as_deref(),
    ];
    for part in parts {
        hasher.update([u8::from(part.is_some())]);
        hasher.update(part.unwrap_or_default());
        hasher.update([0]);
    }
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(&hasher.finalize()[..KEY_BYTES]);
    key
}

impl Group<'_> {
    fn values(self, no: i64, cause_no: i64, key: Vec<u8>) -> Vec<Value> {
        let (row, failure) = self.first;
        vec![
            int(no),
            int(cause_no),
            blob(key),
            text(self.cause.cluster),
            text(self.cause.class),
            maybe(self.cause.words, text),
            size(self.rows),
            json(failure),
            text(&row.key.name),
            maybe(row.key.version.as_deref(), text),
        ]
    }
}

fn read(row: &Row) -> StoreResult<CauseRow> {
    Ok(CauseRow {
        no: row.int("cause_no")?,
        cluster: Some(row.text("cluster")?).filter(|cluster| !cluster.is_empty()),
        words: row.maybe_text("words")?,
        rows: row.size("rows")?,
        first: from_json("record_cause", &row.text("failure")?)?,
        artifact: ArtifactKey {
            name: row.text("name")?,
            version: row.maybe_text("version")?,
        },
    })
}

impl Details<'_> {
    /// Returns why artifacts of a record failed, the most frequent cause first.
    ///
    /// Artifacts that failed under earlier versions, and imported ones, are not among them.
    pub async fn causes(&self, record: RecordId) -> StoreResult<Vec<CauseRow>> {
        let mut seen = self.0.db().snapshot().await?;
        let Some(no) = visible(&mut seen, record).await? else {
            return Ok(Vec::new());
        };
        let rows = seen.fetch_all(ALL, vec![int(no)]).await?;
        rows.iter().map(read).collect()
    }
}

/// Returns the causes of record `no` in whose words, class or cluster `said` is found, whatever the case.
///
/// Numbers, digests and ids in `said` are taken for any: a message that is pasted finds its cause.
pub(crate) async fn found_by(seen: &mut Snapshot, no: i64, said: &str) -> StoreResult<Vec<i64>> {
    let wanted = [said.to_lowercase(), in_common(said).to_lowercase()];
    let mut found = Vec::new();
    for row in seen.fetch_all(ALL, vec![int(no)]).await? {
        let cause = read(&row)?;
        let status = cause.first.remote_status.map(|status| status.to_string());
        let words = [
            cause.cluster.as_deref(),
            Some(cause.first.stage.as_str()),
            Some(cause.first.class.as_str()),
            status.as_deref(),
            cause.words.as_deref(),
        ];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        let words = words.join(" ").to_lowercase();
        if wanted.iter().any(|wanted| words.contains(wanted.as_str())) {
            found.push(cause.no);
        }
    }
    Ok(found)
}
