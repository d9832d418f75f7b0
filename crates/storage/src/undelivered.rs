//! Events as people see them: what was noted and is not delivered, page by page, and what to do about it.

use domain::id::{EventId, TaskKey};

use crate::builder::Builder;
use crate::db::{Row, StoreResult, blob, by_index, int, size, text};
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

const ONE: &str = "SELECT e.*, t.key, t.project, t.objects FROM event e JOIN task t ON t.no = e.task_no \
    AND t.deleted_ms IS NULL WHERE e.id = $1";
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
        let mut read = self.0.db().snapshot().await?;
        let task_no = match &filter.task {
            None => None,
            Some(key) => match read.fetch_optional(TASK, vec![text(&key.0)]).await? {
                Some(row) => Some(row.int("no")?),
                None => return Ok(Page::empty(0)),
            },
        };
        let mut count = Builder::new("SELECT COUNT(*) AS rows");
        filter.push_from(&mut count, task_no);
        let total = read.fetch_optional(count.sql, count.values).await?;
        let total = total.map_or(Ok(0), |row| row.size("rows"))?;
        let sql = filter.page(task_no, page);
        let rows = read.fetch_all(sql.sql, sql.values).await?;
        Ok(Page {
            rows: rows.iter().map(self::read).collect::<StoreResult<_>>()?,
            total,
        })
    }

    /// Returns an event.
    pub async fn get(&self, id: EventId) -> StoreResult<Option<Undelivered>> {
        let row = self
            .0
            .db()
            .fetch_optional(ONE, vec![blob(*id.as_bytes())])
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

impl EventFilter {
    /// Returns the statement for a page: its ids by index, then their rows.
    fn page(&self, task_no: Option<i64>, page: PageRequest) -> Builder {
        let column = if self.by_modified {
            "modified_ms"
        } else {
            "created_ms"
        };
        let direction = if self.ascending { "ASC" } else { "DESC" };
        let mut sql = Builder::new("SELECT e.*, t.key, t.project, t.objects FROM (SELECT e.id");
        self.push_from(&mut sql, task_no);
        sql.push(&format!(
            " ORDER BY e.{column} {direction}, e.id {direction} LIMIT "
        ))
        .bind(int(page.size.into()))
        .push(" OFFSET ")
        .bind(size(page.offset()))
        .push(") page CROSS JOIN event e ON e.id = page.id JOIN task t ON t.no = e.task_no")
        .push(&format!(" ORDER BY e.{column} {direction}, e.id {direction}"));
        sql
    }

    /// Adds where events are looked for, and which of them count.
    fn push_from(&self, sql: &mut Builder, task_no: Option<i64>) {
        let index = match (task_no, self.by_modified) {
            (None, false) => "event_by_created",
            (None, true) => "event_by_modified",
            (Some(_), false) => "event_of_task_by_created",
            (Some(_), true) => "event_of_task_by_modified",
        };
        let index = by_index(index);
        sql.push(&format!(
            " FROM event e {index} CROSS JOIN task h ON h.no = e.task_no AND h.deleted_ms IS NULL WHERE "
        ));
        match task_no {
            Some(task_no) => sql.push("e.task_no = ").bind(int(task_no)),
            None => sql.push("TRUE"),
        };
        sql.push(match self.tried {
            None => "",
            Some(true) => " AND e.tries > 0 AND e.taken_id IS NULL",
            Some(false) => " AND (e.tries = 0 OR e.taken_id IS NOT NULL)",
        });
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use testkit::ManualClock;

    use super::*;
    use crate::Store;

    #[tokio::test]
    async fn whatever_a_page_skips_is_passed_over_in_an_index() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(1_790_000_000_000));
        let store = Store::open(folder.path(), clock, None).await.expect("a store");

        for (task_no, by_modified, index) in [
            (None, false, "event_by_created"),
            (None, true, "event_by_modified"),
            (Some(1), false, "event_of_task_by_created (task_no=?)"),
            (Some(1), true, "event_of_task_by_modified (task_no=?)"),
        ] {
            let filter = EventFilter {
                by_modified,
                ..EventFilter::default()
            };
            let mut sql = filter.page(task_no, PageRequest::new(50, 20));
            sql.sql.insert_str(0, "EXPLAIN QUERY PLAN ");

            let rows = store.db().fetch_all(sql.sql, sql.values).await.expect("a plan");
            let steps = rows.iter().map(|row| row.text("detail").expect("a text"));
            let plan = steps.collect::<Vec<_>>().join("; ");
            assert!(plan.contains(index), "{plan}");
            // The one sort is that of the page's own rows.
            assert_eq!(plan.matches("TEMP B-TREE").count(), 1, "{plan}");
        }
    }
}
