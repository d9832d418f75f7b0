//! Recognises callers by whatever they present: checks a password slowly once, then remembers for a minute that it was right.
//!
//! What is remembered is a hash under a key drawn at start, never the password. The user is read again on
//! every request, so a removed user, a new password or another role counts at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use domain::cluster::Secret;
use domain::digest::{Digest, Hasher};
use domain::id::random_hex32;
use messages::{Text, text};
use storage::Store;
use storage::tokens::TOKEN_PREFIX;
use storage::users::User;
use tokio::sync::{OnceCell, Semaphore};

use crate::auth::caller::{Caller, MaybeCaller};
use crate::auth::credentials::Credentials;
use crate::auth::login_key::LoginKey;
use crate::auth::slowdown::Slowdown;
use crate::auth::used_signatures::UsedSignatures;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// How long a right password is remembered.
const REMEMBERED_MS: i64 = 60_000;
/// Right passwords remembered at most.
const MOST_REMEMBERED: usize = 1_000;
/// Passwords checked at the same time.
const CHECKED_AT_ONCE: usize = 2;

/// Longest user name that is looked up, in bytes.
const LONGEST_NAME: usize = 256;

/// Recognises callers.
pub struct Logins {
    store: Store,
    slowdown: Slowdown,
    remembered: Mutex<HashMap<Digest, Remembered>>,
    key: String,
    ticket_key: OnceCell<Secret>,
    login_key: LoginKey,
    checking: Semaphore,
    used_signatures: UsedSignatures,
}

#[derive(Clone, Copy)]
struct Remembered {
    /// When the user was last changed; another time means that the password may be another one too.
    modified_ms: i64,
    until_ms: i64,
}

impl Logins {
    /// Recognises the users, tokens and platforms of `store`.
    pub fn new(store: Store) -> Self {
        Self {
            used_signatures: UsedSignatures::since_ms(store.now_ms()),
            store,
            slowdown: Slowdown::default(),
            remembered: Mutex::default(),
            key: random_hex32() + &random_hex32(),
            ticket_key: OnceCell::new(),
            login_key: LoginKey::default(),
            checking: Semaphore::new(CHECKED_AT_ONCE),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn used_signatures(&self) -> &UsedSignatures {
        &self.used_signatures
    }

    /// Returns the key of the console's login form.
    pub(crate) fn login_key(&self) -> &LoginKey {
        &self.login_key
    }

    pub(crate) async fn ticket_key(&self) -> ApiResult<&Secret> {
        let key = async || self.store.console_logins().key().await;
        Ok(self.ticket_key.get_or_try_init(key).await?)
    }

    /// Returns who presented `credentials` from `address`, or the refusal of wrong ones.
    pub(crate) async fn recognise(
        &self,
        credentials: Credentials,
        address: IpAddr,
    ) -> ApiResult<MaybeCaller> {
        let user = match credentials {
            Credentials::Basic { user, secret } => {
                return Ok(MaybeCaller::User(
                    self.with_password(&user, &secret, address).await?,
                ));
            }
            Credentials::Platform {
                access_key,
                secret_key,
                acting_as,
            } => {
                return self.with_platform_keys(&access_key, &secret_key, acting_as).await;
            }
            Credentials::Bearer(token) if token.reveal().starts_with(TOKEN_PREFIX) => {
                let found = self.store.tokens().verify(&token).await?;
                found.ok_or_else(|| wrong(text!("login-token-unknown")))?.1
            }
            Credentials::Bearer(ticket) | Credentials::Ticket(ticket) => self.with_ticket(&ticket).await?,
        };
        Ok(MaybeCaller::User(caller(user)))
    }

    /// Returns the user with this name and this password or token; guessing is slowed per address and name.
    ///
    /// A wrong password takes as long as an unknown name: neither is looked up before it is checked.
    pub(crate) async fn with_password(
        &self,
        name: &str,
        secret: &Secret,
        address: IpAddr,
    ) -> ApiResult<Caller> {
        if name.len() > LONGEST_NAME {
            return Err(wrong(text!("login-wrong")));
        }
        let digest = self.keyed_digest(name, secret.reveal());
        if let Some(user) = self.remembered_user(&digest, name).await? {
            return Ok(caller(user));
        }
        if let Some((_, user)) = self.store.tokens().verify(secret).await?
            && user.name == name
        {
            return Ok(caller(user));
        }
        let now_ms = self.store.now_ms();
        let guess = self.slowdown.take_turn(address, name, now_ms).map_err(|wait| {
            ApiError::about(Code::TooManyRequests, text!("logins-failed")).retry_after_s(wait.after_s)
        })?;
        self.store.clock().sleep_until_ms(guess.turn_ms).await;
        // Many requests of one user arrive at once: the first ones check, the rest need not.
        let _checking = self.checking.acquire().await;
        if let Some(user) = self.remembered_user(&digest, name).await? {
            return Ok(caller(user));
        }
        let verified = self.store.users().verify(name, secret).await;
        guess.ended(matches!(verified, Ok(Some(_))), self.store.now_ms());
        let user = verified?.ok_or_else(|| wrong(text!("login-wrong")))?;
        self.remember(digest, &user);
        Ok(caller(user))
    }

    fn keyed_digest(&self, user: &str, secret: &str) -> Digest {
        let mut hasher = Hasher::default();
        for part in [self.key.as_str(), user, secret] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finish()
    }

    /// Returns the user `name` if the password in `digest` was right lately and the user is unchanged since.
    async fn remembered_user(&self, digest: &Digest, name: &str) -> ApiResult<Option<User>> {
        let now_ms = self.store.now_ms();
        let known = self.remembered().get(digest).copied();
        let Some(known) = known.filter(|known| known.until_ms > now_ms) else {
            return Ok(None);
        };
        let user = self.store.users().get(name).await?;
        Ok(user.filter(|user| user.modified_ms == known.modified_ms))
    }

    fn remember(&self, digest: Digest, user: &User) {
        let now_ms = self.store.now_ms();
        let mut remembered = self.remembered();
        if remembered.len() >= MOST_REMEMBERED {
            remembered.retain(|_, known| known.until_ms > now_ms);
        }
        if remembered.len() < MOST_REMEMBERED {
            let known = Remembered {
                modified_ms: user.modified_ms,
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

pub(crate) fn caller(user: User) -> Caller {
    Caller {
        name: user.name.into(),
        role: user.role,
        access: Arc::new(user.access),
    }
}

/// Refuses credentials.
pub(super) fn wrong(why: Text) -> ApiError {
    ApiError::about(Code::Unauthenticated, why)
}
