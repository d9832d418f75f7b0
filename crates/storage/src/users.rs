//! Users: who may log in, and what for.

use std::collections::BTreeMap;

use domain::cluster::Secret;
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::access::{self, Access};
use crate::console_logins;
use crate::db::{Row, StoreResult, int, text};
use crate::passwords::NOBODY;
use crate::rows::{from_json, json};

/// What a user may do everywhere; in single projects, [`Access`] says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Read and write the repositories of these projects, as a peer does.
    Replicator {
        /// The projects, by name.
        projects: Vec<String>,
    },
    /// Log in, and what [`User::access`] allows.
    None,
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name to log in with.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// What the user may do in single projects, by project name.
    pub access: BTreeMap<String, Access>,
    /// Time of creation (Unix milliseconds).
    pub created_ms: i64,
    /// Time of the last change.
    pub modified_ms: i64,
}

/// The users of this node.
pub struct Users<'a>(pub(crate) &'a Store);

const INSERT: &str = "INSERT INTO app_user (name, password_hash, role, created_ms, modified_ms) \
    VALUES ($1, $2, $3, $4, $4)";
const INSERT_IF_NEW: &str = "INSERT INTO app_user (name, password_hash, role, created_ms, modified_ms) \
    VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING";
const GET: &str = "SELECT * FROM app_user WHERE name = $1";
const ALL: &str = "SELECT * FROM app_user ORDER BY name";
const SET_PASSWORD: &str = "UPDATE app_user SET password_hash = $2, modified_ms = $3 WHERE name = $1";
const SET_ROLE: &str = "UPDATE app_user SET role = $2, modified_ms = $3 WHERE name = $1";
const DELETE: &str = "DELETE FROM app_user WHERE name = $1";
const ACCESS: &str = "SELECT project, access FROM project_access WHERE user_name = $1";
const ALL_ACCESS: &str = "SELECT user_name, project, access FROM project_access";
const DELETE_ACCESS: &str = "DELETE FROM project_access WHERE user_name = $1";
const DELETE_TOKENS: &str = "DELETE FROM token WHERE user_name = $1";

impl Users<'_> {
    /// Adds a user; [`crate::StoreError::Taken`] when the name is.
    pub async fn create(&self, name: &str, password: &Secret, role: &Role) -> StoreResult<User> {
        let hash = self.0.passwords().hash(password).await?;
        let now_ms = self.0.now_ms();
        let values = vec![text(name), text(hash), json(role), int(now_ms)];
        self.0.db().execute(INSERT, values).await?;
        Ok(User {
            name: name.into(),
            role: role.clone(),
            access: BTreeMap::new(),
            created_ms: now_ms,
            modified_ms: now_ms,
        })
    }

    /// Returns the user with this name, adding one without password and role if there is none.
    ///
    /// Nobody logs in as a user without password; a platform may act as one.
    pub async fn get_or_add(&self, name: &str) -> StoreResult<User> {
        loop {
            if let Some(user) = self.get(name).await? {
                return Ok(user);
            }
            let values = vec![text(name), text(NOBODY), json(&Role::None), int(self.0.now_ms())];
            self.0.db().execute(INSERT_IF_NEW, values).await?;
        }
    }

    /// Returns the user with this name.
    pub async fn get(&self, name: &str) -> StoreResult<Option<User>> {
        let row = self.0.db().fetch_optional(GET, vec![text(name)]).await?;
        match row {
            Some(row) => Ok(Some(self.with_access(read(&row)?).await?)),
            None => Ok(None),
        }
    }

    /// Completes a user whose row was read; an administrator needs no access, so nothing is looked up.
    pub(crate) async fn with_access(&self, mut user: User) -> StoreResult<User> {
        if user.role != Role::Admin {
            let rows = self.0.db().fetch_all(ACCESS, vec![text(&user.name)]).await?;
            for row in &rows {
                user.access.insert(row.text("project")?, access::read(row)?);
            }
        }
        Ok(user)
    }

    /// Returns every user by name: a node has hundreds at most.
    pub async fn all(&self) -> StoreResult<Vec<User>> {
        let rows = self.0.db().fetch_all(ALL, vec![]).await?;
        let mut users = rows.iter().map(read).collect::<StoreResult<Vec<User>>>()?;
        for row in self.0.db().fetch_all(ALL_ACCESS, vec![]).await? {
            let name = row.text("user_name")?;
            if let Ok(index) = users.binary_search_by(|user| user.name.cmp(&name)) {
                users[index]
                    .access
                    .insert(row.text("project")?, access::read(&row)?);
            }
        }
        Ok(users)
    }

    /// Returns the user if `password` is the right one; takes equally long for an unknown name.
    pub async fn verify(&self, name: &str, password: &Secret) -> StoreResult<Option<User>> {
        let row = self.0.db().fetch_optional(GET, vec![text(name)]).await?;
        let hash = row.as_ref().map(|row| row.text("password_hash")).transpose()?;
        let fits = self.0.passwords().verify(password, hash).await?;
        match row.filter(|_| fits) {
            Some(row) => Ok(Some(self.with_access(read(&row)?).await?)),
            None => Ok(None),
        }
    }

    /// Changes a password; says whether there is such a user. Logins at the console end, tokens stay as they are.
    pub async fn set_password(&self, name: &str, password: &Secret) -> StoreResult<bool> {
        let hash = self.0.passwords().hash(password).await?;
        let mut write = self.0.db().begin().await?;
        let values = vec![text(name), text(hash), int(self.0.now_ms())];
        let touched = write.execute(SET_PASSWORD, values).await?;
        write
            .execute(console_logins::DELETE_OF_USER, vec![text(name)])
            .await?;
        write.commit().await?;
        Ok(touched > 0)
    }

    /// Changes what a user may do; says whether there is such a user.
    pub async fn set_role(&self, name: &str, role: &Role) -> StoreResult<bool> {
        let values = vec![text(name), json(role), int(self.0.now_ms())];
        Ok(self.0.db().execute(SET_ROLE, values).await? > 0)
    }

    /// Removes a user with their tokens and access; says whether there was one.
    pub async fn delete(&self, name: &str) -> StoreResult<bool> {
        let mut write = self.0.db().begin().await?;
        for removal in [DELETE_TOKENS, DELETE_ACCESS, console_logins::DELETE_OF_USER] {
            write.execute(removal, vec![text(name)]).await?;
        }
        let touched = write.execute(DELETE, vec![text(name)]).await?;
        write.commit().await?;
        Ok(touched > 0)
    }
}

pub(crate) fn read(row: &Row) -> StoreResult<User> {
    Ok(User {
        name: row.text("name")?,
        role: from_json("app_user", &row.text("role")?)?,
        access: BTreeMap::new(),
        created_ms: row.int("created_ms")?,
        modified_ms: row.int("modified_ms")?,
    })
}
