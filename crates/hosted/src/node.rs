//! Turning stored files into what the ports speak of.

use domain::artifact::{Artifact, ArtifactKey, Blob, Existing};
use storage::nodes::StoredFile;

/// Returns the file called `key` as an artifact.
pub(crate) fn artifact_of(key: &ArtifactKey, file: StoredFile) -> Artifact {
    let blob = Blob {
        digest: file.digest,
        size_bytes: file.size_bytes,
        md5: file.md5,
    };
    Artifact {
        key: key.clone(),
        digest: blob.digest,
        blobs: vec![blob],
        metadata: file.metadata,
    }
}

/// Returns the file as what stands at a target.
pub(crate) fn existing_of(file: StoredFile) -> Existing {
    Existing {
        digest: file.digest,
        size_bytes: file.size_bytes,
        metadata: file.metadata,
    }
}
