//! bk-repo nodes: their repositories of files behind the ports, over what they replicate with among themselves.
//!
//! Artifacts are read as any client reads them, and written as another bk-repo would: blobs first, then the files
//! that consist of them. A stock node believes the digest it is told unless it is made to compute it, so blobs are
//! sent in a way that makes it, and what it says stands there is asked for before anything counts as stored.

mod exchange;
mod form;
mod listing;
mod source;
mod supply;
mod target;
mod upload;
pub mod wire;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::clock::Clock;
use domain::cluster::{Credentials, Secret};
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ConnectorError, ConnectorResult};
use domain::repository::RepositoryRef;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::node::BKREPO;
use crate::peer::{Peers, Way, login};
use crate::signed::Platform;
pub use source::BkRepoSource;
pub use target::BkRepoTarget;
use wire::{Node, REPLICA};

/// What a path keeps when it stands in a URL.
pub(crate) const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// How much longer than a peer, who gives signs of life, a bk-repo may be silent over an answer.
const SILENCE: u32 = 3;

/// Requests that are on their way to one node at the same time.
const PARALLEL: usize = 8;

/// A bk-repo node.
#[derive(Debug, Clone)]
pub struct BkRepo(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    way: Way,
    login: Login,
    user: Option<String>,
}

/// How its calls prove who makes them.
enum Login {
    /// A header, or nothing.
    Header(Option<HeaderValue>),
    /// A signature over each call.
    Signed {
        platform: Platform,
        clock: Arc<dyn Clock>,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header(_) => "Header",
            Self::Signed { .. } => "Signed",
        })
    }
}

impl Peers {
    /// Returns the bk-repo at `url` (`http` or `https`, or either after `bkrepo+`; what follows the host is
    /// dropped), logged in with `credentials`: a platform's name and keys if they are all there, otherwise user
    /// and password. Nothing is sent yet.
    pub fn bkrepo(&self, url: &str, credentials: &Credentials) -> ConnectorResult<BkRepo> {
        let url = url.strip_prefix(BKREPO).unwrap_or(url);
        let signed = match (
            &credentials.app_id,
            &credentials.access_key,
            &credentials.secret_key,
        ) {
            (Some(app_id), Some(access_key), Some(secret_key)) => Some(Login::Signed {
                platform: Platform {
                    app_id: app_id.clone(),
                    access_key: access_key.clone(),
                    secret_key: secret_key.clone(),
                },
                clock: self.clock(),
            }),
            _ => None,
        };
        Ok(BkRepo(Arc::new(Inner {
            way: self.way(url, credentials)?,
            login: signed.unwrap_or_else(|| Login::Header(login(credentials))),
            user: credentials.username.clone(),
        })))
    }
}

impl BkRepo {
    /// Asks whether it answers and lets these credentials in: the connection test among bk-repo nodes.
    pub async fn ping(&self) -> ConnectorResult<()> {
        let path = format!("{REPLICA}/ping");
        let ask = self.ask(Method::GET, path, Stage::Describe, &self.0.way.name);
        ask.data::<serde_json::Value>(None).await?;
        Ok(())
    }

    /// Returns what errors call it: scheme, host and port.
    pub fn name(&self) -> &str {
        &self.0.way.name
    }

    /// Asks whether `user` of that node, whose password is given, may write to `repository` there.
    ///
    /// A Waybill node answers this too. Who asks has to be allowed to replicate there.
    pub async fn may_write(
        &self,
        user: &str,
        password: &Secret,
        repository: &RepositoryRef,
        timeout: Duration,
    ) -> ConnectorResult<bool> {
        let body = json!({
            "username": user,
            "password": password.reveal(),
            "projectId": repository.project,
            "repoName": repository.name,
            "resourceType": "REPO",
            "action": "WRITE",
        });
        let path = format!("{REPLICA}/permission/check");
        let ask = self.ask(Method::POST, path, Stage::Describe, &self.0.way.name);
        let answer = tokio::time::timeout(timeout, ask.data::<bool>(Some(&body))).await;
        let silent = || ConnectorError::new(ErrorKind::Unreachable, Stage::Describe, &self.0.way.name);
        Ok(answer.map_err(|_| silent())??.unwrap_or(false))
    }

    /// Returns its repository `repository`, to read from.
    pub fn source(&self, repository: RepositoryRef) -> BkRepoSource {
        BkRepoSource::new(self.clone(), repository)
    }

    /// Returns its repository `repository`, to write to.
    pub fn target(&self, repository: RepositoryRef) -> BkRepoTarget {
        BkRepoTarget::new(self.clone(), repository)
    }

    /// Returns what stands at `path`; `None` when it is known that nothing does.
    async fn node(
        &self,
        repository: &RepositoryRef,
        path: &FilePath,
        stage: Stage,
    ) -> ConnectorResult<Option<Node>> {
        let address = address("/repository/api/node/detail", repository, path);
        match self
            .ask(Method::GET, address, stage, path.as_str())
            .data(None)
            .await
        {
            Ok(node) => Ok(node),
            Err(refused) if refused.code == Some(wire::NODE_UNKNOWN) => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }
}

/// Returns the URL's path of `path` in `repository`, below `base`.
fn address(base: &str, repository: &RepositoryRef, path: &FilePath) -> String {
    let path = if path.is_root() {
        "%2F".into()
    } else {
        segments(path.as_str())
    };
    format!("{}/{path}", address_of(base, repository))
}

/// Returns the URL's path of `repository`, below `base`.
fn address_of(base: &str, repository: &RepositoryRef) -> String {
    let segment = |name| utf8_percent_encode(name, PLAIN).to_string();
    format!(
        "{base}/{}/{}",
        segment(&repository.project),
        segment(&repository.name)
    )
}

fn segments(path: &str) -> String {
    let names = path.split('/').filter(|name| !name.is_empty());
    let encoded: Vec<String> = names
        .map(|name| utf8_percent_encode(name, PLAIN).to_string())
        .collect();
    encoded.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_in_a_url_segment_by_segment() {
        let repository = RepositoryRef::new("demo", "files");
        let path = "/a b/%41+&=;#?/é".parse().expect("a path");

        assert_eq!(
            address("/generic", &repository, &path),
            "/generic/demo/files/a%20b/%2541%2B%26%3D%3B%23%3F/%C3%A9"
        );
        assert_eq!(address("/x", &repository, &FilePath::root()), "/x/demo/files/%2F");
    }
}
