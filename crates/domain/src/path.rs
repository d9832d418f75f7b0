//! Paths of files in a repository: parsed once at the border, trusted afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest path in bytes, and longest name between two slashes.
pub const PATH_BYTES: usize = 1024;
/// Longest name between two slashes, in bytes: what common file systems can hold.
pub const NAME_BYTES: usize = 255;

/// Absolute path inside a repository: starts with `/`, ends without one (the root is `/`).
///
/// No empty, `.` or `..` names, no control characters, no backslash, no NUL; at most 1,024 bytes, and
/// 255 for each name. Repeated and trailing slashes of the text are dropped, nothing else is repaired.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(String);

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// `.` or `..` stands between slashes.
    #[error("path `{0}` has a `.` or `..` in it")]
    Traversal(String),
    /// A control character or a backslash.
    #[error("path `{0}` has a control character or a backslash in it")]
    Character(String),
    /// More than [`PATH_BYTES`], or a name over [`NAME_BYTES`].
    #[error("path `{0}...` is longer than {PATH_BYTES} bytes, or a name in it longer than {NAME_BYTES}")]
    TooLong(String),
}

impl FilePath {
    /// Returns the root, `/`.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// Returns the text, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// Returns the last name; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the folder that holds this; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        match self.0.rfind('/') {
            Some(0) | None => Some(Self::root()),
            Some(slash) => Some(Self(self.0[..slash].into())),
        }
    }

    /// Returns every folder above this, the nearest first, the root left out.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + use<> {
        std::iter::successors(self.parent(), Self::parent).take_while(|path| !path.is_root())
    }

    /// Says whether this is `folder` itself or lies below it.
    pub fn is_within(&self, folder: &Self) -> bool {
        folder.is_root()
            || self.0 == folder.0
            || self
                .0
                .strip_prefix(folder.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl FromStr for FilePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let shown = || {
            text.chars()
                .filter(|c| !c.is_control())
                .take(80)
                .collect::<String>()
        };
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(InvalidPath::Character(shown()));
        }
        let mut path = String::with_capacity(text.len() + 1);
        for name in text.split('/').filter(|name| !name.is_empty()) {
            if name == "." || name == ".." {
                return Err(InvalidPath::Traversal(shown()));
            }
            if name.len() > NAME_BYTES {
                return Err(InvalidPath::TooLong(shown()));
            }
            path.push('/');
            path.push_str(name);
        }
        if path.len() > PATH_BYTES {
            return Err(InvalidPath::TooLong(shown()));
        }
        Ok(if path.is_empty() { Self::root() } else { Self(path) })
    }
}

impl TryFrom<String> for FilePath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        text.parse()
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> Self {
        path.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> FilePath {
        text.parse().expect("a valid path")
    }

    #[test]
    fn slashes_are_normalised_and_nothing_else() {
        assert_eq!(path("a//b/").as_str(), "/a/b");
        assert_eq!(path("").as_str(), "/");
        assert_eq!(path("/ a b/ü").as_str(), "/ a b/ü");
    }

    #[test]
    fn traversal_control_characters_and_long_names_are_refused() {
        assert!(matches!(
            "/a/../b".parse::<FilePath>(),
            Err(InvalidPath::Traversal(_))
        ));
        assert!(matches!(
            "./b".parse::<FilePath>(),
            Err(InvalidPath::Traversal(_))
        ));
        assert!(matches!(
            "/a\nb".parse::<FilePath>(),
            Err(InvalidPath::Character(_))
        ));
        assert!(matches!(
            "/a\\b".parse::<FilePath>(),
            Err(InvalidPath::Character(_))
        ));
        assert!(matches!(
            "x".repeat(256).parse::<FilePath>(),
            Err(InvalidPath::TooLong(_))
        ));
        assert!(matches!(
            "x/".repeat(600).parse::<FilePath>(),
            Err(InvalidPath::TooLong(_))
        ));
    }

    #[test]
    fn a_folder_holds_itself_and_what_is_below_and_no_namesake() {
        assert!(path("/a/b").is_within(&path("/a")));
        assert!(path("/a").is_within(&path("/a")));
        assert!(path("/a").is_within(&FilePath::root()));
        assert!(!path("/ab").is_within(&path("/a")));
        assert_eq!(
            path("/a/b/c").ancestors().map(String::from).collect::<Vec<_>>(),
            ["/a/b", "/a"]
        );
    }

    proptest! {
        #[test]
        fn every_text_is_refused_or_stays_below_the_root(text in ".{0,200}") {
            if let Ok(path) = text.parse::<FilePath>() {
                prop_assert!(path.as_str().starts_with('/'));
                prop_assert!(path.as_str().split('/').skip(1).all(|name| name != ".." && name != "."));
                prop_assert_eq!(path.as_str().parse::<FilePath>(), Ok(path.clone()));
            }
        }
    }
}
