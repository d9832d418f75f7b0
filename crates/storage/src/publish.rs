//! Publishing: the one transaction in which nodes come to refer to blobs.
//!
//! Everything is decided inside it: what stands under each path, whether the expectation holds, whether a
//! blob that was called present is alive. The files are durable before it begins, so what is committed here
//! can be read for ever after.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::artifact::{Existing, Metadata};
use domain::digest::Digest;
use domain::id::NodeId;
use domain::path::FilePath;
use domain::ports::Expect;

use crate::blobfiles::BlobPlace;
use crate::changes::{NodeChanges, NodeRow};
use crate::db::{StoreResult, Value, Write, blob, int, list_of, maybe, size};
use crate::hosted::{HostedData, lists};
use crate::nodes::metadata_text;
use crate::room::Room;
use crate::standing::{Live, Standing, live_blobs, standing};

/// Who asks, and which projects they may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The user.
    pub user: String,
    /// The projects they may read; `None`: all.
    pub projects: Option<Vec<String>>,
}

impl Viewer {
    /// Somebody who may read everything.
    pub fn of_everything(user: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            projects: None,
        }
    }
}

/// A blob whose bytes lie durably in a file no row names yet.
#[derive(Debug, Clone)]
pub struct NewBlob {
    /// SHA-256, verified.
    pub digest: Digest,
    /// MD5, where it is known.
    pub md5: Option<[u8; 16]>,
    /// CRC-64, where it is known.
    pub crc64: Option<u64>,
    /// Where it lies.
    pub place: BlobPlace,
}

/// A file that becomes part of the store with the blobs in it.
#[derive(Debug, Clone, Copy)]
pub struct NewBlobFile {
    /// Its number.
    pub no: i64,
    /// Its length.
    pub size_bytes: u64,
}

/// One file to be published.
#[derive(Debug, Clone)]
pub struct NodeWrite {
    /// Where.
    pub path: FilePath,
    /// Its content.
    pub digest: Digest,
    /// Whether its bytes came with it; otherwise a live blob must be there.
    pub brings_bytes: bool,
    /// What must stand there.
    pub expect: Expect,
    /// Its properties.
    pub metadata: Metadata,
    /// Whether they replace those of a file that stands there.
    pub with_metadata: bool,
    /// When it goes away by itself, in Unix milliseconds.
    pub expires_ms: Option<i64>,
}

/// Files to be published together.
pub struct Publication<'a> {
    /// The repository's number.
    pub repository_no: i64,
    /// Who publishes.
    pub viewer: &'a Viewer,
    /// The files.
    pub writes: &'a [NodeWrite],
    /// Blobs that came with them.
    pub blobs: &'a [NewBlob],
    /// Blob files those lie in.
    pub files: &'a [NewBlobFile],
}

/// What became of one [`NodeWrite`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It stands there.
    Stored {
        /// The id of the new node.
        id: NodeId,
    },
    /// Something else than expected stands there.
    Raced {
        /// What.
        found: Option<Existing>,
    },
    /// A folder stands there, or a file where a folder is needed.
    Blocked {
        /// The path in the way.
        by: FilePath,
    },
    /// No live blob the viewer may refer to.
    BlobAbsent,
    /// It would not fit into the repository's quota.
    OverQuota,
    /// The repository is gone.
    RepositoryGone,
}

/// What a publication came to.
pub struct Published {
    /// What became of each write, in their order.
    pub written: Vec<Written>,
    /// The new files that hold live blobs now; the others may be removed.
    pub kept_files: HashSet<i64>,
}

impl Published {
    /// Says whether every write stands where it was to stand.
    pub fn all_stored(&self) -> bool {
        self.written
            .iter()
            .all(|written| matches!(written, Written::Stored { .. }))
    }
}

const INSERT_FILES: &str = "INSERT INTO blob_files (no, size_bytes, live_bytes) VALUES";
const INSERT_BLOBS: &str =
    "INSERT INTO blobs (no, digest, size_bytes, md5, crc64, file_no, offset_bytes, keep_until_ms) VALUES";
const COMPLETE_BLOB: &str = "UPDATE blobs SET md5 = $2, crc64 = $3 WHERE no = $1 AND md5 IS NULL";

impl HostedData {
    /// Publishes files whose blobs are durable, all decisions and rows in one transaction.
    pub async fn publish(&self, publication: Publication<'_>) -> StoreResult<Published> {
        let mut write = self.db().begin().await?;
        let published = self.publish_in(&mut write, &publication).await?;
        write.commit().await?;
        Ok(published)
    }

