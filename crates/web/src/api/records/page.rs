//! Records page by page, newest first.

use domain::id::RecordId;
use domain::record::Record;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::RecordView;
use crate::api::answer::{limit, place, place_after};
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Params;
use crate::reader::Reader;

/// Rows of a page unless `limit` says otherwise, and at most.
const ROWS: usize = 100;
const MOST_ROWS: usize = 1_000;

/// A page of records.
#[derive(Serialize, ToSchema)]
pub(crate) struct Records {
    records: Vec<RecordView>,
    /// Where the next page begins; null after the last one.
    next: Option<String>,
}

/// Which page of records is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
pub(crate) struct PageParams {
    /// Most rows; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Which page of records is asked for.
pub(crate) struct Page {
    /// Most rows.
    pub(crate) limit: usize,
    /// Start and id of the record that it begins behind.
    pub(crate) after: Option<(i64, RecordId)>,
}

impl Page {
    /// Reads `limit` and `cursor`.
    pub(crate) fn of(params: &Params) -> ApiResult<Self> {
        Ok(Self {
            limit: limit(params, ROWS, MOST_ROWS)?,
            after: place(params, "cursor")?,
        })
    }
}

impl Records {
    /// Shows what was `found` for `page` to `reader`.
    pub(crate) fn of(found: Vec<Record>, page: &Page, app: &App, reader: &Reader) -> Self {
        let last = found.last().filter(|_| found.len() == page.limit);
        let next = last.map(|last| place_after(last.started_ms.unwrap_or(last.created_ms), last.id));
        let shown = found
            .into_iter()
            .map(|record| RecordView::of(record, app, reader));
        Self {
            records: shown.collect(),
            next,
        }
    }
}
