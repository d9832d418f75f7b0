//! Moving, copying and renaming nodes: rows change, bytes stay where they are.
//!
//! Up to [`BATCH_NODES`](crate::hosted::BATCH_NODES) nodes go in one transaction: all of them or none. A larger
//! folder goes batch by batch, each of them one transaction, so that nobody waits long for the one writer. At every
//! moment in between a file that is moved stands at exactly one of its two places, and below the folders it belongs
//! to. A row of `node_moves` stands from the first batch to the last: a call that broke off in the middle is
//! completed by repeating it, because what it finds at the target by then is taken for its own work.
//!
//! Nodes go backwards by path, so what a folder holds goes before itself, as when it is removed.

mod check;
mod route;
mod step;

use domain::path::FilePath;

use crate::db::{StoreError, StoreResult, Write, int, text};
use crate::hosted::HostedData;
use route::Route;
use step::Step;

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// The nodes leave their place; a folder that stands at the target takes them in.
    Move,
    /// The nodes stay and stand at the target too; a folder that stands there takes them in.
    Copy,
    /// The nodes leave their place; nothing may stand at the target.
    Rename,
}

/// A node of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlace {
    /// The repository's number.
    pub repository_no: i64,
    /// Its path.
    pub path: FilePath,
}

/// What is to be moved, copied or renamed.
#[derive(Debug, Clone)]
pub struct MoveRequest {
    /// Which of them.
    pub kind: MoveKind,
    /// A file, or a folder with all below it; the root stands for all that is in it.
    pub from: NodePlace,
    /// Its new path, or a folder that takes it in under its name.
    pub to: NodePlace,
    /// Whether files that stand at the target are replaced.
    pub overwrite: bool,
    /// Who does it.
    pub user: String,
}

/// Why nothing, or nothing more, is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveRefusal {
    /// There is no such file or folder.
    Unknown,
    /// Something stands where a node is to be renamed to.
    Exists(FilePath),
    /// A file stands there and is not to be replaced.
    InTheWay(FilePath),
    /// A file stands where a folder is needed, or the reverse.
    Mismatch(FilePath),
    /// One of the two places lies within the other.
    WithinItself,
    /// A path would become too long; this is what it is now.
    TooLong(FilePath),
    /// It would not fit into the quota of the target's repository.
    OverQuota,
    /// One of the repositories is gone.
    RepositoryGone,
}

/// Why an inner step ends early.
#[derive(Debug)]
enum Stop {
    Refused(MoveRefusal),
    Failed(StoreError),
}

type Stopped<T> = Result<T, Stop>;

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<MoveRefusal> for Stop {
    fn from(refusal: MoveRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl MoveKind {
    fn leaves(self) -> bool {
        match self {
            Self::Move | Self::Rename => true,
            Self::Copy => false,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Rename => "rename",
        }
    }
}

const BEGIN: &str = "INSERT INTO node_moves (kind, from_no, from_path, to_no, to_path, into_path, started_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, from_no, from_path, to_no, to_path) \
     DO UPDATE SET into_path = excluded.into_path, started_ms = excluded.started_ms";
const END: &str = "DELETE FROM node_moves WHERE kind = $1 AND from_no = $2 AND from_path = $3 \
     AND to_no = $4 AND to_path = $5";

impl HostedData {
    /// Moves, copies or renames, and returns how many files and folders that were.
    ///
    /// A refusal of something that fits one transaction left everything as it was; a larger one is checked as a
    /// whole before it begins, so only what others change meanwhile can stop it half-way. Bytes are never copied.
    pub async fn move_nodes(&self, request: &MoveRequest) -> StoreResult<Result<u64, MoveRefusal>> {
        match self.moved(request).await {
            Ok(nodes) => Ok(Ok(nodes)),
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    async fn moved(&self, request: &MoveRequest) -> Stopped<u64> {
        let mut write = self.db().begin().await?;
        let Some(route) = self.route(&mut write, request).await? else {
            return Ok(0);
        };
        let mut step = Step::new(self, &route);
        if step.run(&mut write).await? {
            if route.goes_on {
                write.execute(END, named(request)).await?;
            }
            write.commit().await?;
            return Ok(step.nodes);
        }
        // Too much for one transaction: what was written so far is taken back, and done again in turns.
        drop(write);
        let _turn = self.moving.lock().await;
        self.moved_in_turns(request).await
    }

    async fn moved_in_turns(&self, request: &MoveRequest) -> Stopped<u64> {
        let route = self.announce(request).await?;
        let Some(route) = route else {
            return Ok(0);
        };
        let mut step = Step::new(self, &route);
        loop {
            let mut write = self.db().begin().await?;
            let last = step.run(&mut write).await?;
            if last {
                write.execute(END, named(request)).await?;
            }
            write.commit().await?;
            if last {
                return Ok(step.nodes);
            }
        }
    }

    /// Checks the whole and writes down that it has begun.
    async fn announce(&self, request: &MoveRequest) -> Stopped<Option<Route>> {
        let mut write = self.db().begin().await?;
        let route = self.route(&mut write, request).await?;
        drop(write);
        let Some(route) = route else {
            return Ok(None);
        };
        if !route.goes_on {
            self.check_whole(&route).await?;
        }
        let mut values = named(request);
        values.extend([text(route.to.path.as_str()), int(self.now_ms())]);
        self.db().execute(BEGIN, values).await?;
        Ok(Some(route))
    }

    /// Forgets moves that broke off and nobody repeated in time.
    pub async fn forget_moves(&self) -> StoreResult<u64> {
        const OLD: &str = "DELETE FROM node_moves WHERE started_ms <= $1";
        let before_ms = self.now_ms() - route::REPEAT_MS;
        self.db().execute(OLD, vec![int(before_ms)]).await
    }
}

fn named(request: &MoveRequest) -> Vec<crate::db::Value> {
    vec![
        text(request.kind.word()),
        int(request.from.repository_no),
        text(request.from.path.as_str()),
        int(request.to.repository_no),
        text(request.to.path.as_str()),
    ]
}

/// Returns where `path` of the tree at `from` comes to stand in the tree at `to`; `None` when that is too long.
fn mapped(from: &FilePath, to: &FilePath, path: &str) -> Option<FilePath> {
    let rest = if from.is_root() {
        path
    } else {
        path.strip_prefix(from.as_str())?
    };
    format!("{to}/{rest}").parse().ok()
}

async fn folder_at(write: &mut Write, place: &NodePlace, now_ms: i64) -> StoreResult<Option<bool>> {
    const AT: &str = "SELECT folder FROM nodes WHERE repository_no = $1 AND path = $2 \
         AND (expires_ms IS NULL OR expires_ms > $3)";
    if place.path.is_root() {
        return Ok(Some(true));
    }
    let values = vec![int(place.repository_no), text(place.path.as_str()), int(now_ms)];
    let row = write.fetch_optional(AT, values).await?;
    row.map(|row| row.flag("folder")).transpose()
}
