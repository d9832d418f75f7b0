//! Passwords: argon2id, two at a time, off the threads that serve requests.
//!
//! One check takes 19 MiB and some ten milliseconds, so a flood of log-ins queues here instead of
//! eating the memory of the node.

use std::sync::Arc;

use argon2::{Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _};
use domain::cluster::Secret;
use tokio::sync::Semaphore;

use crate::db::{StoreError, StoreResult};

const AT_A_TIME: usize = 2;
/// Checked when there is no such user, so that both answers take equally long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Passwords {
    /// Returns the PHC text of `password` with a new salt.
    pub async fn hash(&self, password: &Secret) -> StoreResult<String> {
        let password = password.clone();
        self.run(move || {
            Argon2::default()
                .hash_password(password.reveal().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|error| StoreError::Mismatch(format!("the password cannot be hashed: {error}")))
        })
        .await?
    }

    /// Says whether `password` is the one `hash` was made of; never for `None`, which takes as long.
    pub async fn verify(&self, password: &Secret, hash: Option<String>) -> StoreResult<bool> {
        let password = password.clone();
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.into());
            let Ok(hash) = PasswordHash::new(&hash) else {
                return false;
            };
            let fits = Argon2::default()
                .verify_password(password.reveal().as_bytes(), &hash)
                .is_ok();
            known && fits
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> StoreResult<T> {
        let _turn = self.0.acquire().await.expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| StoreError::Mismatch(format!("a password check was cut short: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_fits() {
        let passwords = Passwords::default();
        let hash = passwords.hash(&Secret::new("right")).await.expect("it hashes");

        for (password, hash, fits) in [
            ("right", Some(hash.clone()), true),
            ("wrong", Some(hash), false),
            ("right", None, false),
        ] {
            let checked = passwords.verify(&Secret::new(password), hash).await;
            assert_eq!(checked.expect("it is checked"), fits);
        }
        assert!(
            PasswordHash::new(NOBODY).is_ok(),
            "nobody's hash costs a full check"
        );
    }
}
