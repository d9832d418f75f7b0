//! Platform accounts: programs that act as any user they name, with a key of their own.
//!
//! The secret key is sealed and not hashed, because a signature can only be checked with the key itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::cluster::Secret;
use domain::id::random_hex32;

use crate::Store;
use crate::db::{Row, StoreError, StoreResult, blob, int, text};

/// How exactly the time of last use is kept; spares a write per request.
const LAST_USED_STEP_MS: i64 = 60_000;
const TABLE: &str = "platform_account";
const COLUMN: &str = "secret_key";

/// A platform as it can be shown: never its secret key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformAccount {
    /// Its name.
    pub app_id: String,
    /// The public half of its key: 32 hex digits.
    pub access_key: String,
    /// Who made it.
    pub created_by: String,
    /// Time of creation (Unix milliseconds).
    pub created_ms: i64,
    /// When it last called, to the minute.
    pub last_used_ms: Option<i64>,
}

/// The platform accounts of this node.
pub struct Platforms<'a>(pub(crate) &'a Store);

const INSERT: &str = "INSERT INTO platform_account (app_id, access_key, secret_key, created_by, created_ms) \
    VALUES ($1, $2, $3, $4, $5)";
const ALL: &str = "SELECT * FROM platform_account ORDER BY app_id";
const BY_ACCESS_KEY: &str = "SELECT * FROM platform_account WHERE access_key = $1";
const USED: &str = "UPDATE platform_account SET last_used_ms = $2 WHERE app_id = $1";
const DELETE: &str = "DELETE FROM platform_account WHERE app_id = $1";

impl Platforms<'_> {
    /// Makes an account; its secret key is returned this once and never again.
    ///
    /// [`StoreError::Taken`] when the name is.
    pub async fn create(&self, app_id: &str, by: &str) -> StoreResult<(PlatformAccount, Secret)> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| StoreError::Disk(error.into()))?;
        let secret_key = Secret::new(URL_SAFE_NO_PAD.encode(random));
        let account = PlatformAccount {
            app_id: app_id.into(),
            access_key: random_hex32(),
            created_by: by.into(),
            created_ms: self.0.now_ms(),
            last_used_ms: None,
        };
        let sealed = self.0.vault().seal(&secret_key, TABLE, COLUMN, app_id)?;
        let values = vec![
            text(app_id),
            text(&account.access_key),
            blob(sealed),
            text(by),
            int(account.created_ms),
        ];
        self.0.db().execute(INSERT, values).await?;
        Ok((account, secret_key))
    }

    /// Returns every account by name: a handful.
    pub async fn all(&self) -> StoreResult<Vec<PlatformAccount>> {
        let rows = self.0.db().fetch_all(ALL, vec![]).await?;
        rows.iter().map(read).collect()
    }

    /// Returns the account with this access key, and the secret key that proves it.
    pub async fn by_access_key(&self, key: &str) -> StoreResult<Option<(PlatformAccount, Secret)>> {
        let row = self.0.db().fetch_optional(BY_ACCESS_KEY, vec![text(key)]).await?;
        let Some(row) = row else { return Ok(None) };
        let account = read(&row)?;
        let sealed = row.blob(COLUMN)?;
        let secret_key = self.0.vault().open(&sealed, TABLE, COLUMN, &account.app_id)?;
        Ok(Some((account, secret_key)))
    }

    /// Notes that `account` proved itself just now.
    pub async fn used(&self, account: &PlatformAccount) -> StoreResult<()> {
        let now_ms = self.0.now_ms();
        if account
            .last_used_ms
            .is_none_or(|used_ms| now_ms - used_ms >= LAST_USED_STEP_MS)
        {
            let values = vec![text(&account.app_id), int(now_ms)];
            self.0.db().execute(USED, values).await?;
        }
        Ok(())
    }

    /// Removes an account; says whether there was one. Users it made stay.
    pub async fn delete(&self, app_id: &str) -> StoreResult<bool> {
        Ok(self.0.db().execute(DELETE, vec![text(app_id)]).await? > 0)
    }
}

fn read(row: &Row) -> StoreResult<PlatformAccount> {
    Ok(PlatformAccount {
        app_id: row.text("app_id")?,
        access_key: row.text("access_key")?,
        created_by: row.text("created_by")?,
        created_ms: row.int("created_ms")?,
        last_used_ms: row.maybe_int("last_used_ms")?,
    })
}
