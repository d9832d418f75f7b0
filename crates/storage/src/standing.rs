//! What publishing looks up before it decides, all inside its own transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::artifact::{Existing, Metadata};
use domain::digest::Digest;

use crate::db::{Row, StoreResult, Write, blob, int, list_of, text};
use crate::hosted::{HostedData, lists};
use crate::nodes::metadata_of;
use crate::publish::Publication;

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
        Some(Existing::of(self.digest?, self.size_bytes, self.metadata.clone()))
    }
}

/// Returns what stands under every path of the publication and under every folder above them.
///
/// What is past its time there is removed first: nothing stands where it stood.
pub(crate) async fn standing(
    data: &HostedData,
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
    let mut expired: BTreeMap<String, Row> = BTreeMap::new();
    for list in lists(&paths) {
        let sql = format!(
            "SELECT n.repository_no, n.path, n.folder, n.blob_no, n.size_bytes, n.metadata, n.expires_ms, \
             b.digest FROM nodes n LEFT JOIN blobs b ON b.no = n.blob_no \
             WHERE n.repository_no = ? AND n.path IN ({})",
            list_of(list.len())
        );
        let values = std::iter::once(int(publication.repository_no))
            .chain(list.into_iter().map(text))
            .collect();
        for row in write.fetch_all(sql, values).await? {
            if row
                .maybe_int("expires_ms")?
                .is_some_and(|at_ms| at_ms <= data.now_ms())
            {
                expired.insert(row.text("path")?, row);
                continue;
            }
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
    let expired: Vec<Row> = expired.into_values().collect();
    data.remove_rows(write, &expired).await?;
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
