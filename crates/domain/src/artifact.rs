//! Artifacts: the smallest things that are replicated and reported alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::checksums::Checksums;
use crate::digest::Digest;
use crate::oci::Role;
use crate::path::FilePath;

/// Properties that travel with an artifact, by name.
pub type Metadata = BTreeMap<String, String>;

/// Property that holds a file's modification time: Unix seconds, a point, nine digits of nanoseconds.
pub const MTIME: &str = "waybill.mtime";
/// Property that says whether a file is executable: `true` or `false`.
pub const EXECUTABLE: &str = "waybill.executable";
/// Most bytes of all properties of one file, names and values together.
pub const PROPERTY_BYTES: usize = 16 * 1024;

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

    /// Returns the path of a file; `None` when this names a package version or the path is not valid. One that would be
    /// written differently (`/a//b`) is somebody else's name.
    pub fn path(&self) -> Option<FilePath> {
        if self.version.is_some() {
            return None;
        }
        let path: Option<FilePath> = self.name.parse().ok();
        path.filter(|path| path.as_str() == self.name)
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

/// Immutable bytes, recognised by their digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Name within the artifact: a file name, or what the blob is to it; empty for the only blob of a file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Media type, where the protocol keeps one with the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// How many bytes there are.
    pub size_bytes: u64,
    /// SHA-256 of the bytes, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Other checksums of the bytes, as far as they are known.
    #[serde(default, skip_serializing_if = "Checksums::is_empty")]
    pub checksums: Checksums,
}

impl Blob {
    /// Describes `size_bytes` bytes with this SHA-256 that need no name.
    pub fn of(digest: Digest, size_bytes: u64) -> Self {
        Self {
            digest: Some(digest),
            ..Self::unknown(size_bytes)
        }
    }

    /// Describes `size_bytes` bytes of which nothing else is known, without a name.
    pub fn unknown(size_bytes: u64) -> Self {
        Self {
            name: String::new(),
            media_type: None,
            size_bytes,
            digest: None,
            checksums: Checksums::default(),
        }
    }

    /// Says whether `other` holds the same bytes; `None` when nothing that is known of both tells.
    pub fn same_bytes(&self, other: &Self) -> Option<bool> {
        if self.size_bytes != other.size_bytes {
            return Some(false);
        }
        match (self.digest, other.digest) {
            (Some(here), Some(there)) => Some(here == there),
            _ => self.checksums.same(&other.checksums),
        }
    }
}

/// A blob whose SHA-256 is known.
#[derive(Debug, Clone, Copy)]
pub struct KnownBlob<'a> {
    /// Its SHA-256.
    pub digest: Digest,
    blob: &'a Blob,
}

impl Blob {
    /// Returns it with its SHA-256, if that is known.
    pub fn known(&self) -> Option<KnownBlob<'_>> {
        let digest = self.digest?;
        Some(KnownBlob { digest, blob: self })
    }
}

impl std::ops::Deref for KnownBlob<'_> {
    type Target = Blob;

    fn deref(&self) -> &Blob {
        self.blob
    }
}

/// One artifact as its source describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name in the repository.
    pub key: ArtifactKey,
    /// SHA-256 that names the whole, where there is one: of the only blob of a file, of an image's manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The bytes it consists of; exactly one for a file.
    pub blobs: Vec<Blob>,
    /// Properties that travel with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// What its registry says of it besides its bytes, in the registry's own form: the entry of an npm version,
    /// the core metadata of a Python distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<serde_json::Value>,
}

impl Artifact {
    /// Describes a file that consists of `blob`.
    pub fn file(path: &FilePath, blob: Blob, metadata: Metadata) -> Self {
        Self {
            key: ArtifactKey::file(path),
            digest: blob.digest,
            blobs: vec![blob],
            metadata,
            document: None,
        }
    }

    /// Returns the sum of its blobs' sizes.
    pub fn size_bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size_bytes).sum()
    }

    /// Returns the SHA-256 that people know it by: what names the whole, else that of an image's manifest (which does not
    /// cover what is about the image), else that of its only blob.
    pub fn sha256(&self) -> Option<Digest> {
        self.digest.or_else(|| of_the_leading(&self.blobs))
    }
}

fn of_the_leading(blobs: &[Blob]) -> Option<Digest> {
    match blobs {
        [only] => only.digest,
        _ => {
            let mut blobs = blobs.iter();
            blobs.find(|blob| Role::of(blob) == Some(Role::Manifest))?.digest
        }
    }
}

