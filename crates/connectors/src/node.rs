//! Another cluster's node, whose kind shows when it is asked: a Waybill node, or a bk-repo.
//!
//! A Waybill node answers the handshake of the peer exchange. Where there is no such thing (404) a bk-repo is
//! taken to be, and is spoken to as one; so is whoever is named with `bkrepo+` in front of the URL, and whoever is
//! logged in to with a platform's keys, which only bk-repo's calls can be signed with.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::artifact::{ArtifactKey, Existing};
use domain::cluster::Credentials;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{Capabilities, ConnectorError, ConnectorResult, Content, Put, Settled, Target};
use domain::repository::{RepositoryRef, RepositoryType};
use tokio::sync::OnceCell;

use crate::bkrepo::{BkRepo, BkRepoTarget};
use crate::peer::wire::Handshake;
use crate::peer::{Peer, PeerTarget, Peers};

/// What stands before the URL of a node that is to be spoken to as a bk-repo.
pub const BKREPO: &str = "bkrepo+";

/// Who answers at a cluster's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A Waybill node.
    Waybill(Handshake),
    /// A bk-repo, or a node that is spoken to as one.
    BkRepo,
}

/// A node of another cluster.
#[derive(Debug, Clone)]
pub struct Node {
    /// The way to it as a Waybill node; `None` when it is none.
    peer: Option<Peer>,
    bkrepo: BkRepo,
}

impl Peers {
    /// Returns the node at `url` (`http`, `https`, or either after `bkrepo+`), logged in with `credentials`.
    ///
    /// Nothing is sent yet; refused are other schemes, refused addresses and unreadable certificates.
    pub fn node(&self, url: &str, credentials: &Credentials) -> ConnectorResult<Node> {
        let signs = credentials.secret_key.is_some() && credentials.password.is_none();
        let peer = if signs || url.starts_with(BKREPO) {
            None
        } else {
            Some(self.peer(url, credentials)?)
        };
        Ok(Node {
            peer,
            bkrepo: self.bkrepo(url, credentials)?,
        })
    }
}

impl Node {
    /// Says who answers. A bk-repo has to let these credentials in.
    pub async fn who(&self) -> ConnectorResult<Who> {
        match self.handshake().await? {
            Some(handshake) => Ok(Who::Waybill(handshake)),
            None => {
                self.bkrepo.ping().await?;
                Ok(Who::BkRepo)
            }
        }
    }

    /// Says who answers within `timeout`: the connection test of a cluster.
    pub async fn check(&self, timeout: Duration) -> ConnectorResult<Who> {
        match tokio::time::timeout(timeout, self.who()).await {
            Ok(answer) => answer,
            Err(_) => Err(
                ConnectorError::new(ErrorKind::Unreachable, Stage::Describe, self.bkrepo.name())
                    .words(format!("no answer within {} s", timeout.as_secs_f32())),
            ),
        }
    }

    /// Returns its repository `repository`, to write to.
    pub fn target(&self, repository: RepositoryRef) -> NodeTarget {
        NodeTarget {
            node: self.clone(),
            repository,
            repository_type: RepositoryType::generic(),
            target: Arc::default(),
        }
    }

    /// Returns what a Waybill node says of itself; `None` when it is none.
    async fn handshake(&self) -> ConnectorResult<Option<Handshake>> {
        let Some(peer) = &self.peer else {
            return Ok(None);
        };
        match peer.handshake().await {
            Ok(handshake) => Ok(Some(handshake)),
            Err(error) if error.remote_status == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A repository of a node, written to in the way the node turns out to understand.
#[derive(Debug, Clone)]
pub struct NodeTarget {
    node: Node,
    repository: RepositoryRef,
    repository_type: RepositoryType,
    target: Arc<OnceCell<Kind>>,
}

#[derive(Debug)]
enum Kind {
    Peer(PeerTarget),
    BkRepo(BkRepoTarget),
}

impl Kind {
    fn target(&self) -> &dyn Target {
        match self {
            Self::Peer(target) => target,
            Self::BkRepo(target) => target,
        }
    }
}

impl NodeTarget {
    /// Takes it for a repository that holds this, not files.
    #[must_use]
    pub fn of_type(mut self, repository_type: RepositoryType) -> Self {
        self.repository_type = repository_type;
        self
    }

    async fn target(&self) -> ConnectorResult<&dyn Target> {
        let kind = self.target.get_or_try_init(|| async {
            let repository = self.repository.clone();
            Ok::<_, ConnectorError>(match (self.node.handshake().await?, &self.node.peer) {
                (Some(_), Some(peer)) => {
                    Kind::Peer(peer.target(repository).of_type(self.repository_type.clone()))
                }
                _ if self.repository_type == RepositoryType::generic() => {
                    Kind::BkRepo(self.node.bkrepo.target(repository))
                }
                _ => {
                    let error =
                        ConnectorError::new(ErrorKind::Protocol, Stage::Describe, self.node.bkrepo.name());
                    let words = format!(
                        "it is a bk-repo, which takes files from here and nothing of type {}",
                        self.repository_type
                    );
                    return Err(error.words(words));
                }
            })
        });
        Ok(kind.await?.target())
    }
}

#[async_trait]
impl Target for NodeTarget {
    /// What the node can do; before it was asked who it is, what every node can.
    fn capabilities(&self) -> Capabilities {
        match self.target.get() {
            Some(kind) => kind.target().capabilities(),
            None => self.node.bkrepo.target(self.repository.clone()).capabilities(),
        }
    }

    async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        self.target().await?.prepare(create).await
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.target().await?.find(keys).await
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.target().await?.read_back(keys).await
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        self.target().await?.put(batch, content, settled).await
    }
}
