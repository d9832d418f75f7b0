//! The details writer: one task that commits whatever groups came in while it was committing.
//!
//! A group is acknowledged when it is durable. Each carries the fence its record was claimed with: a group
//! of a run that lost its lease writes nothing, and does not disturb the others of its transaction.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use domain::artifact::ArtifactKey;
use domain::detail::Settlement;
use domain::digest::Digest;
use domain::id::{DetailId, RecordId, TaskKey};
use tokio::sync::{mpsc, oneshot};

use crate::Store;
use crate::db::{Db, Row, StoreError, StoreResult, Write, int};
use crate::entries::{self, EntryState};
use crate::events;
use crate::journal;
use crate::live::Subject;
use crate::settle::{leaves_row, store_rows};

pub use crate::journal::{JournalPage, PageMark, Planned, UnitProgress};

/// Rows of one transaction; a larger group is one alone.
const MOST_ROWS: usize = 5_000;
/// Groups that wait before senders do.
const WAITING_GROUPS: usize = 256;

/// Where an artifact of a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowState {
    /// In flight for more than a second.
    Running,
    /// Settled.
    Settled(Settlement),
}

/// One artifact of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailRow {
    /// Unit it belongs to.
    pub unit_no: u16,
    /// Its id; the same while it is running and when it is settled.
    pub id: DetailId,
    /// Its name.
    pub key: ArtifactKey,
    /// Name of the package without its type; `None`: as its key says.
    pub package_name: Option<String>,
    /// Its size, where it is known.
    pub size_bytes: Option<u64>,
    /// Its digest, where it is known.
    pub digest: Option<Digest>,
    /// Where it stands.
    pub state: RowState,
    /// When it was taken in hand (Unix milliseconds); the same while it is running and when it is settled.
    pub started_ms: i64,
    /// When it was settled.
    pub ended_ms: Option<i64>,
    /// Whether it was stored as running before.
    pub was_running: bool,
}

impl DetailRow {
    pub(crate) fn entry(&self) -> entries::Entry<'_> {
        entries::Entry {
            unit_no: self.unit_no,
            id: self.id,
            artifact: Some(&self.key),
            package_name: self.package_name.as_deref(),
            size_bytes: self.size_bytes,
            digest: self.digest.as_ref(),
            state: match &self.state {
                RowState::Running => EntryState::Running,
                RowState::Settled(settlement) => EntryState::Settled(settlement),
            },
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
            historical: None,
            cause_no: None,
        }
    }
}

/// What is written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Number of the record.
    pub record_no: i64,
    /// What it was claimed with.
    pub fence: i64,
    /// Artifacts that are settled, or shown as running.
    pub rows: Vec<DetailRow>,
    /// What happens to pages.
    pub pages: Vec<PageMark>,
}

/// An artifact that is stored as running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningRow {
    /// Unit it belongs to.
    pub unit_no: u16,
    /// Its name.
    pub key: ArtifactKey,
    /// Its id.
    pub id: DetailId,
    /// When it was taken in hand (Unix milliseconds).
    pub started_ms: i64,
    /// Name of the package without its type.
    pub package_name: Option<String>,
    /// Its size, where it is known.
    pub size_bytes: Option<u64>,
    /// Its digest, where it is known.
    pub digest: Option<Digest>,
}

/// Writes the details of runs, and reads what a resumed run has to know.
pub struct DetailWriter<'a>(pub(crate) &'a Store);

impl DetailWriter<'_> {
    /// Writes `group` and returns when it is durable; [`StoreError::LeaseLost`] when its fence is stale.
    ///
    /// Pages of a unit are opened in the order of their numbers, whatever order their groups come in: a
    /// group that is early waits for the one before it.
    pub async fn commit(&self, group: Group) -> StoreResult<()> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::Unwritten("the store is closed".into());
        let job = Job { group, answer };
        self.0.groups().send(job).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Returns how far each unit of a record has come, by number.
    pub async fn progress(&self, record_no: i64) -> StoreResult<Vec<UnitProgress>> {
        journal::progress(self.0.db(), record_no).await
    }

    /// Returns those of `keys` that are settled in a unit of a record.
    pub async fn settled_keys(
        &self,
        record_no: i64,
        unit_no: u16,
        keys: &[ArtifactKey],
    ) -> StoreResult<HashSet<ArtifactKey>> {
        journal::settled_keys(self.0.db(), record_no, unit_no, keys).await
    }

    /// Returns the artifacts of a record that are stored as running: no more than were in flight at once.
    pub async fn running(&self, record_no: i64) -> StoreResult<Vec<RunningRow>> {
        let rows = self.0.db().fetch_all(RUNNING, vec![int(record_no)]).await?;
        rows.iter().map(|row| Ok(read_running(row)?.0)).collect()
    }
}

