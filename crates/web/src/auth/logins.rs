//! Recognises callers: checks a password slowly once, then remembers for a minute that it was right.
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
use storage::users::User;

use crate::auth::caller::Caller;
use crate::auth::credentials::Credentials;
use crate::auth::slowdown::Slowdown;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// How long a right password is remembered.
const REMEMBERED_MS: i64 = 60_000;
/// Right passwords remembered at most.
const MOST_REMEMBERED: usize = 1_000;

/// Longest user name that is looked up, in bytes.
const LONGEST_NAME: usize = 256;

/// Recognises callers.
pub struct Logins {
    store: Store,
    slowdown: Slowdown,
    remembered: Mutex<HashMap<Digest, Remembered>>,
    key: String,
}

struct Remembered {
    /// When the user was last changed; another time means that the password may be another one too.
    modified_ms: i64,
    until_ms: i64,
}

impl Logins {
    /// Recognises the users and tokens of `store`.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            slowdown: Slowdown::default(),
            remembered: Mutex::default(),
            key: random_hex32() + &random_hex32(),
        }
    }

    /// Returns who presented `credentials` from `address`, or the refusal of wrong ones.
    pub(crate) async fn recognise(&self, credentials: Credentials, address: IpAddr) -> ApiResult<Caller> {
        match credentials {
            Credentials::Bearer(token) => match self.store.tokens().verify(&token).await? {
                Some((_, user)) => Ok(caller(user)),
                None => Err(wrong(text!("login-token-unknown"))),
            },
            Credentials::Basic { user, secret } => self.basic(user, secret, address).await,
        }
    }

    async fn basic(&self, name: String, secret: Secret, address: IpAddr) -> ApiResult<Caller> {
        if name.len() > LONGEST_NAME {
            return Err(wrong(text!("login-wrong")));
        }
        let digest = self.keyed_digest(&name, secret.reveal());
        let known = self.store.users().get(&name).await?;
        if let Some(user) = known
            && self.remembers(&digest, &user)
        {
            return Ok(caller(user));
        }
        if let Some((_, user)) = self.store.tokens().verify(&secret).await?
            && user.name == name
        {
            return Ok(caller(user));
        }
        let now_ms = self.store.now_ms();
        let guess = self.slowdown.take_turn(address, &name, now_ms).map_err(|wait| {
            ApiError::about(Code::TooManyRequests, text!("logins-failed")).retry_after_s(wait.after_s)
        })?;
        self.store.clock().sleep_until_ms(guess.turn_ms).await;
        let verified = self.store.users().verify(&name, &secret).await;
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

    fn remembers(&self, digest: &Digest, user: &User) -> bool {
        let now_ms = self.store.now_ms();
        self.remembered()
            .get(digest)
            .is_some_and(|known| known.until_ms > now_ms && known.modified_ms == user.modified_ms)
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

fn caller(user: User) -> Caller {
    Caller {
        name: user.name.into(),
        role: user.role,
        access: Arc::new(user.access),
    }
}

fn wrong(why: Text) -> ApiError {
    ApiError::about(Code::Unauthenticated, why)
}
