//! Doing a part of a record again, and the records that did.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::detail::{DetailFilter, DetailStatus};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Page, PageParams, Records, Started, known, record_id};
use crate::api::answer::{answer, ok};
use crate::api::filter;
use crate::app::App;
use crate::auth::Admin;
use crate::error::ApiResult;
use crate::json::Members;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(retry))
        .routes(routes!(retries))
}

/// Selects what is done again.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct RetryBody {
    /// Details every member of which holds; without it, what failed or was not attempted.
    filter: Option<filter::FilterView>,
}

/// Starts a run that does the selected details of a record again.
#[utoipa::path(post, path = "/api/v1/records/{id}/retry", request_body = RetryBody, responses((status = 202, body = Started)))]
async fn retry(
    admin: Admin,
    State(app): State<App>,
    Segments(id): Segments<String>,
    body: Members,
) -> ApiResult<Response> {
    body.only(&["filter"])?;
    let filter = match body.object("filter")? {
        Some(filter) => filter::of_body(&filter)?,
        None => DetailFilter {
            status: Some(DetailStatus::Failed),
            ..DetailFilter::default()
        },
    };
    let started = app
        .engine()
        .retry_record(record_id(&id)?, filter, admin.name())
        .await?;
    answer(
        StatusCode::ACCEPTED,
        Started {
            record_id: started.to_string(),
        },
    )
}

/// Lists the records that do a part of this one again, newest first; what this one repeats is its `retryOf`.
#[utoipa::path(get, path = "/api/v1/records/{id}/retries", params(PageParams), responses((status = 200, body = Records)))]
async fn retries(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let page = Page::of(&params)?;
    let parent = known(&app, &id).await?;
    let found = app.engine().retries_of(parent.id, page.after, page.limit).await?;
    ok(Records::of(found, &page, &app, &reader))
}