    /// Publishes within a transaction that does something else as well.
    pub(crate) async fn publish_in(
        &self,
        write: &mut Write,
        publication: &Publication<'_>,
    ) -> StoreResult<Published> {
        let now_ms = self.now_ms();
        let standing = standing(self, write, publication).await?;
        let Some(room) = Room::of(write, publication.repository_no).await? else {
            return Ok(Published {
                written: publication
                    .writes
                    .iter()
                    .map(|_| Written::RepositoryGone)
                    .collect(),
                kept_files: HashSet::new(),
            });
        };
        let live = live_blobs(write, publication).await?;
        let mut decided = Decided::new(self, publication, standing, live, room, now_ms);
        let written = publication
            .writes
            .iter()
            .map(|item| decided.decide(item))
            .collect();
        let Decided {
            blob_rows,
            node_rows,
            mut changes,
            room,
            live_of_file,
            completed,
            ..
        } = decided;
        changes.files = node_rows.into_values().collect();
        let kept_files: HashSet<i64> = live_of_file.keys().copied().collect();
        let file_rows = publication
            .files
            .iter()
            .filter(|file| kept_files.contains(&file.no))
            .map(|file| vec![int(file.no), size(file.size_bytes), size(live_of_file[&file.no])])
            .collect();
        write.insert_all(INSERT_FILES, 3, "", file_rows).await?;
        write.insert_all(INSERT_BLOBS, 8, "", blob_rows).await?;
        for values in completed {
            write.execute(COMPLETE_BLOB, values).await?;
        }
        changes.more_bytes = room.taken_bytes();
        changes.apply(write, self).await?;
        Ok(Published { written, kept_files })
    }
}

/// The decisions of one publication, and the rows they come to.
struct Decided<'a> {
    data: &'a HostedData,
    publication: &'a Publication<'a>,
    brought: HashMap<Digest, usize>,
    standing: HashMap<String, Standing>,
    live: HashMap<Digest, Live>,
    room: Room,
    now_ms: i64,
    live_of_file: HashMap<i64, u64>,
    blob_rows: Vec<Vec<Value>>,
    completed: Vec<Vec<Value>>,
    /// Files by path: of several writes to one path the last one counts.
    node_rows: BTreeMap<String, NodeRow>,
    changes: NodeChanges,
}

impl<'a> Decided<'a> {
    fn new(
        data: &'a HostedData,
        publication: &'a Publication<'a>,
        standing: HashMap<String, Standing>,
        live: HashMap<Digest, Live>,
        room: Room,
        now_ms: i64,
    ) -> Self {
        let brought = publication
            .blobs
            .iter()
            .enumerate()
            .map(|(index, new)| (new.digest, index))
            .collect();
        Self {
            data,
            publication,
            brought,
            standing,
            live,
            room,
            now_ms,
            live_of_file: HashMap::new(),
            blob_rows: Vec::with_capacity(publication.blobs.len()),
            completed: Vec::new(),
            node_rows: BTreeMap::new(),
            changes: NodeChanges::of(publication.repository_no),
        }
    }

    fn decide(&mut self, item: &NodeWrite) -> Written {
        let path = item.path.as_str();
        let standing = self.standing.get(path);
        if item.path.is_root() || standing.is_some_and(|standing| standing.folder) {
            return Written::Blocked {
                by: item.path.clone(),
            };
        }
        let found = standing.and_then(Standing::existing);
        let holds = match (&item.expect, &found) {
            (Expect::Anything, _) | (Expect::Absent, None) => true,
            (Expect::Digest(digest), Some(found)) => found.digest == Some(*digest),
            (Expect::Absent, Some(_)) | (Expect::Digest(_), None) | (Expect::Mark(_), _) => false,
        };
        if !holds {
            return Written::Raced { found };
        }
        if let Some(by) = item.path.ancestors().find(|folder| self.is_file(folder)) {
            return Written::Blocked { by };
        }
        let (was_bytes, was_blob_no) = standing.map_or((0, None), |old| (old.size_bytes, old.blob_no));
        let Some(size_bytes) = self.size_of(item) else {
            return Written::BlobAbsent;
        };
        if !self.room.take(size_bytes, was_bytes) {
            return Written::OverQuota;
        }
        let blob_no = self.blob_no(item.digest);
        if let Some(was) = was_blob_no.filter(|was| Some(*was) != blob_no) {
            self.changes.released.push(was);
        }
        self.make_folders(&item.path);
        let metadata = match found {
            Some(found) if !item.with_metadata => found.metadata,
            _ => item.metadata.clone(),
        };
        let id = self.data.next_id();
        let row = NodeRow {
            blob_no,
            size_bytes,
            metadata: metadata_text(&metadata),
            expires_ms: item.expires_ms,
            ..NodeRow::folder(item.path.clone(), id, &self.publication.viewer.user, self.now_ms)
        };
        self.node_rows.insert(path.into(), row);
        let now = Standing {
            folder: false,
            blob_no,
            digest: Some(item.digest),
            size_bytes,
            metadata,
        };
        self.standing.insert(path.into(), now);
        Written::Stored { id }
    }

