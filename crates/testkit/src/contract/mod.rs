//! What every source and every target promises, as tests that each connector runs against itself.
//!
//! A connector's tests implement [`SourceWorld`] or [`TargetWorld`] and write one line with
//! [`source_contract!`](crate::source_contract) or [`target_contract!`](crate::target_contract); for repositories of
//! packages there is [`packages`].

pub mod packages;
pub mod source;
pub mod target;

use std::sync::Arc;

use async_trait::async_trait;
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::digest::Digest;
use domain::path::FilePath;
use domain::ports::{Source, Target};

/// A repository that a test fills and reads through the port.
#[async_trait]
pub trait SourceWorld: Send + Sync {
    /// Makes `bytes` stand under `path`.
    async fn hold(&self, path: &str, bytes: &[u8]);

    /// Returns the repository as a source.
    fn source(&self) -> Arc<dyn Source>;
}

/// A repository that a test writes through the port and reads behind its back.
#[async_trait]
pub trait TargetWorld: Send + Sync {
    /// Returns the bytes under `path`.
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>>;

    /// Returns the repository as a target.
    fn target(&self) -> Arc<dyn Target>;
}

/// Returns the key of the file at `path`.
pub fn key(path: &str) -> ArtifactKey {
    ArtifactKey::file(&path.parse::<FilePath>().expect("tests name paths"))
}

/// Returns the file at `path` with `bytes` as its content.
pub fn artifact(path: &str, bytes: &[u8]) -> Artifact {
    let blob = Blob::of(Digest::of(bytes), bytes.len() as u64);
    Artifact::file(&path.parse().expect("tests name paths"), blob, Metadata::new())
}

/// Returns `length` bytes that look random and are the same for the same `seed`.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
