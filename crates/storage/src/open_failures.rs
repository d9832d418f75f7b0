//! Reads open failures, and dismisses them: in time bounded by the page, through counters and indexes.
//!
//! Filters that name a task, a target or a repository choose scopes, of which there are as many as tasks
//! have repositories and targets; each knows how many rows it has. Only retries are looked up in the rows.

use std::collections::BTreeSet;

use domain::artifact::ArtifactKey;
use domain::id::{ClusterId, DetailId, RecordId, TaskKey};
use domain::open_failure::OpenFailure;
use domain::repository::RepositoryRef;

use crate::Store;
use crate::builder::Builder;
use crate::db::{Row, Snapshot, StoreResult, blob, int, list_of, size, unindexed};
use crate::failing;
use crate::page::{Page, PageRequest};
use crate::records::OPEN;
use crate::rows::from_json;

/// Up to so many selected rows are put in order for each page; more are walked through in their order, in
/// an index that holds all that is filtered by.
const FEW: u64 = 1_000;
/// Rows dismissed by one transaction.
const BATCH: usize = 1_000;

/// What a list of open failures is ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailureSort {
    /// When it failed first.
    Created,
    /// When it failed last.
    #[default]
    Modified,
    /// How many retries failed.
    Retries,
}

impl FailureSort {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_ms",
            Self::Modified => "modified_ms",
            Self::Retries => "retries",
        }
    }
}

/// What kind of artifact failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A file.
    Path,
    /// A package version.
    Package,
    /// A whole repository: none are kept, what a run did not attempt is said in its record's reason.
    Repository,
}

/// Selects and orders open failures; every member given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureFilter {
    /// Exactly this task.
    pub task_key: Option<String>,
    /// Exactly this target cluster, by id.
    pub cluster_id: Option<String>,
    /// Exactly this local project.
    pub project: Option<String>,
    /// Exactly this local repository.
    pub repository: Option<String>,
    /// Exactly this project at the target.
    pub remote_project: Option<String>,
    /// Exactly this repository at the target.
    pub remote_repository: Option<String>,
    /// Exactly this kind.
    pub kind: Option<FailureKind>,
    /// More failed retries than this.
    pub more_retries_than: Option<i64>,
    /// Whether it is being retried.
    pub retrying: Option<bool>,
    /// What to order by; ties by id.
    pub sort: FailureSort,
    /// Smallest first instead of largest first.
    pub ascending: bool,
}

/// The open failures of this node; those of hidden tasks are gone.
pub struct OpenFailures<'a>(pub(crate) &'a Store);

const SCOPES: &str = "SELECT s.*, t.deleted_ms IS NULL AS visible FROM failure_scope s \
    JOIN task t ON t.key = s.task_key WHERE s.rows > 0";
const VISIBLE: &str =
    "SELECT s.no FROM failure_scope s JOIN task t ON t.key = s.task_key AND t.deleted_ms IS NULL";

impl OpenFailures<'_> {
    /// Returns one page of the open failures `filter` selects.
    pub async fn page(&self, filter: &FailureFilter, page: PageRequest) -> StoreResult<Page<OpenFailure>> {
        let mut read = self.0.db().snapshot().await?;
        let selection = Selection::read(&mut read, filter).await?;
        let total = selection.total(&mut read).await?;
        if page.offset() >= total {
            return Ok(Page::empty(total));
        }
        let rows = selection.rows(&mut read, total, page).await?;
        Ok(Page {
            rows: rows.iter().map(self::read).collect::<StoreResult<_>>()?,
            total,
        })
    }

    /// Returns the open failure with this id.
    pub async fn get(&self, id: DetailId) -> StoreResult<Option<OpenFailure>> {
        let mut sql = Builder::default();
        shown(&mut sql, |sql| {
            sql.push("SELECT no FROM open_failure WHERE id = ")
                .bind(blob(*id.as_bytes()));
            sql.push(" AND scope_no IN (").push(VISIBLE).push(")");
        });
        let row = self.0.db().fetch_optional(sql.sql, sql.values).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Dismisses those with one of `ids` and more failed retries than `more_retries_than`, as far as either is
    /// given; returns how many. With neither, nothing is dismissed.
    pub async fn dismiss(
        &self,
        ids: Option<&[DetailId]>,
        more_retries_than: Option<i64>,
    ) -> StoreResult<u64> {
        let mut dismissed = 0;
        match (ids, more_retries_than) {
            (Some(ids), _) => {
                for part in ids.chunks(BATCH) {
                    let ids = part.iter().map(|id| blob(*id.as_bytes()));
                    let sql = format!(
                        "SELECT no, scope_no FROM open_failure WHERE id IN ({}) AND retries > ? \
                         AND scope_no IN ({VISIBLE})",
                        list_of(part.len())
                    );
                    let values = ids.chain([int(more_retries_than.unwrap_or(-1))]).collect();
                    let mut write = self.0.db().begin().await?;
                    let rows = write.fetch_all(sql, values).await?;
                    dismissed += failing::remove(&mut write, &rows).await?;
                    write.commit().await?;
                }
            }
            (None, Some(retries)) => loop {
                let sql = format!(
                    "SELECT no, scope_no FROM open_failure WHERE retries > $1 AND {} IN ({VISIBLE}) LIMIT $2",
                    unindexed("scope_no")
                );
                let mut write = self.0.db().begin().await?;
                let rows = write
                    .fetch_all(sql, vec![int(retries), size(BATCH as u64)])
                    .await?;
                if rows.is_empty() {
                    break;
                }
                dismissed += failing::remove(&mut write, &rows).await?;
                write.commit().await?;
            },
            (None, None) => {}
        }
        Ok(dismissed)
    }
}

