//! The constraint objects of tasks and details: what limits a task, or names the artifact of a row.

use domain::path::FilePath;
use domain::task::PackageSelection;
use serde::Serialize;
use utoipa::ToSchema;

/// Names a path.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PathConstraint {
    /// The path.
    pub path: Option<String>,
    /// Never set by this version.
    pub path_regex: Option<String>,
    /// Never set by this version.
    pub deleted_date: Option<String>,
}

impl PathConstraint {
    /// Names `path`.
    pub fn of(path: &FilePath) -> Self {
        Self::named(path.as_str())
    }

    /// Names the path that is written so.
    pub fn named(path: &str) -> Self {
        Self {
            path: Some(path.into()),
            path_regex: None,
            deleted_date: None,
        }
    }
}

/// Names a package and versions of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageConstraint {
    /// The package's key.
    pub package_key: Option<String>,
    /// Its versions.
    pub versions: Option<Vec<String>>,
    /// What the only version is called at the target.
    pub target_versions: Option<Vec<String>>,
    /// Never set by this version.
    pub package_regex: Option<String>,
    /// Never set by this version.
    pub version_regex: Option<String>,
    /// Never set by this version.
    pub deleted_date: Option<String>,
}

impl PackageConstraint {
    /// Shows what a task selects of a package.
    pub fn of(package: &PackageSelection) -> Self {
        Self {
            package_key: Some(package.key.clone()),
            versions: Some(package.versions.clone()),
            target_versions: Some(&package.target_versions)
                .filter(|names| !names.is_empty())
                .cloned(),
            package_regex: None,
            version_regex: None,
            deleted_date: None,
        }
    }

    /// Names one version of a package.
    pub fn named(key: &str, version: &str) -> Self {
        Self {
            package_key: Some(key.into()),
            versions: Some(vec![version.into()]),
            target_versions: None,
            package_regex: None,
            version_regex: None,
            deleted_date: None,
        }
    }
}
