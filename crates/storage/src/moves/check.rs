//! Checking a large move or copy as a whole before it begins.
//!
//! Reads only, so nobody waits for it; every batch checks its own part again in its transaction.

use domain::path::{FilePath, PATH_BYTES};

use super::route::Route;
use super::{MoveRefusal, Stopped};
use crate::db::{StoreError, Value, flag, int, text};
use crate::hosted::HostedData;
use crate::nodes::PathRange;

/// `s`: what is to go; `t`: what stands where it is to come.
const MEETING: &str = "FROM nodes s JOIN nodes t ON t.repository_no = $4 \
     AND t.path = $5 || SUBSTR(s.path, $6) WHERE s.repository_no = $1 AND s.path >= $2 AND s.path < $3 \
     AND (s.expires_ms IS NULL OR s.expires_ms > $7) AND (t.expires_ms IS NULL OR t.expires_ms > $7)";
const TOO_LONG: &str = "SELECT path FROM nodes WHERE repository_no = $1 AND path >= $2 AND path < $3 \
     AND OCTET_LENGTH(path) > $4 LIMIT 1";
const BYTES: &str = "SELECT COALESCE(SUM(size_bytes), 0) AS bytes FROM nodes \
     WHERE repository_no = $1 AND path >= $2 AND path < $3";

impl HostedData {
    /// Refuses what would have to stop half-way.
    pub(super) async fn check_whole(&self, route: &Route) -> Stopped<()> {
        let below = PathRange::below(&route.from.path);
        let range = vec![
            int(route.from.repository_no),
            text(below.from),
            text(below.until.unwrap_or_else(|| "0".into())),
        ];
        self.check_lengths(route, range.clone()).await?;
        let instead_of_bytes = self.check_meeting(route, &range).await?;
        if !route.kind.leaves() || route.from.repository_no != route.to.repository_no {
            let row = self.db().fetch_optional(BYTES, range).await?;
            let bytes = row.map_or(Ok(0), |row| row.size("bytes"))?;
            let to_no = route.to.repository_no;
            if !self.has_room(to_no, bytes, instead_of_bytes).await? {
                return Err(MoveRefusal::OverQuota.into());
            }
        }
        Ok(())
    }

    async fn check_lengths(&self, route: &Route, mut range: Vec<Value>) -> Stopped<()> {
        let most = (PATH_BYTES + prefix(&route.from.path).len()).saturating_sub(prefix(&route.to.path).len());
        if most >= PATH_BYTES {
            return Ok(());
        }
        range.push(int(i64::try_from(most).unwrap_or(i64::MAX)));
        match self.db().fetch_optional(TOO_LONG, range).await? {
            Some(row) => Err(MoveRefusal::TooLong(path_of(row.text("path")?)?).into()),
            None => Ok(()),
        }
    }

    /// Refuses nodes that stand in the way; returns the bytes of those that will be replaced.
    async fn check_meeting(&self, route: &Route, range: &[Value]) -> Stopped<u64> {
        let first = prefix(&route.from.path).chars().count() + 1;
        let mut values = range.to_vec();
        values.extend([
            int(route.to.repository_no),
            text(prefix(&route.to.path)),
            int(i64::try_from(first).unwrap_or(i64::MAX)),
            int(self.now_ms()),
        ]);
        let instead = format!("SELECT COALESCE(SUM(t.size_bytes), 0) AS bytes {MEETING}");
        let row = self.db().fetch_optional(instead, values.clone()).await?;
        let instead_of_bytes = row.map_or(Ok(0), |row| row.size("bytes"))?;
        values.push(flag(route.overwrite));
        let refused = format!(
            "SELECT t.path, s.folder AS goes, t.folder AS stands {MEETING} \
             AND (s.folder <> t.folder OR (s.folder = 0 AND $8 = 0)) LIMIT 1"
        );
        let Some(row) = self.db().fetch_optional(refused, values).await? else {
            return Ok(instead_of_bytes);
        };
        let path = path_of(row.text("path")?)?;
        Err(if row.flag("goes")? == row.flag("stands")? {
            MoveRefusal::InTheWay(path)
        } else {
            MoveRefusal::Mismatch(path)
        }
        .into())
    }
}

/// Returns what all paths below a folder begin with, without the slash.
fn prefix(folder: &FilePath) -> &str {
    if folder.is_root() { "" } else { folder.as_str() }
}

fn path_of(text: String) -> Result<FilePath, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable {
        table: "nodes",
        found: text,
    })
}
