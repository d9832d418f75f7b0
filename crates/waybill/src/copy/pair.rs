//! The two ends as they were named: understood, made absolute, and known not to overlap.

use std::path::{Path, PathBuf};

use connectors::url::Location;
use domain::digest::Digest;
use domain::repository::RepositoryType;

use super::args::CopyCommand;
use crate::exit::{CliResult, refused};
use crate::login;

/// Where from and where to.
pub struct Pair {
    /// Where from.
    pub source: Location,
    /// Where to.
    pub target: Location,
}

impl Pair {
    /// Understands what the command line names; refuses a source that is no folder and ends that overlap.
    pub fn of(command: &CopyCommand) -> CliResult<Self> {
        let pair = Self {
            source: location(&command.source)?,
            target: location(&command.target)?,
        };
        if let Location::Folder(source) = &pair.source {
            match std::fs::metadata(source) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Err(refused(format!("{} is not a folder", source.display()))),
                Err(error) => return Err(refused(format!("cannot read {}: {error}", source.display()))),
            }
        }
        let (from, to) = (pair.source.repository_types(), pair.target.repository_types());
        if !from.iter().any(|kind| to.contains(kind)) {
            return Err(refused(format!(
                "{} holds {} and {} takes {}: these cannot be copied to each other",
                pair.source,
                from.join(" or "),
                pair.target,
                to.join(" or "),
            )));
        }
        if pair.overlaps() {
            return Err(refused(format!("{} and {} overlap", pair.source, pair.target)));
        }
        Ok(pair)
    }

    /// Returns the folder that remembers this pair: two different copies may go on at the same time, one only once.
    pub fn folder(&self, command: &CopyCommand) -> CliResult<PathBuf> {
        let base = match &command.state {
            Some(path) => std::path::absolute(path)?,
            None => login::folder("XDG_STATE_HOME", ".local/state")?,
        };
        let names = format!("{}\n{}", self.source, self.target);
        Ok(base
            .join("copies")
            .join(&Digest::of(names.as_bytes()).to_hex()[..16]))
    }

    /// Returns the type of repository that both ends can be.
    pub fn repository_type(&self) -> RepositoryType {
        let shared = self.source.repository_types().iter();
        let mut shared = shared.filter(|kind| self.target.repository_types().contains(kind));
        let known = shared.next().and_then(|kind| kind.parse().ok());
        known.unwrap_or_else(RepositoryType::generic)
    }

    fn overlaps(&self) -> bool {
        match (&self.source, &self.target) {
            (Location::Folder(a), Location::Folder(b)) => a.starts_with(b) || b.starts_with(a),
            (Location::Peer(a) | Location::BkRepo(a), Location::Peer(b) | Location::BkRepo(b)) => {
                a.url == b.url && a.repository == b.repository
            }
            (Location::Foreign(a), Location::Foreign(b)) => a.scheme == b.scheme && a.url == b.url,
            (Location::Folder(_) | Location::Foreign(_), Location::Peer(_) | Location::BkRepo(_))
            | (Location::Peer(_) | Location::BkRepo(_), Location::Folder(_) | Location::Foreign(_))
            | (Location::Folder(_), Location::Foreign(_))
            | (Location::Foreign(_), Location::Folder(_)) => false,
        }
    }
}

fn location(text: &str) -> CliResult<Location> {
    match text.parse::<Location>() {
        Ok(Location::Folder(path)) => Ok(Location::Folder(settled(&path)?)),
        Ok(remote @ (Location::Peer(_) | Location::BkRepo(_) | Location::Foreign(_))) => Ok(remote),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Returns `path` absolute and free of links, as far as it exists.
fn settled(path: &Path) -> CliResult<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut rest = Vec::new();
    let mut known = absolute.as_path();
    loop {
        if let Ok(found) = known.canonicalize() {
            return Ok(rest.iter().rev().fold(found, |path, name| path.join(name)));
        }
        match (known.parent(), known.file_name()) {
            (Some(parent), Some(name)) => {
                rest.push(name.to_owned());
                known = parent;
            }
            _ => return Ok(absolute),
        }
    }
}
