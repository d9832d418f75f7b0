//! A walk through the folders of a WebDAV server, in the order of the full paths.
//!
//! A folder sorts as its name with a slash behind it, so that what lies in it comes where the full paths have it.

use std::vec::IntoIter;

use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ConnectorError, ConnectorResult};

use super::client::Dav;
use super::state::State;
use super::{DRAFTS, wire::Entry};

/// Folders within folders that are looked into: a server may show folders without end.
const MOST_DEPTH: usize = 256;

/// A place in a tree.
#[derive(Default)]
pub(super) struct Walk {
    levels: Vec<IntoIter<Step>>,
}

struct Step {
    /// Full path, with a slash at the end if it is a folder.
    path: String,
    state: State,
}

/// A file that a walk came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its path; no valid one if a name in it is none.
    pub(super) path: String,
    /// Its state.
    pub(super) state: State,
}

impl Walk {
    /// Begins in the folder `root`, behind the file `after`; nothing is there if `root` is not.
    pub(super) async fn below(dav: &Dav, root: &FilePath, after: Option<&str>) -> ConnectorResult<Self> {
        let prefix = if root.is_root() {
            "/".into()
        } else {
            format!("{root}/")
        };
        let mut walk = Self::default();
        walk.enter(dav, &prefix, after).await?;
        Ok(walk)
    }

    /// Returns the next file behind `after`; `None` behind the last one.
    pub(super) async fn next(&mut self, dav: &Dav, after: Option<&str>) -> ConnectorResult<Option<Found>> {
        while let Some(level) = self.levels.last_mut() {
            let Some(step) = level.next() else {
                self.levels.pop();
                continue;
            };
            if step.path.ends_with('/') {
                self.enter(dav, &step.path, after).await?;
                continue;
            }
            let Step { path, state } = step;
            return Ok(Some(Found { path, state }));
        }
        Ok(None)
    }

    async fn enter(&mut self, dav: &Dav, prefix: &str, after: Option<&str>) -> ConnectorResult<()> {
        let Some(children) = dav.children(prefix, Stage::List).await? else {
            return Ok(());
        };
        if self.levels.len() >= MOST_DEPTH {
            let words = format!("its folders are nested more than {MOST_DEPTH} deep");
            return Err(ConnectorError::new(ErrorKind::Protocol, Stage::List, prefix).words(words));
        }
        let mut steps: Vec<Step> = children
            .into_iter()
            .filter_map(|child| step(prefix, child))
            .filter(|step| is_behind(&step.path, after))
            .collect();
        steps.sort_by(|a, b| a.path.cmp(&b.path));
        steps.dedup_by(|a, b| a.path == b.path);
        self.levels.push(steps.into_iter());
        Ok(())
    }
}

fn step(prefix: &str, child: Entry) -> Option<Step> {
    let name = child.names.first()?;
    if name == DRAFTS {
        return None;
    }
    let valid = !name.contains('/') && format!("{prefix}{name}").parse::<FilePath>().is_ok();
    // A folder whose name is none is not entered: it comes as a file that cannot be carried.
    let slash = if child.folder && valid { "/" } else { "" };
    Some(Step {
        path: format!("{prefix}{name}{slash}"),
        state: child.state,
    })
}

/// Says whether the file `path`, or something in the folder `path`, comes behind `after`.
fn is_behind(path: &str, after: Option<&str>) -> bool {
    match after {
        None => true,
        Some(after) => path > after || (path.ends_with('/') && after.starts_with(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_on_behind_its_last_file() {
        for (path, behind) in [
            ("/a", false),
            ("/b/", true),
            ("/b.c", false),
            ("/b0", true),
            ("/b/c/", true),
            ("/b/a", false),
        ] {
            assert_eq!(is_behind(path, Some("/b/c/d")), behind, "{path}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_not_entered() {
        let child = |name: &str| Entry {
            names: vec![name.into()],
            folder: true,
            state: State::default(),
        };

        let path = |name| step("/a/", child(name)).map(|step| step.path);
        assert_eq!(path("b").as_deref(), Some("/a/b/"));
        assert_eq!(path("..").as_deref(), Some("/a/.."));
        assert_eq!(path("x/y").as_deref(), Some("/a/x/y"));
        assert_eq!(path(DRAFTS), None);
    }
}
