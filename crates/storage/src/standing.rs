//! What publishing looks up before it decides, all inside its own transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::artifact::{Existing, Metadata};
use domain::digest::Digest;

use crate::db::{StoreResult, Write, blob, int, list_of, text};
use crate::hosted::lists;
use crate::nodes::metadata_of;
use crate::publish::Publication;

const REPOSITORY: &str =
    "SELECT quota_bytes, used_bytes FROM repositories WHERE no = $1 AND deleted_ms IS NULL";

/// What stands under a path, as far as publishing asks.
pub(crate) struct Standing {
    pub(crate) folder: bool,
    pub(crate) blob_no: Option<i64>,
    pub(crate) digest: Option<Digest>,
    pub(crate) size_bytes: u64,
    pub(crate) metadata: Metadata,
}

/// A live blob.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    pub(crate) no: i64,
    pub(crate) size_bytes: u64,
    /// Whether the viewer may refer to it by digest alone.
    pub(crate) known_to_viewer: bool,
}

impl Standing {
    pub(crate) fn folder() -> Self {
        Self {
            folder: true,
            blob_no: None,
            digest: None,
            size_bytes: 0,
            metadata: Metadata::new(),
        }
    }

    pub(crate) fn existing(&self) -> Option<Existing> {
        Some(Existing {
            digest: self.digest?,
            size_bytes: self.size_bytes,
            metadata: self.metadata.clone(),
        })
    }
}

/// Returns the bytes left under the quota, if there is one; `None` outside when the repository is gone.
pub(crate) async fn room_of(write: &mut Write, repository_no: i64) -> StoreResult<Option<Option<i64>>> {
    let Some(row) = write.fetch_optional(REPOSITORY, vec![int(repository_no)]).await? else {
        return Ok(None);
    };
    let used_bytes = row.int("used_bytes")?;
    Ok(Some(
        row.maybe_int("quota_bytes")?.map(|quota| quota - used_bytes),
    ))
}

/// Returns what stands under every path of the publication and under every folder above them.
pub(crate) async fn standing(
    write: &mut Write,
    publication: &Publication<'_>,
) -> StoreResult<HashMap<String, Standing>> {
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for item in publication.writes {
        for folder in item.path.ancestors() {
            if !paths.insert(folder.into()) {
                break;
            }
        }
        paths.insert(item.path.as_str().into());
    }
    let paths: Vec<String> = paths.into_iter().collect();
    let mut standing = HashMap::with_capacity(paths.len());
    for list in lists(&paths) {
        let sql = format!(
            "SELECT n.path, n.folder, n.blob_no, n.size_bytes, n.metadata, b.digest FROM nodes n \
             LEFT JOIN blobs b ON b.no = n.blob_no WHERE n.repository_no = ? AND n.path IN ({})",
            list_of(list.len())
        );
        let values = std::iter::once(int(publication.repository_no))
            .chain(list.into_iter().map(text))
            .collect();
        for row in write.fetch_all(sql, values).await? {
            let digest = match row.maybe_int("blob_no")? {
                Some(_) => Some(Digest::from_bytes(row.bytes("digest")?)),
                None => None,
            };
            let stands = Standing {
                folder: row.flag("folder")?,
                blob_no: row.maybe_int("blob_no")?,
                digest,
                size_bytes: row.size("size_bytes")?,
                metadata: metadata_of(row.maybe_text("metadata")?)?,
            };
            standing.insert(row.text("path")?, stands);
        }
    }
    Ok(standing)
}

/// Returns the live blobs among the digests of the publication.
pub(crate) async fn live_blobs(
    write: &mut Write,
    publication: &Publication<'_>,
) -> StoreResult<HashMap<Digest, Live>> {
    let digests: BTreeSet<Digest> = publication.writes.iter().map(|item| item.digest).collect();
    let digests: Vec<Digest> = digests.into_iter().collect();
    let present: HashSet<Digest> = publication
        .writes
        .iter()
        .filter(|item| !item.brings_bytes)
        .map(|item| item.digest)
        .collect();
    let mut live = HashMap::new();
    for list in lists(&digests) {
        let sql = format!(
            "SELECT no, digest, size_bytes FROM blobs WHERE digest IN ({})",
            list_of(list.len())
        );
        let values = list.iter().map(|digest| blob(*digest.as_bytes())).collect();
        for row in write.fetch_all(sql, values).await? {
            let entry = Live {
                no: row.int("no")?,
                size_bytes: row.size("size_bytes")?,
                known_to_viewer: publication.viewer.projects.is_none(),
            };
            live.insert(Digest::from_bytes(row.bytes("digest")?), entry);
        }
    }
    if publication.viewer.projects.is_some() && !present.is_empty() {
        let asked: Vec<Digest> = present.into_iter().collect();
        for (digest, _) in crate::blobs::known_to(write, &asked, publication.viewer).await? {
            if let Some(entry) = live.get_mut(&digest) {
                entry.known_to_viewer = true;
            }
        }
    }
    Ok(live)
}
