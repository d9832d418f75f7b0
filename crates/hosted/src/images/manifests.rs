//! Manifests of an image: checked before they are kept, kept as they came.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use domain::digest::Digest;
use domain::oci::{Descriptor, InvalidManifest, InvalidName, Manifest, check_reference};
use domain::ports::Expect;
use storage::images::{ImagePublication, ImageWritten, ManifestRow, NewManifest, manifest_path};
use storage::nodes::Node;
use storage::publish::{NewBlobFile, NodeWrite, Publication, Viewer};
use storage::tags::TagWrite;

use super::{Image, path_of};
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;
use crate::publish::{Brought, pack};

/// Tags, or manifests, removed or read in one go.
const REMOVED_AT_ONCE: u32 = 500;

/// How a manifest is named: by a tag that leads to it, or by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A tag.
    Tag(String),
    /// Its SHA-256.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check_reference(text)?;
        match text.parse() {
            Ok(digest) if text.starts_with("sha256:") => Ok(Self::Digest(digest)),
            _ if text.contains(':') => Err(InvalidName {
                text: text.chars().take(100).collect(),
                wanted: "a digest this registry keeps: `sha256:` and 64 hex digits",
            }),
            _ => Ok(Self::Tag(text.into())),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A manifest that is here.
#[derive(Debug, Clone)]
pub struct StoredManifest {
    /// What is known of it.
    pub row: ManifestRow,
    /// The file that holds it.
    pub node: Node,
}

/// What becomes visible in one step.
pub(crate) struct Publishing {
    /// Manifests, and their bytes; the one the tag leads to is among them.
    pub manifests: Vec<(NewManifest, Bytes)>,
    /// Manifests they lead to that are here already.
    pub standing: Vec<Digest>,
    /// Small blobs they name, with their digests checked.
    pub blobs: Vec<(Digest, Bytes)>,
    /// The tag that is to lead to `root`, and where it has to lead now.
    pub tag: Option<(String, Expect)>,
    /// The manifest of the whole.
    pub root: Digest,
}

/// A manifest that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutManifest {
    /// Its digest.
    pub digest: Digest,
    /// The manifest it is about.
    pub subject: Option<Digest>,
}

