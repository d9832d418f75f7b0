//! Images in repositories that hold them: what a registry of the OCI distribution specification keeps.
//!
//! Blobs and manifests are nodes named by their digest, so that quota, collector and node APIs see them like any
//! file. A blob is somebody's upload until a manifest names it, and goes away by itself when none does.

mod manifests;
mod uploads;

use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::oci::check_repository;
use domain::path::FilePath;
use domain::ports::{ConnectorError, Expect};
use domain::repository::RepositoryType;
use storage::images::{BlobRemoved, blob_path};
use storage::nodes::Node;
use storage::publish::{NodeWrite, Viewer, Written};
use storage::tags::ImagePlace;

pub use manifests::{PutManifest, Reference, StoredManifest};

use crate::Hosted;
use crate::error::{HostedError, HostedResult};
use crate::receive::UploadOptions;
use crate::repository::HostedRepository;

/// One image of a repository, whether there is anything in it or not.
#[derive(Clone)]
pub struct Image {
    repository: HostedRepository,
    name: String,
    key: String,
}

/// Returns how the keys of packages begin in a repository of this type; `None` where it holds no images.
pub(crate) fn key_prefix(repository_type: &RepositoryType) -> Option<&'static str> {
    match repository_type.as_str() {
        "DOCKER" => Some("docker://"),
        "OCI" => Some("oci://"),
        _ => None,
    }
}

impl HostedRepository {
    /// Says whether it holds images.
    pub fn holds_images(&self) -> bool {
        !self.info().is_foreign() && key_prefix(&self.info().repository_type).is_some()
    }

    /// Returns the image `name`, which need not be there yet.
    pub fn image(&self, name: &str) -> HostedResult<Image> {
        let Some(prefix) = key_prefix(&self.info().repository_type) else {
            return Err(HostedError::NoImages(self.info().name.clone()));
        };
        check_repository(name).map_err(|invalid| HostedError::Invalid {
            member: "image",
            value: invalid.text,
        })?;
        Ok(Image {
            repository: self.clone(),
            name: name.into(),
            key: format!("{prefix}{name}"),
        })
    }
}

impl Hosted {
    /// Returns at most `limit` images with tags by project, repository and name, behind `after`: those `viewer`
    /// may read, or the public ones for nobody in particular.
    pub async fn images(
        &self,
        viewer: Option<&Viewer>,
        after: &ImagePlace,
        limit: u32,
    ) -> HostedResult<Vec<ImagePlace>> {
        Ok(self.data().images(viewer, after, limit).await?)
    }
}

impl Image {
    /// Returns the repository it is in.
    pub fn repository(&self) -> &HostedRepository {
        &self.repository
    }

    /// Returns its key as a package: `docker://team/app`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Says whether there is anything of it: a manifest.
    pub async fn exists(&self) -> HostedResult<bool> {
        Ok(self
            .hosted()
            .data()
            .has_manifests(self.repository_no(), &self.name)
            .await?)
    }

    /// Returns a blob of it.
    pub async fn blob(&self, digest: &Digest) -> HostedResult<Option<Node>> {
        let node = self
            .repository
            .node(&path_of(blob_path(&self.name, digest))?)
            .await?;
        Ok(node.filter(|node| node.file.is_some()))
    }

    /// Returns a blob of it to somebody who may be about to push: one no manifest names stays for another day.
    pub async fn blob_for_push(&self, digest: &Digest) -> HostedResult<Option<Node>> {
        let found = self.blob(digest).await?;
        if found.as_ref().is_some_and(|node| node.expires_ms.is_some()) {
            let data = self.hosted().data();
            data.put_off_blob(self.repository_no(), &self.name, digest)
                .await?;
        }
        Ok(found)
    }

    /// Makes a blob that is on this node one of this image, without its bytes; `false` when `viewer` knows of none.
    pub async fn mount(&self, digest: &Digest, viewer: &Viewer) -> HostedResult<bool> {
        if self.blob_for_push(digest).await?.is_some() {
            return Ok(true);
        }
        let options = UploadOptions {
            expires_ms: Some(self.unnamed_until_ms()),
            ..UploadOptions::default()
        };
        let path = path_of(blob_path(&self.name, digest))?;
        match self.repository.refer(&path, digest, &options, viewer).await {
            Ok(_) => Ok(true),
            Err(HostedError::NodeExists(_)) => Ok(true),
            Err(HostedError::BlobAbsent(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a blob that no manifest names.
    pub async fn remove_blob(&self, digest: &Digest) -> HostedResult<BlobRemoved> {
        let data = self.hosted().data();
        Ok(data.remove_blob(self.repository_no(), &self.name, digest).await?)
    }

    fn hosted(&self) -> &Hosted {
        self.repository.hosted()
    }

    fn repository_no(&self) -> i64 {
        self.repository.info().no
    }

    fn unnamed_until_ms(&self) -> i64 {
        self.hosted().data().clock().now_ms() + storage::images::UNNAMED_MS
    }

    /// Returns how a blob is written that no manifest names yet.
    fn blob_write(&self, digest: Digest, brings_bytes: bool) -> HostedResult<NodeWrite> {
        Ok(NodeWrite {
            path: path_of(blob_path(&self.name, &digest))?,
            digest,
            brings_bytes,
            expect: Expect::Absent,
            metadata: domain::artifact::Metadata::new(),
            with_metadata: true,
            expires_ms: Some(self.unnamed_until_ms()),
        })
    }

    /// Says what a refused write means here.
    fn refused(&self, written: Written, digest: &Digest) -> HostedError {
        match written {
            Written::OverQuota => HostedError::OverQuota(self.repository.info().name.clone()),
            Written::RepositoryGone => HostedError::RepositoryUnknown(self.repository.info().name.clone()),
            Written::BlobAbsent => HostedError::BlobsMissing(vec![*digest]),
            Written::Blocked { by } => HostedError::NodeConflict(by),
            Written::Stored { .. } | Written::Raced { .. } => HostedError::Arriving(ConnectorError::new(
                ErrorKind::Protocol,
                Stage::Commit,
                digest.to_string(),
            )),
        }
    }
}

/// A path made of checked names and a digest; too long a name is refused.
fn path_of(text: String) -> HostedResult<FilePath> {
    text.parse().map_err(|_| HostedError::Invalid {
        member: "image",
        value: text.chars().take(100).collect(),
    })
}
