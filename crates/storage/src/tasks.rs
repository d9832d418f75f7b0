//! Tasks: the standing instructions, and what is known of their runs.

use domain::detail::DetailStatus;
use domain::id::{ClusterId, TaskId, TaskKey};
use domain::record::RecordEnd;
use domain::task::{Task, TaskStatus};

use crate::Store;
use crate::db::{Row, StoreResult, Value, Write, blob, flag, int, maybe, prefix_end, size, text};
use crate::live::Subject;
use crate::page::{Page, PageRequest};
use crate::records::is_busy;
use crate::rows::{audit, audit_values, from_json, from_word, json, one_row, unreadable, word};
use crate::watches;

/// What a list of tasks is ordered by; tasks without such a time come as if it were the oldest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TaskSort {
    /// Time of creation.
    #[default]
    Created,
    /// Start of the latest run.
    LastRun,
    /// Start of the next run.
    NextRun,
}

/// Selects and orders tasks; every member given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Exactly this project.
    pub project: Option<String>,
    /// Names that begin so. Literal, case-sensitive.
    pub name_prefix: Option<String>,
    /// How the latest run stands.
    pub last_status: Option<DetailStatus>,
    /// Whether triggers may start it.
    pub enabled: Option<bool>,
    /// What to order by.
    pub sort: TaskSort,
    /// Oldest first instead of newest first.
    pub ascending: bool,
}

/// The tasks of this node; hidden ones are gone for everybody but the purge.
pub struct Tasks<'a>(pub(crate) &'a Store);

/// What `task.last_end` holds while a record is open.
pub(crate) const RUNNING: &str = "running";

const COLUMNS: usize = 20;
const INSERT: &str = "INSERT INTO task (key, id, name, project, objects, targets, settings, enabled, description, \
    keeps_details, reserve_days, status, last_end, last_run_ms, next_run_ms, runs, \
    created_by, created_ms, modified_by, modified_ms) VALUES ";
const REPLACE: &str = "UPDATE task SET id = $2, name = $3, project = $4, objects = $5, targets = $6, settings = $7, \
    enabled = $8, description = $9, keeps_details = $10, reserve_days = $11, status = $12, last_end = $13, \
    last_run_ms = $14, next_run_ms = $15, runs = $16, created_by = $17, created_ms = $18, modified_by = $19, \
    modified_ms = $20 WHERE key = $1 AND deleted_ms IS NULL";
const BY_KEY: &str = "SELECT * FROM task WHERE key = $1 AND deleted_ms IS NULL";
const BY_NAME: &str = "SELECT * FROM task WHERE name = $1 AND deleted_ms IS NULL";
const SET_ENABLED: &str = "UPDATE task SET enabled = $2, status = $3, modified_by = $4, modified_ms = $5 \
    WHERE key = $1 AND deleted_ms IS NULL";
const SET_NEXT_RUN: &str = "UPDATE task SET next_run_ms = $2 WHERE key = $1 AND deleted_ms IS NULL";
const SCHEDULED: &str = "SELECT * FROM task WHERE next_run_ms IS NOT NULL AND enabled = 1 AND deleted_ms IS NULL \
    ORDER BY next_run_ms, no";
const DUE: &str = "SELECT * FROM task WHERE next_run_ms IS NOT NULL AND next_run_ms <= $1 AND enabled = 1 \
    AND deleted_ms IS NULL ORDER BY next_run_ms, no LIMIT $2";
const NEXT_DUE: &str = "SELECT next_run_ms FROM task WHERE next_run_ms IS NOT NULL AND enabled = 1 \
    AND deleted_ms IS NULL ORDER BY next_run_ms LIMIT 1";
const QUEUED: &str = "SELECT * FROM task t WHERE queued = 1 AND enabled = 1 AND deleted_ms IS NULL AND NOT EXISTS \
    (SELECT 1 FROM record r WHERE r.task_key = t.key AND r.status IN ('waiting', 'running', 'stopping')) ORDER BY no LIMIT $1";
