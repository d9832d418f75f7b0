//! The protocols of foreign registries: one folder beside this file each, and one line in [`connectors`].

use std::sync::Arc;
use std::time::Duration;

use domain::cluster::Credentials;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, Source, Target};
use domain::repository::RepositoryType;
use domain::versions::Choice;
use reqwest::Method;

use crate::http::Server;
use crate::peer::Peers;
use crate::url::{InvalidLocation, address};

/// One protocol, and the repositories that speak it.
pub trait Connector: Send + Sync {
    /// Returns what stands before `://` or `+http(s)://` in a URL: `oci`, `npm`.
    fn scheme(&self) -> &'static str;

    /// Returns how a repository is named, for people: `oci://host[:port]/name`.
    fn form(&self) -> &'static str;

    /// Returns the types of repositories whose artifacts it carries, as the contract writes them; never empty.
    fn repository_types(&self) -> &'static [&'static str];

    /// Returns what stands at the end of a path that means everything below a name, where the name alone means one
    /// package.
    fn all_below(&self) -> Option<&'static str> {
        None
    }

    /// Says whether its sources leave out what `choice` does not want, if that is the [`Server::choice`].
    fn chooses(&self, choice: &Choice) -> bool {
        choice.is_everything()
    }

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

impl Peers {
    /// Asks whether anything answers at a foreign registry's `url` within `timeout`: that it does is all there is to
    /// know before a protocol and a repository are.
    pub async fn registry_answers(
        &self,
        url: &str,
        credentials: &Credentials,
        timeout: Duration,
    ) -> ConnectorResult<()> {
        let failed = |kind, name: &str, words: String| {
            Err(ConnectorError::new(kind, Stage::Describe, name).words(words))
        };
        let Some(address) = address(url) else {
            return failed(ErrorKind::Protocol, url, "it is no address of a registry".into());
        };
        let server = self.server(&address, credentials)?;
        let request = server.request(Method::HEAD, server.base().clone());
        let activity = server.activity();
        let asking = server.send(request, &activity, Stage::Describe, server.name());
        match tokio::time::timeout(timeout, asking).await {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => {
                let words = format!("no answer within {} s", timeout.as_secs_f32());
                failed(ErrorKind::Unreachable, server.name(), words)
            }
        }
    }
}

/// Every protocol this program speaks with foreign registries.
pub fn connectors() -> &'static [&'static dyn Connector] {
    &[
        &crate::dav::DavConnector,
        &crate::helm::Helm,
        &crate::maven::Maven,
        &crate::npm::Npm,
        &crate::oci::Oci,
        &crate::pypi::PyPi,
        &crate::s3::S3Connector,
    ]
}

/// Returns the protocol whose URLs begin with `scheme`.
pub fn by_scheme(scheme: &str) -> Option<&'static dyn Connector> {
    connectors()
        .iter()
        .copied()
        .find(|connector| connector.scheme() == scheme)
}

/// Returns the protocol that repositories of `repository_type` are spoken to in when a URL does not say it: the first
/// of [`connectors`] that carries them.
pub fn by_type(repository_type: &RepositoryType) -> Option<&'static dyn Connector> {
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
