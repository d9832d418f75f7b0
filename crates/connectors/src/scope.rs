//! What a scope says to a source of files.

use domain::artifact::ArtifactKey;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ConnectorError, ConnectorResult};
use domain::task::Scope;
use futures_util::{StreamExt, TryStreamExt, stream};

/// Returns the files and folders a scope names, in order, none within another.
pub(crate) fn roots(scope: &Scope) -> Vec<FilePath> {
    let paths = match scope {
        Scope::Repository => return vec![FilePath::root()],
        Scope::Paths(paths) => paths,
        Scope::Packages(_) => return Vec::new(),
    };
    let outer = |path: &&FilePath| !paths.iter().any(|other| other != *path && path.is_within(other));
    let mut roots: Vec<FilePath> = paths.iter().filter(outer).cloned().collect();
    roots.sort();
    roots.dedup();
    roots
}

/// Returns the roots that are still to be listed when `after` was the last key.
pub(crate) fn roots_left(scope: &Scope, after: Option<&str>) -> Vec<FilePath> {
    let mut roots = roots(scope);
    if let Some(after) = after {
        let passed = roots.iter().take_while(|root| !is_within(after, root)).count();
        roots.drain(..passed);
    }
    roots
}

/// Says whether the key `name`, which need not be a valid path, is `root` or lies below it.
pub(crate) fn is_within(name: &str, root: &FilePath) -> bool {
    root.is_root()
        || name
            .strip_prefix(root.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the files and folders a scope names that nothing `stands` at, looking at `parallel` of them at the same time.
pub(crate) async fn missing<F>(
    scope: &Scope,
    parallel: usize,
    stands: impl Fn(&FilePath) -> F,
) -> ConnectorResult<Vec<ArtifactKey>>
where
    F: Future<Output = ConnectorResult<bool>>,
{
    let Scope::Paths(paths) = scope else {
        return Ok(Vec::new());
    };
    let looks = paths.iter().filter(|path| !path.is_root()).map(|path| {
        let look = stands(path);
        async move { Ok::<_, ConnectorError>((!look.await?).then(|| ArtifactKey::file(path))) }
    });
    let looks: Vec<_> = looks.collect();
    let found: Vec<Option<ArtifactKey>> = stream::iter(looks).buffered(parallel).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Those of some keys that name files. What names none stands nowhere at a target; whoever puts it is told.
pub(crate) struct Named {
    keys: usize,
    places: Vec<usize>,
    /// Their paths.
    pub(crate) paths: Vec<FilePath>,
}

impl Named {
    pub(crate) fn of(keys: &[ArtifactKey]) -> Self {
        let named = keys
            .iter()
            .enumerate()
            .filter_map(|(place, key)| Some((place, path_of(key, Stage::Describe).ok()?)));
        let (places, paths) = named.unzip();
        Self {
            keys: keys.len(),
            places,
            paths,
        }
    }

    /// Returns what was `found` at the paths, in the order of the keys.
    pub(crate) fn in_order<T>(&self, found: Vec<Option<T>>) -> Vec<Option<T>> {
        let mut all: Vec<Option<T>> = (0..self.keys).map(|_| None).collect();
        for (place, found) in self.places.iter().zip(found) {
            all[*place] = found;
        }
        all
    }
}

/// Returns the path of the file that `key` names.
pub(crate) fn path_of(key: &ArtifactKey, stage: Stage) -> ConnectorResult<FilePath> {
    let path = key.path().filter(|path| !path.is_root());
    path.ok_or_else(|| {
        ConnectorError::new(ErrorKind::Protocol, stage, key.to_string()).words(
            "its name is no path of a file: no empty names, `.`, `..`, backslashes or control characters",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_goes_on_in_the_root_its_last_key_lies_in() {
        let paths = ["/b", "/a", "/b/c", "/b.txt"].map(|path| path.parse().expect("a path"));
        let scope = Scope::Paths(paths.into());
        let left = |after: Option<&str>| -> Vec<String> {
            let left = roots_left(&scope, after);
            left.iter().map(FilePath::to_string).collect()
        };

        assert_eq!(left(None), ["/a", "/b", "/b.txt"]);
        assert_eq!(left(Some("/a/x")), ["/a", "/b", "/b.txt"]);
        assert_eq!(left(Some("/b/c/d")), ["/b", "/b.txt"]);
        assert_eq!(left(Some("/b.txt")), ["/b.txt"]);
    }

    #[test]
    fn a_name_that_is_no_path_is_refused() {
        for name in ["/a/../b", "/a//b", "/a/", "/", "/a\\b", "/a\nb"] {
            let key = ArtifactKey {
                name: name.into(),
                version: None,
            };
            assert!(path_of(&key, Stage::Describe).is_err(), "{name:?}");
        }
    }
}
