//! Open failures: looking at them, dismissing them, and doing one of them again.

use domain::detail::{DetailFilter, DetailStatus};
use domain::id::{DetailId, RecordId};
use domain::open_failure::OpenFailure;
use storage::open_failures::FailureFilter;
use storage::{Page, PageRequest};

use crate::Engine;
use crate::error::{EngineError, EngineResult};

/// How long somebody who retries a failure waits for its end, in milliseconds.
const PATIENCE_MS: i64 = 30_000;
/// How often the end is looked for, in milliseconds.
const LOOK_EVERY_MS: u64 = 100;

impl Engine {
    /// Returns one page of the open failures `filter` selects.
    pub async fn failure_page(
        &self,
        filter: &FailureFilter,
        page: PageRequest,
    ) -> EngineResult<Page<OpenFailure>> {
        Ok(self.store().open_failures().page(filter, page).await?)
    }

    /// Returns the open failure with this id; an id of another shape is unknown.
    pub async fn failure(&self, id: &str) -> EngineResult<Option<OpenFailure>> {
        match id.parse::<DetailId>() {
            Ok(id) => Ok(self.store().open_failures().get(id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Dismisses those with one of `ids` and more failed retries than `more_retries_than`, as far as either is
    /// given; returns how many. The log keeps their details, and an artifact that fails again is back.
    pub async fn dismiss_failures(
        &self,
        ids: Option<Vec<String>>,
        more_retries_than: Option<i64>,
    ) -> EngineResult<u64> {
        // An id of another shape is one nobody has.
        let ids: Option<Vec<DetailId>> = ids.map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect());
        let failures = self.store().open_failures();
        Ok(failures.dismiss(ids.as_deref(), more_retries_than).await?)
    }

    /// Starts a record for `user` that does one open failure again, and nothing else.
    pub async fn retry_failure(&self, id: &str, user: &str) -> EngineResult<RecordId> {
        let unknown = || EngineError::FailureUnknown(id.into());
        let failure = self.failure(id).await?.ok_or_else(unknown)?;
        let filter = DetailFilter {
            status: Some(DetailStatus::Failed),
            cluster: Some(failure.cluster),
            repository: Some(failure.local.name),
            artifact: Some(failure.artifact),
            ..DetailFilter::default()
        };
        match self.retry_record(failure.record_id, filter, user).await {
            // It was cleared away meanwhile.
            Err(EngineError::RecordUnknown(_) | EngineError::TaskUnknown(_)) => Err(unknown()),
            started => started,
        }
    }

    /// Waits until `record`, which retries the open failure `id`, has ended, half a minute at most; says
    /// whether the failure is closed by then.
    pub async fn is_mended(&self, id: &str, record: RecordId) -> EngineResult<bool> {
        let until_ms = self.clock().now_ms() + PATIENCE_MS;
        loop {
            let found = self.store().records().get(record).await?;
            let ended = found.is_none_or(|record| record.status.end().is_some());
            if ended || self.clock().now_ms() >= until_ms {
                return Ok(self.failure(id).await?.is_none());
            }
            self.clock().sleep_ms(LOOK_EVERY_MS).await;
        }
    }
}
