//! Hosted repositories: their names, settings and how much they hold.

use domain::id::NodeId;
use domain::repository::{RepositoryRef, RepositoryType};

use crate::builder::Builder;
use crate::db::{Row, StoreError, StoreResult, blob, flag, int, maybe, size, text};
use crate::foreign::ForeignPlace;
use crate::hosted::HostedData;

/// The contract's category of repositories that stand for a registry elsewhere.
pub const FOREIGN: &str = "REMOTE";

/// A repository this node keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its number; nodes refer to it.
    pub no: i64,
    /// Its id.
    pub id: NodeId,
    /// Project and name.
    pub name: RepositoryRef,
    /// What it holds.
    pub repository_type: RepositoryType,
    /// The contract's category (`LOCAL`, `COMPOSITE`, ...), kept as it was given.
    pub category: String,
    /// Whether anybody may read it.
    pub public: bool,
    /// Whether lists show it.
    pub display: bool,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The contract's configuration object, kept as it was given (JSON).
    pub configuration: String,
    /// Most bytes it may hold.
    pub quota_bytes: Option<u64>,
    /// Bytes it holds.
    pub used_bytes: u64,
    /// Who made it.
    pub created_by: String,
    /// When, in Unix milliseconds.
    pub created_ms: i64,
    /// Who changed it last.
    pub modified_by: String,
    /// When, in Unix milliseconds.
    pub modified_ms: i64,
}

/// What a new repository is made from.
#[derive(Debug, Clone)]
pub struct NewRepository {
    /// Project and name.
    pub name: RepositoryRef,
    /// What it holds.
    pub repository_type: RepositoryType,
    /// The contract's category.
    pub category: String,
    /// Whether anybody may read it.
    pub public: bool,
    /// Whether lists show it.
    pub display: bool,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The contract's configuration object (JSON).
    pub configuration: String,
    /// Most bytes it may hold.
    pub quota_bytes: Option<u64>,
    /// The registry it stands for; `None`: this node keeps its bytes.
    pub foreign: Option<ForeignPlace>,
}

impl NewRepository {
    /// Starts a private repository of files.
    pub fn generic(name: RepositoryRef) -> Self {
        Self {
            name,
            repository_type: RepositoryType::generic(),
            category: "COMPOSITE".into(),
            public: false,
            display: true,
            display_name: None,
            description: None,
            configuration: r#"{"type":"composite","proxy":{"channelList":[]},"webHook":{"webHookList":[]},"settings":{}}"#
                .into(),
            quota_bytes: None,
            foreign: None,
        }
    }
}

/// What became of a new repository.
#[derive(Debug)]
pub enum Created {
    /// It is there now.
    Created(Box<Repository>),
    /// There is no such project.
    ProjectUnknown,
    /// One of that name is there already.
    Exists,
}

/// What changes at a repository; `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct RepositoryChange {
    /// Whether anybody may read it.
    pub public: Option<bool>,
    /// Whether lists show it.
    pub display: Option<bool>,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The contract's configuration object (JSON).
    pub configuration: Option<String>,
    /// Most bytes it may hold.
    pub quota_bytes: Option<u64>,
    /// The registry it stands for, of a repository that stands for one.
    pub foreign: Option<ForeignPlace>,
}

/// Which repositories of a project a list shows.
#[derive(Debug, Clone, Default)]
pub struct RepositoryFilter {
    /// Only names that begin so, ignoring case.
    pub name_prefix: Option<String>,
    /// Only these types; empty: all.
    pub repository_types: Vec<String>,
    /// Only these categories; empty: all.
    pub categories: Vec<String>,
    /// Only those lists show, or only those they do not.
    pub display: Option<bool>,
}

const INSERT: &str = "INSERT INTO repositories (id, project, name, type, category, public, display, display_name, \
     description, configuration, quota_bytes, used_bytes, created_by, created_ms, modified_by, modified_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $12, $13) ON CONFLICT DO NOTHING";
