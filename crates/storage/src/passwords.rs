//! Passwords: argon2id, two at a time, off the threads that serve requests.
//!
//! One check takes 19 MiB and some ten milliseconds, so a flood of log-ins queues here instead of
//! eating the memory of the node.

use std::sync::Arc;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use domain::cluster::Secret;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use crate::db::{StoreError, StoreResult};

const AT_A_TIME: usize = 2;
/// Memory is asked for in pieces of at least this many blocks (34 MiB), of which only what is needed is touched.
///
/// The C library takes anything above 32 MiB from the system and gives it back at once; 19 MiB it would keep for
/// the next time, and an idle node would be twice as large.
const LEAST_BLOCKS: usize = 34 * 1024;
/// A hash that no known password has: of users without one, and checked when there is no such user, so that
/// all answers take equally long.
pub(crate) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$\
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
        let hashed = self.run(move || phc(password.reveal().as_bytes())).await?;
        hashed.map_err(|error| StoreError::Mismatch(format!("the password cannot be hashed: {error}")))
    }

    /// Says whether `password` is the one `hash` was made of; never for `None`, which takes as long.
    pub async fn verify(&self, password: &Secret, hash: Option<String>) -> StoreResult<bool> {
        let password = password.clone();
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.into());
            let fits = fits(password.reveal().as_bytes(), &hash).unwrap_or(false);
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

fn phc(password: &[u8]) -> argon2::password_hash::Result<String> {
    let params = Params::default();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let salt = Salt::generate();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2.hash_password_into_with_memory(password, &salt, &mut output, memory(&params))?;
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: (&params).try_into()?,
        salt: Some(salt),
        hash: Some(Output::new(&output)?),
    };
    Ok(hash.to_string())
}

/// Says whether `hash` was made of `password`; `None` for a text that is no hash of ours.
fn fits(password: &[u8], hash: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let version = Version::try_from(hash.version?).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut output = vec![0; expected.len()];
    let memory = memory(&params);
    let argon2 = Argon2::new(algorithm, version, params);
    argon2
        .hash_password_into_with_memory(password, &salt, &mut output, memory)
        .ok()?;
    Some(bool::from(output.ct_eq(expected.as_bytes())))
}

fn memory(params: &Params) -> Vec<Block> {
    let mut blocks = Vec::with_capacity(params.block_count().max(LEAST_BLOCKS));
    blocks.resize(params.block_count(), Block::new());
    blocks
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
        let checked = fits(b"right", NOBODY);
        assert_eq!(checked, Some(false), "nobody's hash costs a full check");
        let cost = |hash: &str| PasswordHash::new(hash).map(|hash| hash.params.to_string());
        let hash = phc(b"right").expect("it hashes");
        assert_eq!(cost(NOBODY), cost(&hash), "and no less than anybody else's");
    }
}
