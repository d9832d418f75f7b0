//! One hosted repository.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use domain::artifact::{ArtifactKey, Existing};
use domain::digest::Digest;
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorResult, PutOutcome, Source, Target};
use domain::versions::VersionFilter;
use storage::foreign::ForeignPlace;
use storage::nodes::Node;
use storage::publish::Viewer;
use storage::repositories::Repository;

use crate::Hosted;
use crate::content::stream;
use crate::error::{HostedError, HostedResult};
use crate::images::{ImageSource, ImageTarget};
use crate::node::{checked_existing_of, existing_of};
use crate::publish::{Publish, publish};
use crate::source::HostedSource;
use crate::target::HostedTarget;

/// A repository this node keeps, as it was when it was looked up; writing checks that it still is there.
#[derive(Clone)]
pub struct HostedRepository {
    hosted: Hosted,
    info: Repository,
}

impl HostedRepository {
    pub(crate) fn new(hosted: Hosted, info: Repository) -> Self {
        Self { hosted, info }
    }

    /// Returns its name and settings.
    pub fn info(&self) -> &Repository {
        &self.info
    }

    pub(crate) fn hosted(&self) -> &Hosted {
        &self.hosted
    }

    /// Returns the registry it stands for; `None` when its bytes are kept here.
    pub async fn foreign(&self) -> HostedResult<Option<ForeignPlace>> {
        if !self.info.is_foreign() {
            return Ok(None);
        }
        Ok(self.hosted.data().foreign(self.info.no).await?)
    }

    /// Returns the file or folder at `path`.
    pub async fn node(&self, path: &FilePath) -> HostedResult<Option<Node>> {
        let found = self.hosted.data().nodes(self.info.no, &[path.as_str()]).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// Returns the files and folders at `paths`, in their order.
    pub async fn nodes(&self, paths: &[&str]) -> HostedResult<Vec<Option<Node>>> {
        Ok(self.hosted.data().nodes(self.info.no, paths).await?)
    }

    /// Returns the file that holds each of these blobs, in their order; whether it still does is the caller's to check.
    pub async fn files_of(&self, wanted: &[(&ArtifactKey, Digest)]) -> HostedResult<Vec<Option<Node>>> {
        if self.holds_images() {
            return self.image_nodes(wanted).await;
        }
        let paths: Vec<&str> = wanted.iter().map(|(key, _)| key.name.as_str()).collect();
        self.nodes(&paths).await
    }

    /// Returns what stands under each of `keys`, in their order; a folder counts as nothing.
    pub async fn find(&self, keys: &[ArtifactKey]) -> HostedResult<Vec<Option<Existing>>> {
        if self.holds_images() {
            return self.find_images(keys).await;
        }
        let paths: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let found = self.hosted.data().files_at(self.info.no, &paths).await?;
        Ok(found.into_iter().map(|file| file.map(existing_of)).collect())
    }

    /// Returns the same as [`HostedRepository::find`], with every checksum that is known of the bytes.
    pub async fn find_checked(&self, keys: &[ArtifactKey]) -> HostedResult<Vec<Option<Existing>>> {
        if self.holds_images() {
            return self.find_images(keys).await;
        }
        let paths: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let found = self.hosted.data().files_at(self.info.no, &paths).await?;
        Ok(found
            .into_iter()
            .map(|file| file.map(checked_existing_of))
            .collect())
    }

    /// Publishes a batch in one durable step: bytes are verified, written to one pack and synced, then one
    /// transaction checks what is expected and names them. Answers each item in its order; what fails, fails alone.
    pub async fn publish(&self, batch: Vec<Publish>, viewer: &Viewer) -> HostedResult<Vec<PutOutcome>> {
        publish(&self.hosted, self.info.no, batch, viewer).await
    }

    /// Returns the bytes of a file of this repository, or those in `range` of them.
    pub async fn read(&self, node: &Node, range: Option<Range<u64>>) -> HostedResult<ByteStream> {
        let Some(file) = &node.file else {
            return Err(HostedError::NodeUnknown(node.path.clone()));
        };
        let range = range.unwrap_or(0..file.size_bytes);
        if range.start > file.size_bytes || range.end < range.start {
            return Err(HostedError::RangeOutside);
        }
        stream(&self.hosted, &node.path, file, range).await
    }

    /// Returns the whole bytes of each of `nodes` (all small), in their order, in one go.
    pub async fn read_small(&self, nodes: &[&Node]) -> Vec<ConnectorResult<Bytes>> {
        crate::content::read_small(&self.hosted, nodes).await
    }

    /// Returns it as a source of artifacts.
    pub fn source(&self) -> Arc<dyn Source> {
        self.source_of(VersionFilter::default())
    }

    /// Returns it as a source of the versions of packages that `filter` takes; files have none.
    pub fn source_of(&self, filter: VersionFilter) -> Arc<dyn Source> {
        match self.holds_images() {
            true => Arc::new(ImageSource::new(self.clone(), filter)),
            false => Arc::new(HostedSource::new(self.clone())),
        }
    }

    /// Returns it as a target of artifacts, written by `viewer`.
    pub fn target(&self, viewer: Viewer) -> Arc<dyn Target> {
        match self.holds_images() {
            true => Arc::new(ImageTarget::new(self.clone(), viewer)),
            false => Arc::new(HostedTarget::new(self.clone(), viewer)),
        }
    }
}