const BY_NAME: &str = "SELECT * FROM repositories WHERE project = $1 AND name = $2 AND deleted_ms IS NULL";
const PROJECT_EXISTS: &str = "SELECT 1 AS one FROM projects WHERE name = $1";
const UPDATE: &str = "UPDATE repositories SET public = COALESCE($2, public), display = COALESCE($3, display), \
     description = COALESCE($4, description), configuration = COALESCE($5, configuration), \
     quota_bytes = COALESCE($6, quota_bytes), modified_by = $7, modified_ms = $8, \
     display_name = COALESCE($9, display_name) \
     WHERE no = $1 AND deleted_ms IS NULL";
const HAS_NODES: &str = "SELECT 1 AS one FROM nodes WHERE repository_no = $1 \
     AND (expires_ms IS NULL OR expires_ms > $2) LIMIT 1";
const HIDE: &str = "UPDATE repositories SET deleted_ms = $2 WHERE no = $1 AND deleted_ms IS NULL";

impl HostedData {
    /// Makes a repository in an existing project.
    pub async fn insert_repository(&self, new: &NewRepository, user: &str) -> StoreResult<Created> {
        let now_ms = self.now_ms();
        let id: NodeId = self.next_id();
        let mut write = self.db().begin().await?;
        let project = write
            .fetch_optional(PROJECT_EXISTS, vec![text(&new.name.project)])
            .await?;
        if project.is_none() {
            return Ok(Created::ProjectUnknown);
        }
        let values = vec![
            blob(*id.as_bytes()),
            text(&new.name.project),
            text(&new.name.name),
            text(new.repository_type.as_str()),
            text(&new.category),
            flag(new.public),
            flag(new.display),
            maybe(new.display_name.clone(), text),
            maybe(new.description.clone(), text),
            text(&new.configuration),
            maybe(new.quota_bytes, size),
            text(user),
            int(now_ms),
        ];
        if write.execute(INSERT, values).await? == 0 {
            return Ok(Created::Exists);
        }
        let Some(row) = write.fetch_optional(BY_NAME, by_name(&new.name)).await? else {
            return Ok(Created::Exists);
        };
        let made = repository_of(&row)?;
        if let Some(place) = &new.foreign {
            self.put_foreign(&mut write, made.no, place).await?;
        }
        write.commit().await?;
        Ok(Created::Created(Box::new(made)))
    }

    /// Returns the repository `name`.
    pub async fn repository(&self, name: &RepositoryRef) -> StoreResult<Option<Repository>> {
        let row = self.db().fetch_optional(BY_NAME, by_name(name)).await?;
        row.map(|row| repository_of(&row)).transpose()
    }

    /// Returns at most `limit` repositories of `project` that `filter` lets through, the newest first, `offset` in.
    pub async fn repositories(
        &self,
        project: &str,
        filter: &RepositoryFilter,
        offset: u64,
        limit: u64,
    ) -> StoreResult<Vec<Repository>> {
        let mut sql = Builder::new("SELECT *");
        filter.push(&mut sql, project);
        sql.push(" ORDER BY created_ms DESC, no DESC LIMIT ")
            .bind(size(limit))
            .push(" OFFSET ")
            .bind(size(offset));
        let rows = self.db().fetch_all(sql.sql, sql.values).await?;
        rows.iter().map(repository_of).collect()
    }

    /// Returns how many repositories of `project` the filter lets through.
    pub async fn repository_count(&self, project: &str, filter: &RepositoryFilter) -> StoreResult<u64> {
        let mut sql = Builder::new("SELECT COUNT(*) AS total");
        filter.push(&mut sql, project);
        let row = self.db().fetch_optional(sql.sql, sql.values).await?;
        row.map_or(Ok(0), |row| row.size("total"))
    }