const RUNNING: &str = "SELECT d.*, u.unit_no, u.remote_cluster FROM detail d JOIN record_unit u \
    ON u.record_no = d.record_no AND u.unit_no = d.lane / 16 WHERE d.record_no = $1 AND d.outcome = 0";
const HEAD: &str = "SELECT id, task_key, fence, keeps_details, events_of FROM record WHERE no = $1 AND status IN ('running', 'stopping')";

/// Returns the same within a transaction, each with the name of its target cluster.
pub(crate) async fn running(write: &mut Write, no: i64) -> StoreResult<Vec<(RunningRow, String)>> {
    let rows = write.fetch_all(RUNNING, vec![int(no)]).await?;
    rows.iter().map(read_running).collect()
}

fn read_running(row: &Row) -> StoreResult<(RunningRow, String)> {
    let running = RunningRow {
        unit_no: journal::unit_no(row.int("unit_no")?)?,
        key: ArtifactKey {
            name: row.text("name")?,
            version: row.maybe_text("version")?,
        },
        id: DetailId::from(row.bytes("id")?),
        started_ms: row.int("start_ms")?,
        package_name: row.maybe_text("package_name")?,
        size_bytes: row
            .maybe_int("size_bytes")?
            .and_then(|size| u64::try_from(size).ok()),
        digest: entries::read_digest(row)?,
    };
    Ok((running, row.text("remote_cluster")?))
}

/// A group and who waits for it.
pub(crate) struct Job {
    group: Group,
    answer: oneshot::Sender<StoreResult<()>>,
}

/// Starts the task that writes; it ends when the store is dropped.
pub(crate) fn spawn(db: Db) -> mpsc::Sender<Job> {
    let (sender, receiver) = mpsc::channel(WAITING_GROUPS);
    tokio::spawn(write_all(db, receiver));
    sender
}

async fn write_all(db: Db, mut waiting: mpsc::Receiver<Job>) {
    let mut early: Vec<Job> = Vec::new();
    while let Some(first) = waiting.recv().await {
        early.retain(|job| !job.answer.is_closed());
        let mut jobs = std::mem::take(&mut early);
        jobs.push(first);
        let mut rows: usize = jobs.iter().map(|job| job.group.rows.len()).sum();
        while rows < MOST_ROWS {
            let Ok(job) = waiting.try_recv() else { break };
            rows += job.group.rows.len();
            jobs.push(job);
        }
        early = write_jobs(&db, jobs).await;
    }
}

/// Writes `jobs` in one transaction, or one by one if that fails; returns those that are early.
async fn write_jobs(db: &Db, jobs: Vec<Job>) -> Vec<Job> {
    match write_together(db, &jobs).await {
        Ok(verdicts) => answer(jobs, verdicts),
        Err(error) if jobs.len() == 1 => answer(jobs, vec![Verdict::Failed(error)]),
        Err(_) => {
            let mut early = Vec::new();
            for job in jobs {
                let verdicts = match write_together(db, std::slice::from_ref(&job)).await {
                    Ok(verdicts) => verdicts,
                    Err(error) => vec![Verdict::Failed(error)],
                };
                early.extend(answer(vec![job], verdicts));
            }
            early
        }
    }
}

enum Verdict {
    Written,
    LeaseLost,
    Early,
    Failed(StoreError),
}

fn answer(jobs: Vec<Job>, verdicts: Vec<Verdict>) -> Vec<Job> {
    let mut early = Vec::new();
    for (job, verdict) in jobs.into_iter().zip(verdicts) {
        let result = match verdict {
            Verdict::Written => Ok(()),
            Verdict::LeaseLost => Err(StoreError::LeaseLost),
            Verdict::Failed(error) => Err(error),
            Verdict::Early => {
                early.push(job);
                continue;
            }
        };
        // Nobody waits any more when a run was dropped; its rows are written all the same.
        let _ = job.answer.send(result);
    }
    early
}

/// What a transaction knows of one record.
struct Head {
    fence: Option<i64>,
    subject: Option<Subject>,
    keeps_details: bool,
    events_of: Option<i64>,
    next_pages: HashMap<u16, Option<u32>>,
}

