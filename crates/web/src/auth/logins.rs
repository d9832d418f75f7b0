//! Recognises callers: checks a password slowly once, then remembers for a minute that it was right.
//!
//! What is remembered is a hash under a key drawn at start, never the password. The user is read again on
//! every request, so a removed user, a new password or another role counts at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::clock::Clock;
use domain::digest::{Digest, Hasher};
use domain::id::random_hex32;
use storage::db::StoreResult;
use tokio::sync::Semaphore;

use crate::auth::caller::{Caller, Role};
use crate::auth::credentials::Credentials;
use crate::auth::slowdown::{Slowdown, Turn};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// How long a right password is remembered.
const REMEMBERED_MS: i64 = 60_000;
/// Right passwords remembered at most.
const MOST_REMEMBERED: usize = 1_000;
/// Passwords checked at the same time: each costs tens of MiB while it lasts.
const CHECKS_AT_ONCE: usize = 1;

/// A user as the store knows it.
#[derive(Debug, Clone)]
pub struct Account {
    /// User name.
    pub name: String,
    /// What the user is for.
    pub role: Role,
    /// Projects a user who is no administrator is limited to.
    pub projects: Vec<String>,
    /// Changes whenever the password does.
    pub password_mark: String,
}

/// Who may log in.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Returns the user `name`.
    async fn account(&self, name: &str) -> StoreResult<Option<Account>>;

    /// Says whether `password` is the password of `name`; takes its time on purpose.
    async fn is_password(&self, name: &str, password: &str) -> StoreResult<bool>;

    /// Returns the user that a valid token belongs to.
    async fn owner_of_token(&self, token: &str) -> StoreResult<Option<Account>>;
}

/// Recognises callers.
pub struct Logins {
    accounts: Arc<dyn Accounts>,
    clock: Arc<dyn Clock>,
    slowdown: Slowdown,
    remembered: Mutex<HashMap<Digest, Remembered>>,
    key: String,
    checks: Semaphore,
}

struct Remembered {
    password_mark: String,
    until_ms: i64,
}

impl Logins {
    /// Recognises the users of `accounts`.
    pub fn new(accounts: Arc<dyn Accounts>, clock: Arc<dyn Clock>) -> Self {
        Self {
            accounts,
            clock,
            slowdown: Slowdown::default(),
            remembered: Mutex::default(),
            key: random_hex32() + &random_hex32(),
            checks: Semaphore::new(CHECKS_AT_ONCE),
        }
    }

    /// Returns who presented `credentials` from `address`, or the refusal of wrong ones.
    pub(crate) async fn recognise(&self, credentials: Credentials, address: IpAddr) -> ApiResult<Caller> {
        match credentials {
            Credentials::Bearer(token) => {
                let account = self.accounts.owner_of_token(token.reveal()).await?;
                account.map(caller).ok_or_else(|| wrong("unknown token"))
            }
            Credentials::Basic { user, secret } => self.basic(user, secret.reveal(), address).await,
        }
    }

    async fn basic(&self, user: String, secret: &str, address: IpAddr) -> ApiResult<Caller> {
        let account = self.accounts.account(&user).await?;
        let digest = self.keyed_digest(&user, secret);
        if let Some(account) = &account
            && self.remembers(&digest, account)
        {
            return Ok(caller(account.clone()));
        }
        if let Some(owner) = self.accounts.owner_of_token(secret).await?
            && owner.name == user
        {
            return Ok(caller(owner));
        }
        let name = (address, user);
        match self.slowdown.take_turn(&name, self.clock.now_ms()) {
            Turn::At(turn_ms) => self.clock.sleep_until_ms(turn_ms).await,
            Turn::ComeBack(seconds) => {
                return Err(ApiError::new(Code::TooManyRequests, ["failed logins"]).retry_after_s(seconds));
            }
        }
        let right = self.is_password(&name.1, secret).await;
        self.slowdown
            .end(&name, matches!(right, Ok(true)), self.clock.now_ms());
        match account {
            Some(account) if right? => {
                self.remember(digest, &account);
                Ok(caller(account))
            }
            Some(_) | None => Err(wrong("wrong user or password")),
        }
    }

    async fn is_password(&self, user: &str, password: &str) -> ApiResult<bool> {
        let _turn = self.checks.acquire().await.map_err(ApiError::internal)?;
        Ok(self.accounts.is_password(user, password).await?)
    }

    fn keyed_digest(&self, user: &str, secret: &str) -> Digest {
        let mut hasher = Hasher::default();
        for part in [self.key.as_str(), user, secret] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finish()
    }

    fn remembers(&self, digest: &Digest, account: &Account) -> bool {
        let now_ms = self.clock.now_ms();
        self.remembered()
            .get(digest)
            .is_some_and(|known| known.until_ms > now_ms && known.password_mark == account.password_mark)
    }

    fn remember(&self, digest: Digest, account: &Account) {
        let now_ms = self.clock.now_ms();
        let mut remembered = self.remembered();
        if remembered.len() >= MOST_REMEMBERED {
            remembered.retain(|_, known| known.until_ms > now_ms);
        }
        if remembered.len() < MOST_REMEMBERED {
            let known = Remembered {
                password_mark: account.password_mark.clone(),
                until_ms: now_ms + REMEMBERED_MS,
            };
            remembered.insert(digest, known);
        }
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<Digest, Remembered>> {
        self.remembered
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn caller(account: Account) -> Caller {
    Caller {
        name: account.name.into(),
        role: account.role,
        projects: account.projects.into(),
    }
}

fn wrong(why: &str) -> ApiError {
    ApiError::new(Code::Unauthenticated, [why])
}
