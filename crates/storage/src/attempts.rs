//! Every attempt to carry one artifact of a task, run by run.

use domain::artifact::ArtifactKey;
use domain::detail::RecordDetail;
use domain::id::{RecordId, TaskKey};

use crate::db::{StoreResult, int, size, text};
use crate::details::Details;
use crate::entries;
use crate::lanes::artifact_groups;
use crate::records::read_unit;

/// Most runs that are looked at.
const MOST_RUNS: u64 = 200;

/// One seek into the index of names for each unit of the latest runs. Groups of units lie 4 apart.
const ATTEMPTS: &str = "SELECT d.*, u.*, r.id AS record_id FROM \
    (SELECT no, id FROM record WHERE task_key = $1 AND purging = 0 ORDER BY start_ms DESC, id DESC LIMIT $5) r \
    JOIN record_unit u ON u.record_no = r.no AND u.local_repository = $2 \
    JOIN detail d ON d.record_no = r.no AND d.lane_group = u.unit_no * 4 + $6 AND d.name = $3 \
    WHERE COALESCE(d.version, '') = $4 ORDER BY d.start_ms DESC, d.id DESC LIMIT $7";

impl Details<'_> {
    /// Returns at most `limit` attempts to carry `artifact` of the local `repository` in the latest 200 runs of
    /// a task, the latest first.
    pub async fn attempts(
        &self,
        task: &TaskKey,
        repository: &str,
        artifact: &ArtifactKey,
        limit: usize,
    ) -> StoreResult<Vec<RecordDetail>> {
        let [files, packages] = artifact_groups(0);
        let group = if artifact.version.is_some() {
            packages
        } else {
            files
        };
        let values = vec![
            text(&task.0),
            text(repository),
            text(&artifact.name),
            text(artifact.version.as_deref().unwrap_or_default()),
            size(MOST_RUNS),
            int(group),
            size(limit as u64),
        ];
        let rows = self.0.db().fetch_all(ATTEMPTS, values).await?;
        let read = |row: &crate::db::Row| {
            let unit = read_unit(row)?.unit;
            entries::read(row, RecordId::from(row.bytes("record_id")?), &unit)
        };
        rows.iter().map(read).collect()
    }
}
