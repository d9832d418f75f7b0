//! What users may do in a project: one word per user and project.
//!
//! Administrators need none of this; a replicator's projects are part of the role itself.

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::db::{Row, StoreResult, Write, text};
use crate::rows::{from_word, word};

/// What a user may do in one project; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// See and download.
    Read,
    /// Upload, change and delete files.
    Write,
    /// Make, change and delete repositories, and say who may do what here.
    Manage,
}

/// Access to the projects of this node.
pub struct ProjectAccess<'a>(pub(crate) &'a Store);

const SET: &str = "INSERT INTO project_access (user_name, project, access) \
    SELECT name, $2, $3 FROM app_user WHERE name = $1 \
    ON CONFLICT (user_name, project) DO UPDATE SET access = excluded.access";
const REMOVE: &str = "DELETE FROM project_access WHERE user_name = $1 AND project = $2";
const OF_PROJECT: &str = "SELECT user_name, access FROM project_access WHERE project = $1 ORDER BY user_name";

impl ProjectAccess<'_> {
    /// Lets `user` do this much in `project`, instead of what was allowed before; `false` without such a user.
    pub async fn set(&self, user: &str, project: &str, access: Access) -> StoreResult<bool> {
        let values = vec![text(user), text(project), text(word(&access))];
        Ok(self.0.db().execute(SET, values).await? > 0)
    }

    /// Takes away what `user` may do in `project`; says whether there was anything.
    pub async fn remove(&self, user: &str, project: &str) -> StoreResult<bool> {
        let values = vec![text(user), text(project)];
        Ok(self.0.db().execute(REMOVE, values).await? > 0)
    }

    /// Returns who may do what in `project`, by user name: hundreds at most, as users are.
    pub async fn of_project(&self, project: &str) -> StoreResult<Vec<(String, Access)>> {
        let rows = self.0.db().fetch_all(OF_PROJECT, vec![text(project)]).await?;
        rows.iter()
            .map(|row| Ok((row.text("user_name")?, read(row)?)))
            .collect()
    }
}

/// Lets the user who makes `project` manage it, within the same write; nothing for names that are no users.
pub(crate) async fn let_creator_manage(write: &mut Write, user: &str, project: &str) -> StoreResult<()> {
    let values = vec![text(user), text(project), text(word(&Access::Manage))];
    write.execute(SET, values).await?;
    Ok(())
}

pub(crate) fn read(row: &Row) -> StoreResult<Access> {
    from_word("project_access", row.text("access")?)
}
