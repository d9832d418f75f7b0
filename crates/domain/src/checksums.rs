//! Checksums other than SHA-256, as registries publish them: to recognise bytes and to verify them.
//!
//! The strongest one that two sides share decides. MD5 and SHA-1 tell whether bytes arrived as they were sent,
//! which is all they are asked here.

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use crate::artifact::Blob;
use crate::digest::Digest;

/// What is known of some bytes besides their SHA-256.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksums {
    /// SHA-512.
    #[serde(default, with = "maybe_hex", skip_serializing_if = "Option::is_none")]
    pub sha512: Option<[u8; 64]>,
    /// SHA-1.
    #[serde(default, with = "maybe_hex", skip_serializing_if = "Option::is_none")]
    pub sha1: Option<[u8; 20]>,
    /// MD5.
    #[serde(default, with = "maybe_hex", skip_serializing_if = "Option::is_none")]
    pub md5: Option<[u8; 16]>,
}

impl Checksums {
    /// Knows nothing but an MD5.
    pub fn of_md5(md5: [u8; 16]) -> Self {
        Self {
            md5: Some(md5),
            ..Self::default()
        }
    }

    /// Knows nothing but an MD5, written in hex; nothing at all if it is none.
    pub fn of_md5_hex(md5: Option<&str>) -> Self {
        let mut bytes = [0; 16];
        let read = md5.map(|text| hex::decode_to_slice(text, &mut bytes));
        Self {
            md5: matches!(read, Some(Ok(()))).then_some(bytes),
            ..Self::default()
        }
    }

    /// Returns the MD5 in lowercase hex, where it is known.
    pub fn md5_hex(&self) -> Option<String> {
        self.md5.map(hex::encode)
    }

    /// Says whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.sha512.is_none() && self.sha1.is_none() && self.md5.is_none()
    }

    /// Says whether the bytes are the same, by the strongest checksum both sides know; `None` if they share none.
    pub fn same(&self, other: &Self) -> Option<bool> {
        let sha512 = self.sha512.zip(other.sha512).map(|(here, there)| here == there);
        let sha1 = self.sha1.zip(other.sha1).map(|(here, there)| here == there);
        let md5 = self.md5.zip(other.md5).map(|(here, there)| here == there);
        sha512.or(sha1).or(md5)
    }
}

/// Digests bytes as they pass, and compares them in the end with what is known of a [`Blob`].
///
/// Always takes the SHA-256, and of the others those the blob has.
pub struct Hasher {
    sha256: Sha256,
    sha512: Option<Sha512>,
    sha1: Option<Sha1>,
    md5: Option<Md5>,
    length_bytes: u64,
}

/// What a [`Hasher`] saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// How many bytes there were.
    pub length_bytes: u64,
    /// Their SHA-256.
    pub digest: Digest,
    /// Those of the others that were asked.
    pub checksums: Checksums,
}

