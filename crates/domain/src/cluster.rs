//! Clusters: named places that hold repositories, this one or another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::id::ClusterId;

/// What a cluster is to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClusterType {
    /// This cluster itself; there is exactly one.
    Center,
    /// A peer that reports to a centre.
    Edge,
    /// A peer on its own.
    Standalone,
    /// A foreign registry.
    Remote,
}

/// How a cluster's health is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DetectType {
    /// We ask it.
    Ping,
    /// It reports by itself.
    Report,
}

/// What the last look at a cluster found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClusterStatus {
    /// It answered, or has not been asked yet.
    Healthy,
    /// It did not answer as a peer does.
    Unhealthy,
}

/// A text nobody may see: never printed, logged or serialised. Encrypted where it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, to hand it to a protocol or a cipher.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// How to log in to a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User name for Basic login.
    pub username: Option<String>,
    /// Password or token that goes with it.
    pub password: Option<Secret>,
    /// Application id of a signed login.
    pub app_id: Option<String>,
    /// Public half of a signed login's key.
    pub access_key: Option<String>,
    /// Secret half of a signed login's key.
    pub secret_key: Option<Secret>,
    /// Certificate authority (PEM) that signs the cluster's certificate; `None`: the public ones.
    pub certificate: Option<String>,
}

/// Who made and who last changed something, and when (Unix milliseconds).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// User that created it.
    pub created_by: String,
    /// Time of creation.
    pub created_ms: i64,
    /// User that changed it last.
    pub modified_by: String,
    /// Time of the last change.
    pub modified_ms: i64,
}

impl Audit {
    /// Starts the history of something `user` makes at `now_ms`.
    pub fn new(user: &str, now_ms: i64) -> Self {
        Self {
            created_by: user.into(),
            created_ms: now_ms,
            modified_by: user.into(),
            modified_ms: now_ms,
        }
    }
}

/// A named place that holds repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its id.
    pub id: ClusterId,
    /// Its name, unique on this node, 2 to 256 characters.
    pub name: String,
    /// What it is to this cluster.
    pub cluster_type: ClusterType,
    /// Where it answers; always with a scheme.
    pub url: String,
    /// How to log in.
    pub credentials: Credentials,
    /// UDP port of a bk-repo probe; kept and shown, never used.
    pub udp_port: Option<i64>,
    /// How its health is found out.
    pub detect_type: DetectType,
    /// What the last look found.
    pub status: ClusterStatus,
    /// Why it is unhealthy.
    pub error_reason: Option<Failure>,
    /// When it last reported (Unix milliseconds).
    pub last_report_ms: Option<i64>,
    /// Who made and changed it.
    pub audit: Audit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_in_what_debug_prints() {
        let credentials = Credentials {
            password: Some(Secret::new("hunter2")),
            ..Credentials::default()
        };

        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