async fn write_together(db: &Db, jobs: &[Job]) -> StoreResult<Vec<Verdict>> {
    let mut write = db.begin().await?;
    let mut heads: HashMap<i64, Head> = HashMap::new();
    let mut verdicts: Vec<Verdict> = jobs.iter().map(|_| Verdict::Early).collect();
    let mut order = Vec::new();
    let mut goes_on = true;
    // A group that is early may be due once the ones before it are in.
    while goes_on {
        goes_on = false;
        for (index, job) in jobs.iter().enumerate() {
            if matches!(verdicts[index], Verdict::Early) {
                verdicts[index] = judge(&mut write, &mut heads, &job.group).await?;
                if matches!(verdicts[index], Verdict::Written) {
                    order.push(&job.group);
                    goes_on = true;
                }
            }
        }
    }
    for (no, head) in &heads {
        let groups: Vec<&Group> = order
            .iter()
            .copied()
            .filter(|group| group.record_no == *no)
            .collect();
        if let Some(subject) = head.subject.clone().filter(|_| !groups.is_empty()) {
            write.changed(subject);
        }
        let rows = groups.iter().flat_map(|group| &group.rows);
        store_rows(&mut write, *no, head.keeps_details, rows.clone()).await?;
        if let Some(task_no) = head.events_of {
            let marks = groups.iter().flat_map(|group| &group.pages);
            mark_events(&mut write, task_no, marks).await?;
            events::settle(&mut write, task_no, rows).await?;
        }
        for group in groups {
            if !head.keeps_details {
                let settled = settled_without_row(group);
                journal::note_settled(&mut write, *no, &settled).await?;
            }
            journal::mark(&mut write, *no, head.keeps_details, &group.pages).await?;
        }
    }
    write.commit().await?;
    Ok(verdicts)
}

async fn mark_events(
    write: &mut Write,
    task_no: i64,
    marks: impl Iterator<Item = &PageMark>,
) -> StoreResult<()> {
    for mark in marks {
        match mark {
            PageMark::Took { events } => events::take(write, events).await?,
            PageMark::Vanished { unit_no, keys } => events::vanish(write, task_no, *unit_no, keys).await?,
            PageMark::Opened(_) | PageMark::Closed { .. } => {}
        }
    }
    Ok(())
}

/// Says whether a group may be written now, and if so takes its pages as opened.
async fn judge(write: &mut Write, heads: &mut HashMap<i64, Head>, group: &Group) -> StoreResult<Verdict> {
    let no = group.record_no;
    let head = match heads.entry(no) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => unknown.insert(head(write, no).await?),
    };
    if head.fence != Some(group.fence) {
        return Ok(Verdict::LeaseLost);
    }
    let mut opened: HashMap<u16, u32> = HashMap::new();
    for mark in &group.pages {
        let PageMark::Opened(page) = mark else { continue };
        let next = match opened.get(&page.unit_no) {
            Some(next) => Some(*next),
            None => head.next_page(write, no, page.unit_no).await?,
        };
        match next {
            Some(next) if page.page_no == next => opened.insert(page.unit_no, next + 1),
            Some(next) if page.page_no > next => return Ok(Verdict::Early),
            _ => {
                let found = format!("page {} of unit {} is opened again", page.page_no, page.unit_no);
                return Ok(Verdict::Failed(StoreError::Mismatch(found)));
            }
        };
    }
    head.next_pages
        .extend(opened.into_iter().map(|(unit_no, next)| (unit_no, Some(next))));
    Ok(Verdict::Written)
}

impl Head {
    /// Returns the number of the page a unit opens next; `None` for an unknown unit.
    async fn next_page(&mut self, write: &mut Write, no: i64, unit_no: u16) -> StoreResult<Option<u32>> {
        Ok(match self.next_pages.entry(unit_no) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(journal::next_page(write, no, unit_no).await?),
        })
    }
}

async fn head(write: &mut Write, no: i64) -> StoreResult<Head> {
    let row = write.fetch_optional(HEAD, vec![int(no)]).await?;
    let subject = |row: &Row| -> StoreResult<Subject> {
        Ok(Subject::Record {
            id: RecordId::from(row.bytes("id")?),
            task: TaskKey(row.text("task_key")?),
        })
    };
    Ok(Head {
        subject: row.as_ref().map(subject).transpose()?,
        fence: row.as_ref().map(|row| row.int("fence")).transpose()?,
        events_of: row.as_ref().map_or(Ok(None), |row| row.maybe_int("events_of"))?,
        keeps_details: row.map_or(Ok(true), |row| row.flag("keeps_details"))?,
        next_pages: HashMap::new(),
    })
}

/// Returns the settled artifacts of open pages that leave no detail.
///
/// A group that opens a page settles the artifacts of that page that are not planned: they need no note.
fn settled_without_row(group: &Group) -> Vec<(u16, &ArtifactKey)> {
    let opened: HashMap<u16, HashSet<&ArtifactKey>> = group
        .pages
        .iter()
        .filter_map(|mark| match mark {
            PageMark::Opened(page) => Some((
                page.unit_no,
                page.planned.iter().map(|planned| &planned.key).collect(),
            )),
            PageMark::Closed { .. } | PageMark::Took { .. } | PageMark::Vanished { .. } => None,
        })
        .collect();
    let rows = group.rows.iter().filter(|row| !leaves_row(row));
    rows.filter(|row| {
        opened
            .get(&row.unit_no)
            .is_none_or(|planned| planned.contains(&row.key))
    })
    .map(|row| (row.unit_no, &row.key))
    .collect()
}
