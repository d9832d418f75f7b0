//! One batch of a move or copy: reads what goes, looks at what stands where it comes, and changes both.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::id::NodeId;
use domain::path::FilePath;

use super::route::Route;
use super::{MoveRefusal, Stopped, mapped};
use crate::changes::{NodeChanges, NodeRow};
use crate::db::{Row, StoreError, StoreResult, Write, int, list_of, text};
use crate::hosted::{HostedData, lists};
use crate::nodes::PathRange;
use crate::room::Room;

const COLUMNS: &str = "repository_no, path, folder, id, blob_no, size_bytes, metadata, expires_ms, \
     created_by, created_ms, modified_by, modified_ms";

/// A move or copy under way.
pub(super) struct Step<'a> {
    data: &'a HostedData,
    route: &'a Route,
    now_ms: i64,
    /// Where the next batch of a copy ends: what it takes stays, so it must not be taken again.
    until: String,
    /// Files and folders that have gone so far.
    pub nodes: u64,
}

/// What stands at a path of the target.
struct Standing {
    folder: bool,
    blob_no: Option<i64>,
    size_bytes: u64,
    metadata: Option<String>,
}

impl<'a> Step<'a> {
    pub fn new(data: &'a HostedData, route: &'a Route) -> Self {
        let below = PathRange::below(&route.from.path);
        Self {
            data,
            route,
            now_ms: data.now_ms(),
            until: below.until.unwrap_or_else(|| "0".into()),
            nodes: 0,
        }
    }

