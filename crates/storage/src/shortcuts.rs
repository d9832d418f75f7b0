//! What causes tell of a filter before any detail is looked at: a class is as many causes, which have an index.

use std::collections::BTreeMap;

use domain::detail::{DetailFilter, DetailStatus};

use crate::causes;
use crate::db::{Snapshot, StoreResult, int};
use crate::lanes::status_of;

/// A filter as far as details have to be looked at for it.
pub(crate) struct Shortened {
    /// What is left to ask of each detail.
    pub(crate) filter: DetailFilter,
    /// Causes one of which it must have; `None`: any, or none at all.
    pub(crate) causes: Option<Vec<i64>>,
}

const CAUSES: &str = "SELECT cause_no, class, rows FROM record_cause WHERE record_no = $1";

impl Shortened {
    /// Shortens `filter` for record `no`, all of whose lanes have as many details as `rows` says.
    pub(crate) async fn of(
        read: &mut Snapshot,
        no: i64,
        filter: &DetailFilter,
        rows: &BTreeMap<i64, u64>,
    ) -> StoreResult<Self> {
        let causes = match &filter.words {
            Some(words) => {
                let mut found = causes::found_by(read, no, words).await?;
                found.retain(|cause| filter.cause.is_none_or(|wanted| wanted == *cause));
                Some(found)
            }
            None => filter.cause.map(|cause| vec![cause]),
        };
        let shortened = Self {
            filter: filter.clone(),
            causes,
        };
        shortened.by_class(read, no, rows).await
    }

    /// Takes the causes of a class for it, where every failed detail has one.
    async fn by_class(
        mut self,
        read: &mut Snapshot,
        no: i64,
        rows: &BTreeMap<i64, u64>,
    ) -> StoreResult<Self> {
        let Some(class) = self.filter.class else {
            return Ok(self);
        };
        let failed = rows
            .iter()
            .filter(|(lane, _)| status_of(**lane) == DetailStatus::Failed);
        let failed: u64 = failed.map(|(_, rows)| rows).sum();
        let (mut counted, mut of_class) = (0, Vec::new());
        for row in read.fetch_all(CAUSES, vec![int(no)]).await? {
            counted += row.size("rows")?;
            if row.text("class")? == class.as_str() {
                of_class.push(row.int("cause_no")?);
            }
        }
        // Imported details, and those of earlier versions, have none.
        if counted != failed {
            return Ok(self);
        }
        of_class.retain(|cause| self.causes.as_ref().is_none_or(|causes| causes.contains(cause)));
        self.causes = Some(of_class);
        self.filter.class = None;
        Ok(self)
    }
}
