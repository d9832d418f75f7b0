//! The two ends of a copy behind the ports a run knows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use connectors::bkrepo::BkRepo;
use connectors::digests::{DigestCache, Digests};
use connectors::folder::{FolderOptions, FolderSource, FolderTarget};
use connectors::http::Outgoing;
use connectors::peer::{Peer, Peers};
use connectors::registry::{Opened, by_scheme};
use connectors::url::{ForeignLocation, Location, PeerLocation};
use domain::clock::Clock;
use domain::cluster::Credentials;
use domain::ports::{ConnectorResult, Source, Target};
use domain::task::TaskObject;
use domain::versions::Choice;
use engine::endpoints::Endpoints;
use messages::{Language, Render};

use super::args::CopyCommand;
use super::pair::Pair;
use crate::cli::server::read;
use crate::clock::SystemClock;
use crate::exit::{CliResult, failed, refused};
use crate::login::{self, Logins};

/// Both ends, opened; a run is given these whatever it asks for.
#[derive(Clone)]
pub struct Ends {
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
    folder: Option<Arc<FolderSource>>,
    peers: Peers,
}

/// What stays behind.
#[derive(Default)]
pub struct Uncarried {
    /// The first of it, each with its reason.
    pub named: Vec<String>,
    /// How much there is that somebody would miss.
    pub losses: u64,
    /// Empty folders.
    pub empty_folders: u64,
}

impl Ends {
    /// Opens both ends of `pair`; what is known of files' digests lies in `state`.
    pub async fn open(command: &CopyCommand, pair: &Pair, state: &Path) -> CliResult<Self> {
        let opening = Opening {
            command,
            state,
            peers: Peers::new(Outgoing::default(), Arc::new(SystemClock))
                .keeping_state(state)
                .with_digests(remembered(command, state)?),
        };
        let choice = command.choice.choice();
        opening.can_choose(&pair.source, &choice)?;
        let (source, folder): (Arc<dyn Source>, _) = match &pair.source {
            Location::Folder(path) => {
                let source = Arc::new(FolderSource::new(path, opening.options()?));
                (source.clone(), Some(source))
            }
            Location::Peer(peer) => (
                Arc::new(opening.peer(peer).await?.source(peer.repository.clone())),
                None,
            ),
            Location::BkRepo(server) => (
                Arc::new(opening.bkrepo(server).await?.source(server.repository.clone())),
                None,
            ),
            Location::Foreign(foreign) => (opening.foreign(foreign, choice)?.source, None),
        };
        let target: Arc<dyn Target> = match &pair.target {
            Location::Folder(path) => Arc::new(FolderTarget::new(path, opening.options()?)),
            Location::Peer(peer) => Arc::new(opening.peer(peer).await?.target(peer.repository.clone())),
            Location::BkRepo(server) => {
                Arc::new(opening.bkrepo(server).await?.target(server.repository.clone()))
            }
            Location::Foreign(foreign) => opening.foreign(foreign, Choice::default())?.target,
        };
        Ok(Self {
            source,
            target,
            folder,
            peers: opening.peers,
        })
    }

    /// Returns the way to other nodes.
    pub fn peers(&self) -> Peers {
        self.peers.clone()
    }

    /// Returns what a listing met that cannot travel.
    pub fn uncarried(&self) -> Uncarried {
        let Some(folder) = &self.folder else {
            return Uncarried::default();
        };
        let found = folder.not_carried();
        let named = found.named.iter().filter(|(_, why)| why.is_loss());
        Uncarried {
            named: named
                .map(|(path, why)| format!("{path} ({})", why.as_str()))
                .collect(),
            losses: found.losses,
            empty_folders: found.empty_folders,
        }
    }
}

/// Opens what is known of files on other servers.
fn remembered(command: &CopyCommand, state: &Path) -> CliResult<Digests> {
    let digests = Digests::in_cache(cache(&state.join("remote-digests"))?);
    Ok(match command.verify {
        true => digests.mistrusted(),
        false => digests,
    })
}

fn cache(path: &Path) -> CliResult<Arc<DigestCache>> {
    let cache = DigestCache::open(path);
    Ok(Arc::new(cache.map_err(|error| {
        failed(format!("cannot open {}: {error}", path.display()))
    })?))
}

