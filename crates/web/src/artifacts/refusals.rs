//! A hosted repository's refusals in the contract's codes.

use axum::http::StatusCode;
use domain::artifact::PROPERTY_BYTES;
use hosted::HostedError;
use messages::{Text, text};

use crate::codes::Code;
use crate::error::ApiError;

impl From<HostedError> for ApiError {
    fn from(error: HostedError) -> Self {
        let of = |code, argument: String| Self::new(code, [&argument]);
        match error {
            HostedError::Invalid { member, value } => Self::invalid(member, &value),
            HostedError::ProjectUnknown(name) => of(Code::ProjectUnknown, name),
            HostedError::ProjectExists(name) => of(Code::ProjectExists, name),
            HostedError::RepositoryUnknown(name) => of(Code::RepositoryUnknown, name.to_string()),
            HostedError::RepositoryExists(name) => of(Code::RepositoryExists, name.to_string()),
            HostedError::RepositoryNotEmpty(name) => of(Code::RepositoryNotEmpty, name.to_string()),
            HostedError::NodeUnknown(path) => of(Code::NodeUnknown, path.to_string()),
            HostedError::NodeExists(path) => of(Code::NodeExists, path.to_string()),
            HostedError::NodeConflict(path) => {
                of(Code::NodeConflict, path.to_string()).because(text!("file-or-folder"))
            }
            HostedError::NodeInTheWay(path) => {
                of(Code::NodeConflict, path.to_string()).because(text!("file-in-the-way"))
            }
            HostedError::WithinItself(path) => {
                of(Code::NodeConflict, path.to_string()).because(text!("within-itself"))
            }
            HostedError::PathTooLong(path) => {
                of(Code::PathInvalid, path.to_string()).because(text!("path-too-long"))
            }
            HostedError::PropertyName(name) => {
                Self::invalid("properties", &name).because(text!("property-name"))
            }
            HostedError::PropertyValue(name) => {
                Self::invalid("properties", &name).because(text!("property-value"))
            }
            HostedError::PropertiesTooLong(bytes) => {
                let reason = text!("properties-too-long", most = PROPERTY_BYTES);
                Self::invalid("properties", &format!("{bytes} bytes")).because(reason)
            }
            HostedError::SearchTooLong => Self::about(Code::QueryTooLarge, text!("search-too-long")),
            HostedError::FolderNotEmpty(path) => of(Code::FolderNotEmpty, path.to_string()),
            HostedError::NoImages(name) => of(Code::RepositoryUnknown, name.to_string()),
            HostedError::Manifest(invalid) => {
                Self::new(Code::ContentInvalid, []).because(Text::verbatim(invalid.to_string()))
            }
            HostedError::BlobsMissing(missing) => {
                let first = missing.first().map(ToString::to_string).unwrap_or_default();
                of(Code::DataMissing, first)
            }
            HostedError::RootDeleted => {
                Self::new(Code::MethodNotAllowed, ["DELETE /"]).with_status(StatusCode::BAD_REQUEST)
            }
            HostedError::Mismatch(algorithm) => of(Code::DigestMismatch, algorithm.into()),
            HostedError::WrongSize {
                arrived_bytes,
                announced_bytes,
            } => Self::about(
                Code::SizeMismatch,
                text!("wrong-size", arrived = arrived_bytes, announced = announced_bytes),
            ),
            HostedError::OverQuota(name) => of(Code::OverQuota, name.to_string()),
            HostedError::BlobAbsent(path) | HostedError::DataLost(path) => {
                of(Code::DataMissing, path.to_string())
            }
            HostedError::RangeOutside => Self::new(Code::RangeInvalid, []),
            HostedError::UploadUnknown(id) => of(Code::UploadUnknown, id),
            HostedError::UploadIncomplete(id) => Self::invalid("upload", &id).because(text!("parts-missing")),
            HostedError::BlockExists(sequence) => {
                Self::about(Code::NodeExists, text!("a-block", sequence = sequence))
            }
            HostedError::BlockMissing(sequence) => of(Code::BlockMissing, sequence.to_string()),
            HostedError::UploadBudget(bytes) => Self::about(Code::TooManyRequests, text!("open-uploads"))
                .because(text!("upload-budget", bytes = bytes)),
            HostedError::Arriving(error) => Self::new(Code::ContentInvalid, [])
                .because(text!("transfer-broken", words = error.to_string())),
            HostedError::Disk(error) if is_full(&error) => Self::new(Code::SystemBusy, [])
                .with_status(StatusCode::INSUFFICIENT_STORAGE)
                .because(text!("disk-full")),
            HostedError::Disk(error) => Self::internal(error),
            HostedError::Store(error) => Self::internal(error),
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    )
}
