//! Watches: which repositories the enabled REAL_TIME tasks want to hear of, and how they hear.
//!
//! A change is noted in the transaction that makes it, so it is never lost and never there too early.
//! Where nobody watches, that costs one look-up per transaction and writes nothing. A path that changes
//! again before it was carried stays one event, under a new id.

use domain::id::EventId;
use domain::path::FilePath;
use domain::task::{Scope, Task, Trigger, unit_no};

use crate::changes::NodeRow;
use crate::db::{Row, StoreResult, Write, blob, int, list_of, maybe, text};
use crate::hosted::{HostedData, lists};
use crate::rows::{from_json, json};

const TASK: &str = "SELECT * FROM task WHERE key = $1 AND deleted_ms IS NULL";
const FORGET: &str = "DELETE FROM watch WHERE task_no = $1";
const INSERT: &str = "INSERT INTO watch (task_no, unit_no, project, repository, paths) VALUES";
const OF_REPOSITORY: &str = "SELECT w.task_no, w.unit_no, w.paths FROM repositories r JOIN watch w \
    ON w.repository = r.name AND w.project = r.project WHERE r.no = $1";
const NOTE: &str =
    "INSERT INTO event (task_no, unit_no, path, id, user_name, created_ms, modified_ms, due_ms) VALUES";
const COALESCE: &str = "ON CONFLICT (task_no, unit_no, path) DO UPDATE SET id = excluded.id, \
    user_name = excluded.user_name, modified_ms = excluded.modified_ms, due_ms = excluded.due_ms, tries = 0";

/// Makes the watches of a task what its row says.
pub(crate) async fn follow(write: &mut Write, key: &str) -> StoreResult<()> {
    let Some(row) = write.fetch_optional(TASK, vec![text(key)]).await? else {
        return Ok(());
    };
    let (no, task) = (row.int("no")?, crate::tasks::read(&row)?);
    forget(write, no).await?;
    if !task.watches() {
        return Ok(());
    }
    let mut rows = Vec::new();
    for target_no in 0..task.targets.len() {
        for (object_no, object) in task.objects.iter().enumerate() {
            let paths = match &object.scope {
                Scope::Repository => None,
                Scope::Paths(paths) => Some(paths.clone()),
                Scope::Packages(_) => Some(Vec::new()),
            };
            rows.push(vec![
                int(no),
                int(unit_no(task.objects.len(), target_no, object_no).into()),
                text(&task.project),
                text(&object.local_repository),
                maybe(paths.as_ref(), json),
            ]);
        }
    }
    write.insert_all(INSERT, 5, "", rows).await?;
    Ok(())
}

/// Ends the watches of a task.
pub(crate) async fn forget(write: &mut Write, task_no: i64) -> StoreResult<()> {
    write.execute(FORGET, vec![int(task_no)]).await?;
    Ok(())
}

/// Says whether what was noted for one version of a task is to be carried by another one.
pub(crate) fn keeps_events(old: &Task, new: &Task) -> bool {
    new.settings.trigger == Trigger::RealTime
        && (&old.project, &old.objects, &old.targets) == (&new.project, &new.objects, &new.targets)
}

/// One unit of a task that watches a repository.
struct Watch {
    task_no: i64,
    unit_no: i64,
    paths: Option<Vec<FilePath>>,
}

impl Watch {
    fn read(row: &Row) -> StoreResult<Self> {
        Ok(Self {
            task_no: row.int("task_no")?,
            unit_no: row.int("unit_no")?,
            paths: row
                .maybe_text("paths")?
                .map(|paths| from_json("watch", &paths))
                .transpose()?,
        })
    }

    fn covers(&self, path: &FilePath) -> bool {
        let within = |paths: &Vec<FilePath>| paths.iter().any(|folder| path.is_within(folder));
        self.paths.as_ref().is_none_or(within)
    }
}

async fn watches(write: &mut Write, repository_no: i64) -> StoreResult<Vec<Watch>> {
    let rows = write.fetch_all(OF_REPOSITORY, vec![int(repository_no)]).await?;
    rows.iter().map(Watch::read).collect()
}

impl HostedData {
    /// Notes within `write` that `files` are written, for every task that watches them.
    ///
    /// Tasks hear of it once the transaction is committed.
    pub(crate) async fn note_changed(
        &self,
        write: &mut Write,
        repository_no: i64,
        files: &[NodeRow],
    ) -> StoreResult<()> {
        if files.is_empty() {
            return Ok(());
        }
        let now_ms = self.now_ms();
        let mut rows = Vec::new();
        for watch in watches(write, repository_no).await? {
            rows.extend(files.iter().filter(|file| watch.covers(&file.path)).map(|file| {
                vec![
                    int(watch.task_no),
                    int(watch.unit_no),
                    text(file.path.as_str()),
                    blob(*self.next_id::<EventId>().as_bytes()),
                    text(&file.modified_by),
                    int(now_ms),
                    int(now_ms),
                    int(now_ms),
                ]
            }));
        }
        if !rows.is_empty() {
            write.insert_all(NOTE, 8, COALESCE, rows).await?;
            write.ring_once_committed(self.event_bell());
        }
        Ok(())
    }

    /// Takes back within `write` what was noted of `paths`, under which no file stands any more.
    ///
    /// REAL_TIME tasks carry no removals: what is gone before it was carried needs not be carried.
    pub(crate) async fn note_removed(
        &self,
        write: &mut Write,
        repository_no: i64,
        paths: &[String],
    ) -> StoreResult<()> {
        if paths.is_empty() {
            return Ok(());
        }
        for watch in watches(write, repository_no).await? {
            for list in lists(paths) {
                let sql = format!(
                    "DELETE FROM event WHERE task_no = ? AND unit_no = ? AND path IN ({})",
                    list_of(list.len())
                );
                let values = [int(watch.task_no), int(watch.unit_no)]
                    .into_iter()
                    .chain(list.into_iter().map(text))
                    .collect();
                write.execute(sql, values).await?;
            }
        }
        Ok(())
    }
}