struct Opening<'a> {
    command: &'a CopyCommand,
    state: &'a Path,
    peers: Peers,
}

impl Opening<'_> {
    fn options(&self) -> CliResult<FolderOptions> {
        let cache = cache(&self.state.join("digests"))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(FolderOptions {
            clock,
            cache: Some(cache),
            verify: self.command.verify,
        })
    }

    /// Logs in to a node; one that does not answer ends the copy before it begins.
    async fn peer(&self, location: &PeerLocation) -> CliResult<Peer> {
        let peer = self
            .peers
            .peer(
                &location.url,
                &self.credentials(&location.url, location.user.as_deref())?,
            )
            .map_err(|error| refused(error.to_string()))?;
        answered(peer.handshake().await, location)?;
        Ok(peer)
    }

    /// Logs in to a bk-repo; one that does not answer ends the copy before it begins.
    async fn bkrepo(&self, location: &PeerLocation) -> CliResult<BkRepo> {
        let server = self
            .peers
            .bkrepo(
                &location.url,
                &self.credentials(&location.url, location.user.as_deref())?,
            )
            .map_err(|error| refused(error.to_string()))?;
        answered(server.ping().await, location)?;
        Ok(server)
    }

    /// Refuses a choice that the source would not heed.
    fn can_choose(&self, source: &Location, choice: &Choice) -> CliResult<()> {
        let heeds = |location: &ForeignLocation| {
            by_scheme(location.scheme).is_some_and(|connector| connector.chooses(choice))
        };
        match source {
            _ if *choice == Choice::default() => Ok(()),
            Location::Foreign(location) if heeds(location) => Ok(()),
            _ => Err(refused(format!(
                "--include, --exclude and --newest are for packages and images of registries, --platform for images \
                 (oci://...): not for {source}"
            ))),
        }
    }

    /// Opens a repository of a foreign registry; anonymously, unless a user or a login is known.
    fn foreign(&self, location: &ForeignLocation, choice: Choice) -> CliResult<Opened> {
        let origin = location.url.origin().ascii_serialization();
        let server = login::server_url(&origin)?;
        let anonymous = location.user.is_none() && !Logins::read()?.servers.contains_key(server.as_str());
        let credentials = match anonymous {
            true => Credentials {
                certificate: self.authority(None)?,
                ..Credentials::default()
            },
            false => self.credentials(&origin, location.user.as_deref())?,
        };
        let opened = location.open_some(&self.peers, &credentials, choice);
        opened.map_err(|error| refused(error.to_string()))
    }

    fn credentials(&self, url: &str, user: Option<&str>) -> CliResult<Credentials> {
        let server = login::server_url(url)?;
        let logins = Logins::read()?;
        let saved = logins.servers.get(server.as_str());
        let user = user
            .map(str::to_owned)
            .or_else(|| saved.map(|saved| saved.user.clone()));
        let user = user.unwrap_or_else(|| "admin".to_owned());
        let secret = login::secret(&user, &server, saved)?;
        Ok(Credentials {
            username: Some(user),
            password: Some(secret),
            certificate: self.authority(saved.and_then(|saved| saved.ca_cert.clone()))?,
            ..Credentials::default()
        })
    }

    /// Returns the certificates to trust, as the command line or else a login names them.
    fn authority(&self, saved: Option<PathBuf>) -> CliResult<Option<String>> {
        let Some(path) = self.command.ca_cert.clone().or(saved) else {
            return Ok(None);
        };
        let pem = String::from_utf8(read(&path)?);
        Ok(Some(pem.map_err(|_| {
            refused(format!("{} is not PEM", path.display()))
        })?))
    }
}

fn answered<T>(answer: ConnectorResult<T>, location: &PeerLocation) -> CliResult<()> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) => Err(failed(
            error.to_failure(&location.url, 1).render(Language::English),
        )),
    }
}

#[async_trait]
impl Endpoints for Ends {
    async fn source(&self, _: &str, _: &TaskObject) -> ConnectorResult<Arc<dyn Source>> {
        Ok(self.source.clone())
    }

    async fn target(&self, _: &str, _: &str, _: &TaskObject) -> ConnectorResult<Arc<dyn Target>> {
        Ok(self.target.clone())
    }
}
