//! Artifacts: the smallest things that are replicated and reported alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::path::FilePath;

/// Properties that travel with an artifact, by name.
pub type Metadata = BTreeMap<String, String>;

/// Names an artifact within a repository: a file by its full path, a package version by package key and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ArtifactKey {
    /// Full path of a file (`/img/logo.bin`), or the package key (`npm://left-pad`).
    pub name: String,
    /// Version of a package; `None` for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl ArtifactKey {
    /// Names the file at `path`.
    pub fn file(path: &FilePath) -> Self {
        Self {
            name: path.as_str().into(),
            version: None,
        }
    }

    /// Returns the path of a file; `None` when this names a package version or the path is not valid.
    pub fn path(&self) -> Option<FilePath> {
        if self.version.is_some() {
            None
        } else {
            self.name.parse().ok()
        }
    }
}

impl std::fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            None => f.write_str(&self.name),
            Some(version) => write!(f, "{} {version}", self.name),
        }
    }
}

/// Immutable bytes, named by their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// How many there are.
    pub size_bytes: u64,
    /// MD5 of the bytes in lowercase hex, where somebody computed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
}

/// One artifact as its source describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name in the repository.
    pub key: ArtifactKey,
    /// Digest of the whole: of the only blob of a file.
    pub digest: Digest,
    /// The bytes it consists of; exactly one for a file.
    pub blobs: Vec<Blob>,
    /// Properties that travel with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

impl Artifact {
    /// Describes a file that consists of `blob`.
    pub fn file(path: &FilePath, blob: Blob, metadata: Metadata) -> Self {
        Self {
            key: ArtifactKey::file(path),
            digest: blob.digest,
            blobs: vec![blob],
            metadata,
        }
    }

    /// Returns the sum of its blobs' sizes.
    pub fn size_bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size_bytes).sum()
    }
}

/// What stands at a target under some key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Existing {
    /// Digest of the whole.
    pub digest: Digest,
    /// Sum of its blobs' sizes.
    pub size_bytes: u64,
    /// Its properties.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}
