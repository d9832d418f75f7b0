//! An image as an artifact: which blob of it is what.
//!
//! The blobs of an image come in the order in which they can be written: what a manifest consists of before the
//! manifest, and after the image's own manifest what is about it (signatures, bills of materials). Each blob's name
//! says its role and its digest; only the image's own manifest is always called the same, so that another image
//! under the same tag is other content and not missing content.

use crate::artifact::Blob;
use crate::checksums::Checksums;

/// What a blob is to its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The manifest or index the tag stands for; exactly one.
    Manifest,
    /// A manifest in an index.
    Child,
    /// A manifest about another one of the image.
    Referrer,
    /// A configuration.
    Config,
    /// A layer, or whatever an artifact keeps instead of one.
    Layer,
}

impl Role {
    const ALL: [Self; 5] = [
        Self::Manifest,
        Self::Child,
        Self::Referrer,
        Self::Config,
        Self::Layer,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Child => "child",
            Self::Referrer => "referrer",
            Self::Config => "config",
            Self::Layer => "layer",
        }
    }

    /// Returns what `blob` is to its image; `None` when it belongs to none.
    pub fn of(blob: &Blob) -> Option<Self> {
        let word = blob.name.split(' ').next().unwrap_or_default();
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Says whether it is a manifest.
    pub fn is_manifest(self) -> bool {
        match self {
            Self::Manifest | Self::Child | Self::Referrer => true,
            Self::Config | Self::Layer => false,
        }
    }

    /// Describes the bytes with `digest` (see [`is_digest`](super::is_digest)) as this part of an image.
    pub fn part(self, media_type: &str, digest: &str, size_bytes: u64) -> Blob {
        let name = match self {
            Self::Manifest => self.as_str().into(),
            Self::Child | Self::Referrer | Self::Config | Self::Layer => {
                format!("{} {digest}", self.as_str())
            }
        };
        let mut sha512 = [0; 64];
        let read = digest
            .strip_prefix("sha512:")
            .map(|digits| hex::decode_to_slice(digits, &mut sha512));
        Blob {
            name,
            media_type: Some(media_type.into()),
            size_bytes,
            digest: digest.parse().ok().filter(|_| digest.starts_with("sha256:")),
            checksums: Checksums {
                sha512: matches!(read, Some(Ok(()))).then_some(sha512),
                ..Checksums::default()
            },
        }
    }
}

/// Returns the digest a registry knows `blob` by; `None` when neither its SHA-256 nor its SHA-512 is known.
pub fn digest_of(blob: &Blob) -> Option<String> {
    match (blob.name.split_once(' '), blob.digest, blob.checksums.sha512) {
        (Some((_, digest)), _, _) if super::is_digest(digest) => Some(digest.into()),
        (_, Some(digest), _) => Some(digest.to_string()),
        (_, None, Some(sha512)) => Some(format!("sha512:{}", hex::encode(sha512))),
        (_, None, None) => None,
    }
}

/// Says whether `bytes` have `digest`; never for an algorithm other than sha256 and sha512.
pub fn has_digest(bytes: &[u8], digest: &str) -> bool {
    use sha2::Digest as _;
    let computed = match digest.split_once(':') {
        Some(("sha256", _)) => hex::encode(sha2::Sha256::digest(bytes)),
        Some(("sha512", _)) => hex::encode(sha2::Sha512::digest(bytes)),
        _ => return false,
    };
    digest[7..] == computed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn a_part_says_its_role_and_its_digest() {
        let sha256 = Digest::of(b"abc").to_string();
        let sha512 = format!("sha512:{}", "ab".repeat(64));

        for role in Role::ALL {
            for digest in [&sha256, &sha512] {
                let part = role.part("application/x", digest, 3);

                assert_eq!(Role::of(&part), Some(role));
                assert_eq!(digest_of(&part).as_ref(), Some(digest));
                assert_eq!(part.digest.is_some(), digest == &sha256);
            }
        }
        assert_eq!(Role::of(&Blob::of(Digest::of(b""), 0)), None);
    }

    #[test]
    fn bytes_are_compared_with_either_digest() {
        use sha2::Digest as _;
        let sha512 = format!("sha512:{}", hex::encode(sha2::Sha512::digest(b"abc")));

        assert!(has_digest(b"abc", &Digest::of(b"abc").to_string()));
        assert!(has_digest(b"abc", &sha512));
        assert!(!has_digest(b"abd", &sha512));
        assert!(!has_digest(b"abc", "md5:900150983cd24fb0d6963f7d28e17f72"));
    }
}