/// What a filter selects.
struct Selection<'a> {
    filter: &'a FailureFilter,
    scopes: Vec<i64>,
    /// Whether those are all scopes that have rows.
    every_scope: bool,
    rows: u64,
}

impl<'a> Selection<'a> {
    async fn read(read: &mut Snapshot, filter: &'a FailureFilter) -> StoreResult<Self> {
        let found = read.fetch_all(SCOPES, vec![]).await?;
        let mut selection = Self {
            filter,
            scopes: Vec::new(),
            every_scope: true,
            rows: 0,
        };
        for row in found {
            if row.flag("visible")? && filter.may_match(&row)? {
                selection.scopes.push(row.int("no")?);
                selection.rows += row.size("rows")?;
            } else {
                selection.every_scope = false;
            }
        }
        Ok(selection)
    }

    /// Says whether the counters of the scopes alone decide how many rows there are.
    fn is_by_scope(&self) -> bool {
        self.filter.retrying.is_none() && self.least_retries().is_none()
    }

    /// Returns the bound of retries, unless every row is above it.
    fn least_retries(&self) -> Option<i64> {
        self.filter.more_retries_than.filter(|retries| *retries >= 0)
    }

    async fn total(&self, read: &mut Snapshot) -> StoreResult<u64> {
        if self.rows == 0 || self.is_by_scope() {
            return Ok(self.rows);
        }
        if self.filter.retrying == Some(false) {
            // Few are being retried: the others need not be looked at.
            let all = match self.least_retries() {
                None => self.rows,
                Some(_) => self.count(read, None).await?,
            };
            let retrying = self.count(read, Some(true)).await?;
            return Ok(all.saturating_sub(retrying));
        }
        self.count(read, self.filter.retrying).await
    }

    async fn count(&self, read: &mut Snapshot, retrying: Option<bool>) -> StoreResult<u64> {
        let mut sql = Builder::new("SELECT COUNT(*) AS rows FROM open_failure WHERE 1 = 1");
        self.and_scopes(&mut sql, false);
        self.and_conditions(&mut sql, retrying, false);
        let row = read.fetch_optional(sql.sql, sql.values).await?;
        row.map_or(Ok(0), |row| row.size("rows"))
    }

    /// Reads a page, from the end of the list it is nearer to.
    async fn rows(&self, read: &mut Snapshot, total: u64, page: PageRequest) -> StoreResult<Vec<Row>> {
        let skip = page.offset();
        let take = u64::from(page.size).min(total - skip);
        let behind = total - skip - take;
        let forth = behind >= skip;
        let skip = if forth { skip } else { behind };
        let direction = if self.filter.ascending == forth {
            "ASC"
        } else {
            "DESC"
        };
        let column = self.filter.sort.column();
        let sorted = total <= FEW && !(self.every_scope && self.is_by_scope());
        let mut sql = Builder::default();
        shown(&mut sql, |sql| {
            sql.push("SELECT no FROM open_failure WHERE 1 = 1");
            self.and_scopes(sql, sorted && self.is_by_scope());
            self.and_conditions(sql, self.filter.retrying, !sorted);
            let order = if sorted { unindexed(column) } else { column.into() };
            sql.push(&format!(" ORDER BY {order} {direction}, id {direction} LIMIT "))
                .bind(size(take));
            sql.push(" OFFSET ").bind(size(skip));
        });
        let shown = if self.filter.ascending { "ASC" } else { "DESC" };
        sql.push(&format!(" ORDER BY f.{column} {shown}, f.id {shown}"));
        read.fetch_all(sql.sql, sql.values).await
    }

