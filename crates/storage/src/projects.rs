//! Projects: names that repositories are grouped under.

use crate::access::let_creator_manage;
use crate::db::{Row, StoreResult, int, maybe, text};
use crate::hosted::HostedData;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name, for good.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// The contract's list of properties, kept as it was given (JSON).
    pub metadata: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When, in Unix milliseconds.
    pub created_ms: i64,
    /// Who changed it last.
    pub modified_by: String,
    /// When, in Unix milliseconds.
    pub modified_ms: i64,
}

/// What a new project is made from.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// Its name, for good.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// The contract's list of properties (JSON).
    pub metadata: Option<String>,
    /// Whether who makes it may manage it from then on.
    pub managed: bool,
}

impl NewProject {
    /// Starts a project of this name, for people too, that its maker manages.
    pub fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            display_name: name.clone(),
            name,
            description: String::new(),
            metadata: None,
            managed: true,
        }
    }
}

/// What changes of a project; `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct ProjectChange {
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The contract's list of properties (JSON).
    pub metadata: Option<String>,
}

const INSERT: &str = "INSERT INTO projects \
     (name, display_name, description, created_by, created_ms, modified_by, modified_ms, metadata) \
     VALUES ($1, $2, $3, $4, $5, $4, $5, $6) ON CONFLICT (name) DO NOTHING";
const BY_NAME: &str = "SELECT * FROM projects WHERE name = $1";
const ALL: &str = "SELECT * FROM projects ORDER BY created_ms, name";
const UPDATE: &str = "UPDATE projects SET display_name = COALESCE($2, display_name), \
     description = COALESCE($3, description), metadata = COALESCE($6, metadata), \
     modified_by = $4, modified_ms = $5 WHERE name = $1";

impl HostedData {
    /// Makes a project; `false` when one of that name exists.
    pub async fn insert_project(&self, new: &NewProject, user: &str) -> StoreResult<bool> {
        let values = vec![
            text(&new.name),
            text(&new.display_name),
            text(&new.description),
            text(user),
            int(self.now_ms()),
            maybe(new.metadata.clone(), text),
        ];
        let mut write = self.db().begin().await?;
        let made = write.execute(INSERT, values).await? > 0;
        if made && new.managed {
            let_creator_manage(&mut write, user, &new.name).await?;
        }
        write.commit().await?;
        Ok(made)
    }

    /// Returns the project `name`.
    pub async fn project(&self, name: &str) -> StoreResult<Option<Project>> {
        let row = self.db().fetch_optional(BY_NAME, vec![text(name)]).await?;
        row.map(|row| project_of(&row)).transpose()
    }

    /// Returns every project, the oldest first.
    pub async fn projects(&self) -> StoreResult<Vec<Project>> {
        self.db()
            .fetch_all(ALL, vec![])
            .await?
            .iter()
            .map(project_of)
            .collect()
    }

    /// Changes what is given; `false` when there is no such project.
    pub async fn update_project(&self, name: &str, change: ProjectChange, user: &str) -> StoreResult<bool> {
        let values = vec![
            text(name),
            maybe(change.display_name, text),
            maybe(change.description, text),
            text(user),
            int(self.now_ms()),
            maybe(change.metadata, text),
        ];
        Ok(self.db().execute(UPDATE, values).await? > 0)
    }
}

fn project_of(row: &Row) -> StoreResult<Project> {
    Ok(Project {
        name: row.text("name")?,
        display_name: row.text("display_name")?,
        description: row.text("description")?,
        metadata: row.maybe_text("metadata")?,
        created_by: row.text("created_by")?,
        created_ms: row.int("created_ms")?,
        modified_by: row.text("modified_by")?,
        modified_ms: row.int("modified_ms")?,
    })
}