    fn is_file(&self, path: &FilePath) -> bool {
        self.standing
            .get(path.as_str())
            .is_some_and(|standing| !standing.folder)
    }

    /// Returns the size of the item's blob, or `None` when it may not be referred to.
    fn size_of(&self, item: &NodeWrite) -> Option<u64> {
        if item.brings_bytes
            && let Some(index) = self.brought.get(&item.digest)
        {
            return Some(self.publication.blobs[*index].place.size_bytes);
        }
        let brought_already = self.brought.contains_key(&item.digest);
        self.live
            .get(&item.digest)
            .filter(|live| live.known_to_viewer || brought_already)
            .map(|live| live.size_bytes)
    }

    /// Returns the number of a blob that is live, or becomes so now.
    fn blob_no(&mut self, digest: Digest) -> Option<i64> {
        let brought = self
            .brought
            .get(&digest)
            .map(|index| &self.publication.blobs[*index]);
        if let Some(live) = self.live.get(&digest) {
            if let Some(NewBlob {
                md5: Some(md5),
                crc64,
                ..
            }) = brought
            {
                let crc64 = maybe(*crc64, |crc| int(crc.cast_signed()));
                if self.publication.writes.len() == 1 {
                    self.completed.push(vec![int(live.no), blob(*md5), crc64]);
                }
            }
            return Some(live.no);
        }
        let new = brought?;
        let no = self.data.next_blob_no();
        self.blob_rows
            .push(blob_row(no, new, self.now_ms + self.data.grace_ms));
        *self.live_of_file.entry(new.place.file_no).or_default() += new.place.size_bytes;
        let live = Live {
            no,
            size_bytes: new.place.size_bytes,
            known_to_viewer: true,
        };
        self.live.insert(digest, live);
        Some(no)
    }

    fn make_folders(&mut self, path: &FilePath) {
        for folder in path.ancestors() {
            if self.standing.contains_key(folder.as_str()) {
                // A folder that stands has all of those above it.
                break;
            }
            let id = self.data.next_id();
            let row = NodeRow::folder(folder.clone(), id, &self.publication.viewer.user, self.now_ms);
            self.changes.folders.push(row);
            self.standing.insert(folder.into(), Standing::folder());
        }
    }
}

/// Returns the row of a new blob.
pub(crate) fn blob_row(no: i64, new: &NewBlob, keep_until_ms: i64) -> Vec<Value> {
    vec![
        int(no),
        blob(*new.digest.as_bytes()),
        size(new.place.size_bytes),
        maybe(new.md5, blob),
        maybe(new.crc64, |crc| int(crc.cast_signed())),
        int(new.place.file_no),
        size(new.place.offset_bytes),
        int(keep_until_ms),
    ]
}

/// Inserts `new` and its file as they are.
pub(crate) async fn insert_blob(
    write: &mut Write,
    no: i64,
    new: &NewBlob,
    keep_until_ms: i64,
) -> StoreResult<()> {
    let bytes = new.place.size_bytes;
    let file_row = vec![int(new.place.file_no), size(bytes), size(bytes)];
    write.insert_all(INSERT_FILES, 3, "", vec![file_row]).await?;
    write
        .insert_all(INSERT_BLOBS, 8, "", vec![blob_row(no, new, keep_until_ms)])
        .await?;
    Ok(())
}

/// Keeps each of `blob_nos` at least until `until_ms`: what loses a reference stays for the grace time.
pub(crate) async fn keep(write: &mut Write, blob_nos: &[i64], until_ms: i64) -> StoreResult<()> {
    for list in lists(blob_nos) {
        let sql = format!(
            "UPDATE blobs SET keep_until_ms = ? WHERE keep_until_ms < ? AND no IN ({})",
            list_of(list.len())
        );
        let values = [int(until_ms), int(until_ms)]
            .into_iter()
            .chain(list.into_iter().map(int))
            .collect();
        write.execute(sql, values).await?;
    }
    Ok(())
}
