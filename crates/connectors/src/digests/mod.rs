//! What is remembered of bytes that were digested once, so that what did not change need not be read again.
//!
//! [`DigestCache`] is the table; [`Digests`] uses it for bytes on other servers, by what a server says of their state.

mod cache;

use std::sync::Arc;

use domain::digest::Digest;

pub use cache::{DigestCache, Identity};

/// Digests of bytes on other servers.
#[derive(Debug, Clone, Default)]
pub struct Digests {
    cache: Option<Arc<DigestCache>>,
    mistrusted: bool,
}

impl Digests {
    /// Remembers in `cache`.
    pub fn in_cache(cache: Arc<DigestCache>) -> Self {
        Self {
            cache: Some(cache),
            mistrusted: false,
        }
    }

    /// Remembers, and believes nothing that was remembered: everything is read again.
    #[must_use]
    pub fn mistrusted(mut self) -> Self {
        self.mistrusted = true;
        self
    }

    /// Says whether anything is remembered at all.
    pub fn are_kept(&self) -> bool {
        self.cache.is_some()
    }

    /// Returns the SHA-256 of what stands at `place` (server and path) in the state that the server calls `mark`.
    pub fn get(&self, place: &str, size_bytes: u64, mark: &str) -> Option<Digest> {
        let cache = self.cache.as_ref().filter(|_| !self.mistrusted)?;
        cache.get(&Identity::remote(place, size_bytes, mark))
    }

    /// Returns how many bytes stand at `place` in the state that digests to `digest`, if they were counted before.
    pub fn length(&self, place: &str, digest: &Digest) -> Option<u64> {
        let kept = self.get(place, 0, &length_of(digest))?;
        let (length, rest) = kept.as_bytes().split_first_chunk()?;
        rest.iter()
            .all(|byte| *byte == 0)
            .then(|| u64::from_be_bytes(*length))
    }

    /// Remembers it: in the same table, in the place of a digest.
    pub fn put_length(&self, place: &str, digest: &Digest, length_bytes: u64) {
        let mut kept = [0; 32];
        kept[..8].copy_from_slice(&length_bytes.to_be_bytes());
        self.put(place, 0, &length_of(digest), &Digest::from_bytes(kept));
    }

    /// Remembers it. To be called only when every later change gives the state another mark.
    pub fn put(&self, place: &str, size_bytes: u64, mark: &str, digest: &Digest) {
        let Some(cache) = &self.cache else { return };
        if let Err(error) = cache.put(&Identity::remote(place, size_bytes, mark), digest) {
            tracing::debug!(%error, "digest not remembered");
        }
    }
}

/// Returns the mark under which the length of what digests to `digest` is kept.
fn length_of(digest: &Digest) -> String {
    format!("length of {digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_known_for_one_digest_at_one_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = DigestCache::open(folder.path().join("digests")).expect("a cache");
        let digests = Digests::in_cache(Arc::new(cache));
        let (abc, other) = (Digest::of(b"abc"), Digest::of(b"other"));

        digests.put_length("http://a/x", &abc, 3_000_000_000_000);

        assert_eq!(digests.length("http://a/x", &abc), Some(3_000_000_000_000));
        assert_eq!(digests.length("http://a/x", &other), None);
        assert_eq!(digests.length("http://a/y", &abc), None);
        assert_eq!(digests.clone().mistrusted().length("http://a/x", &abc), None);
    }

    #[test]
    fn a_digest_is_known_for_one_state_of_one_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = DigestCache::open(folder.path().join("digests")).expect("a cache");
        let digests = Digests::in_cache(Arc::new(cache));
        let digest = Digest::of(b"abc");

        digests.put("http://a/x", 3, "mark", &digest);

        assert_eq!(digests.get("http://a/x", 3, "mark"), Some(digest));
        assert_eq!(digests.get("http://a/x", 3, "other"), None);
        assert_eq!(digests.get("http://a/x", 4, "mark"), None);
        assert_eq!(digests.get("http://b/x", 3, "mark"), None);
        assert_eq!(digests.clone().mistrusted().get("http://a/x", 3, "mark"), None);
        assert_eq!(Digests::default().get("http://a/x", 3, "mark"), None);
    }
}
