//! Builds artifacts that are complete by default: set only what a test is about.

use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::digest::Digest;
use domain::path::FilePath;

/// Starts a file whose bytes derive from its path.
pub fn artifact(path: &str) -> ArtifactBuilder {
    ArtifactBuilder {
        path: path.parse().expect("a test names a valid path"),
        bytes: Bytes::copy_from_slice(path.as_bytes()),
        metadata: Metadata::new(),
    }
}

/// Names the file at `path`.
pub fn key(path: &str) -> ArtifactKey {
    ArtifactKey::file(&path.parse::<FilePath>().expect("a test names a valid path"))
}

/// A file in the making: where it stands, what it holds, its properties.
#[derive(Debug, Clone)]
pub struct ArtifactBuilder {
    pub(crate) path: FilePath,
    pub(crate) bytes: Bytes,
    pub(crate) metadata: Metadata,
}

impl ArtifactBuilder {
    /// Sets its bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.bytes = Bytes::copy_from_slice(bytes.as_ref());
        self
    }

    /// Sets its size; the bytes repeat the path.
    #[must_use]
    pub fn size_bytes(mut self, size_bytes: usize) -> Self {
        let pattern = self.path.as_str().as_bytes();
        self.bytes = pattern.iter().copied().cycle().take(size_bytes).collect();
        self
    }

    /// Adds a property.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Describes it as a source does.
    pub fn build(&self) -> Artifact {
        let blob = Blob::of(Digest::of(&self.bytes), self.bytes.len() as u64);
        Artifact::file(&self.path, blob, self.metadata.clone())
    }
}
