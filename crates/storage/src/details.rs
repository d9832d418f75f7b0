//! Details, read.

use domain::artifact::ArtifactKey;
use domain::detail::{DetailFilter, DetailState, RecordDetail};
use domain::id::{DetailId, RecordId};

use crate::Store;
use crate::db::{StoreResult, blob, int};
use crate::entries;
use crate::records::UnitRow;

const PAGE: &str = "SELECT * FROM detail WHERE record_no = $1 AND (start_ms, id) < ($2, $3) \
    ORDER BY start_ms DESC, id DESC LIMIT 1000";

/// The details of this node's records.
pub struct Details<'a>(pub(crate) &'a Store);

impl Details<'_> {
    /// Returns how many details of a record `filter` selects.
    pub async fn count(&self, record: RecordId, filter: &DetailFilter) -> StoreResult<u64> {
        Ok(self.after(record, filter, None, usize::MAX).await?.len() as u64)
    }

    /// Returns at most `limit` details that `filter` selects behind `cursor`, newest first.
    pub async fn after(
        &self,
        record: RecordId,
        filter: &DetailFilter,
        cursor: Option<(i64, DetailId)>,
        limit: usize,
    ) -> StoreResult<Vec<RecordDetail>> {
        let Some(no) = self.0.records().no_of(record).await? else {
            return Ok(Vec::new());
        };
        let units = self.0.records().units(no).await?;
        let mut place = cursor.map_or((i64::MAX, vec![255; 12]), |(ms, id)| (ms, id.as_bytes().to_vec()));
        let mut found = Vec::new();
        loop {
            let rows = self
                .0
                .db()
                .fetch_all(PAGE, vec![int(no), int(place.0), blob(place.1.clone())])
                .await?;
            let Some(last) = rows.last() else { return Ok(found) };
            place = (last.int("start_ms")?, last.blob("id")?);
            for row in &rows {
                let unit_no = row.int("unit_no")?;
                let Some(unit) = units.iter().find(|unit| i64::from(unit.unit.unit_no) == unit_no) else {
                    continue;
                };
                let detail = entries::read(row, record, &unit.unit)?;
                if selects(filter, &detail) && found.len() < limit {
                    found.push(detail);
                }
            }
            if found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// Returns at most `limit` keys of one unit that `filter` selects behind `behind`, by name and version.
    pub async fn select_keys(
        &self,
        record_no: i64,
        unit_no: u16,
        filter: &DetailFilter,
        behind: Option<ArtifactKey>,
        limit: usize,
    ) -> StoreResult<Vec<ArtifactKey>> {
        let units: Vec<UnitRow> = self.0.records().units(record_no).await?;
        let Some(unit) = units.iter().find(|unit| unit.unit.unit_no == unit_no) else {
            return Ok(Vec::new());
        };
        let sql = "SELECT * FROM detail WHERE record_no = $1 AND unit_no = $2 ORDER BY name, version";
        let rows = self
            .0
            .db()
            .fetch_all(sql, vec![int(record_no), int(unit_no.into())])
            .await?;
        let id = RecordId::from([0; 12]);
        let mut keys = Vec::new();
        for row in &rows {
            let detail = entries::read(row, id, &unit.unit)?;
            if let (true, Some(key)) = (selects(filter, &detail), detail.artifact)
                && behind.as_ref().is_none_or(|behind| key > *behind)
                && keys.len() < limit
            {
                keys.push(key);
            }
        }
        Ok(keys)
    }
}

fn selects(filter: &DetailFilter, detail: &RecordDetail) -> bool {
    let name = detail
        .artifact
        .as_ref()
        .map(|key| key.name.as_str())
        .unwrap_or_default();
    let starts = |prefix: &Option<String>| {
        prefix
            .as_ref()
            .is_none_or(|prefix| name.starts_with(prefix.as_str()))
    };
    let settlement = match &detail.state {
        DetailState::Settled(settlement) => Some(settlement),
        DetailState::Running | DetailState::Imported { .. } => None,
    };
    filter.status.is_none_or(|status| detail.status() == status)
        && filter
            .cluster
            .as_ref()
            .is_none_or(|cluster| *cluster == detail.remote_cluster)
        && filter
            .repository
            .as_ref()
            .is_none_or(|repository| *repository == detail.local_repository)
        && starts(&filter.path_prefix)
        && starts(&filter.artifact_prefix)
        && filter.package_prefix.is_none()
        && filter.version.is_none()
        && filter
            .outcome
            .is_none_or(|outcome| settlement.is_some_and(|it| it.outcome == outcome))
        && filter.class.is_none_or(|class| {
            settlement
                .and_then(|it| it.failure.as_ref())
                .is_some_and(|failure| failure.class == class)
        })
}
