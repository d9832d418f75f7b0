//! The repositories this node keeps, behind the same ports as any other: [`Hosted`], [`HostedRepository`].
//!
//! Bytes are verified before they are named, durable before they are acknowledged, and never removed while
//! anything refers to them. This floor knows no HTTP and no SQL: `storage` keeps rows and files, this crate
//! decides what goes there and hashes what arrives.
#![warn(missing_docs)]

mod appends;
mod blobs;
mod blocks;
mod checksums;
mod content;
mod error;
mod images;
mod intake;
mod manage;
mod moves;
mod names;
mod node;
mod packages;
mod properties;
mod publish;
mod receive;
mod repository;
mod source;
mod target;
mod upload_marks;
mod upload_parts;
mod upload_room;
mod uploads;

use std::sync::Arc;

pub use appends::Appended;
pub use blocks::MOST_BLOCKS;
use domain::digest::Digest;
use domain::repository::{RepositoryRef, RepositoryType};
pub use error::{HostedError, HostedResult};
pub use images::{Image, PutManifest, Reference, StoredManifest, holds_images};
pub use publish::{Publish, Supply};
pub use receive::{Received, UploadOptions};
pub use repository::HostedRepository;
pub use storage::block_uploads::Block;
pub use storage::collect::Collected;
pub use storage::foreign::ForeignPlace;
pub use storage::hosted::HostedData;
pub use storage::images::{BlobRemoved, ManifestRow};
pub use storage::moves::MoveKind;
pub use storage::node_pages::{FolderSize, NodeFilter, NodeOrder};
pub use storage::nodes::{Node, NodeFile, PathRange};
pub use storage::packages::{Package, PackageFilter, PackageVersion};
pub use storage::projects::{NewProject, Project, ProjectChange};
pub use storage::properties::PropertyChanges;
pub use storage::publish::Viewer;
pub use storage::removal::Removed;
pub use storage::repositories::{FOREIGN, NewRepository, Repository, RepositoryChange, RepositoryFilter};
pub use storage::search;
pub use storage::tags::ImagePlace;
pub use uploads::{LEAST_PART_BYTES, MOST_PARTS, Session, UPLOAD_MS};

use appends::Appends;
use intake::Intake;
use storage::Store;
use storage::repositories::Created;
use uploads::Uploads;

/// This node's own repositories.
#[derive(Clone)]
pub struct Hosted {
    data: HostedData,
    intake: Arc<Intake>,
    uploads: Arc<Uploads>,
    appends: Arc<Appends>,
    upload_budget_bytes: u64,
}

impl Hosted {
    /// Opens the hosted part of `store`; once per store.
    pub async fn open(store: &Store) -> HostedResult<Self> {
        Ok(Self::over(HostedData::open(store).await?))
    }

    /// Takes over hosted data that is open already.
    pub fn over(data: HostedData) -> Self {
        Self {
            intake: Arc::new(Intake::default()),
            uploads: Arc::new(Uploads::default()),
            appends: Arc::new(Appends::default()),
            upload_budget_bytes: u64::MAX,
            data,
        }
    }

    /// Lets open upload sessions announce at most `budget_bytes` together; otherwise the disk alone is the limit.
    #[must_use]
    pub fn with_upload_budget(mut self, budget_bytes: u64) -> Self {
        self.upload_budget_bytes = budget_bytes;
        self
    }

    /// Makes a project.
    pub async fn create_project(&self, new: &NewProject, user: &str) -> HostedResult<()> {
        names::check_project(&new.name, &new.display_name)?;
        if self.data.insert_project(new, user).await? {
            Ok(())
        } else {
            Err(HostedError::ProjectExists(new.name.clone()))
        }
    }

    /// Returns the project `name`.
    pub async fn project(&self, name: &str) -> HostedResult<Option<Project>> {
        Ok(self.data.project(name).await?)
    }

    /// Returns every project, the oldest first.
    pub async fn projects(&self) -> HostedResult<Vec<Project>> {
        Ok(self.data.projects().await?)
    }

    /// Changes what is given of a project.
    pub async fn update_project(&self, name: &str, change: ProjectChange, user: &str) -> HostedResult<()> {
        if let Some(display_name) = &change.display_name {
            names::check_display_name(display_name)?;
        }
        if self.data.update_project(name, change, user).await? {
            Ok(())
        } else {
            Err(HostedError::ProjectUnknown(name.into()))
        }
    }