    /// Takes the next batch along; `true` when it was the last one, with the node itself.
    pub async fn run(&mut self, write: &mut Write) -> Stopped<bool> {
        self.now_ms = self.data.now_ms();
        let (mut rows, last) = self.next_rows(write).await?;
        if last {
            rows.extend(self.top(write).await?);
        }
        let (expired, going): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| self.is_over(row));
        if self.route.kind.leaves() {
            self.data.remove_rows(write, &expired).await?;
        }
        self.carry(write, &going).await?;
        self.nodes += going.len() as u64;
        Ok(last)
    }

    async fn next_rows(&mut self, write: &mut Write) -> StoreResult<(Vec<Row>, bool)> {
        if !self.route.folder {
            return Ok((Vec::new(), true));
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM nodes WHERE repository_no = $1 AND path >= $2 AND path < $3 \
             ORDER BY path DESC LIMIT $4"
        );
        let values = vec![
            int(self.route.from.repository_no),
            text(PathRange::below(&self.route.from.path).from),
            text(&self.until),
            int(self.data.batch_nodes),
        ];
        let rows = write.fetch_all(sql, values).await?;
        if let (false, Some(row)) = (self.route.kind.leaves(), rows.last()) {
            self.until = row.text("path")?;
        }
        let last = i64::try_from(rows.len()).unwrap_or(i64::MAX) < self.data.batch_nodes;
        Ok((rows, last))
    }

    /// Reads the node itself; the root stays where it is, and one that another call took along is gone.
    async fn top(&self, write: &mut Write) -> StoreResult<Option<Row>> {
        let sql = format!("SELECT {COLUMNS} FROM nodes WHERE repository_no = $1 AND path = $2");
        let values = vec![
            int(self.route.from.repository_no),
            text(self.route.from.path.as_str()),
        ];
        write.fetch_optional(sql, values).await
    }

    fn is_over(&self, row: &Row) -> bool {
        matches!(row.maybe_int("expires_ms"), Ok(Some(at_ms)) if at_ms <= self.now_ms)
    }

    async fn carry(&self, write: &mut Write, rows: &[Row]) -> Stopped<()> {
        let (from_no, to_no) = (self.route.from.repository_no, self.route.to.repository_no);
        let Some(mut room) = Room::of(write, to_no).await? else {
            return Err(MoveRefusal::RepositoryGone.into());
        };
        let nodes = self.going(rows)?;
        let folders = self.folders(write, &nodes).await?;
        let paths: Vec<&str> = nodes
            .iter()
            .chain(&folders)
            .map(|node| node.path.as_str())
            .collect();
        let standing = self.standing(write, &paths).await?;
        let mut arriving = NodeChanges::of(to_no);
        let mut leaving = NodeChanges::of(from_no);
        if self.route.kind.leaves() {
            for row in rows {
                leaving.removed.push(row.text("path")?);
            }
        }
        for folder in folders {
            match standing.get(folder.path.as_str()) {
                Some(stands) if !stands.folder => return Err(MoveRefusal::Mismatch(folder.path).into()),
                Some(_) => {}
                None => arriving.folders.push(folder),
            }
        }
        let stays_inside = from_no == to_no && self.route.kind.leaves();
        for node in nodes {
            if node.blob_no.is_none() {
                continue;
            }
            let stands = standing.get(node.path.as_str());
            let was_bytes = stands.map_or(0, |stands| stands.size_bytes);
            let came_before = self.check(&node, stands)?;
            let size_bytes = if stays_inside { 0 } else { node.size_bytes };
            if !room.take(size_bytes, was_bytes) {
                return Err(MoveRefusal::OverQuota.into());
            }
            if self.route.kind.leaves() && !stays_inside {
                leaving.more_bytes -= i64::try_from(node.size_bytes).unwrap_or(i64::MAX);
            }
            arriving.released.extend(stands.and_then(|stands| stands.blob_no));
            if !came_before {
                arriving.files.push(node);
            }
        }
        arriving.more_bytes = room.taken_bytes();
        leaving.apply(write, self.data).await?;
        arriving.apply(write, self.data).await?;
        Ok(())
    }

    /// Refuses a file that may not come; `true` when an earlier call brought it already.
    fn check(&self, node: &NodeRow, stands: Option<&Standing>) -> Stopped<bool> {
        let Some(stands) = stands else {
            return Ok(false);
        };
        if stands.folder {
            return Err(MoveRefusal::Mismatch(node.path.clone()).into());
        }
        let same = stands.blob_no == node.blob_no && stands.metadata == node.metadata;
        if self.route.goes_on && same {
            return Ok(true);
        }
        if self.route.overwrite {
            return Ok(false);
        }
        Err(MoveRefusal::InTheWay(node.path.clone()).into())
    }

    /// Returns the batch as it is to stand at the target.
    fn going(&self, rows: &[Row]) -> Stopped<Vec<NodeRow>> {
        let mut nodes = Vec::with_capacity(rows.len());
        for row in rows {
            let path = row.text("path")?;
            let Some(to) = mapped(&self.route.from.path, &self.route.to.path, &path) else {
                let path = path.parse().unwrap_or_else(|_| FilePath::root());
                return Err(MoveRefusal::TooLong(path).into());
            };
            nodes.push(self.arrived(to, row)?);
        }
        Ok(nodes)
    }

    fn arrived(&self, path: FilePath, row: &Row) -> StoreResult<NodeRow> {
        let fresh = NodeRow::folder(path, self.data.next_id(), &self.route.user, self.now_ms);
        let node = NodeRow {
            blob_no: row.maybe_int("blob_no")?,
            size_bytes: row.size("size_bytes")?,
            metadata: row.maybe_text("metadata")?,
            expires_ms: row.maybe_int("expires_ms")?,
            ..fresh
        };
        if !self.route.kind.leaves() {
            return Ok(node);
        }
        Ok(NodeRow {
            id: NodeId::from(row.bytes::<12>("id")?),
            created_by: row.text("created_by")?,
            created_ms: row.int("created_ms")?,
            ..node
        })
    }

    /// Returns every folder that must stand above and among the batch: those of the source, and new ones above.
    async fn folders(&self, write: &mut Write, nodes: &[NodeRow]) -> Stopped<Vec<NodeRow>> {
        let to = &self.route.to.path;
        let mut needed: BTreeSet<FilePath> = BTreeSet::new();
        for node in nodes {
            if node.blob_no.is_none() {
                needed.insert(node.path.clone());
            }
            for folder in node.path.ancestors() {
                if !needed.insert(folder) {
                    break;
                }
            }
        }
        let mut folders: BTreeMap<FilePath, NodeRow> = BTreeMap::new();
        let within: Vec<FilePath> = needed.iter().filter(|path| path.is_within(to)).cloned().collect();
        let sources: Vec<String> = within
            .iter()
            .filter_map(|path| mapped(to, &self.route.from.path, path.as_str()))
            .map(String::from)
            .collect();
        for list in lists(&sources) {
            let sql = format!(
                "SELECT {COLUMNS} FROM nodes WHERE repository_no = ? AND folder = 1 AND path IN ({})",
                list_of(list.len())
            );
            let values = std::iter::once(int(self.route.from.repository_no))
                .chain(list.into_iter().map(text))
                .collect();
            for row in write.fetch_all(sql, values).await? {
                if let Some(path) = mapped(&self.route.from.path, to, &row.text("path")?) {
                    folders.insert(path.clone(), self.arrived(path, &row)?);
                }
            }
        }
        for path in needed {
            folders
                .entry(path.clone())
                .or_insert_with(|| NodeRow::folder(path, self.data.next_id(), &self.route.user, self.now_ms));
        }
        Ok(folders.into_values().collect())
    }

    /// Returns what stands under `paths` at the target; what is past its time there is removed first.
    async fn standing(&self, write: &mut Write, paths: &[&str]) -> StoreResult<HashMap<String, Standing>> {
        let mut standing = HashMap::with_capacity(paths.len());
        let mut expired: BTreeMap<String, Row> = BTreeMap::new();
        for list in lists(paths) {
            let sql = format!(
                "SELECT {COLUMNS} FROM nodes WHERE repository_no = ? AND path IN ({})",
                list_of(list.len())
            );
            let values = std::iter::once(int(self.route.to.repository_no))
                .chain(list.into_iter().map(text))
                .collect();
            for row in write.fetch_all(sql, values).await? {
                let path = row.text("path")?;
                if self.is_over(&row) {
                    expired.insert(path, row);
                    continue;
                }
                let stands = Standing {
                    folder: row.flag("folder")?,
                    blob_no: row.maybe_int("blob_no")?,
                    size_bytes: row.size("size_bytes")?,
                    metadata: row.maybe_text("metadata")?,
                };
                standing.insert(path, stands);
            }
        }
        let expired: Vec<Row> = expired.into_values().collect();
        self.data.remove_rows(write, &expired).await?;
        Ok::<_, StoreError>(standing)
    }
}
