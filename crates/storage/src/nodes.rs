//! Nodes: the files and folders of hosted repositories, ordered by path in byte order.

use std::collections::HashMap;

use domain::artifact::Metadata;
use domain::digest::Digest;
use domain::id::NodeId;
use domain::path::FilePath;

use crate::blobfiles::BlobPlace;
use crate::db::{Row, StoreError, StoreResult, int, list_of, text};
use crate::hosted::{HostedData, lists};

/// A file or folder of a hosted repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id; a file that is written again gets a new one.
    pub id: NodeId,
    /// Where it is.
    pub path: FilePath,
    /// The bytes of a file; `None` for a folder.
    pub file: Option<NodeFile>,
    /// Its properties.
    pub metadata: Metadata,
    /// When it goes away by itself, in Unix milliseconds.
    pub expires_ms: Option<i64>,
    /// Who made it.
    pub created_by: String,
    /// When, in Unix milliseconds.
    pub created_ms: i64,
    /// Who changed it last.
    pub modified_by: String,
    /// When, in Unix milliseconds.
    pub modified_ms: i64,
}

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFile {
    /// SHA-256.
    pub digest: Digest,
    /// How many.
    pub size_bytes: u64,
    /// MD5 in lowercase hex, where somebody computed it.
    pub md5: Option<String>,
    /// CRC-64, where somebody computed it.
    pub crc64: Option<u64>,
    /// Where they lie.
    pub place: BlobPlace,
}

/// A file as it is replicated: what [`HostedData::files_at`] reads, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// SHA-256.
    pub digest: Digest,
    /// How many bytes.
    pub size_bytes: u64,
    /// MD5 in lowercase hex, where somebody computed it.
    pub md5: Option<String>,
    /// Its properties.
    pub metadata: Metadata,
}

/// Returns how many names `path` has: 0 for the root.
pub(crate) fn depth(path: &FilePath) -> i64 {
    if path.is_root() {
        return 0;
    }
    i64::try_from(path.as_str().bytes().filter(|byte| *byte == b'/').count()).unwrap_or(i64::MAX)
}

pub(crate) fn metadata_text(metadata: &Metadata) -> Option<String> {
    if metadata.is_empty() {
        return None;
    }
    serde_json::to_string(metadata).ok()
}

pub(crate) fn metadata_of(stored: Option<String>) -> StoreResult<Metadata> {
    let Some(stored) = stored else {
        return Ok(Metadata::new());
    };
    serde_json::from_str(&stored).map_err(|_| StoreError::Unreadable {
        table: "nodes",
        found: stored,
    })
}

/// A range of paths in byte order: from the first one up to, not with, the last one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathRange {
    /// First path.
    pub from: String,
    /// First path past the range; `None`: to the end.
    pub until: Option<String>,
}

impl PathRange {
    /// The whole repository.
    pub fn everything() -> Self {
        Self {
            from: "/".into(),
            until: None,
        }
    }

    /// Just `path`.
    pub fn only(path: &FilePath) -> Self {
        Self {
            from: path.as_str().into(),
            // Paths hold no control characters, so nothing lies between.
            until: Some(format!("{path}\u{1}")),
        }
    }

    /// Everything below `folder`, without itself.
    pub fn below(folder: &FilePath) -> Self {
        if folder.is_root() {
            return Self {
                from: "/\u{1}".into(),
                until: None,
            };
        }
        Self {
            from: format!("{folder}/"),
            until: Some(format!("{folder}0")),
        }
    }
}

pub(crate) const NODE_COLUMNS: &str = "n.path, n.folder, n.id, n.blob_no, n.size_bytes, n.metadata, n.expires_ms, \
     n.created_by, n.created_ms, n.modified_by, n.modified_ms, b.digest, b.md5, b.crc64, b.file_no, b.offset_bytes";

// A file counts as absent from the moment its time is over, whenever it is removed: every text that reads nodes
// leaves out what `expires_ms` says has gone.
const FILES_BELOW: &str = "SELECT path FROM nodes WHERE repository_no = $1 AND path >= $2 AND path < $3 \
     AND folder = 0 AND (expires_ms IS NULL OR expires_ms > $5) ORDER BY path LIMIT $4";
const FILES_FROM: &str = "SELECT path FROM nodes WHERE repository_no = $1 AND path >= $2 AND folder = 0 \
     AND (expires_ms IS NULL OR expires_ms > $4) ORDER BY path LIMIT $3";
const ANY_IN: &str = "SELECT 1 AS one FROM nodes WHERE repository_no = $1 AND path >= $2 AND path < $3 \
     AND (expires_ms IS NULL OR expires_ms > $4) LIMIT 1";

