//! Images and other artifacts of the Open Container Initiative, as far as copying them needs to understand them.
//!
//! Manifests are read, never written: what travels are the bytes as they are, because their digest is their name.
//! Formats: image-spec and distribution-spec 1.1, Docker image manifest version 2 schema 2.

mod manifest;
mod names;
mod part;
mod platform;

pub use manifest::{
    DOCKER_INDEX, DOCKER_MANIFEST, InvalidManifest, MANIFEST_BYTES, Manifest, OCI_INDEX, OCI_MANIFEST,
};
pub use names::{
    InvalidName, REPOSITORY_NAME, TAG_NAME, check_reference, check_repository, is_digest, is_tag,
};
pub use oci_spec::image::Descriptor;
pub use part::{Role, digest_of, has_digest};
pub use platform::{InvalidPlatform, PlatformFilter};
