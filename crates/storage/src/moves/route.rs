//! Where a move or copy goes: what `mv` and `cp` make of a source and a target.

use domain::path::FilePath;

use super::{MoveKind, MoveRefusal, MoveRequest, NodePlace, Stop, Stopped, folder_at, named};
use crate::db::{Write, int};
use crate::hosted::HostedData;

/// How long a call that broke off may be repeated to complete it.
pub(super) const REPEAT_MS: i64 = 24 * 60 * 60 * 1000;

/// A move or copy whose two ends are settled.
pub(super) struct Route {
    pub kind: MoveKind,
    pub from: NodePlace,
    pub folder: bool,
    /// Where the node itself comes to stand.
    pub to: NodePlace,
    pub overwrite: bool,
    pub user: String,
    /// Whether this completes an earlier call: what stands at the target already is its work.
    pub goes_on: bool,
}

const UNFINISHED: &str = "SELECT into_path FROM node_moves WHERE kind = $1 AND from_no = $2 AND from_path = $3 \
     AND to_no = $4 AND to_path = $5 AND started_ms > $6";

impl HostedData {
    /// Settles both ends; `None` when the node stands where it is to go already.
    pub(super) async fn route(&self, write: &mut Write, request: &MoveRequest) -> Stopped<Option<Route>> {
        let now_ms = self.now_ms();
        let folder = folder_at(write, &request.from, now_ms).await?;
        let folder = folder.ok_or(MoveRefusal::Unknown)?;
        let mut values = named(request);
        values.push(int(now_ms - REPEAT_MS));
        let unfinished = write.fetch_optional(UNFINISHED, values).await?;
        let goes_on = unfinished.is_some();
        let path = match unfinished {
            Some(row) => parsed(&row.text("into_path")?)?,
            None => match self.target(write, request, folder).await? {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        if request.from.repository_no == request.to.repository_no
            && (path.is_within(&request.from.path) || request.from.path.is_within(&path))
        {
            // Moving up into a folder of the same name would let nodes land among those still to go.
            return Err(MoveRefusal::WithinItself.into());
        }
        Ok(Some(Route {
            kind: request.kind,
            from: request.from.clone(),
            folder,
            to: NodePlace {
                repository_no: request.to.repository_no,
                path,
            },
            overwrite: request.overwrite,
            user: request.user.clone(),
            goes_on,
        }))
    }

    async fn target(
        &self,
        write: &mut Write,
        request: &MoveRequest,
        folder: bool,
    ) -> Stopped<Option<FilePath>> {
        let (from, to) = (&request.from, &request.to);
        let standing = folder_at(write, to, self.now_ms()).await?;
        if request.kind == MoveKind::Rename {
            return match standing {
                Some(_) => Err(MoveRefusal::Exists(to.path.clone()).into()),
                None => Ok(Some(to.path.clone())),
            };
        }
        let path = match standing {
            Some(true) => parsed(&format!("{}/{}", to.path, from.path.name()))?,
            Some(false) if folder => return Err(MoveRefusal::Mismatch(to.path.clone()).into()),
            Some(false) | None => to.path.clone(),
        };
        let same = from.repository_no == to.repository_no && (path == from.path || to.path == from.path);
        Ok((!same).then_some(path))
    }
}

fn parsed(path: &str) -> Stopped<FilePath> {
    path.parse()
        .map_err(|_| Stop::Refused(MoveRefusal::TooLong(FilePath::root())))
}
