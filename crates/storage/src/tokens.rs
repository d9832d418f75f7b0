//! Tokens: long random texts that act as their user.
//!
//! Only the SHA-256 of a token is kept. It has 256 random bits, so a slow hash would protect nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::cluster::Secret;
use domain::digest::Digest;
use domain::id::NodeId;

use crate::Store;
use crate::db::{Row, StoreError, StoreResult, blob, int, maybe, text};
use crate::users::{self, User};

/// What every token begins with, so that people and scanners recognise one.
pub const TOKEN_PREFIX: &str = "wb_";
/// How exactly the time of last use is kept; spares a write per request.
const LAST_USED_STEP_MS: i64 = 60_000;

/// A token as it can be shown: never the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, to revoke it by.
    pub id: NodeId,
    /// The user it acts as.
    pub user: String,
    /// What its owner calls it; unique per user.
    pub name: String,
    /// Time of creation (Unix milliseconds).
    pub created_ms: i64,
    /// When it was last used, to the minute.
    pub last_used_ms: Option<i64>,
    /// When it stops working.
    pub expires_ms: Option<i64>,
}

/// The tokens of this node.
pub struct Tokens<'a>(pub(crate) &'a Store);

const INSERT: &str = "INSERT INTO token (id, hash, user_name, name, created_ms, expires_ms) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const BY_HASH: &str = "SELECT t.id AS token_id, t.user_name, t.name AS token_name, t.created_ms AS token_created_ms, \
    t.last_used_ms, t.expires_ms, u.* FROM token t JOIN app_user u ON u.name = t.user_name WHERE t.hash = $1";
const LIST: &str = "SELECT id AS token_id, user_name, name AS token_name, created_ms AS token_created_ms, \
    last_used_ms, expires_ms FROM token WHERE user_name = $1 ORDER BY created_ms DESC, id DESC";
const USED: &str = "UPDATE token SET last_used_ms = $2 WHERE id = $1";
const REVOKE: &str = "DELETE FROM token WHERE user_name = $1 AND id = $2";

impl Tokens<'_> {
    /// Makes a token that acts as `user`; the text is returned this once and never again.
    ///
    /// [`StoreError::Taken`] when the user has one of this name.
    pub async fn create(
        &self,
        user: &str,
        name: &str,
        expires_ms: Option<i64>,
    ) -> StoreResult<(Token, Secret)> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| StoreError::Disk(error.into()))?;
        let secret = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        let token = Token {
            id: self.0.next_id(),
            user: user.into(),
            name: name.into(),
            created_ms: self.0.now_ms(),
            last_used_ms: None,
            expires_ms,
        };
        let values = vec![
            blob(*token.id.as_bytes()),
            blob(*Digest::of(secret.as_bytes()).as_bytes()),
            text(user),
            text(name),
            int(token.created_ms),
            maybe(expires_ms, int),
        ];
        self.0.db().execute(INSERT, values).await?;
        Ok((token, Secret::new(secret)))
    }

    /// Returns whom the token acts as; `None` when it is unknown or past its time.
    pub async fn verify(&self, token: &Secret) -> StoreResult<Option<(Token, User)>> {
        if !token.reveal().starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let hash = Digest::of(token.reveal().as_bytes());
        let row = self
            .0
            .db()
            .fetch_optional(BY_HASH, vec![blob(*hash.as_bytes())])
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (token, user) = (read(&row)?, users::read(&row)?);
        let now_ms = self.0.now_ms();
        if token.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Ok(None);
        }
        if token
            .last_used_ms
            .is_none_or(|used_ms| now_ms - used_ms >= LAST_USED_STEP_MS)
        {
            let values = vec![blob(*token.id.as_bytes()), int(now_ms)];
            self.0.db().execute(USED, values).await?;
        }
        Ok(Some((token, self.0.users().with_access(user).await?)))
    }

    /// Returns the tokens of `user`, the newest first.
    pub async fn list(&self, user: &str) -> StoreResult<Vec<Token>> {
        let rows = self.0.db().fetch_all(LIST, vec![text(user)]).await?;
        rows.iter().map(read).collect()
    }

    /// Makes a token of `user` stop working; says whether there was one.
    pub async fn revoke(&self, user: &str, id: NodeId) -> StoreResult<bool> {
        let values = vec![text(user), blob(*id.as_bytes())];
        Ok(self.0.db().execute(REVOKE, values).await? > 0)
    }
}

fn read(row: &Row) -> StoreResult<Token> {
    Ok(Token {
        id: NodeId::from(row.bytes("token_id")?),
        user: row.text("user_name")?,
        name: row.text("token_name")?,
        created_ms: row.int("token_created_ms")?,
        last_used_ms: row.maybe_int("last_used_ms")?,
        expires_ms: row.maybe_int("expires_ms")?,
    })
}
