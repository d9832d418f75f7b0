//! The six record endpoints: `/replication/api/task/record`, administrators only.

mod detail_view;
mod view;

use std::future::Future;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::detail::DetailFilter;
use domain::id::TaskKey;
use domain::record::Record;
use futures_util::{Stream, stream};
use serde::Serialize;
use storage::PageRequest;

use crate::app::App;
use crate::auth::Admin;
use crate::contract::names::{STATUSES, object_type, replica_type};
use crate::error::ApiResult;
use crate::page::{PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;
use detail_view::DetailView;
use view::{OverviewView, RecordView, start_ms};

/// Rows read at once for the two lists that have no end.
const STREAMED_ROWS: usize = 500;

/// Returns the routes.
pub fn router() -> Router<App> {
    const BASE: &str = "/replication/api/task/record";
    Router::new()
        .route(&format!("{BASE}/{{recordId}}"), get(record))
        .route(&format!("{BASE}/list/{{key}}"), get(list))
        .route(&format!("{BASE}/page/{{key}}"), get(page))
        .route(&format!("{BASE}/detail/list/{{recordId}}"), get(detail_list))
        .route(&format!("{BASE}/detail/page/{{recordId}}"), get(detail_page))
        .route(&format!("{BASE}/overview/{{recordId}}"), get(overview))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordWithTypes {
    replica_object_type: &'static str,
    replica_type: &'static str,
    record: RecordView,
}

/// Answers one record and what its task is.
async fn record(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let (record, task) = app.engine().record_with_task(&id).await?;
    reader.ok(RecordWithTypes {
        replica_object_type: object_type(&task),
        replica_type: replica_type(&task),
        record: RecordView::of(&record, &reader),
    })
}

/// Lists every record of a task, newest first.
async fn list(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    let shown = reader.clone();
    let pages = pages(None, move |after: Option<(i64, _)>| {
        let (app, key, reader) = (app.clone(), key.clone(), shown.clone());
        async move {
            let rows = app.engine().records_after(&key, after, STREAMED_ROWS).await?;
            let last = rows.last().map(|row: &Record| (start_ms(row), row.id));
            let views: Vec<_> = rows.iter().map(|row| RecordView::of(row, &reader)).collect();
            Ok((views, last))
        }
    });
    reader.ok_streamed(pages).await
}

/// Pages the records of a task by status, newest first.
async fn page(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
    params: Params,
) -> ApiResult<Response> {
    let page = PageQuery::of(&params)?;
    let status = params.filter("status", STATUSES)?;
    let request = PageRequest::new(page.number, page.size);
    let records = app.engine().record_page(&key, status, request).await?;
    let rows = records.rows.iter().map(|row| RecordView::of(row, &reader));
    reader.ok(PageView::new(page, records.total, rows.collect()))
}

/// Lists every detail of a record, newest first.
async fn detail_list(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let shown = reader.clone();
    let pages = pages(None, move |after: Option<(i64, _)>| {
        let (app, id, reader) = (app.clone(), id.clone(), shown.clone());
        async move {
            let everything = DetailFilter::default();
            let rows = app
                .engine()
                .details_after(&id, &everything, after, STREAMED_ROWS)
                .await?;
            let last = rows.last().map(|row| (row.started_ms, row.id));
            let views: Vec<_> = rows.iter().map(|row| DetailView::of(row, &reader)).collect();
            Ok((views, last))
        }
    });
    reader.ok_streamed(pages).await
}

/// Pages the details of a record by every filter of the contract, newest first.
async fn detail_page(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let page = PageQuery::of(&params)?;
    let filter = DetailFilter {
        status: params.filter("status", STATUSES)?,
        cluster: params.text("clusterName"),
        repository: params.text("repoName"),
        package_prefix: params.text("packageName"),
        path_prefix: params.text("path"),
        artifact_prefix: params.text("artifactName"),
        version: params.text("version"),
        outcome: None,
        class: None,
        artifact: None,
    };
    let request = PageRequest::new(page.number, page.size);
    let details = app.engine().detail_page(&id, &filter, request).await?;
    let rows = details.rows.iter().map(|row| DetailView::of(row, &reader));
    reader.ok(PageView::new(page, details.total, rows.collect()))
}

/// Answers the totals of a record; null for historical and unknown ones.
async fn overview(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let record = app.engine().record(&id).await?;
    let counts = record.and_then(|record| record.counts);
    reader.ok(counts.as_ref().map(OverviewView::of))
}

/// Streams pages: `next` returns the rows behind a place and the place behind them, until there are none.
fn pages<P, T, F>(
    first: Option<P>,
    next: impl Fn(Option<P>) -> F + Send + 'static,
) -> impl Stream<Item = ApiResult<Vec<T>>> + Send + 'static
where
    P: Send + 'static,
    T: Send + 'static,
    F: Future<Output = ApiResult<(Vec<T>, Option<P>)>> + Send,
{
    let start = Some((first, next));
    stream::try_unfold(start, async move |state| {
        let Some((after, next)) = state else {
            return Ok(None);
        };
        let (rows, last) = next(after).await?;
        match last {
            None => Ok(None),
            Some(last) => Ok(Some((rows, Some((Some(last), next))))),
        }
    })
}