impl HostedData {
    /// Returns what stands under each of `paths`, in their order.
    pub async fn nodes(&self, repository_no: i64, paths: &[&str]) -> StoreResult<Vec<Option<Node>>> {
        let mut found: HashMap<String, Node> = HashMap::with_capacity(paths.len());
        for list in lists(paths) {
            let sql = format!(
                "SELECT {NODE_COLUMNS} FROM nodes n LEFT JOIN blobs b ON b.no = n.blob_no \
                 WHERE n.repository_no = ? AND (n.expires_ms IS NULL OR n.expires_ms > ?) AND n.path IN ({})",
                list_of(list.len())
            );
            let values = [int(repository_no), int(self.now_ms())]
                .into_iter()
                .chain(list.into_iter().map(text))
                .collect();
            for row in self.db().fetch_all(sql, values).await? {
                let node = node_of(&row)?;
                found.insert(node.path.as_str().into(), node);
            }
        }
        // The same path may be asked for twice, so the answer is not taken out of the map.
        Ok(paths.iter().map(|path| found.get(*path).cloned()).collect())
    }

    /// Returns the file that stands at each of `paths`, in their order; a folder counts as nothing.
    pub async fn files_at(&self, repository_no: i64, paths: &[&str]) -> StoreResult<Vec<Option<StoredFile>>> {
        let mut found: HashMap<String, StoredFile> = HashMap::with_capacity(paths.len());
        for list in lists(paths) {
            let sql = format!(
                "SELECT n.path, n.metadata, b.digest, b.size_bytes, b.md5 FROM nodes n \
                 JOIN blobs b ON b.no = n.blob_no WHERE n.repository_no = ? \
                 AND (n.expires_ms IS NULL OR n.expires_ms > ?) AND n.path IN ({})",
                list_of(list.len())
            );
            let values = [int(repository_no), int(self.now_ms())]
                .into_iter()
                .chain(list.into_iter().map(text))
                .collect();
            for row in self.db().fetch_all(sql, values).await? {
                let file = StoredFile {
                    digest: Digest::from_bytes(row.bytes("digest")?),
                    size_bytes: row.size("size_bytes")?,
                    md5: row.maybe_blob("md5")?.map(hex::encode),
                    metadata: metadata_of(row.maybe_text("metadata")?)?,
                };
                found.insert(row.text("path")?, file);
            }
        }
        Ok(paths.iter().map(|path| found.get(*path).cloned()).collect())
    }

    /// Returns at most `limit` paths of files from `from` on and before `until`, in byte order.
    pub async fn file_paths(
        &self,
        repository_no: i64,
        from: &str,
        until: Option<&str>,
        limit: usize,
    ) -> StoreResult<Vec<String>> {
        let limit = int(i64::try_from(limit).unwrap_or(i64::MAX));
        let now = int(self.now_ms());
        let rows = match until {
            Some(until) => {
                let values = vec![int(repository_no), text(from), text(until), limit, now];
                self.db().fetch_all(FILES_BELOW, values).await?
            }
            None => {
                let values = vec![int(repository_no), text(from), limit, now];
                self.db().fetch_all(FILES_FROM, values).await?
            }
        };
        rows.iter().map(|row| row.text("path")).collect()
    }

    /// Says whether `path` is a file or a folder with or without anything below it.
    pub async fn names_something(&self, repository_no: i64, path: &FilePath) -> StoreResult<bool> {
        if path.is_root() {
            return Ok(true);
        }
        for range in [PathRange::only(path), PathRange::below(path)] {
            let until = range.until.unwrap_or_default();
            let values = vec![
                int(repository_no),
                text(range.from),
                text(until),
                int(self.now_ms()),
            ];
            if self.db().fetch_optional(ANY_IN, values).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub(crate) fn node_of(row: &Row) -> StoreResult<Node> {
    let path = row.text("path")?;
    let file = match row.maybe_int("blob_no")? {
        None => None,
        Some(_) => Some(NodeFile {
            digest: Digest::from_bytes(row.bytes("digest")?),
            size_bytes: row.size("size_bytes")?,
            md5: row.maybe_blob("md5")?.map(hex::encode),
            crc64: row.maybe_int("crc64")?.map(i64::cast_unsigned),
            place: crate::blobs::place_of(row)?,
        }),
    };
    Ok(Node {
        id: NodeId::from(row.bytes::<12>("id")?),
        path: path.parse().map_err(|_| StoreError::Unreadable {
            table: "nodes",
            found: path,
        })?,
        file,
        metadata: metadata_of(row.maybe_text("metadata")?)?,
        expires_ms: row.maybe_int("expires_ms")?,
        created_by: row.text("created_by")?,
        created_ms: row.int("created_ms")?,
        modified_by: row.text("modified_by")?,
        modified_ms: row.int("modified_ms")?,
    })
}