    /// Makes a repository in an existing project.
    pub async fn create_repository(&self, new: &NewRepository, user: &str) -> HostedResult<Repository> {
        names::check_repository(new)?;
        match self.data.insert_repository(new, user).await? {
            Created::Created(repository) => Ok(*repository),
            Created::ProjectUnknown => Err(HostedError::ProjectUnknown(new.name.project.clone())),
            Created::Exists => Err(HostedError::RepositoryExists(new.name.clone())),
        }
    }

    /// Refuses a new repository for its name or its description, before anything is made for it.
    pub fn check_repository(new: &NewRepository) -> HostedResult<()> {
        names::check_repository(new)
    }

    /// Makes sure that `name` is a repository, making its project and itself, of files, where they are missing.
    pub async fn ensure_repository(
        &self,
        name: &RepositoryRef,
        user: &str,
    ) -> HostedResult<HostedRepository> {
        self.ensure_repository_of(name, &RepositoryType::generic(), user)
            .await
    }

    /// Makes sure that `name` is a repository, making its project and itself, of this type, where they are missing.
    pub async fn ensure_repository_of(
        &self,
        name: &RepositoryRef,
        repository_type: &RepositoryType,
        user: &str,
    ) -> HostedResult<HostedRepository> {
        for _ in 0..2 {
            if let Some(repository) = self.repository(name).await? {
                return Ok(repository);
            }
            names::check_project(&name.project, &name.project)?;
            let project = NewProject {
                managed: false,
                ..NewProject::named(&name.project)
            };
            self.data.insert_project(&project, user).await?;
            let new = NewRepository {
                repository_type: repository_type.clone(),
                ..NewRepository::generic(name.clone())
            };
            match self.create_repository(&new, user).await {
                Ok(_) | Err(HostedError::RepositoryExists(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(HostedError::RepositoryUnknown(name.clone()))
    }

    /// Returns the repository `name`.
    pub async fn repository(&self, name: &RepositoryRef) -> HostedResult<Option<HostedRepository>> {
        let row = self.data.repository(name).await?;
        Ok(row.map(|row| HostedRepository::new(self.clone(), row)))
    }

    /// Returns at most `limit` repositories of `project` that `filter` lets through, the newest first, `offset` in.
    pub async fn repositories(
        &self,
        project: &str,
        filter: &RepositoryFilter,
        offset: u64,
        limit: u64,
    ) -> HostedResult<Vec<Repository>> {
        Ok(self.data.repositories(project, filter, offset, limit).await?)
    }

    /// Returns how many repositories of `project` the filter lets through.
    pub async fn repository_count(&self, project: &str, filter: &RepositoryFilter) -> HostedResult<u64> {
        Ok(self.data.repository_count(project, filter).await?)
    }

    /// Changes what is given of a repository.
    pub async fn update_repository(
        &self,
        name: &RepositoryRef,
        change: RepositoryChange,
        user: &str,
    ) -> HostedResult<()> {
        names::check_description(change.description.as_deref())?;
        let unknown = || HostedError::RepositoryUnknown(name.clone());
        let row = self.data.repository(name).await?.ok_or_else(unknown)?;
        if self.data.update_repository(row.no, change, user).await? {
            Ok(())
        } else {
            Err(unknown())
        }
    }

    /// Deletes a repository; one that holds something only when `forced`.
    pub async fn delete_repository(&self, name: &RepositoryRef, forced: bool) -> HostedResult<()> {
        let Some(row) = self.data.repository(name).await? else {
            return Err(HostedError::RepositoryUnknown(name.clone()));
        };
        if self.data.hide_repository(row.no, forced).await? {
            Ok(())
        } else {
            Err(HostedError::RepositoryNotEmpty(name.clone()))
        }
    }

    /// Says for each of `digests`, in their order, whether its bytes need not be sent by `viewer`.
    ///
    /// Whatever is called present is pinned: it stays at least for the grace time (an hour).
    pub async fn present(&self, digests: &[Digest], viewer: &Viewer) -> HostedResult<Vec<bool>> {
        Ok(self.data.present(digests, viewer).await?)
    }

    pub(crate) fn data(&self) -> &HostedData {
        &self.data
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    pub(crate) fn appends(&self) -> &Appends {
        &self.appends
    }

    pub(crate) fn upload_budget_bytes(&self) -> u64 {
        self.upload_budget_bytes
    }

    pub(crate) fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }
}
