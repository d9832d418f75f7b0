//! Waybill to Waybill: repositories of another node behind the ports, over its exchange.
//!
//! [`Peers`] hands out one [`Peer`] per cluster; clients and their connections are shared by all that trust the
//! same certificates. What travels is described in [`wire`] and [`frame`], which the server uses as well.

mod batch;
mod exchange;
pub mod frame;
mod source;
mod target;
mod upload;
mod versions;
pub mod wire;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use domain::clock::Clock;
use domain::cluster::Credentials;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use domain::repository::RepositoryRef;
use domain::versions::Choice;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use tokio::sync::OnceCell;
use url::Url;

use crate::digests::Digests;
use crate::http::{Activity, AllManners, Outgoing, Server, Trust, answered, client, send};
pub use source::PeerSource;
pub use target::PeerTarget;
use wire::{EXCHANGE_VERSION, Handshake, PREFIX, PRODUCT};

/// Most bytes of a handshake.
const HANDSHAKE_BYTES: usize = 16 * 1024;

/// The way to other nodes: clients by what they trust.
#[derive(Clone)]
pub struct Peers {
    outgoing: Arc<Outgoing>,
    clients: Arc<Mutex<HashMap<Trust, Client>>>,
    clock: Arc<dyn Clock>,
    manners: AllManners,
    state: Option<Arc<Path>>,
    digests: Digests,
}

impl Peers {
    /// Reaches others by the rules of `outgoing`; `clock` dates what is signed.
    pub fn new(outgoing: Outgoing, clock: Arc<dyn Clock>) -> Self {
        Self {
            manners: AllManners::of(outgoing.budget, Arc::clone(&clock)),
            outgoing: Arc::new(outgoing),
            clients: Arc::default(),
            clock,
            state: None,
            digests: Digests::default(),
        }
    }

    /// Lets what has to outlast this process (uploads that were not finished) be written down in `folder`.
    #[must_use]
    pub fn keeping_state(mut self, folder: &Path) -> Self {
        self.state = Some(folder.into());
        self
    }

    /// Remembers digests of bytes on foreign servers.
    #[must_use]
    pub fn with_digests(mut self, digests: Digests) -> Self {
        self.digests = digests;
        self
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Returns the node at `url` (`http` or `https`; what follows the host is dropped), logged in with `credentials`.
    ///
    /// Nothing is sent yet; refused are other schemes, refused addresses and unreadable certificates.
    pub fn peer(&self, url: &str, credentials: &Credentials) -> ConnectorResult<Peer> {
        let inner = PeerInner {
            way: self.way(url, credentials)?,
            login: login(credentials),
            handshake: OnceCell::new(),
        };
        Ok(Peer(Arc::new(inner)))
    }

    /// Returns how to reach `url`; nothing is sent.
    pub(crate) fn way(&self, url: &str, credentials: &Credentials) -> ConnectorResult<Way> {
        let base = base_url(url)?;
        self.outgoing.rules.check(&base)?;
        let trust = match (base.scheme(), &credentials.certificate) {
            ("http", _) => Trust::Plain,
            (_, Some(pem)) if !pem.trim().is_empty() => Trust::Only(pem.clone()),
            (_, _) => Trust::Machine,
        };
        let name = base.origin().ascii_serialization();
        Ok(Way {
            client: self.client(trust, &name)?,
            base,
            idle_timeout: self.outgoing.idle_timeout,
            name,
        })
    }

    /// Returns the foreign server at `url` (`http` or `https`), with the path that follows the host.
    ///
    /// Nothing is sent yet; refused are other schemes, refused addresses and unreadable certificates.
    pub fn server(&self, url: &Url, credentials: &Credentials) -> ConnectorResult<Server> {
        let way = self.way(url.as_str(), credentials)?;
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        // Neither can fail: an http URL has a host.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        Ok(Server {
            client: way.client,
            base,
            manners: self.manners.clone(),
            name: way.name,
            idle_timeout: way.idle_timeout,
            credentials: credentials.clone(),
            digests: self.digests.clone(),
            clock: self.clock(),
            rules: self.outgoing.rules.clone(),
            state: self.state.clone(),
            choice: Choice::default(),
        })
    }

    /// Says who answers at `url`, within `timeout`: the connection test of a cluster.
    pub async fn check(
        &self,
        url: &str,
        credentials: &Credentials,
        timeout: Duration,
    ) -> ConnectorResult<Handshake> {
        let peer = self.peer(url, credentials)?;
        match tokio::time::timeout(timeout, peer.handshake()).await {
            Ok(answer) => answer,
            Err(_) => Err(
                ConnectorError::new(ErrorKind::Unreachable, Stage::Describe, &peer.0.way.name)
                    .words(format!("no answer within {} s", timeout.as_secs_f32())),
            ),
        }
    }

    fn client(&self, trust: Trust, subject: &str) -> ConnectorResult<Client> {
        let mut clients = self
            .clients
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(client) = clients.get(&trust) {
            return Ok(client.clone());
        }
        let client = client(&self.outgoing, &trust, subject)?;
        clients.insert(trust, client.clone());
        Ok(client)
    }
}

