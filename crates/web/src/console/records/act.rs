//! Stopping a run, and doing a selection of its details again.

use axum::extract::State;
use axum::response::Response;
use domain::detail::{DetailFilter, DetailStatus};

use super::super::form::Form;
use super::super::look::ForAdmin;
use super::super::surround::see_other;
use crate::api::export::{self, Form as Written};
use crate::api::filter;
use crate::api::records::record_id;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Asks a run to stop.
pub(super) async fn stop(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
    _: Form,
) -> ApiResult<Response> {
    app.engine().stop_record(record_id(&id)?, look.user()).await?;
    Ok(see_other(&format!("/records/{id}")))
}

/// Answers the selected details as a file.
pub(super) async fn export(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    reader: Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let written = params.filter("as", &[("csv", Written::Csv), ("jsonl", Written::Jsonl)])?;
    let reader = Reader {
        language: look.language,
        ..reader
    };
    let chosen = filter::of_query(&params)?;
    export::answer(&app, &reader, &id, chosen, written.unwrap_or(Written::Csv)).await
}

/// Starts a run that does the selected details again, and shows it; without a selection, those that failed.
pub(super) async fn retry(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
    Form(form): Form,
) -> ApiResult<Response> {
    let chosen = filter::of_query(&form)?;
    let chosen = if chosen == DetailFilter::default() {
        DetailFilter {
            status: Some(DetailStatus::Failed),
            ..chosen
        }
    } else {
        chosen
    };
    let record = app
        .engine()
        .retry_record(record_id(&id)?, chosen, look.user())
        .await?;
    Ok(see_other(&format!("/records/{record}")))
}