/// What stands at a target under some key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Existing {
    /// SHA-256 that names the whole, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Its blobs, by the names [`Artifact::blobs`] have; may be left out where `digest` is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<Blob>,
    /// Sum of its blobs' sizes.
    pub size_bytes: u64,
    /// What the target calls this state of it (an entity tag), for a write that only replaces this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Its properties.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
}

impl Existing {
    /// Describes content that is named by its SHA-256.
    pub fn of(digest: Digest, size_bytes: u64, metadata: Metadata) -> Self {
        Self {
            digest: Some(digest),
            blobs: Vec::new(),
            size_bytes,
            mark: None,
            metadata,
        }
    }

    /// Returns the SHA-256 that people know it by: what names the whole, else that of an image's manifest (which does not
    /// cover what is about the image), else that of its only blob.
    pub fn sha256(&self) -> Option<Digest> {
        self.digest.or_else(|| of_the_leading(&self.blobs))
    }
}

/// How an artifact's content compares with what stands at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Every blob stands there, equal.
    Same,
    /// Some blobs are missing there; those that are not are equal, as far as is known.
    Partial,
    /// Other content stands there.
    Different,
    /// Nothing that is known of both tells.
    Unknown,
}

impl Artifact {
    /// Compares it with `existing`: by what names the whole, else blob by blob. Blobs that only the target has make
    /// no difference.
    pub fn likeness(&self, existing: &Existing) -> Likeness {
        if let (Some(here), Some(there)) = (self.digest, existing.digest) {
            return if here == there {
                Likeness::Same
            } else {
                Likeness::Different
            };
        }
        let (mut missing, mut unknown) = (false, false);
        for blob in &self.blobs {
            let there = existing.blobs.iter().find(|there| there.name == blob.name);
            match there.map(|there| blob.same_bytes(there)) {
                Some(Some(true)) => {}
                Some(Some(false)) => return Likeness::Different,
                Some(None) => unknown = true,
                None => missing = true,
            }
        }
        match (missing, unknown) {
            (true, _) => Likeness::Partial,
            (false, true) => Likeness::Unknown,
            (false, false) => Likeness::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, blob: Blob) -> Blob {
        Blob {
            name: name.into(),
            ..blob
        }
    }

    fn version(blobs: Vec<Blob>) -> Artifact {
        let key = ArtifactKey {
            name: "pypi://waybill".into(),
            version: Some("1.0".into()),
        };
        Artifact {
            key,
            digest: None,
            blobs,
            metadata: Metadata::new(),
            document: None,
        }
    }

    fn standing(blobs: Vec<Blob>) -> Existing {
        Existing {
            digest: None,
            size_bytes: blobs.iter().map(|blob| blob.size_bytes).sum(),
            blobs,
            mark: None,
            metadata: Metadata::new(),
        }
    }

    fn md5(blob: Blob, bytes: &[u8]) -> Blob {
        Blob {
            digest: None,
            checksums: Checksums::of_md5(md5_of(bytes)),
            ..blob
        }
    }

    fn md5_of(bytes: &[u8]) -> [u8; 16] {
        use md5::Digest as _;
        md5::Md5::digest(bytes).into()
    }

    #[test]
    fn a_package_is_compared_file_by_file() {
        let wheel = named("a.whl", Blob::of(Digest::of(b"wheel"), 5));
        let sdist = named("a.tar.gz", Blob::of(Digest::of(b"sdist"), 5));
        let other = named("a.whl", Blob::of(Digest::of(b"WHEEL"), 5));
        let artifact = version(vec![wheel.clone(), sdist.clone()]);

        let likeness = |blobs| artifact.likeness(&standing(blobs));
        assert_eq!(likeness(vec![sdist.clone(), wheel.clone()]), Likeness::Same);
        assert_eq!(likeness(vec![sdist.clone()]), Likeness::Partial);
        assert_eq!(likeness(vec![other]), Likeness::Different);
    }

    #[test]
    fn bytes_without_a_shared_digest_are_the_same_only_if_a_checksum_says_so() {
        let known = Blob::of(Digest::of(b"abc"), 3);
        let summed = md5(Blob::unknown(3), b"abc");
        let both = Blob {
            checksums: summed.checksums,
            ..known.clone()
        };

        assert_eq!(known.same_bytes(&summed), None);
        assert_eq!(both.same_bytes(&summed), Some(true));
        assert_eq!(both.same_bytes(&md5(Blob::unknown(3), b"abd")), Some(false));
        assert_eq!(known.same_bytes(&Blob::unknown(4)), Some(false), "by its size");
        assert_eq!(
            version(vec![known]).likeness(&standing(vec![summed])),
            Likeness::Unknown
        );
    }
}