    /// Changes what is given; `false` when it was deleted meanwhile.
    pub async fn update_repository(
        &self,
        no: i64,
        change: RepositoryChange,
        user: &str,
    ) -> StoreResult<bool> {
        let values = vec![
            int(no),
            maybe(change.public, flag),
            maybe(change.display, flag),
            maybe(change.description, text),
            maybe(change.configuration, text),
            maybe(change.quota_bytes, size),
            text(user),
            int(self.now_ms()),
            maybe(change.display_name, text),
        ];
        let mut write = self.db().begin().await?;
        if write.execute(UPDATE, values).await? == 0 {
            return Ok(false);
        }
        if let Some(place) = &change.foreign {
            self.put_foreign(&mut write, no, place).await?;
        }
        write.commit().await?;
        Ok(true)
    }

    /// Stops showing repository `no`; `false` (and nothing happens) when it holds nodes and `forced` is not set.
    ///
    /// What it holds is removed by [`HostedData::purge_repositories`].
    pub async fn hide_repository(&self, no: i64, forced: bool) -> StoreResult<bool> {
        let mut write = self.db().begin().await?;
        let values = vec![int(no), int(self.now_ms())];
        if !forced && write.fetch_optional(HAS_NODES, values.clone()).await?.is_some() {
            return Ok(false);
        }
        write.execute(HIDE, values).await?;
        write.commit().await?;
        Ok(true)
    }
}

impl Repository {
    /// Says whether it stands for a registry elsewhere, and keeps no bytes here.
    pub fn is_foreign(&self) -> bool {
        self.category == FOREIGN
    }
}

/// What a repository holds, and whether this node keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryKind {
    /// What it holds.
    pub repository_type: RepositoryType,
    /// Whether it stands for a registry elsewhere.
    pub foreign: bool,
}

impl crate::Store {
    /// Returns what the repository `name` of this node holds; `None` when there is none.
    pub async fn repository_kind(&self, name: &RepositoryRef) -> StoreResult<Option<RepositoryKind>> {
        let row = self.db().fetch_optional(BY_NAME, by_name(name)).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let found = repository_of(&row)?;
        Ok(Some(RepositoryKind {
            foreign: found.is_foreign(),
            repository_type: found.repository_type,
        }))
    }
}

impl RepositoryFilter {
    fn push(&self, sql: &mut Builder, project: &str) {
        sql.push(" FROM repositories WHERE deleted_ms IS NULL AND project = ")
            .bind(text(project));
        if let Some(prefix) = &self.name_prefix {
            let prefix = sql.refer(text(prefix));
            sql.push(&format!(
                " AND LOWER(SUBSTR(name, 1, LENGTH({prefix}))) = LOWER({prefix})"
            ));
        }
        for (column, values) in [("type", &self.repository_types), ("category", &self.categories)] {
            if !values.is_empty() {
                sql.push(&format!(" AND {column} IN "))
                    .bind_list(values.iter().map(text));
            }
        }
        if let Some(display) = self.display {
            sql.push(" AND display = ").bind(flag(display));
        }
    }
}

fn by_name(name: &RepositoryRef) -> Vec<crate::db::Value> {
    vec![text(&name.project), text(&name.name)]
}

fn repository_of(row: &Row) -> StoreResult<Repository> {
    let repository_type = row.text("type")?;
    Ok(Repository {
        no: row.int("no")?,
        id: NodeId::from(row.bytes::<12>("id")?),
        name: RepositoryRef::new(row.text("project")?, row.text("name")?),
        repository_type: repository_type.parse().map_err(|_| StoreError::Unreadable {
            table: "repositories",
            found: repository_type,
        })?,
        category: row.text("category")?,
        public: row.flag("public")?,
        display: row.flag("display")?,
        display_name: row.maybe_text("display_name")?,
        description: row.maybe_text("description")?,
        configuration: row.text("configuration")?,
        quota_bytes: row
            .maybe_int("quota_bytes")?
            .and_then(|bytes| u64::try_from(bytes).ok()),
        used_bytes: row.size("used_bytes")?,
        created_by: row.text("created_by")?,
        created_ms: row.int("created_ms")?,
        modified_by: row.text("modified_by")?,
        modified_ms: row.int("modified_ms")?,
    })
}