const HIDE: &str = "UPDATE task SET deleted_ms = $2, enabled = 0, queued = 0, next_run_ms = NULL \
    WHERE key = $1 AND deleted_ms IS NULL";
const FORGET_EVENTS: &str = "DELETE FROM event WHERE task_no = $1";
const FEED_NO_MORE: &str = "UPDATE record SET events_of = NULL WHERE events_of = $1 \
    AND status IN ('waiting', 'running', 'stopping')";
const USING_CLUSTER: &str =
    "SELECT name FROM task WHERE targets LIKE $1 AND deleted_ms IS NULL ORDER BY name";

impl Tasks<'_> {
    /// Adds `task`; [`crate::StoreError::Taken`] when its name or key is.
    pub async fn insert(&self, task: &Task) -> StoreResult<()> {
        let mut write = self.0.db().begin().await?;
        insert(&mut write, task).await?;
        write.commit().await
    }

    /// Replaces everything kept under the key of `task`, its id too; says whether there is such a task.
    ///
    /// What was noted for it and not carried yet goes when it is to carry something else, elsewhere, or at
    /// other times; a run that is going on takes nothing more of it then.
    pub async fn replace(&self, task: &Task) -> StoreResult<bool> {
        let mut write = self.0.db().begin().await?;
        let replaced = replace(&mut write, task).await?.is_some();
        write.commit().await?;
        Ok(replaced)
    }

    /// Returns the task with this key.
    pub async fn by_key(&self, key: &TaskKey) -> StoreResult<Option<Task>> {
        let row = self.0.db().fetch_optional(BY_KEY, vec![text(&key.0)]).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Returns the task with this name.
    pub async fn by_name(&self, name: &str) -> StoreResult<Option<Task>> {
        let row = self.0.db().fetch_optional(BY_NAME, vec![text(name)]).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Returns one page of the tasks `filter` selects, ties ordered by id.
    pub async fn page(&self, filter: &TaskFilter, page: PageRequest) -> StoreResult<Page<Task>> {
        let (condition, mut values) = condition(filter);
        let count = format!("SELECT COUNT(*) AS rows FROM task WHERE {condition}");
        let total = self.0.db().fetch_all(count, values.clone()).await?;
        let total = total.first().map_or(Ok(0), |row| row.size("rows"))?;
        let direction = if filter.ascending { "ASC" } else { "DESC" };
        let order = match filter.sort {
            TaskSort::Created => "created_ms",
            TaskSort::LastRun => "COALESCE(last_run_ms, -1)",
            TaskSort::NextRun => "COALESCE(next_run_ms, -1)",
        };
        let n = values.len();
        let sql = format!(
            "SELECT * FROM task WHERE {condition} ORDER BY {order} {direction}, id {direction} LIMIT ${} OFFSET ${}",
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

    /// Switches a task on or off; says whether there is such a task.
    ///
    /// Changes of what it covers are noted for it from now on, or no more.
    pub async fn set_enabled(
        &self,
        key: &TaskKey,
        enabled: bool,
        status: TaskStatus,
        user: &str,
        now_ms: i64,
    ) -> StoreResult<bool> {
        let values = vec![
            text(&key.0),
            flag(enabled),
            text(word(&status)),
            text(user),
            int(now_ms),
        ];
        let mut write = self.0.db().begin().await?;
        let known = write.execute(SET_ENABLED, values).await? > 0;
        watches::follow(&mut write, &key.0).await?;
        write.changed(Subject::Task(key.clone()));
        write.commit().await?;
        Ok(known)
    }

    /// Notes when a task will start by itself next.
    pub async fn set_next_run(&self, key: &TaskKey, next_run_ms: Option<i64>) -> StoreResult<()> {
        let values = vec![text(&key.0), maybe(next_run_ms, int)];
        let mut write = self.0.db().begin().await?;
        write.execute(SET_NEXT_RUN, values).await?;
        write.changed(Subject::Task(key.clone()));
        write.commit().await
    }

    /// Returns every task that is enabled and will start by itself, the next one first.
    pub async fn scheduled(&self) -> StoreResult<Vec<Task>> {
        let rows = self.0.db().fetch_all(SCHEDULED, vec![]).await?;
        rows.iter().map(read).collect()
    }

    /// Returns when the next enabled task is due (Unix milliseconds).
    pub async fn next_due_ms(&self) -> StoreResult<Option<i64>> {
        let row = self.0.db().fetch_optional(NEXT_DUE, vec![]).await?;
        row.map(|row| row.int("next_run_ms")).transpose()
    }

    /// Returns at most `limit` enabled tasks with a trigger that came during a run which has ended.
    pub async fn queued(&self, limit: usize) -> StoreResult<Vec<Task>> {
        let rows = self.0.db().fetch_all(QUEUED, vec![size(limit as u64)]).await?;
        rows.iter().map(read).collect()
    }

    /// Returns at most `limit` enabled tasks whose next start is not after `now_ms`, the longest due first.
    pub async fn due(&self, now_ms: i64, limit: usize) -> StoreResult<Vec<Task>> {
        let rows = self
            .0
            .db()
            .fetch_all(DUE, vec![int(now_ms), size(limit as u64)])
            .await?;
        rows.iter().map(read).collect()
    }

    /// Stops showing a task and its log at once, and frees its name; says whether there was one.
    ///
    /// Its rows are removed later, in batches. An open record of it is to be stopped by the caller.
    pub async fn hide(&self, key: &TaskKey) -> StoreResult<bool> {
        let mut write = self.0.db().begin().await?;
        let hidden = hide(&mut write, key, self.0.now_ms()).await?.is_some();
        write.commit().await?;
        Ok(hidden)
    }

    /// Returns the names of the tasks that write to a cluster.
    pub async fn using_cluster(&self, id: ClusterId) -> StoreResult<Vec<String>> {
        let rows = self
            .0
            .db()
            .fetch_all(USING_CLUSTER, vec![text(format!("%{id}%"))])
            .await?;
        rows.iter().map(|row| row.text("name")).collect()
    }
}

/// Adds a task, within a transaction.
pub(crate) async fn insert(write: &mut Write, task: &Task) -> StoreResult<()> {
    let sql = format!("{INSERT}{}", one_row(COLUMNS));
    write.execute(sql, values(task)).await?;
    write.changed(Subject::Task(task.key.clone()));
    watches::follow(write, &task.key.0).await
}

/// Replaces a task, within a transaction; returns what it was.
pub(crate) async fn replace(write: &mut Write, task: &Task) -> StoreResult<Option<Task>> {
    let Some(row) = write.fetch_optional(BY_KEY, vec![text(&task.key.0)]).await? else {
        return Ok(None);
    };
    let old = read(&row)?;
    let replaced = with_past_of(write, &old, task).await?;
    write.execute(REPLACE, values(&replaced)).await?;
    write.changed(Subject::Task(task.key.clone()));
    if !watches::keeps_events(&old, task) {
        let no = int(row.int("no")?);
        write.execute(FORGET_EVENTS, vec![no.clone()]).await?;
        write.execute(FEED_NO_MORE, vec![no]).await?;
    }
    watches::follow(write, &task.key.0).await?;
    Ok(Some(old))
}

/// Returns `task` with what happened to it since its caller read it: a run may have begun, or ended.
async fn with_past_of(write: &mut Write, old: &Task, task: &Task) -> StoreResult<Task> {
    let mut replaced = Task {
        runs: old.runs.max(task.runs),
        last_run_ms: old.last_run_ms.max(task.last_run_ms),
        ..task.clone()
    };
    if is_busy(write, &task.key).await? {
        replaced.status = old.status;
        replaced.last_end = old.last_end;
    }
    Ok(replaced)
}

/// Hides a task, within a transaction; returns what it was.
pub(crate) async fn hide(write: &mut Write, key: &TaskKey, now_ms: i64) -> StoreResult<Option<Task>> {
    let Some(row) = write.fetch_optional(BY_KEY, vec![text(&key.0)]).await? else {
        return Ok(None);
    };
    write.execute(HIDE, vec![text(&key.0), int(now_ms)]).await?;
    watches::forget(write, row.int("no")?).await?;
    write.changed(Subject::Task(key.clone()));
    read(&row).map(Some)
}

fn condition(filter: &TaskFilter) -> (String, Vec<Value>) {
    let mut condition = String::from("deleted_ms IS NULL");
    let mut values = Vec::new();
    let mut and = |text: &str, value: Option<Value>| {
        condition.push_str(" AND ");
        condition.push_str(text);
        if let Some(value) = value {
            values.push(value);
            condition.push_str(&format!("${}", values.len()));
        }
    };
    if let Some(project) = &filter.project {
        and("project = ", Some(text(project)));
    }
    if let Some(prefix) = &filter.name_prefix {
        and("name >= ", Some(text(prefix)));
        if let Some(end) = prefix_end(prefix) {
            and("name < ", Some(text(end)));
        }
    }
    match filter.last_status {
        Some(DetailStatus::Running) => and("last_end = ", Some(text(RUNNING))),
        Some(DetailStatus::Success) => and("last_end = ", Some(text(word(&RecordEnd::Succeeded)))),
        Some(DetailStatus::Failed) => and("last_end IN ('failed', 'stopped')", None),
        None => {}
    }
    if let Some(enabled) = filter.enabled {
        and("enabled = ", Some(flag(enabled)));
    }
    (condition, values)
}

fn values(task: &Task) -> Vec<Value> {
    let last_end = task.last_end.map(|end| match end {
        Some(end) => word(&end),
        None => RUNNING.into(),
    });
    let mut values = vec![
        text(&task.key.0),
        blob(*task.id.as_bytes()),
        text(&task.name),
        text(&task.project),
        json(&task.objects),
        json(&task.targets),
        json(&task.settings),
        flag(task.enabled),
        maybe(task.description.as_deref(), text),
        flag(task.keeps_details),
        int(task.reserve_days.into()),
        text(word(&task.status)),
        maybe(last_end, text),
        maybe(task.last_run_ms, int),
        maybe(task.next_run_ms, int),
        int(task.runs),
    ];
    values.extend(audit_values(&task.audit));
    values
}

pub(crate) fn read(row: &Row) -> StoreResult<Task> {
    let last_end = match row.maybe_text("last_end")? {
        None => None,
        Some(end) if end == RUNNING => Some(None),
        Some(end) => Some(Some(from_word("task", end)?)),
    };
    let reserve_days = row.int("reserve_days")?;
    Ok(Task {
        id: TaskId::from(row.bytes("id")?),
        key: TaskKey(row.text("key")?),
        name: row.text("name")?,
        project: row.text("project")?,
        objects: from_json("task", &row.text("objects")?)?,
        targets: from_json("task", &row.text("targets")?)?,
        settings: from_json("task", &row.text("settings")?)?,
        enabled: row.flag("enabled")?,
        description: row.maybe_text("description")?,
        keeps_details: row.flag("keeps_details")?,
        reserve_days: u32::try_from(reserve_days).map_err(|_| unreadable("task", reserve_days))?,
        status: from_word("task", row.text("status")?)?,
        last_end,
        last_run_ms: row.maybe_int("last_run_ms")?,
        next_run_ms: row.maybe_int("next_run_ms")?,
        runs: row.int("runs")?,
        audit: audit(row)?,
    })
}