impl Image {
    /// Returns the manifest called `reference`.
    pub async fn manifest(&self, reference: &Reference) -> HostedResult<Option<StoredManifest>> {
        let data = self.hosted().data();
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(tag) => match data.tag(self.repository_no(), &self.key, tag).await? {
                Some((digest, _)) => digest,
                None => return Ok(None),
            },
        };
        let row = data.manifest(self.repository_no(), &self.name, &digest).await?;
        let node = self
            .repository
            .node(&path_of(manifest_path(&self.name, &digest))?)
            .await?;
        Ok(row.zip(node).map(|(row, node)| StoredManifest { row, node }))
    }

    /// Takes a manifest, announced as `media_type`, and lets `reference` lead to it.
    ///
    /// What it names has to be here: the blobs of an image always; the manifests of an index may be absent, so that
    /// an index of which only some platforms are wanted keeps its digest.
    pub async fn put_manifest(
        &self,
        reference: &Reference,
        media_type: Option<&str>,
        bytes: Bytes,
        viewer: &Viewer,
    ) -> HostedResult<PutManifest> {
        let digest = Digest::of(&bytes);
        if let Reference::Digest(named) = reference
            && *named != digest
        {
            return Err(HostedError::Mismatch("sha256"));
        }
        let new = self.read(media_type, &bytes, &HashMap::new()).await?;
        let subject = new.row.subject;
        let tag = match reference {
            Reference::Tag(tag) => Some((tag.clone(), Expect::Anything)),
            Reference::Digest(_) => None,
        };
        let publishing = Publishing {
            manifests: vec![(new, bytes)],
            standing: Vec::new(),
            blobs: Vec::new(),
            tag,
            root: digest,
        };
        match self.publish(publishing, viewer).await? {
            ImageWritten::Stored { .. } => Ok(PutManifest { digest, subject }),
            ImageWritten::BlobsMissing(missing) => Err(HostedError::BlobsMissing(missing)),
            ImageWritten::ManifestGone(gone) => Err(HostedError::BlobsMissing(vec![gone])),
            ImageWritten::Refused(written) => Err(self.refused(written, &digest)),
            // A tag that may lead anywhere is never where it should not be.
            ImageWritten::Raced { .. } => Err(HostedError::Mismatch("sha256")),
        }
    }

    /// Returns what is known of each of these manifests, in their order.
    pub(crate) async fn known_manifests(&self, digests: &[Digest]) -> HostedResult<Vec<Option<ManifestRow>>> {
        let data = self.hosted().data();
        Ok(data.manifests(self.repository_no(), &self.name, digests).await?)
    }

    /// Reads a manifest and what has to be remembered of it; `coming` are the sizes, with all they consist of, of
    /// manifests that become visible together with it.
    pub(crate) async fn read(
        &self,
        media_type: Option<&str>,
        bytes: &[u8],
        coming: &HashMap<Digest, u64>,
    ) -> HostedResult<NewManifest> {
        let manifest = Manifest::parse(media_type, bytes)?;
        let own = Outline::of(bytes)?;
        let kept = manifest.blobs().filter(|blob| !Manifest::is_foreign(blob));
        let blobs = kept.map(digest_of).collect::<HostedResult<Vec<Digest>>>()?;
        let children = manifest.children().iter().map(digest_of);
        let children = children.collect::<HostedResult<Vec<Digest>>>()?;
        let known = self.known_manifests(&children).await?;
        let below = children.iter().zip(known).filter_map(|(digest, known)| {
            let known = known.map(|child| child.total_bytes);
            known.or_else(|| coming.get(digest).copied())
        });
        let below_bytes: u64 = below.fold(0, u64::saturating_add);
        let blob_bytes: u64 = manifest
            .blobs()
            .fold(0, |sum, blob| sum.saturating_add(blob.size()));
        let size_bytes = bytes.len() as u64;
        let config_type = match &manifest {
            Manifest::Image(image) => Some(image.config().media_type().to_string()),
            Manifest::Index(_) => None,
        };
        Ok(NewManifest {
            row: ManifestRow {
                digest: Digest::of(bytes),
                media_type: own
                    .media_type
                    .or_else(|| media_type.map(String::from))
                    .unwrap_or_else(|| default_type(&manifest).into()),
                size_bytes,
                total_bytes: size_bytes.saturating_add(blob_bytes).saturating_add(below_bytes),
                subject: manifest.subject().map(digest_of).transpose()?,
                artifact_type: own.artifact_type.or(config_type),
                annotations: own
                    .annotations
                    .map(|annotations| serde_json::Value::Object(annotations).to_string()),
            },
            blobs,
        })
    }

    /// Makes everything of `publishing` durable, and visible in one step.
    pub(crate) async fn publish(
        &self,
        publishing: Publishing,
        viewer: &Viewer,
    ) -> HostedResult<ImageWritten> {
        let Publishing {
            manifests,
            standing,
            blobs,
            tag,
            root,
        } = publishing;
        let count = manifests.len() + blobs.len();
        let (mut files, mut brought) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut bring = |digest, bytes| {
            brought.push(Brought {
                digest,
                bytes,
                md5: None,
                crc64: None,
            });
        };
        for (digest, bytes) in blobs {
            files.push(self.blob_write(digest, true)?);
            bring(digest, bytes);
        }
        let mut rows = Vec::with_capacity(manifests.len());
        for (new, bytes) in manifests {
            files.push(NodeWrite {
                path: path_of(manifest_path(&self.name, &new.row.digest))?,
                expires_ms: None,
                ..self.blob_write(new.row.digest, true)?
            });
            bring(new.row.digest, bytes);
            rows.push(new);
        }
        let total_bytes = rows
            .iter()
            .find(|new| new.row.digest == root)
            .map_or(0, |new| new.row.total_bytes);
        let (image, viewer) = (self.clone(), viewer.clone());
        seen_through(async move {
            let hosted = image.hosted();
            let packed = pack(hosted.data().files().clone(), brought).await?;
            let (blobs, new_files) = match &packed {
                Some((packed, blobs)) => {
                    let file = NewBlobFile {
                        no: packed.file.no(),
                        size_bytes: packed.size_bytes,
                    };
                    (blobs.as_slice(), vec![file])
                }
                None => (&[][..], Vec::new()),
            };
            let publication = ImagePublication {
                files: Publication {
                    repository_no: image.repository_no(),
                    viewer: &viewer,
                    writes: &files,
                    blobs,
                    files: &new_files,
                },
                image: &image.name,
                manifests: &rows,
                standing: &standing,
                tag: tag.as_ref().map(|(tag, expect)| TagWrite {
                    package_key: &image.key,
                    image: &image.name,
                    tag,
                    digest: root,
                    total_bytes,
                    expect: expect.clone(),
                }),
            };
            let written = hosted.data().publish_image(publication).await;
            if let Some((packed, _)) = packed {
                let no = packed.file.no();
                // After an error the rows may be there all the same; the next start knows.
                let kept = match &written {
                    Ok(ImageWritten::Stored { kept_files }) => kept_files.contains(&no),
                    Ok(_) => false,
                    Err(_) => true,
                };
                if kept {
                    packed.file.keep();
                }
            }
            Ok(written?)
        })
        .await?
    }

    /// Removes a manifest with the tags that lead to it, or a tag alone; `false` when there is none.
    pub async fn remove_manifest(&self, reference: &Reference) -> HostedResult<bool> {
        let data = self.hosted().data();
        let no = self.repository_no();
        Ok(match reference {
            Reference::Tag(tag) => data.remove_tag(no, &self.key, tag).await?,
            Reference::Digest(digest) => data.remove_manifest(no, &self.name, &self.key, digest).await?,
        })
    }

    /// Removes all there is of it; `false` when there is nothing.
    ///
    /// The tags go first, so that nobody is led to a part of it; each batch is a transaction, and a removal that broke
    /// off is completed by another one.
    pub async fn remove_all(&self) -> HostedResult<bool> {
        let data = self.hosted().data();
        let no = self.repository_no();
        let mut found = false;
        while data.remove_tags(no, &self.key, REMOVED_AT_ONCE).await? > 0 {
            found = true;
        }
        let mut after = None;
        loop {
            let digests = data
                .manifests_of(no, &self.name, after.as_ref(), REMOVED_AT_ONCE)
                .await?;
            for digest in &digests {
                found |= data.remove_manifest(no, &self.name, &self.key, digest).await?;
            }
            match digests.last() {
                Some(last) => after = Some(*last),
                None => return Ok(found),
            }
        }
    }

    /// Returns at most `limit` tags in byte order, behind `after`.
    pub async fn tags(&self, after: &str, limit: u32) -> HostedResult<Vec<String>> {
        let data = self.hosted().data();
        Ok(data.tags(self.repository_no(), &self.key, after, limit).await?)
    }

    /// Returns at most `limit` manifests about `subject` in the order of their digests, behind `after`.
    pub async fn referrers(
        &self,
        subject: &Digest,
        after: Option<&Digest>,
        limit: u32,
    ) -> HostedResult<Vec<ManifestRow>> {
        let data = self.hosted().data();
        let no = self.repository_no();
        Ok(data.referrers(no, &self.name, subject, after, limit).await?)
    }
}

/// What is remembered of a manifest as it is written, beside what it consists of.
#[derive(serde::Deserialize)]
struct Outline {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    #[serde(rename = "artifactType")]
    artifact_type: Option<String>,
    annotations: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Outline {
    fn of(bytes: &[u8]) -> HostedResult<Self> {
        serde_json::from_slice(bytes).map_err(|error| InvalidManifest::Form(error.to_string()).into())
    }
}

fn default_type(manifest: &Manifest) -> &'static str {
    match manifest {
        Manifest::Image(_) => domain::oci::OCI_MANIFEST,
        Manifest::Index(_) => domain::oci::OCI_INDEX,
    }
}

/// Returns the digest a descriptor names, if it is of the kind everything here is named by.
pub(crate) fn digest_of(descriptor: &Descriptor) -> HostedResult<Digest> {
    let text = descriptor.digest().to_string();
    let digest = text.starts_with("sha256:").then(|| text.parse().ok()).flatten();
    digest.ok_or_else(|| HostedError::Invalid {
        member: "sha256 digest",
        value: text.chars().take(150).collect(),
    })
}
