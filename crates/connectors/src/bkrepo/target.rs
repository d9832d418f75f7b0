//! A repository of a bk-repo, written to.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use domain::artifact::{ArtifactKey, Blob, Existing};
use domain::checksums::Checksums;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorError, ConnectorResult, Content, Put, Settled, Target,
};
use domain::repository::RepositoryRef;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::upload::Sessions;
use super::wire::{MOST_PATHS, Node, REPLICA, Repository};
use super::{BkRepo, PARALLEL, address_of};

/// A repository of a bk-repo, written to.
#[derive(Clone)]
pub struct BkRepoTarget {
    pub(super) server: BkRepo,
    pub(super) repository: RepositoryRef,
    pub(super) sessions: Arc<Sessions>,
    /// The store its bytes go to; known after [`Target::prepare`].
    store: Arc<OnceLock<Option<String>>>,
}

impl fmt::Debug for BkRepoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BkRepoTarget({}, {})", self.server.0.way.name, self.repository)
    }
}

impl BkRepoTarget {
    pub(super) fn new(server: BkRepo, repository: RepositoryRef) -> Self {
        Self {
            server,
            repository,
            sessions: Arc::default(),
            store: Arc::default(),
        }
    }

    /// Returns the name of the store its bytes go to; `None`: the default one.
    pub(super) fn storage_key(&self) -> Option<String> {
        self.store.get().cloned().flatten()
    }

    pub(super) async fn existing(&self, path: &FilePath) -> ConnectorResult<Option<Node>> {
        self.server.node(&self.repository, path, Stage::Describe).await
    }

    async fn find_one(&self, key: &ArtifactKey) -> ConnectorResult<Option<Existing>> {
        // What is no path stands nowhere; whoever puts it is told.
        let Ok(path) = path_of(key) else {
            return Ok(None);
        };
        let node = self.existing(&path).await?;
        Ok(node.filter(|node| !node.folder).map(|node| existing_of(&node)))
    }

    /// Returns those of `keys` under which something stands.
    async fn standing(&self, keys: &[ArtifactKey]) -> ConnectorResult<HashSet<String>> {
        let paths = keys.iter().filter(|key| path_of(key).is_ok());
        let names: Vec<&str> = paths.map(|key| key.name.as_str()).collect();
        let body = json!({
            "projectId": self.repository.project,
            "repoName": self.repository.name,
            "fullPathList": names,
        });
        let path = format!("{REPLICA}/node/exist/list");
        let ask = self
            .server
            .ask(Method::POST, path, Stage::Describe, &self.repository.to_string());
        match ask.data::<Vec<String>>(Some(&body)).await {
            Ok(there) => Ok(there.unwrap_or_default().into_iter().collect()),
            Err(refused) if refused.is_unknown_call() => Ok(names.into_iter().map(String::from).collect()),
            Err(refused) => Err(refused.into()),
        }
    }
}

pub(super) fn path_of(key: &ArtifactKey) -> ConnectorResult<FilePath> {
    crate::scope::path_of(key, Stage::Describe)
}

pub(super) fn existing_of(node: &Node) -> Existing {
    // A file made of separate blocks has no digest; nothing says then that it is the same as any other.
    let blob = Blob {
        digest: node.digest(),
        checksums: Checksums::of_md5_hex(node.md5.as_deref()),
        ..Blob::unknown(node.size)
    };
    Existing {
        digest: node.digest(),
        blobs: vec![blob],
        size_bytes: node.size,
        mark: None,
        metadata: node.properties(),
    }
}

#[async_trait]
impl Target for BkRepoTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Only "nothing stands there" is checked by the node itself.
            conditional_write: false,
            metadata: true,
            batch_artifacts: 500,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 2,
            needs_sha256: true,
            verifies: true,
        }
    }

    async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        let name = self.repository.to_string();
        let RepositoryRef { project, name: own } = &self.repository;
        if create {
            let asked = [
                (
                    "project",
                    json!({ "name": project, "displayName": project, "description": "" }),
                ),
                (
                    "repo",
                    json!({ "projectId": project, "name": own, "type": "GENERIC",
                    "category": "COMPOSITE", "public": false, "description": "" }),
                ),
            ];
            for (what, body) in asked {
                let path = format!("{REPLICA}/{what}/create");
                let ask = self.server.ask(Method::POST, path, Stage::Describe, &name);
                ask.data::<Value>(Some(&body)).await?;
            }
        }
        let path = address_of("/repository/api/repo/info", &self.repository);
        let ask = self.server.ask(Method::GET, path, Stage::Describe, &name);
        let error = |kind, words: &str| Err(ConnectorError::new(kind, Stage::Describe, &name).words(words));
        let Some(found) = ask.data::<Repository>(None).await? else {
            return error(ErrorKind::NotFound, &format!("repository {name} does not exist"));
        };
        if !found.holds_files() {
            let words = format!(
                "repository {name} is of type {} and category {}",
                found.repository_type, found.category
            );
            return error(ErrorKind::Conflict, &words);
        }
        // A later answer changes nothing: a repository keeps its store.
        let _ = self
            .store
            .set(found.storage_credentials_key.filter(|key| !key.is_empty()));
        Ok(())
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MOST_PATHS) {
            let standing = self.standing(keys).await?;
            let looks: Vec<_> = keys
                .iter()
                .map(|key| {
                    let stands = standing.contains(&key.name);
                    async move {
                        if stands {
                            self.find_one(key).await
                        } else {
                            Ok(None)
                        }
                    }
                })
                .collect();
            let some: Vec<Option<Existing>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
            found.extend(some);
        }
        Ok(found)
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        self.write_all(batch, content, settled).await
    }
}
