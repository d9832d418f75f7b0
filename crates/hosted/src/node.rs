//! Turning stored files into what the ports speak of.

use domain::artifact::{Artifact, ArtifactKey, Blob, Existing};
use domain::checksums::Checksums;
use storage::nodes::StoredFile;

/// Returns the file called `key` as an artifact.
pub(crate) fn artifact_of(key: &ArtifactKey, file: StoredFile) -> Artifact {
    let blob = blob_of(&file);
    Artifact {
        key: key.clone(),
        digest: blob.digest,
        blobs: vec![blob],
        metadata: file.metadata,
        document: None,
    }
}

/// Returns the file as what stands at a target.
pub(crate) fn existing_of(file: StoredFile) -> Existing {
    Existing::of(file.digest, file.size_bytes, file.metadata)
}

/// Returns the file as what stands at a target, with every checksum that is known of it.
pub(crate) fn checked_existing_of(file: StoredFile) -> Existing {
    Existing {
        blobs: vec![blob_of(&file)],
        ..existing_of(file)
    }
}

fn blob_of(file: &StoredFile) -> Blob {
    Blob {
        checksums: Checksums::of_md5_hex(file.md5.as_deref()),
        ..Blob::of(file.digest, file.size_bytes)
    }
}
