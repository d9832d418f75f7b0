//! Logins at the console: a row while one is good, and the key that tickets about them are signed with.
//!
//! Logging out, a new password and the removal of the user take the rows away, and with them the tickets.

use domain::cluster::Secret;
use domain::id::random_hex32;

use crate::Store;
use crate::db::{StoreResult, blob, int, text};
use crate::users::{self, User};

const KEY_NAME: &str = "console_ticket_key";

/// The logins at this node's console.
pub struct ConsoleLogins<'a>(pub(crate) &'a Store);

const READ_KEY: &str = "SELECT value FROM meta WHERE name = $1";
const WRITE_KEY: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const INSERT: &str = "INSERT INTO console_login (id, user_name, expires_ms) VALUES ($1, $2, $3)";
const USER: &str = "SELECT u.* FROM console_login l JOIN app_user u ON u.name = l.user_name \
    WHERE l.id = $1 AND l.expires_ms > $2";
const DELETE: &str = "DELETE FROM console_login WHERE id = $1";
const DELETE_EXPIRED: &str = "DELETE FROM console_login WHERE expires_ms <= $1";
pub(crate) const DELETE_OF_USER: &str = "DELETE FROM console_login WHERE user_name = $1";

impl ConsoleLogins<'_> {
    /// Returns the key tickets are signed with, made at the first call and kept sealed.
    pub async fn key(&self) -> StoreResult<Secret> {
        let (db, vault) = (self.0.db(), self.0.vault());
        if db.fetch_optional(READ_KEY, vec![text(KEY_NAME)]).await?.is_none() {
            let made = Secret::new(random_hex32() + &random_hex32());
            let sealed = vault.seal(&made, "meta", "value", KEY_NAME)?;
            db.execute(WRITE_KEY, vec![text(KEY_NAME), blob(sealed)]).await?;
        }
        let row = db.fetch_optional(READ_KEY, vec![text(KEY_NAME)]).await?;
        let sealed = row.map(|row| row.blob("value")).transpose()?.unwrap_or_default();
        vault.open(&sealed, "meta", "value", KEY_NAME)
    }

    /// Notes that `user` logged in, good until `expires_ms`, and returns the login's id.
    pub async fn open(&self, user: &str, expires_ms: i64) -> StoreResult<String> {
        let id = random_hex32();
        let mut write = self.0.db().begin().await?;
        write.execute(DELETE_EXPIRED, vec![int(self.0.now_ms())]).await?;
        let values = vec![text(&id), text(user), int(expires_ms)];
        write.execute(INSERT, values).await?;
        write.commit().await?;
        Ok(id)
    }

    /// Returns who is logged in by `id`; `None` when that login is over.
    pub async fn user(&self, id: &str) -> StoreResult<Option<User>> {
        let values = vec![text(id), int(self.0.now_ms())];
        match self.0.db().fetch_optional(USER, values).await? {
            Some(row) => Ok(Some(self.0.users().with_access(users::read(&row)?).await?)),
            None => Ok(None),
        }
    }

    /// Ends a login.
    pub async fn close(&self, id: &str) -> StoreResult<()> {
        self.0.db().execute(DELETE, vec![text(id)]).await?;
        Ok(())
    }
}