    fn and_scopes(&self, sql: &mut Builder, by_index: bool) {
        if self.every_scope {
            return;
        }
        let column = if by_index {
            "scope_no".into()
        } else {
            unindexed("scope_no")
        };
        sql.push(&format!(" AND {column} IN "))
            .bind_list(self.scopes.iter().map(|no| int(*no)));
    }

    fn and_conditions(&self, sql: &mut Builder, retrying: Option<bool>, in_order: bool) {
        let column = |name: &str| match in_order {
            true => unindexed(name),
            false => name.to_owned(),
        };
        if let Some(retries) = self.least_retries() {
            sql.push(&format!(" AND {} > ", column("retries")))
                .bind(int(retries));
        }
        let open = format!("(SELECT no FROM record WHERE {OPEN})");
        match retrying {
            Some(true) => sql.push(&format!(" AND {} IN {open}", column("retry_no"))),
            Some(false) => sql.push(&format!(" AND (retry_no IS NULL OR retry_no NOT IN {open})")),
            None => sql,
        };
    }
}

impl FailureFilter {
    fn may_match(&self, scope: &Row) -> StoreResult<bool> {
        let cluster = scope.maybe_blob("cluster_id")?.map(hex::encode);
        let kinds: BTreeSet<i64> = match self.kind {
            None => [0, 1].into(),
            Some(FailureKind::Path) => [0].into(),
            Some(FailureKind::Package) => [1].into(),
            Some(FailureKind::Repository) => BTreeSet::new(),
        };
        let exact = [
            (&self.task_key, scope.text("task_key")?),
            (&self.project, scope.text("project")?),
            (&self.repository, scope.text("repository")?),
            (&self.remote_project, scope.text("remote_project")?),
            (&self.remote_repository, scope.text("remote_repository")?),
            (&self.cluster_id, cluster.unwrap_or_default()),
        ];
        Ok(kinds.contains(&scope.int("kind")?)
            && exact
                .iter()
                .all(|(wanted, found)| wanted.as_ref().is_none_or(|wanted| wanted == found)))
    }
}

/// Puts a statement together that shows the rows whose numbers `page` selects.
fn shown(sql: &mut Builder, page: impl FnOnce(&mut Builder)) {
    sql.push(
        "SELECT f.id, f.name, f.version, f.why, f.retries, f.created_ms, f.modified_ms, s.task_key, s.cluster, \
         s.cluster_id, s.project, s.repository, s.remote_project, s.remote_repository, s.kind, \
         r.id AS record_id, EXISTS (SELECT 1 FROM record WHERE no = f.retry_no AND ",
    );
    sql.push(OPEN).push(") AS retrying FROM (");
    page(sql);
    sql.push(
        ") page CROSS JOIN open_failure f ON f.no = page.no JOIN failure_scope s ON s.no = f.scope_no \
         JOIN record r ON r.no = f.record_no",
    );
}

fn read(row: &Row) -> StoreResult<OpenFailure> {
    let cluster_id = row.maybe_blob("cluster_id")?;
    let why = row.maybe_text("why")?;
    let version = (row.int("kind")? == 1).then(|| row.text("version")).transpose()?;
    Ok(OpenFailure {
        id: DetailId::from(row.bytes("id")?),
        task_key: TaskKey(row.text("task_key")?),
        cluster: row.text("cluster")?,
        cluster_id: cluster_id
            .and_then(|id| <[u8; 12]>::try_from(id).ok())
            .map(ClusterId::from),
        local: RepositoryRef::new(row.text("project")?, row.text("repository")?),
        remote: RepositoryRef::new(row.text("remote_project")?, row.text("remote_repository")?),
        artifact: ArtifactKey {
            name: row.text("name")?,
            version,
        },
        failure: why.map(|why| from_json("open_failure", &why)).transpose()?,
        record_id: RecordId::from(row.bytes("record_id")?),
        retries: u32::try_from(row.int("retries")?).unwrap_or(u32::MAX),
        retrying: row.flag("retrying")?,
        created_ms: row.int("created_ms")?,
        modified_ms: row.int("modified_ms")?,
    })
}