/// Returns scheme, host and port of a cluster's URL.
fn base_url(url: &str) -> ConnectorResult<Url> {
    let refused = |words: &str| {
        ConnectorError::new(ErrorKind::Protocol, Stage::Describe, "the cluster's URL").words(words)
    };
    let parsed = Url::parse(url).map_err(|error| refused(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(refused("it begins with neither http:// nor https://"));
    }
    Url::parse(&parsed.origin().ascii_serialization()).map_err(|error| refused(&error.to_string()))
}

pub(crate) fn login(credentials: &Credentials) -> Option<HeaderValue> {
    let secret = credentials.password.as_ref().map(|secret| secret.reveal());
    let text = match (&credentials.username, secret) {
        (Some(user), secret) => {
            let pair = format!("{user}:{}", secret.unwrap_or_default());
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        (None, Some(token)) => format!("Bearer {token}"),
        (None, None) => return None,
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// How to reach a server.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// What its requests are made with.
    pub(crate) client: Client,
    /// Scheme, host and port.
    pub(crate) base: Url,
    /// Longest silence before it counts as unreachable.
    pub(crate) idle_timeout: Duration,
    /// What errors call it.
    pub(crate) name: String,
}

/// Another node.
#[derive(Debug, Clone)]
pub struct Peer(Arc<PeerInner>);

#[derive(Debug)]
struct PeerInner {
    way: Way,
    login: Option<HeaderValue>,
    handshake: OnceCell<Handshake>,
}

impl Peer {
    /// Says who answers there; asked once, remembered as long as this value lives.
    ///
    /// A node without the exchange, such as a stock bk-repo, is [`ErrorKind::Protocol`].
    pub async fn handshake(&self) -> ConnectorResult<Handshake> {
        self.0
            .handshake
            .get_or_try_init(|| self.ask_handshake())
            .await
            .cloned()
    }

    /// Returns its repository `repository`, to read from.
    pub fn source(&self, repository: RepositoryRef) -> PeerSource {
        PeerSource::new(self.clone(), repository)
    }

    /// Returns its repository `repository`, to write to.
    pub fn target(&self, repository: RepositoryRef) -> PeerTarget {
        PeerTarget::new(self.clone(), repository)
    }

    async fn ask_handshake(&self) -> ConnectorResult<Handshake> {
        let (stage, subject) = (Stage::Describe, self.0.way.name.as_str());
        let refused = |words: &str| ConnectorError::new(ErrorKind::Protocol, stage, subject).words(words);
        let activity = Activity::new(self.0.way.idle_timeout);
        let answer = send(self.request(Method::GET, ""), &activity, stage, subject).await?;
        if answer.status().as_u16() == 404 {
            return Err(refused(
                "it has no peer exchange: not a Waybill node (a bk-repo is named with bkrepo+)",
            )
            .status(404));
        }
        let mut answer = answered(answer, &activity, stage, subject).await?;
        let mut body = Vec::new();
        while let Some(piece) = activity.chunk(&mut answer, stage, subject).await? {
            body.extend_from_slice(&piece);
            if body.len() > HANDSHAKE_BYTES {
                return Err(refused("its handshake is too long"));
            }
        }
        let handshake: Handshake = serde_json::from_slice(&body)
            .map_err(|_| refused("its handshake is not one of a Waybill node"))?;
        if handshake.product != PRODUCT {
            return Err(refused("its handshake is not one of a Waybill node"));
        }
        if handshake.exchange_version != EXCHANGE_VERSION {
            let words = format!(
                "it speaks version {} of the exchange, this node {EXCHANGE_VERSION}",
                handshake.exchange_version
            );
            return Err(refused(&words));
        }
        Ok(handshake)
    }

    fn request(&self, method: Method, endpoint: &str) -> RequestBuilder {
        let mut url = self.0.way.base.clone();
        url.set_path(&format!("{PREFIX}{endpoint}"));
        let request = self.0.way.client.request(method, url);
        match &self.0.login {
            Some(login) => request.header(AUTHORIZATION, login.clone()),
            None => request,
        }
    }
}
