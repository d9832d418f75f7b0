//! Repositories: named collections of one type of artifact, grouped in projects.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names a repository within a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RepositoryRef {
    /// Project that holds it.
    pub project: String,
    /// Its name within the project.
    pub name: String,
}

impl RepositoryRef {
    /// Names `project/name`.
    pub fn new(project: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for RepositoryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.name)
    }
}

/// What kind of artifacts a repository holds: 1 to 32 capital letters, digits or `_` (`GENERIC`, `NPM`, ...).
///
/// Open on purpose: a new type is a connector's business, nobody else lists them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryType(String);

/// A text that is no repository type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository type: capital letters, digits and `_`, such as GENERIC")]
pub struct InvalidRepositoryType(pub String);

impl RepositoryType {
    /// The type of plain files.
    pub fn generic() -> Self {
        Self("GENERIC".into())
    }

    /// Returns its name, as the contract writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryType {
    type Err = InvalidRepositoryType;

    fn from_str(text: &str) -> Result<Self, InvalidRepositoryType> {
        let valid = (1..=32).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRepositoryType(text.chars().take(100).collect()))
        }
    }
}

impl TryFrom<String> for RepositoryType {
    type Error = InvalidRepositoryType;

    fn try_from(text: String) -> Result<Self, InvalidRepositoryType> {
        text.parse()
    }
}

impl From<RepositoryType> for String {
    fn from(repository_type: RepositoryType) -> Self {
        repository_type.0
    }
}

impl fmt::Display for RepositoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
