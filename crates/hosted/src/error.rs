//! Why a hosted repository did not do what was asked.

use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::oci::InvalidManifest;
use domain::path::FilePath;
use domain::ports::ConnectorError;
use domain::repository::RepositoryRef;
use storage::db::StoreError;

/// What a hosted repository answers.
pub type HostedResult<T> = Result<T, HostedError>;

/// Why a hosted repository did not do what was asked; each kind is one answer of the artifact API.
#[derive(Debug, thiserror::Error)]
pub enum HostedError {
    /// A name or a number is not allowed.
    #[error("`{value}` is no {member}")]
    Invalid {
        /// What it was given as.
        member: &'static str,
        /// What was given.
        value: String,
    },
    /// There is no such project.
    #[error("project `{0}` does not exist")]
    ProjectUnknown(String),
    /// The project exists already.
    #[error("project `{0}` exists already")]
    ProjectExists(String),
    /// There is no such repository.
    #[error("repository `{0}` does not exist")]
    RepositoryUnknown(RepositoryRef),
    /// The repository exists already.
    #[error("repository `{0}` exists already")]
    RepositoryExists(RepositoryRef),
    /// The repository holds something.
    #[error("repository `{0}` is not empty")]
    RepositoryNotEmpty(RepositoryRef),
    /// There is no such file or folder.
    #[error("`{0}` does not exist")]
    NodeUnknown(FilePath),
    /// A file stands there and must not be replaced.
    #[error("`{0}` exists already")]
    NodeExists(FilePath),
    /// A folder stands where a file should, or the reverse.
    #[error("`{0}` is in the way: a file cannot replace a folder, nor a folder a file")]
    NodeConflict(FilePath),
    /// A file stands where something is moved or copied to, and is not to be replaced.
    #[error("`{0}` stands in the way")]
    NodeInTheWay(FilePath),
    /// A node cannot be moved or copied into itself, nor up into a folder of its own name.
    #[error("`{0}` and its new place lie within each other")]
    WithinItself(FilePath),
    /// A path would become too long where it is moved or copied to.
    #[error("`{0}` would have too long a path there")]
    PathTooLong(FilePath),
    /// A property cannot be called so.
    #[error("a property cannot be called `{0}`")]
    PropertyName(String),
    /// A property cannot have the value.
    #[error("the property `{0}` cannot have this value")]
    PropertyValue(String),
    /// All properties of a file would be this many bytes together.
    #[error("the properties would be {0} bytes")]
    PropertiesTooLong(usize),
    /// The search took longer than it may.
    #[error("the search takes too long")]
    SearchTooLong,
    /// The folder holds something.
    #[error("folder `{0}` is not empty")]
    FolderNotEmpty(FilePath),
    /// The root cannot be deleted.
    #[error("the root cannot be deleted")]
    RootDeleted,
    /// The bytes that arrived are not the ones announced.
    #[error("{0} of the bytes that arrived is not the one announced")]
    Mismatch(&'static str),
    /// The bytes that arrived are more or fewer than announced.
    #[error("{arrived_bytes} bytes arrived, {announced_bytes} were announced")]
    WrongSize {
        /// How many came.
        arrived_bytes: u64,
        /// How many were said to come.
        announced_bytes: u64,
    },
    /// It would not fit into the repository's quota.
    #[error("repository `{0}` has no room left under its quota")]
    OverQuota(RepositoryRef),
    /// No bytes came and none are here that the caller may refer to.
    #[error("the bytes of `{0}` are not here")]
    BlobAbsent(FilePath),
    /// The bytes are gone from the disk.
    #[error("the bytes of `{0}` are lost")]
    DataLost(FilePath),
    /// The range lies outside the file.
    #[error("the range lies outside the file")]
    RangeOutside,
    /// There is no such upload of this owner.
    #[error("upload `{0}` does not exist")]
    UploadUnknown(String),
    /// Parts of the upload are missing.
    #[error("upload `{0}` is not complete")]
    UploadIncomplete(String),
    /// Other bytes came under the same number before.
    #[error("block {0} exists already with other bytes")]
    BlockExists(u32),
    /// A block is missing, so the others cannot be joined.
    #[error("block {0} is missing")]
    BlockMissing(u32),
    /// The repository holds no images.
    #[error("repository `{0}` holds no images")]
    NoImages(RepositoryRef),
    /// A manifest cannot be taken.
    #[error(transparent)]
    Manifest(#[from] InvalidManifest),
    /// What a manifest names is not here.
    #[error("the manifest names {} blobs that are not here", .0.len())]
    BlobsMissing(Vec<Digest>),
    /// Open uploads use up the budget.
    #[error("open uploads use up the {0} bytes set aside for them")]
    UploadBudget(u64),
    /// The bytes stopped arriving.
    #[error(transparent)]
    Arriving(#[from] ConnectorError),
    /// The disk is full or refuses.
    #[error("disk: {0}")]
    Disk(std::io::Error),
    /// The store refused or broke.
    #[error(transparent)]
    Store(StoreError),
}

impl From<std::io::Error> for HostedError {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<StoreError> for HostedError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Disk(error) => Self::Disk(error),
            StoreError::TookTooLong(_) => Self::SearchTooLong,
            full if full.is_disk_full() => Self::Disk(std::io::Error::new(
                std::io::ErrorKind::StorageFull,
                full.to_string(),
            )),
            other => Self::Store(other),
        }
    }
}

impl HostedError {
    /// Returns an error for each of several who waited for the same write.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Disk(error) => Self::Disk(match error.raw_os_error() {
                Some(code) => std::io::Error::from_raw_os_error(code),
                None => std::io::Error::new(error.kind(), error.to_string()),
            }),
            other => Self::Disk(std::io::Error::other(other.to_string())),
        }
    }

    /// Returns what kind of failure it is to a run.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ProjectUnknown(_)
            | Self::RepositoryUnknown(_)
            | Self::NodeUnknown(_)
            | Self::BlobAbsent(_)
            | Self::DataLost(_)
            | Self::NoImages(_)
            | Self::BlobsMissing(_)
            | Self::UploadUnknown(_) => ErrorKind::NotFound,
            Self::ProjectExists(_)
            | Self::RepositoryExists(_)
            | Self::RepositoryNotEmpty(_)
            | Self::NodeExists(_)
            | Self::NodeConflict(_)
            | Self::NodeInTheWay(_)
            | Self::WithinItself(_)
            | Self::BlockExists(_)
            | Self::FolderNotEmpty(_) => ErrorKind::Conflict,
            Self::OverQuota(_) | Self::UploadBudget(_) | Self::SearchTooLong | Self::PropertiesTooLong(_) => {
                ErrorKind::Limit
            }
            Self::Mismatch(_) | Self::WrongSize { .. } => ErrorKind::Corrupt,
            Self::Disk(_) | Self::Store(_) => ErrorKind::Disk,
            Self::Invalid { .. }
            | Self::Manifest(_)
            | Self::PathTooLong(_)
            | Self::PropertyName(_)
            | Self::PropertyValue(_)
            | Self::RangeOutside
            | Self::RootDeleted
            | Self::UploadIncomplete(_)
            | Self::BlockMissing(_) => ErrorKind::Protocol,
            Self::Arriving(error) => error.kind,
        }
    }

    /// Says it as a port does: what could not be done, in which step, to what.
    pub fn to_connector(&self, stage: Stage, subject: impl Into<String>) -> ConnectorError {
        match self {
            Self::Arriving(error) => error.again(),
            other => ConnectorError::new(other.kind(), stage, subject).words(other.to_string()),
        }
    }
}
