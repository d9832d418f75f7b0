//! Secrets at rest: sealed with a key that lies outside the database.
//!
//! XChaCha20-Poly1305 with a random nonce before each text. What is sealed is bound to its place
//! (`table.column.row`), so that nobody who can write the database moves one secret to another row.

use std::path::Path;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::cluster::Secret;

use crate::db::{Db, StoreError, StoreResult, blob, text};
use crate::folder;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const KNOWN_NAME: &str = "sealed_known_text";
const KNOWN_TEXT: &str = "the key of this database";

const READ_META: &str = "SELECT value FROM meta WHERE name = $1";
const WRITE_META: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)";

/// Seals secrets and opens them again.
#[derive(Clone)]
pub struct Vault(XChaCha20Poly1305);

impl Vault {
    /// Takes the key from `key_file`, or makes one there at first start.
    ///
    /// The file holds 64 hex digits, or 32 raw bytes. A key of the operator's own is never made here:
    /// with `required` set a missing file is an error.
    pub fn load(key_file: &Path, required: bool) -> StoreResult<Self> {
        let key = match folder::read(key_file)? {
            Some(bytes) => parse_key(&bytes).ok_or_else(|| bad_key(key_file, "it is not 64 hex digits"))?,
            None if required => return Err(bad_key(key_file, "there is no such file")),
            None => {
                let mut key = [0; KEY_BYTES];
                getrandom::fill(&mut key).map_err(|error| StoreError::Disk(error.into()))?;
                folder::write_private(key_file, format!("{}\n", hex::encode(key)).as_bytes())?;
                key
            }
        };
        Ok(Self(XChaCha20Poly1305::new(&key.into())))
    }

    /// Makes sure the database was sealed with this key; a new one is marked as such.
    pub async fn check(&self, db: &Db, key_file: &Path) -> StoreResult<()> {
        match db.fetch_optional(READ_META, vec![text(KNOWN_NAME)]).await? {
            Some(row) => match self.open(&row.blob("value")?, "meta", "value", KNOWN_NAME) {
                Ok(known) if known.reveal() == KNOWN_TEXT => Ok(()),
                _ => Err(bad_key(
                    key_file,
                    "the secrets of this data folder were sealed with another one",
                )),
            },
            None => {
                let sealed = self.seal(&Secret::new(KNOWN_TEXT), "meta", "value", KNOWN_NAME)?;
                db.execute(WRITE_META, vec![text(KNOWN_NAME), blob(sealed)])
                    .await?;
                Ok(())
            }
        }
    }

    /// Seals `secret` for its place.
    pub fn seal(&self, secret: &Secret, table: &str, column: &str, row: &str) -> StoreResult<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| StoreError::Disk(error.into()))?;
        let place = format!("{table}.{column}.{row}");
        let payload = Payload {
            msg: secret.reveal().as_bytes(),
            aad: place.as_bytes(),
        };
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Mismatch("a secret is too long to be sealed".into()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for the same place with the same key.
    pub fn open(&self, sealed: &[u8], table: &'static str, column: &str, row: &str) -> StoreResult<Secret> {
        let unreadable = || StoreError::Unreadable {
            table,
            found: format!("a secret in `{column}` that this key does not open"),
        };
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(unreadable)?;
        let place = format!("{table}.{column}.{row}");
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let opened = self
            .0
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| unreadable())?;
        Ok(Secret::new(String::from_utf8(opened).map_err(|_| unreadable())?))
    }
}

fn bad_key(file: &Path, reason: &'static str) -> StoreError {
    StoreError::BadKey {
        file: file.into(),
        reason,
    }
}

fn parse_key(bytes: &[u8]) -> Option<[u8; KEY_BYTES]> {
    if let Ok(raw) = bytes.try_into() {
        return Some(raw);
    }
    let mut key = [0; KEY_BYTES];
    hex::decode_to_slice(bytes.trim_ascii(), &mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(key: u8) -> Vault {
        Vault(XChaCha20Poly1305::new(&[key; KEY_BYTES].into()))
    }

    #[test]
    fn a_sealed_secret_opens_only_in_its_place_and_with_its_key() {
        let sealed = vault(1)
            .seal(&Secret::new("hunter2"), "cluster", "password", "a")
            .expect("it can be sealed");

        let opened = vault(1).open(&sealed, "cluster", "password", "a");

        assert_eq!(opened.expect("it opens").reveal(), "hunter2");
        assert!(vault(1).open(&sealed, "cluster", "password", "b").is_err());
        assert!(vault(2).open(&sealed, "cluster", "password", "a").is_err());
        assert!(!sealed.windows(7).any(|bytes| bytes == b"hunter2"));
    }
}
