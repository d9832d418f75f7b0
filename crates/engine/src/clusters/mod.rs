//! Clusters: registering, changing, asking and removing them.

pub mod greet;
mod probe;

use connectors::url::{ForeignLocation, InvalidLocation, Location};
use domain::cluster::{Audit, Cluster, ClusterStatus, ClusterType, Credentials, DetectType};
use domain::id::ClusterId;
use domain::repository::RepositoryType;
use storage::StoreError;
use url::Url;

use crate::Engine;
use crate::error::{EngineError, EngineResult, Why};
use crate::tasks::draft::check_name_length;

/// A cluster as somebody asks for it.
#[derive(Debug, Clone)]
pub struct ClusterDraft {
    /// Its name.
    pub name: String,
    /// Where it answers; `None` when the caller did not say.
    pub url: Option<String>,
    /// What it is to this one.
    pub cluster_type: ClusterType,
    /// How to log in.
    pub credentials: Credentials,
    /// UDP port of a bk-repo probe.
    pub udp_port: Option<i64>,
    /// Whether it has to answer before it is saved.
    pub ping: bool,
    /// How its health is found out; `None` when the caller did not say.
    pub detect_type: Option<DetectType>,
}

impl Engine {
    /// Returns the cluster with this id; an id of another shape is unknown.
    pub async fn cluster(&self, id: &str) -> EngineResult<Option<Cluster>> {
        match id.parse::<ClusterId>() {
            Ok(id) => Ok(self.store().clusters().get(id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Returns the cluster with this name.
    pub async fn cluster_named(&self, name: &str) -> EngineResult<Option<Cluster>> {
        Ok(self.store().clusters().by_name(name).await?)
    }

    /// Returns the clusters whose names begin with `prefix` and that are of `cluster_type`, the newest first.
    pub async fn clusters(
        &self,
        prefix: Option<&str>,
        cluster_type: Option<ClusterType>,
    ) -> EngineResult<Vec<Cluster>> {
        let mut clusters = self.store().clusters().all().await?;
        clusters.retain(|cluster| {
            prefix.is_none_or(|prefix| cluster.name.starts_with(prefix))
                && cluster_type.is_none_or(|wanted| cluster.cluster_type == wanted)
        });
        Ok(clusters)
    }

    /// Registers a cluster for `user`.
    pub async fn create_cluster(&self, draft: ClusterDraft, user: &str) -> EngineResult<Cluster> {
        if draft.name.trim().is_empty() {
            return Err(EngineError::Empty("name"));
        }
        if draft.url.as_deref().is_none_or(|url| url.trim().is_empty()) {
            return Err(EngineError::Empty("url"));
        }
        check_name_length("name", &draft.name)?;
        let url = checked_cluster_url(draft.cluster_type, draft.url.as_deref())?;
        if self.cluster_named(&draft.name).await?.is_some() {
            return Err(EngineError::ClusterExists(draft.name));
        }
        if draft.cluster_type == ClusterType::Center && self.own_cluster().await?.is_some() {
            return Err(EngineError::SecondCenter);
        }
        let cluster = Cluster {
            id: self.store().next_id(),
            name: draft.name,
            cluster_type: draft.cluster_type,
            url,
            credentials: draft.credentials,
            udp_port: draft.udp_port,
            detect_type: draft.detect_type.unwrap_or(DetectType::Ping),
            status: ClusterStatus::Healthy,
            error_reason: None,
            last_report_ms: None,
            audit: Audit::new(user, self.clock().now_ms()),
        };
        if draft.ping && cluster.detect_type == DetectType::Ping {
            self.greet(&cluster).await?;
        }
        self.insert_cluster(&cluster).await?;
        Ok(cluster)
    }

    /// Replaces everything but the name and type of a cluster, secrets that were not sent included.
    pub async fn update_cluster(&self, draft: ClusterDraft, user: &str) -> EngineResult<Cluster> {
        let known = self.cluster_named(&draft.name).await?;
        let known = known.ok_or_else(|| EngineError::ClusterUnknown(draft.name.clone()))?;
        let url = checked_cluster_url(known.cluster_type, draft.url.as_deref())?;
        let cluster = Cluster {
            url,
            credentials: draft.credentials,
            udp_port: draft.udp_port,
            detect_type: draft.detect_type.unwrap_or(known.detect_type),
            audit: Audit {
                modified_by: user.into(),
                modified_ms: self.clock().now_ms(),
                ..known.audit
            },
            ..known
        };
        if cluster.detect_type == DetectType::Ping {
            self.greet(&cluster).await?;
        }
        let cluster = Cluster {
            status: ClusterStatus::Healthy,
            error_reason: None,
            ..cluster
        };
        self.store().clusters().update(&cluster).await?;
        Ok(cluster)
    }

    /// Removes a cluster; tasks that still name it are refused when they run.
    pub async fn delete_cluster(&self, id: &str) -> EngineResult<()> {
        let unknown = || EngineError::ClusterUnknown(id.into());
        let id: ClusterId = id.parse().map_err(|_| unknown())?;
        if self.store().clusters().delete(id).await? {
            Ok(())
        } else {
            Err(unknown())
        }
    }

    /// Tests the connection to the cluster `name` and notes what was found.
    pub async fn try_connect(&self, name: &str) -> EngineResult<()> {
        let cluster = self.cluster_named(name).await?;
        let cluster = cluster.ok_or_else(|| EngineError::ClusterUnknown(name.into()))?;
        let (greeted, took_ms) = self.greet_timed(&cluster).await;
        let check = self.note_health(&cluster, &greeted, took_ms).await?;
        self.store().clusters().note_checks(check.as_slice()).await?;
        greeted.map(|_| ())
    }

    /// Returns the cluster that is this one.
    pub async fn own_cluster(&self) -> EngineResult<Option<Cluster>> {
        let mut centers = self.clusters(None, Some(ClusterType::Center)).await?;
        Ok(centers.pop())
    }

    async fn insert_cluster(&self, cluster: &Cluster) -> EngineResult<()> {
        match self.store().clusters().insert(cluster).await {
            Err(StoreError::Taken(_)) => Err(EngineError::ClusterExists(cluster.name.clone())),
            inserted => Ok(inserted?),
        }
    }
}

/// Returns the URL of a cluster: a foreign registry's may name the protocol it speaks (`npm+https://`).
fn checked_cluster_url(cluster_type: ClusterType, url: Option<&str>) -> EngineResult<String> {
    match url {
        Some(url) if cluster_type == ClusterType::Remote => checked_registry_url("url", url),
        _ => checked_url("url", url),
    }
}

/// Refuses a registry's `url` whose protocol does not carry what repositories of `repository_type` hold.
pub fn checked_pairing(
    member: &'static str,
    url: &str,
    repository_type: &RepositoryType,
) -> EngineResult<()> {
    match ForeignLocation::of(url, repository_type) {
        Ok(_) => Ok(()),
        Err(error) => Err(EngineError::invalid(
            member,
            without_login(url),
            Why::Words(error.to_string()),
        )),
    }
}

/// Returns `url` with a scheme, which may name a protocol; refuses what names no place of a registry.
pub fn checked_registry_url(member: &'static str, url: &str) -> EngineResult<String> {
    let names_protocol = url
        .split_once("://")
        .is_some_and(|(scheme, _)| !matches!(scheme, "http" | "https"));
    if !names_protocol {
        return checked_url(member, Some(url));
    }
    match url.parse() {
        Ok(Location::Foreign(_)) => Ok(url.into()),
        Ok(_) => Err(EngineError::invalid(
            member,
            without_login(url),
            Why::NotARegistry,
        )),
        Err(refused @ InvalidLocation::Secret(_)) => {
            Err(EngineError::invalid(member, refused.to_string(), Why::Url))
        }
        Err(_) => Err(EngineError::invalid(member, without_login(url), Why::Url)),
    }
}

/// Returns `url` without the user and the password it may name: a refusal repeats no secret.
fn without_login(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.into(),
        (_, None) => url.into(),
    }
}

/// Returns `url` with a scheme, otherwise as it was; refuses what is no `http` or `https` address of a host.
pub(crate) fn checked_url(member: &'static str, url: Option<&str>) -> EngineResult<String> {
    let url = url.ok_or(EngineError::Missing(member))?;
    if url.trim().is_empty() {
        return Err(EngineError::Empty(member));
    }
    let refused = || EngineError::invalid(member, without_login(url), Why::Url);
    let complete = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    // The parser would repair white space and backslashes; a stored address needs no repair.
    if complete
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return Err(refused());
    }
    // A node that is to be spoken to as a bk-repo whatever it says of itself.
    let address = complete
        .strip_prefix(connectors::node::BKREPO)
        .unwrap_or(&complete);
    let parsed = Url::parse(address).map_err(|_| refused())?;
    let plain = parsed.username().is_empty() && parsed.password().is_none();
    let known = matches!(parsed.scheme(), "http" | "https");
    if known && plain && parsed.has_host() {
        Ok(complete)
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_a_scheme_and_is_otherwise_kept() {
        for (sent, kept) in [
            ("edge-1.example:8080", "http://edge-1.example:8080"),
            ("https://edge-1/x/", "https://edge-1/x/"),
            ("localhost", "http://localhost"),
            ("http://[::1]:80", "http://[::1]:80"),
            ("bkrepo+https://edge-1", "bkrepo+https://edge-1"),
        ] {
            assert_eq!(checked_url("url", Some(sent)).ok().as_deref(), Some(kept));
        }
    }

    #[test]
    fn other_schemes_logins_and_line_breaks_are_refused() {
        for sent in [
            "ftp://edge-1",
            "http://bob:pw@edge-1",
            "http://edge-1\r\nHost: x",
            "http://",
            "http:\\\\edge-1",
            "file:///etc/passwd",
            "edge 1",
        ] {
            assert!(
                matches!(checked_url("url", Some(sent)), Err(EngineError::Invalid { .. })),
                "{sent}"
            );
        }
    }
}
