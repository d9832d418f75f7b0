//! Turning stored nodes into what the ports speak of.

use domain::artifact::{Artifact, Blob, Existing};
use storage::nodes::Node;

/// Returns the file as an artifact; `None` for a folder.
pub(crate) fn artifact_of(node: Node) -> Option<Artifact> {
    let file = node.file?;
    let blob = Blob {
        digest: file.digest,
        size_bytes: file.size_bytes,
        md5: file.md5,
    };
    Some(Artifact::file(&node.path, blob, node.metadata))
}

/// Returns the file as what stands at a target; `None` for a folder.
pub(crate) fn existing_of(node: Node) -> Option<Existing> {
    let file = node.file?;
    Some(Existing {
        digest: file.digest,
        size_bytes: file.size_bytes,
        metadata: node.metadata,
    })
}
