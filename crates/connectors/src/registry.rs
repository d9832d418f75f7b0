//! The protocols of foreign registries: one folder beside this file each, and one line in [`connectors`].

use std::sync::Arc;

use domain::ports::{ConnectorResult, Source, Target};
use domain::repository::RepositoryType;

use crate::http::Server;
use crate::url::InvalidLocation;

/// One protocol, and the repositories that speak it.
pub trait Connector: Send + Sync {
    /// Returns what stands before `://` or `+http(s)://` in a URL: `oci`, `npm`.
    fn scheme(&self) -> &'static str;

    /// Returns how a repository is named, for people: `oci://host[:port]/name`.
    fn form(&self) -> &'static str;

    /// Returns the types of repositories whose artifacts it carries, as the contract writes them; never empty.
    fn repository_types(&self) -> &'static [&'static str];

    /// Says why `path` below the server names no repository; asked before anything is opened.
    fn check(&self, _path: &str) -> Result<(), &'static str> {
        Ok(())
    }

    /// Returns the repository that [`Server::base`] names, to read from and to write to. Nothing is sent yet.
    fn open(&self, server: Server) -> ConnectorResult<Opened>;
}

/// A foreign repository.
#[derive(Clone)]
pub struct Opened {
    /// To read from.
    pub source: Arc<dyn Source>,
    /// To write to.
    pub target: Arc<dyn Target>,
}

/// Every protocol this program speaks with foreign registries.
pub fn connectors() -> &'static [&'static dyn Connector] {
    &[&crate::dav::DavConnector]
}

/// Returns the protocol whose URLs begin with `scheme`.
pub fn by_scheme(scheme: &str) -> Option<&'static dyn Connector> {
    connectors()
        .iter()
        .copied()
        .find(|connector| connector.scheme() == scheme)
}

/// Returns the protocol that repositories of `repository_type` are spoken to in when a URL does not say it; plain
/// files have none.
pub fn by_type(repository_type: &RepositoryType) -> Option<&'static dyn Connector> {
    if *repository_type == RepositoryType::generic() {
        return None;
    }
    connectors()
        .iter()
        .copied()
        .find(|connector| carries(*connector, repository_type))
}

/// Says whether `connector` carries what repositories of `repository_type` hold.
pub fn carries(connector: &dyn Connector, repository_type: &RepositoryType) -> bool {
    connector.repository_types().contains(&repository_type.as_str())
}

/// Refuses a location whose path is none for its protocol.
pub(crate) fn checked(connector: &dyn Connector, location: &str, path: &str) -> Result<(), InvalidLocation> {
    connector.check(path).map_err(|why| InvalidLocation::Form {
        location: location.into(),
        why,
    })
}
