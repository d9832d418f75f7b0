//! Details with outcome, failure and attempts, page by page behind a cursor.

use axum::extract::State;
use axum::response::Response;
use domain::detail::{DetailState, DetailStatus, RecordDetail};
use messages::notes::in_words;
use messages::{Render, text};
use serde::Serialize;
use storage::orders::{DetailOrder, MOST_SORTED, Sorted};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{limit, ok, place, place_after, time};
use crate::api::failure::FailureView;
use crate::api::filter;
use crate::api::records::known;
use crate::app::App;
use crate::auth::Admin;
use crate::contract::names::{CONFLICT_STRATEGIES, EXECUTE_TYPES, name_of};
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};
use crate::reader::Reader;

const ROWS: usize = 100;
const MOST_ROWS: usize = 1_000;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list))
}

/// One artifact to one target.
#[derive(Serialize, ToSchema)]
#[schema(as = Detail)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DetailView {
    id: String,
    local_cluster: String,
    cluster: String,
    repository: String,
    repository_type: String,
    artifact: Option<String>,
    version: Option<String>,
    status: &'static str,
    outcome: Option<&'static str>,
    conflict: bool,
    conflict_strategy: Option<&'static str>,
    size_bytes: Option<u64>,
    sha256: Option<String>,
    moved_bytes: u64,
    attempts: u32,
    failure: Option<FailureView>,
    reason: Option<String>,
    /// What should be known of it although it is there, such as what its target does not keep.
    note: Option<String>,
    started_at: String,
    ended_at: Option<String>,
    execute_type: Option<&'static str>,
    historical: bool,
}

impl DetailView {
    /// Shows `detail` to `reader`.
    pub(crate) fn of(detail: RecordDetail, reader: &Reader) -> Self {
        let status = detail.status();
        let settled = match detail.state {
            DetailState::Settled(settlement) => Some(settlement),
            DetailState::Running | DetailState::Imported { .. } => None,
        };
        let failure = settled.as_ref().and_then(|settled| settled.failure.clone());
        let historical = detail.historical;
        let reason = match &failure {
            Some(failure) => Some(failure.render(reader.language)),
            None => historical
                .as_ref()
                .filter(|_| status == DetailStatus::Failed)
                .and_then(|historical| historical.error_reason.clone()),
        };
        let (artifact, version) = match detail.artifact {
            Some(key) => (Some(key.name), key.version),
            None => (None, None),
        };
        let settled = settled.as_ref();
        Self {
            id: detail.id.to_string(),
            local_cluster: detail.local_cluster,
            cluster: detail.remote_cluster,
            repository: detail.local_repository,
            repository_type: detail.repository_type.into(),
            artifact,
            version,
            status: filter::status_name(status),
            outcome: settled.map(|settled| settled.outcome.as_str()),
            conflict: settled.is_some_and(|settled| settled.conflict),
            conflict_strategy: settled
                .and_then(|settled| settled.on_conflict)
                .map(|strategy| name_of(CONFLICT_STRATEGIES, &strategy)),
            size_bytes: detail.size_bytes,
            sha256: detail.digest.map(|digest| digest.to_hex()),
            moved_bytes: settled.map_or(0, |settled| settled.moved_bytes),
            attempts: settled.map_or(0, |settled| settled.attempts),
            failure: failure.map(FailureView::from),
            reason,
            note: settled.and_then(|settled| in_words(&settled.notes, reader.language)),
            started_at: time(detail.started_ms),
            ended_at: detail.ended_ms.map(time),
            execute_type: detail
                .execute_type
                .map(|execute_type| name_of(EXECUTE_TYPES, &execute_type)),
            historical: historical.is_some(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Details {
    details: Vec<DetailView>,
    /// Where the next page begins; null after the last one.
    next: Option<String>,
}

/// Which page of details is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct DetailPage {
    /// Most rows; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before, in the same order.
    cursor: Option<String>,
    /// `time`, `name`, `size` or `attempts`; `time` unless said otherwise.
    sort: Option<String>,
    /// `asc` or `desc`; the newest first unless said otherwise, and any other order ascending.
    order: Option<String>,
}

/// What details can be put in the order of.
pub(crate) const SORTS: &[(&str, DetailOrder)] = &[
    ("time", DetailOrder::Time),
    ("name", DetailOrder::Name),
    ("size", DetailOrder::Size),
    ("attempts", DetailOrder::Attempts),
];

/// Whether the largest come first.
pub(crate) const DIRECTIONS: &[(&str, bool)] = &[("asc", false), ("desc", true)];

/// Reads the order that is asked for; `None`: the newest first, the order they lie in.
fn order(params: &Params) -> ApiResult<Option<(DetailOrder, bool)>> {
    let sort = params.choice("sort", SORTS)?;
    let descending = params.choice("order", DIRECTIONS)?;
    Ok(match (sort.unwrap_or(DetailOrder::Time), descending) {
        (DetailOrder::Time, None | Some(true)) => None,
        (order, descending) => Some((order, descending.unwrap_or(false))),
    })
}

/// Lists the selected details of a record, the newest first or in another order; `cursor` is the `next` of the page
/// before.
///
/// More than 10,000 details that a prefix, a version, an outcome, a failure or a note selects come in the order of time only.
#[utoipa::path(get, path = "/api/v1/records/{id}/details", params(filter::FilterParams, DetailPage), responses((status = 200, body = Details)))]
async fn list(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let limit = limit(&params, ROWS, MOST_ROWS)?;
    let filter = filter::of_query(&params)?;
    let order = order(&params)?;
    known(&app, &id).await?;
    let after = place(&params, "cursor")?;
    let engine = app.engine();
    let rows = match order {
        None => engine.details_after(&id, &filter, after, limit).await?,
        Some(order) => match engine.details_sorted(&id, &filter, order, after, limit).await? {
            Sorted::Rows(rows) => rows,
            Sorted::TooMany => {
                let error = ApiError::invalid("sort", params.filled("sort").unwrap_or_default());
                return Err(error.because(text!("too-many-to-sort", n = MOST_SORTED)));
            }
            Sorted::Gone => {
                let error = ApiError::invalid("cursor", params.filled("cursor").unwrap_or_default());
                return Err(error.because(text!("cursor-gone")));
            }
        },
    };
    let last = rows.last().filter(|_| rows.len() == limit);
    ok(Details {
        next: last.map(|last| place_after(last.started_ms, last.id)),
        details: rows.into_iter().map(|row| DetailView::of(row, &reader)).collect(),
    })
}
