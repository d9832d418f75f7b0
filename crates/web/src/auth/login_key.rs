//! The RSA key of the console's login form, which encrypts passwords although TLS does so already.
//!
//! The form's padding (PKCS#1 v1.5) invites guessing at how a decryption failed; so nobody is told. A token
//! with bad padding decrypts to a text of its own, always the same, and is then simply a wrong password. Why
//! this is enough stands in `docs/decisions/0007-console-passwords-and-rsa.md`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::cluster::Secret;
use getrandom::SysRng;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::rand_core::UnwrapErr;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey};
use tokio::sync::{OnceCell, Semaphore};

use crate::error::{ApiError, ApiResult};

const KEY_BITS: usize = 2048;
/// Decryptions at a time; more wait.
const AT_A_TIME: usize = 2;

/// A key pair that lives as long as the process and is never written anywhere.
pub(crate) struct LoginKey {
    key: OnceCell<Arc<RsaPrivateKey>>,
    turns: Semaphore,
}

impl Default for LoginKey {
    fn default() -> Self {
        Self {
            key: OnceCell::new(),
            turns: Semaphore::new(AT_A_TIME),
        }
    }
}

impl LoginKey {
    /// Returns the public half: base64 of a DER `SubjectPublicKeyInfo`.
    pub(crate) async fn public(&self) -> ApiResult<String> {
        let key = self.key().await?;
        let document = key
            .to_public_key()
            .to_public_key_der()
            .map_err(ApiError::internal)?;
        Ok(STANDARD.encode(document.as_bytes()))
    }

    /// Returns the password in `token`: base64 of what the public half encrypted.
    ///
    /// `None` only for what everybody can see is no such token: no base64, another length, a number too large.
    /// Every other token gives some text.
    pub(crate) async fn password(&self, token: &str) -> ApiResult<Option<Secret>> {
        let Ok(encrypted) = STANDARD.decode(token.trim()) else {
            return Ok(None);
        };
        let key = self.key().await?;
        let _turn = self.turns.acquire().await.map_err(ApiError::internal)?;
        let decrypted = tokio::task::spawn_blocking(move || key.decrypt(Pkcs1v15Encrypt, &encrypted)).await;
        let decrypted = decrypted.map_err(ApiError::internal)?;
        Ok(decrypted
            .ok()
            .map(|text| Secret::new(String::from_utf8_lossy(&text))))
    }

    async fn key(&self) -> ApiResult<Arc<RsaPrivateKey>> {
        let made = self.key.get_or_try_init(async || {
            let made =
                tokio::task::spawn_blocking(|| RsaPrivateKey::new(&mut UnwrapErr(SysRng), KEY_BITS)).await;
            made.map_err(ApiError::internal)?
                .map(Arc::new)
                .map_err(ApiError::internal)
        });
        made.await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use rsa::RsaPublicKey;
    use rsa::pkcs8::DecodePublicKey as _;

    use super::*;

    async fn public(key: &LoginKey) -> RsaPublicKey {
        let text = key.public().await.expect("a key");
        RsaPublicKey::from_public_key_der(&STANDARD.decode(text).expect("base64")).expect("a public key")
    }

    #[tokio::test]
    async fn what_the_public_half_encrypts_comes_back_and_bad_padding_is_not_told_apart() {
        let key = LoginKey::default();
        let public = public(&key).await;
        let mut encrypted = public
            .encrypt(&mut UnwrapErr(SysRng), Pkcs1v15Encrypt, b"s\xc3\xa9same")
            .expect("it is short");
        let token = STANDARD.encode(&encrypted);

        let password = key
            .password(&token)
            .await
            .expect("an answer")
            .expect("a password");
        assert_eq!(password.reveal(), "sésame");
        encrypted[200] ^= 1;
        let spoilt = STANDARD.encode(&encrypted);
        let first = key
            .password(&spoilt)
            .await
            .expect("an answer")
            .expect("some text");
        let second = key
            .password(&spoilt)
            .await
            .expect("an answer")
            .expect("some text");
        assert_eq!(first.reveal(), second.reveal());
        assert_ne!(first.reveal(), "sésame");
    }

    #[tokio::test]
    async fn what_is_evidently_no_token_is_none() {
        let key = LoginKey::default();
        let too_large = STANDARD.encode([0xff; KEY_BITS / 8]);

        for token in ["", "!", "YWJj", &too_large, &STANDARD.encode([1; 300])] {
            assert!(key.password(token).await.expect("an answer").is_none(), "{token}");
        }
    }
}
