//! What bk-repo nodes say to each other: paths, headers, shapes and codes.
//!
//! Facts of the protocol, read as leniently as its own clients read: unknown members are ignored, and whatever is
//! not needed may be missing.

use std::collections::BTreeMap;

use domain::artifact::Metadata;
use domain::digest::Digest;
use domain::failure::ErrorKind;
use serde::Deserialize;
use serde_json::Value;

/// Where a node takes what others replicate to it.
pub const REPLICA: &str = "/replication/replica";
/// Header that names an upload session.
pub const SESSION: &str = "push-session-id";
/// Header with the SHA-256 of a file that is downloaded.
pub const SHA256: &str = "x-checksum-sha256";
/// Bytes of one piece of a large blob, as bk-repo cuts them.
pub const PIECE_BYTES: u64 = 5 * 1024 * 1024;
/// Most paths that are asked about at once.
pub const MOST_PATHS: usize = 1_000;

/// The envelope around every JSON answer.
#[derive(Debug, Deserialize)]
pub struct Envelope<T> {
    /// 0: success.
    pub code: i64,
    /// What went wrong, for people.
    #[serde(default)]
    pub message: Option<String>,
    /// The answer.
    #[serde(default = "nothing")]
    pub data: Option<T>,
}

fn nothing<T>() -> Option<T> {
    None
}

/// A page of something.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub records: Vec<T>,
}

/// A file or folder, as far as replication needs it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Where it is.
    pub full_path: String,
    /// Whether it is a folder.
    #[serde(default)]
    pub folder: bool,
    /// How many bytes.
    #[serde(default)]
    pub size: u64,
    /// SHA-256 in hex.
    #[serde(default)]
    pub sha256: Option<String>,
    /// MD5 in hex.
    #[serde(default)]
    pub md5: Option<String>,
    /// Its properties, one by one.
    #[serde(default)]
    pub node_metadata: Option<Vec<Property>>,
    /// Its properties by name; older nodes have only these.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, Value>>,
}

/// One property of a node.
#[derive(Debug, Clone, Deserialize)]
pub struct Property {
    /// Its name.
    pub key: String,
    /// Its value.
    #[serde(default)]
    pub value: Value,
    /// Whether the node made it for itself.
    #[serde(default)]
    pub system: bool,
}

impl Node {
    /// Returns the digest of a file; `None` for one made of blocks, which has none.
    pub fn digest(&self) -> Option<Digest> {
        self.sha256.as_deref()?.to_ascii_lowercase().parse().ok()
    }

    /// Returns the properties that travel: those somebody gave it.
    pub fn properties(&self) -> Metadata {
        if let Some(listed) = &self.node_metadata {
            let given = listed.iter().filter(|property| !property.system);
            return given
                .filter_map(|property| Some((property.key.clone(), text(&property.value)?)))
                .collect();
        }
        let named = self.metadata.iter().flatten();
        named
            .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
            .collect()
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A repository, as far as replication needs it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// What it holds.
    #[serde(rename = "type")]
    pub repository_type: String,
    /// Whether it keeps its files itself.
    #[serde(default)]
    pub category: String,
    /// Which store keeps its bytes; `None`: the default one.
    #[serde(default)]
    pub storage_credentials_key: Option<String>,
}

impl Repository {
    /// Says whether files can be read from and written to it.
    pub fn holds_files(&self) -> bool {
        self.repository_type == "GENERIC" && matches!(self.category.as_str(), "" | "LOCAL" | "COMPOSITE")
    }
}

/// Returns the kind of failure a code means; `None`: only the HTTP status tells.
pub fn kind_of(code: i64) -> Option<ErrorKind> {
    Some(match code {
        250_102 | 250_115 | 250_116 => ErrorKind::Unreachable,
        250_113 | 250_114 | 250_117 | 251_029 => ErrorKind::Unauthorised,
        250_124 | 250_127..=250_129 | 251_025 => ErrorKind::Limit,
        250_108 | 250_130 | 251_004 | 251_006 | 251_010 | 251_024 | 251_201 => ErrorKind::NotFound,
        250_107 | 251_005 | 251_007 | 251_012 | 251_013 => ErrorKind::Conflict,
        250_311 | 251_003 | 251_031 | 251_212 => ErrorKind::Corrupt,
        _ => return None,
    })
}

/// Code of a file that is not there.
pub const NODE_UNKNOWN: i64 = 251_010;
/// Code of a URL that is not there: a call this version of bk-repo does not have.
pub const URL_UNKNOWN: i64 = 250_130;

/// Reads a range header, `bytes 0-4/10`, `bytes=0-4` or `0-4`: first and last byte.
pub fn range_of(text: &str) -> Option<(u64, u64)> {
    let text = text.trim();
    let numbers = text
        .strip_prefix("bytes")
        .map_or(text, |rest| rest.trim_start_matches(['=', ' ']));
    let numbers = numbers.split('/').next()?;
    let (first, last) = numbers.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && last < u64::MAX).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_every_spelling_bk_repo_uses() {
        for text in ["0-4", "bytes 0-4/10", "bytes=0-4", " 0-4/* "] {
            assert_eq!(range_of(text), Some((0, 4)), "{text}");
        }
        for text in ["", "-", "4-0", "a-b", "bytes", "0-", "0-18446744073709551615"] {
            assert_eq!(range_of(text), None, "{text}");
        }
    }

    #[test]
    fn properties_a_node_made_for_itself_stay_behind() {
        let node: Node = serde_json::from_value(serde_json::json!({
            "fullPath": "/a", "nodeMetadata": [
                {"key": "a", "value": "1", "system": false, "color": null},
                {"key": "b", "value": 2},
                {"key": "scan", "value": "done", "system": true},
                {"key": "none", "value": null},
            ], "somethingNew": [1],
        }))
        .expect("a node");

        let expected = [("a", "1"), ("b", "2")].map(|(key, value)| (key.into(), value.into()));
        assert_eq!(node.properties(), Metadata::from(expected));
        assert_eq!(node.digest(), None);
    }
}
