//! Projects: names that repositories are grouped under.

use crate::access::let_creator_manage;
use crate::db::{Row, StoreResult, int, text};
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
    /// Who made it.
    pub created_by: String,
    /// When, in Unix milliseconds.
    pub created_ms: i64,
    /// Who changed it last.
    pub modified_by: String,
    /// When, in Unix milliseconds.
    pub modified_ms: i64,
}

const INSERT: &str = "INSERT INTO projects \
     (name, display_name, description, created_by, created_ms, modified_by, modified_ms) \
     VALUES ($1, $2, $3, $4, $5, $4, $5) ON CONFLICT (name) DO NOTHING";
const BY_NAME: &str = "SELECT * FROM projects WHERE name = $1";
const ALL: &str = "SELECT * FROM projects ORDER BY created_ms, name";
const UPDATE: &str = "UPDATE projects SET display_name = COALESCE($2, display_name), \
     description = COALESCE($3, description), modified_by = $4, modified_ms = $5 WHERE name = $1";

impl HostedData {
    /// Makes a project; `false` when one of that name exists.
    ///
    /// With `managed` the user who makes it may manage it from then on.
    pub async fn insert_project(
        &self,
        name: &str,
        display_name: &str,
        description: &str,
        user: &str,
        managed: bool,
    ) -> StoreResult<bool> {
        let values = vec![
            text(name),
            text(display_name),
            text(description),
            text(user),
            int(self.now_ms()),
        ];
        let mut write = self.db().begin().await?;
        let made = write.execute(INSERT, values).await? > 0;
        if made && managed {
            let_creator_manage(&mut write, user, name).await?;
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
    pub async fn update_project(
        &self,
        name: &str,
        display_name: Option<String>,
        description: Option<String>,
        user: &str,
    ) -> StoreResult<bool> {
        let values = vec![
            text(name),
            crate::db::maybe(display_name, text),
            crate::db::maybe(description, text),
            text(user),
            int(self.now_ms()),
        ];
        Ok(self.db().execute(UPDATE, values).await? > 0)
    }
}

fn project_of(row: &Row) -> StoreResult<Project> {
    Ok(Project {
        name: row.text("name")?,
        display_name: row.text("display_name")?,
        description: row.text("description")?,
        created_by: row.text("created_by")?,
        created_ms: row.int("created_ms")?,
        modified_by: row.text("modified_by")?,
        modified_ms: row.int("modified_ms")?,
    })
}