impl Hasher {
    /// Starts digesting what should be `blob`.
    pub fn of(blob: &Blob) -> Self {
        Self {
            sha256: Sha256::new(),
            sha512: blob.checksums.sha512.map(|_| Sha512::new()),
            sha1: blob.checksums.sha1.map(|_| Sha1::new()),
            md5: blob.checksums.md5.map(|_| Md5::new()),
            length_bytes: 0,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length_bytes += bytes.len() as u64;
        self.sha256.update(bytes);
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// Ends it.
    pub fn finish(self) -> Sums {
        Sums {
            length_bytes: self.length_bytes,
            digest: Digest::from_bytes(self.sha256.finalize().into()),
            checksums: Checksums {
                sha512: self.sha512.map(|sum| sum.finalize().into()),
                sha1: self.sha1.map(|sum| sum.finalize().into()),
                md5: self.md5.map(|sum| sum.finalize().into()),
            },
        }
    }
}

impl Sums {
    /// Digests `bytes`, which should be `blob`.
    pub fn of(bytes: &[u8], blob: &Blob) -> Self {
        let mut hasher = Hasher::of(blob);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Says whether the bytes are those of `blob`, by its length and everything else that is known of it.
    pub fn are_of(&self, blob: &Blob) -> bool {
        self.length_bytes == blob.size_bytes
            && blob.digest.is_none_or(|digest| digest == self.digest)
            && self.checksums.same(&blob.checksums) != Some(false)
    }
}

/// Verifies bytes as they pass, by their length and the strongest of what is known of a [`Blob`], and by nothing else.
pub struct Verifier {
    left_bytes: Option<u64>,
    known: Known,
}

/// A digest that is being taken, and what it should be.
enum Known {
    Sha256(Sha256, Digest),
    Sha512(Sha512, [u8; 64]),
    Sha1(Sha1, [u8; 20]),
    Md5(Md5, [u8; 16]),
    Length,
}

impl Verifier {
    /// Starts verifying what should be `blob`.
    pub fn of(blob: &Blob) -> Self {
        let Checksums { sha512, sha1, md5 } = blob.checksums;
        let known = match (blob.digest, sha512, sha1, md5) {
            (Some(digest), ..) => Known::Sha256(Sha256::new(), digest),
            (_, Some(sha512), ..) => Known::Sha512(Sha512::new(), sha512),
            (_, _, Some(sha1), _) => Known::Sha1(Sha1::new(), sha1),
            (_, _, _, Some(md5)) => Known::Md5(Md5::new(), md5),
            (None, None, None, None) => Known::Length,
        };
        Self {
            left_bytes: Some(blob.size_bytes),
            known,
        }
    }

    /// Says whether `bytes` are those of `blob`.
    pub fn is_right(bytes: &[u8], blob: &Blob) -> bool {
        let mut verifier = Self::of(blob);
        verifier.update(bytes);
        verifier.finish()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.left_bytes = self
            .left_bytes
            .and_then(|left_bytes| left_bytes.checked_sub(bytes.len() as u64));
        match &mut self.known {
            Known::Sha256(running, _) => running.update(bytes),
            Known::Sha512(running, _) => running.update(bytes),
            Known::Sha1(running, _) => running.update(bytes),
            Known::Md5(running, _) => running.update(bytes),
            Known::Length => {}
        }
    }

    /// Ends it; says whether the bytes were those of the blob.
    pub fn finish(self) -> bool {
        let is_right = match self.known {
            Known::Sha256(running, known) => running.finalize()[..] == known.as_bytes()[..],
            Known::Sha512(running, known) => running.finalize()[..] == known,
            Known::Sha1(running, known) => running.finalize()[..] == known,
            Known::Md5(running, known) => running.finalize()[..] == known,
            Known::Length => true,
        };
        is_right && self.left_bytes == Some(0)
    }
}

mod maybe_hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer, const N: usize>(
        bytes: &Option<[u8; N]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_str(&hex::encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<Option<[u8; N]>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let mut bytes = [0; N];
        hex::decode_to_slice(&text, &mut bytes).map_err(de::Error::custom)?;
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(bytes: &[u8]) -> Blob {
        Blob {
            checksums: Checksums {
                sha512: Some(Sha512::digest(bytes).into()),
                sha1: Some(Sha1::digest(bytes).into()),
                md5: Some(Md5::digest(bytes).into()),
            },
            ..Blob::unknown(bytes.len() as u64)
        }
    }

    #[test]
    fn bytes_are_verified_by_every_digest_that_is_known() {
        let abc = blob(b"abc");

        assert!(Sums::of(b"abc", &abc).are_of(&abc));
        assert!(!Sums::of(b"abd", &abc).are_of(&abc));
        assert!(!Sums::of(b"abcd", &abc).are_of(&abc));
        let wrong = Blob {
            digest: Some(Digest::of(b"other")),
            ..abc.clone()
        };
        assert!(
            !Sums::of(b"abc", &wrong).are_of(&wrong),
            "a known SHA-256 counts too"
        );
        let plain = Blob::unknown(3);
        assert!(
            Sums::of(b"xyz", &plain).are_of(&plain),
            "only the length is known"
        );
    }

    #[test]
    fn bytes_are_right_by_the_strongest_of_what_is_known_and_by_their_length() {
        let mut known = blob(b"abc");
        known.digest = Some(Digest::of(b"abc"));

        for strip in [
            |_: &mut Blob| {},
            |blob: &mut Blob| blob.digest = None,
            |blob: &mut Blob| blob.checksums.sha512 = None,
            |blob: &mut Blob| blob.checksums.sha1 = None,
            |blob: &mut Blob| blob.checksums.md5 = None,
        ] {
            strip(&mut known);
            assert!(Verifier::is_right(b"abc", &known), "{known:?}");
            assert!(!Verifier::is_right(b"abcd", &known), "{known:?}");
            assert!(!Verifier::is_right(b"ab", &known), "{known:?}");
            let only_length = known.checksums.is_empty() && known.digest.is_none();
            assert_eq!(Verifier::is_right(b"abd", &known), only_length, "{known:?}");
        }
    }

    #[test]
    fn the_strongest_shared_checksum_decides() {
        let (abc, abd) = (blob(b"abc").checksums, blob(b"abd").checksums);
        let mixed = Checksums {
            sha512: abc.sha512,
            ..abd
        };

        assert_eq!(abc.same(&mixed), Some(true));
        assert_eq!(abc.same(&abd), Some(false));
        assert_eq!(abc.same(&Checksums::default()), None);
    }

    #[test]
    fn checksums_are_written_in_hex() {
        let written = serde_json::to_string(&Checksums::of_md5([1; 16])).expect("JSON");

        assert_eq!(written, format!("{{\"md5\":\"{}\"}}", "01".repeat(16)));
        let read: Checksums = serde_json::from_str(&written).expect("the same again");
        assert_eq!(read, Checksums::of_md5([1; 16]));
    }
}
