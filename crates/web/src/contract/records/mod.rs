//! The six record endpoints: `/replication/api/task/record`, administrators only.

mod detail_view;
pub(crate) mod view;

use std::future::Future;

use axum::extract::State;
use axum::response::Response;
use domain::detail::DetailFilter;
use domain::id::TaskKey;
use domain::record::Record;
use futures_util::{Stream, stream};
use serde::Serialize;
use storage::PageRequest;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Admin;
use crate::contract::names::{
    ObjectTypeName, ReplicaTypeName, STATUSES, StatusName, object_type, replica_type,
};
use crate::error::ApiResult;
use crate::page::{PageParams, PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;
use detail_view::DetailView;
use view::{OverviewView, RecordView, start_ms};

/// Rows read at once for the two lists that have no end.
const STREAMED_ROWS: usize = 500;

const BASE: &str = "/replication/api/task/record";

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(record))
        .routes(routes!(list))
        .routes(routes!(page))
        .routes(routes!(detail_list))
        .routes(routes!(detail_page))
        .routes(routes!(overview))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecordWithTypes {
    #[schema(value_type = ObjectTypeName)]
    replica_object_type: &'static str,
    #[schema(value_type = ReplicaTypeName)]
    replica_type: &'static str,
    record: RecordView,
}

/// What details are filtered by.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct DetailPageParams {
    /// Beginning of the package's key or name.
    package_name: Option<String>,
    /// Local repository.
    repo_name: Option<String>,
    /// Remote cluster.
    cluster_name: Option<String>,
    /// Beginning of the path.
    path: Option<String>,
    #[param(inline)]
    status: Option<StatusName>,
    /// Beginning of the artifact's name: a file's path, a package's name.
    artifact_name: Option<String>,
    version: Option<String>,
}

/// Answers one record and what its task is.
#[utoipa::path(get, context_path = BASE, path = "/{recordId}", responses((status = 200, body = RecordWithTypes)))]
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
#[utoipa::path(get, context_path = BASE, path = "/list/{key}", responses((status = 200, body = Vec<RecordView>)))]
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
#[utoipa::path(get, context_path = BASE, path = "/page/{key}", params(PageParams, ("status" = Option<StatusName>, Query, description = "Records that ended so")), responses((status = 200, body = PageView<RecordView>)))]
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
#[utoipa::path(get, context_path = BASE, path = "/detail/list/{recordId}", responses((status = 200, body = Vec<DetailView>)))]
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
#[utoipa::path(get, context_path = BASE, path = "/detail/page/{recordId}", params(PageParams, DetailPageParams), responses((status = 200, body = PageView<DetailView>)))]
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
        ..DetailFilter::default()
    };
    let request = PageRequest::new(page.number, page.size);
    let details = app.engine().detail_page(&id, &filter, request).await?;
    let rows = details.rows.iter().map(|row| DetailView::of(row, &reader));
    reader.ok(PageView::new(page, details.total, rows.collect()))
}

/// Answers the totals of a record; null for historical and unknown ones.
#[utoipa::path(get, context_path = BASE, path = "/overview/{recordId}", responses((status = 200, body = Option<OverviewView>)))]
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
