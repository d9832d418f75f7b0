//! What the native API answers with: plain JSON, and times as RFC 3339 in UTC.

use std::fmt::Display;
use std::str::FromStr;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use messages::text;
use serde::Serialize;

use crate::error::{ApiError, ApiResult};
use crate::params::Params;

/// Answers `value` with `status`.
pub fn answer(status: StatusCode, value: impl Serialize) -> ApiResult<Response> {
    let text = serde_json::to_vec(&value).map_err(ApiError::internal)?;
    Ok((status, [(CONTENT_TYPE, "application/json")], text).into_response())
}

/// Answers `value`.
pub fn ok(value: impl Serialize) -> ApiResult<Response> {
    answer(StatusCode::OK, value)
}

/// Reads `limit`, the most rows of a page: `usual` unless it is given, and from 1 to `most`.
pub fn limit(params: &Params, usual: usize, most: usize) -> ApiResult<usize> {
    let limit = params.parsed::<usize>("limit")?.unwrap_or(usual);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    let error = ApiError::invalid("limit", &limit.to_string());
    Err(error.because(text!("between", least = 1, most = most)))
}

/// Returns the instant `ms` as text, such as `2024-07-25T03:20:00.5Z`.
pub fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |instant| instant.to_string())
}

/// Returns the text of a place in a list that is ordered by time and id: what its next page's cursor is.
pub(crate) fn place_after(ms: i64, id: impl Display) -> String {
    format!("{ms}.{id}")
}

/// Reads `name`, a place in a list that is ordered by time and id.
pub(crate) fn place<I: FromStr>(params: &Params, name: &str) -> ApiResult<Option<(i64, I)>> {
    let Some(text) = params.filled(name) else {
        return Ok(None);
    };
    let place = text
        .split_once('.')
        .and_then(|(ms, id)| Some((ms.parse().ok()?, id.parse().ok()?)));
    place.map(Some).ok_or_else(|| ApiError::invalid(name, text))
}
