//! Events as people see them: what was noted and is not delivered, page by page, and what to do about it.

use domain::id::{EventId, TaskKey};

use crate::db::{Row, StoreResult, Value, blob, int, size, text};
use crate::events::Events;
use crate::page::{Page, PageRequest};

/// A change that has not arrived at one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Its id; another change of the artifact gets another one.
    pub id: EventId,
    /// Task that has to carry it.
    pub task_key: TaskKey,
    /// Project of the repository it happened in.
    pub project: String,
    /// That repository.
    pub repository: String,
    /// Path of the file.
    pub path: String,
    /// Who changed it.
    pub user: String,
    /// When the first change happened that has not arrived (Unix milliseconds).
    pub created_ms: i64,
    /// When it changed or was tried last (Unix milliseconds).
    pub modified_ms: i64,
    /// How often it failed.
    pub tries: u32,
    /// Whether a run has it in hand.
    pub in_hand: bool,
}

/// Selects and orders undelivered events; every member given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of exactly this task.
    pub task: Option<TaskKey>,
    /// Whether it was tried, without success, and is in nobody's hand.
    pub tried: Option<bool>,
    /// By the latest change or try instead of the first change.
    pub by_modified: bool,
    /// Oldest first instead of newest first.
    pub ascending: bool,
}

const FROM: &str = "FROM event e JOIN task t ON t.no = e.task_no AND t.deleted_ms IS NULL WHERE 1 = 1";
const RETRY_ONE: &str = "UPDATE event SET due_ms = $2 WHERE id = $1";
const RETRY_TASK: &str =
    "UPDATE event SET due_ms = $2 WHERE task_no = $1 AND taken_id IS NULL AND COALESCE(due_ms, $2 + 1) > $2";
const LET_GO_ONE: &str = "UPDATE watch SET misses = 0, hold_until_ms = 0 WHERE hold_until_ms > 0 AND (task_no, unit_no) = \
    (SELECT task_no, unit_no FROM event WHERE id = $1)";
const LET_GO_TASK: &str =
    "UPDATE watch SET misses = 0, hold_until_ms = 0 WHERE hold_until_ms > 0 AND task_no = $1";
const REMOVE_ONE: &str = "DELETE FROM event WHERE id = $1";
const REMOVE_TASK: &str = "DELETE FROM event WHERE task_no = $1";
const TASK: &str = "SELECT no FROM task WHERE key = $1 AND deleted_ms IS NULL";

impl Events<'_> {
    /// Returns one page of the events `filter` selects, ties ordered by id.
    pub async fn page(&self, filter: &EventFilter, page: PageRequest) -> StoreResult<Page<Undelivered>> {
        let (condition, mut values) = condition(filter);
        let count = format!("SELECT COUNT(*) AS rows {FROM}{condition}");
        let total = self.0.db().fetch_all(count, values.clone()).await?;
        let total = total.first().map_or(Ok(0), |row| row.size("rows"))?;
        let direction = if filter.ascending { "ASC" } else { "DESC" };
        let order = if filter.by_modified {
            "e.modified_ms"
        } else {
            "e.created_ms"
        };
        let n = values.len();
        let sql = format!(
            "SELECT e.*, t.key, t.project, t.objects {FROM}{condition} \
             ORDER BY {order} {direction}, e.id {direction} LIMIT ${} OFFSET ${}",
            n + 1,
            n + 2
        );
        values.extend([int(page.size.into()), size(page.offset())]);
        let rows = self.0.db().fetch_all(sql, values).await?;
        Ok(Page {
            rows: rows.iter().map(read).collect::<StoreResult<_>>()?,
            total,
        })
    }

    /// Returns an event.
    pub async fn get(&self, id: EventId) -> StoreResult<Option<Undelivered>> {
        let sql = format!("SELECT e.*, t.key, t.project, t.objects {FROM} AND e.id = $1");
        let row = self
            .0
            .db()
            .fetch_optional(sql, vec![blob(*id.as_bytes())])
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Lets an event be carried now; says whether there is one.
    pub async fn retry(&self, id: EventId, now_ms: i64) -> StoreResult<bool> {
        let id = blob(*id.as_bytes());
        let mut write = self.0.db().begin().await?;
        let touched = write.execute(RETRY_ONE, vec![id.clone(), int(now_ms)]).await?;
        write.execute(LET_GO_ONE, vec![id]).await?;
        write.ring_once_committed(self.0.event_bell().clone());
        write.commit().await?;
        Ok(touched > 0)
    }

    /// Lets everything a task has still to carry be carried now.
    pub async fn retry_all(&self, task: &TaskKey, now_ms: i64) -> StoreResult<()> {
        let mut write = self.0.db().begin().await?;
        if let Some(row) = write.fetch_optional(TASK, vec![text(&task.0)]).await? {
            let no = int(row.int("no")?);
            write.execute(RETRY_TASK, vec![no.clone(), int(now_ms)]).await?;
            write.execute(LET_GO_TASK, vec![no]).await?;
        }
        write.ring_once_committed(self.0.event_bell().clone());
        write.commit().await
    }

    /// Forgets an event: its change is not carried. What a run has in hand is carried all the same.
    pub async fn remove(&self, id: EventId) -> StoreResult<()> {
        self.0
            .db()
            .execute(REMOVE_ONE, vec![blob(*id.as_bytes())])
            .await?;
        Ok(())
    }

    /// Forgets every event of a task.
    pub async fn remove_all(&self, task: &TaskKey) -> StoreResult<()> {
        let mut write = self.0.db().begin().await?;
        if let Some(row) = write.fetch_optional(TASK, vec![text(&task.0)]).await? {
            write.execute(REMOVE_TASK, vec![int(row.int("no")?)]).await?;
        }
        write.commit().await
    }
}

fn condition(filter: &EventFilter) -> (String, Vec<Value>) {
    let tried = match filter.tried {
        None => "",
        Some(true) => " AND e.tries > 0 AND e.taken_id IS NULL",
        Some(false) => " AND (e.tries = 0 OR e.taken_id IS NOT NULL)",
    };
    match &filter.task {
        None => (tried.into(), Vec::new()),
        Some(task) => (format!("{tried} AND t.key = $1"), vec![text(&task.0)]),
    }
}

fn read(row: &Row) -> StoreResult<Undelivered> {
    let objects: Vec<domain::task::TaskObject> = crate::rows::from_json("task", &row.text("objects")?)?;
    let unit_no = usize::try_from(row.int("unit_no")?).unwrap_or_default();
    let object = objects.get(unit_no % objects.len().max(1));
    Ok(Undelivered {
        id: EventId::from(row.bytes("id")?),
        task_key: TaskKey(row.text("key")?),
        project: row.text("project")?,
        repository: object
            .map(|object| object.local_repository.clone())
            .unwrap_or_default(),
        path: row.text("path")?,
        user: row.text("user_name")?,
        created_ms: row.int("created_ms")?,
        modified_ms: row.int("modified_ms")?,
        tries: u32::try_from(row.int("tries")?).unwrap_or(u32::MAX),
        in_hand: row.maybe_blob("taken_id")?.is_some(),
    })
}
