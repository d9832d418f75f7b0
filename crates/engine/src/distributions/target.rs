//! The target of a distribution: asked whether it answers, and how, before anything is saved.

use domain::cluster::{Audit, Cluster, ClusterStatus, ClusterType, Credentials, DetectType};
use domain::failure::ErrorKind;
use domain::id::ClusterId;
use domain::ports::ConnectorError;
use domain::repository::RepositoryRef;

use super::{Asker, DistributionDraft, Local, RegistryDraft, RemoteUser};
use crate::Engine;
use crate::clusters::checked_url;
use crate::error::{EngineError, EngineResult, Why};

/// A target that answered.
pub(super) struct Target {
    pub(super) cluster: Cluster,
    /// Whether it comes and goes with the distribution.
    pub(super) is_own: bool,
    pub(super) node_id: String,
}

impl Engine {
    /// Returns the registered cluster `id` as the target of the task `name`.
    pub(super) async fn registered_target(&self, id: &str, name: &str) -> EngineResult<Target> {
        let cluster = self.cluster(id).await?;
        let cluster = cluster.ok_or_else(|| EngineError::ClusterUnknown(id.into()))?;
        // What has the name of a distribution belongs to it: that is how the two are kept together.
        if cluster.name == name {
            return Err(EngineError::invalid("clusterId", id, Why::OwnEntry));
        }
        let peer = self.greet_target(&cluster, "clusterId").await?;
        Ok(Target {
            cluster,
            is_own: false,
            node_id: peer.node_id,
        })
    }

    /// Returns the node at `registry` as the own cluster of the task `name`; `known` is the one it has so far.
    ///
    /// Without a scheme `https` is tried, then `http`; never after the other side answered over `https`
    /// that it does not know us, and never where a certificate was given.
    pub(super) async fn own_target(
        &self,
        name: &str,
        registry: &RegistryDraft,
        known: Option<Cluster>,
        by: Asker<'_>,
    ) -> EngineResult<Target> {
        let given = registry.url.trim();
        let urls = match given.contains("://") {
            true => vec![given.to_owned()],
            false => vec![format!("https://{given}"), format!("http://{given}")],
        };
        for url in &urls {
            let checked = checked_url("registry", Some(url));
            checked.map_err(|_| EngineError::invalid("registry", &registry.url, Why::Url))?;
            if !by.any_host && !self.inner.limits.user_hosts.allows(url) {
                let subject = registry.url.clone();
                return Err(EngineError::forbidden(subject, Why::HostNotAllowed));
            }
        }
        if known.is_none() && self.cluster_named(name).await?.is_some() {
            return Err(EngineError::ClusterExists(name.into()));
        }
        let mut failed = None;
        let mut is_other = false;
        for url in urls {
            let cluster = self.own_cluster_at(name, url, registry, known.as_ref(), by.user);
            match self.greeter().greet(&cluster).await {
                Ok(peer) => {
                    return Ok(Target {
                        cluster,
                        is_own: true,
                        node_id: peer.node_id,
                    });
                }
                Err(error) => {
                    is_other |= answers_otherwise(&error);
                    let is_last = ends_the_search(&error, &cluster);
                    failed = Some(error);
                    if is_last {
                        break;
                    }
                }
            }
        }
        match failed {
            Some(error) if !is_other => Err(EngineError::ClusterUnreachable {
                name: given.into(),
                failure: Box::new(error.to_failure(given, 1)),
            }),
            _ => Err(EngineError::invalid("registry", &registry.url, Why::NotANode)),
        }
    }

    fn own_cluster_at(
        &self,
        name: &str,
        url: String,
        registry: &RegistryDraft,
        known: Option<&Cluster>,
        user: &str,
    ) -> Cluster {
        // A password goes only where it was meant to go when it was given.
        let kept = known
            .filter(|known| known.url == url && known.credentials.username == registry.username)
            .and_then(|known| known.credentials.password.clone());
        let now_ms = self.clock().now_ms();
        let audit = match known {
            Some(known) => Audit {
                modified_by: user.into(),
                modified_ms: now_ms,
                ..known.audit.clone()
            },
            None => Audit::new(user, now_ms),
        };
        Cluster {
            id: known.map_or_else(|| self.store().next_id::<ClusterId>(), |known| known.id),
            name: name.into(),
            cluster_type: ClusterType::Standalone,
            url,
            credentials: Credentials {
                username: registry.username.clone(),
                password: registry.password.clone().or(kept),
                certificate: registry.certificate.clone(),
                ..Credentials::default()
            },
            udp_port: None,
            detect_type: DetectType::Ping,
            status: ClusterStatus::Healthy,
            error_reason: None,
            last_report_ms: None,
            audit,
        }
    }

    /// Refuses users the target does not let write; as the contract has it, only where both names there are given.
    pub(super) async fn check_remote_user(
        &self,
        cluster: &Cluster,
        user: &RemoteUser,
        draft: &DistributionDraft,
        local: &Local,
    ) -> EngineResult<()> {
        let named = |name: &Option<String>| name.clone().filter(|name| !name.trim().is_empty());
        let (Some(project), Some(name)) = (named(&draft.remote_project), named(&draft.remote_repository))
        else {
            return Ok(());
        };
        if cluster.cluster_type != ClusterType::Standalone {
            return Ok(());
        }
        let repository = RepositoryRef::new(project, name);
        let allowed = self.greeter().may_write(cluster, user, &repository).await;
        match allowed {
            Ok(true) => Ok(()),
            Ok(false) => Err(EngineError::forbidden(
                local.full_name(&draft.name),
                Why::RemoteUserRefused {
                    user: user.name.clone(),
                    repository: repository.to_string(),
                },
            )),
            Err(error) => Err(EngineError::ClusterUnreachable {
                name: cluster.name.clone(),
                failure: Box::new(error.to_failure(&cluster.name, 1)),
            }),
        }
    }
}

/// Says whether something answered that is no node.
fn answers_otherwise(error: &ConnectorError) -> bool {
    matches!(error.kind, ErrorKind::Protocol | ErrorKind::NotFound)
}

/// Says whether there is no point, or some harm, in trying another scheme.
fn ends_the_search(error: &ConnectorError, cluster: &Cluster) -> bool {
    error.kind == ErrorKind::Unauthorised || cluster.credentials.certificate.is_some()
}
