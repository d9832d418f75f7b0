//! Blobs by their digest: asked about, sent and fetched whole.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use domain::digest::Digest;

use super::form::{Form, Part};
use super::{Node, digest_of, need_replicator};
use crate::artifacts::viewer;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::params::Params;
use crate::reader::Reader;

/// Says whether the bytes with a digest need not be sent. Whatever is called present stays for an hour.
pub(super) async fn check(
    State(app): Node,
    reader: Reader,
    caller: Caller,
    params: Params,
) -> ApiResult<Response> {
    need_replicator(&caller)?;
    let digest = digest_of(params.required("sha256")?)?;
    let present = app.hosted().present(&[digest], &viewer(&caller)).await?;
    reader.ok(present == [true])
}

/// Takes a blob whole, as a form: `file`, `size`, `sha256`. It is digested before it counts.
pub(super) async fn push(
    State(app): Node,
    reader: Reader,
    caller: Caller,
    params: Params,
    request: Request,
) -> ApiResult<Response> {
    need_replicator(&caller)?;
    let mut form = Form::of(request)?;
    let mut received = None;
    let (mut sha256, mut size) = (params.text("sha256"), params.text("size"));
    while let Some(part) = form.next().await? {
        match part {
            Part::File(bytes) => received = Some(app.hosted().receive_blob(bytes).await?),
            Part::Text(name, text) if name == "sha256" => sha256 = Some(text),
            Part::Text(name, text) if name == "size" => size = Some(text),
            Part::Text(..) => {}
        }
    }
    let received = received.ok_or_else(|| ApiError::missing("file"))?;
    let sha256 = sha256.ok_or_else(|| ApiError::missing("sha256"))?;
    let digest = digest_of(&sha256)?;
    let size_bytes = match size.filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| ApiError::invalid("size", &text))?),
    };
    app.hosted()
        .keep_blob(received, &digest, size_bytes, &caller.name)
        .await?;
    reader.done()
}

/// Sends a blob, or one range of it.
pub(super) async fn pull(State(app): Node, caller: Caller, body: Members) -> ApiResult<Response> {
    need_replicator(&caller)?;
    let digest = digest_of(&body.required_text("sha256")?)?;
    let range = match body.object("range")? {
        None => None,
        Some(range) => {
            let number = |name: &str| {
                let number = range.number(name)?.and_then(|number| u64::try_from(number).ok());
                number.ok_or_else(|| unreadable_member(name))
            };
            // The end is the last byte, as everywhere in HTTP.
            Some(number("start")?..number("end")?.saturating_add(1))
        }
    };
    let opened = app.hosted().open_blob(&digest, &viewer(&caller), range).await?;
    let (length_bytes, bytes) = opened.ok_or_else(|| missing(&digest))?;
    let mut response = Response::new(Body::from_stream(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length_bytes));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// Says that nobody has these bytes, or nobody who may tell the caller.
fn missing(digest: &Digest) -> ApiError {
    ApiError::new(Code::DataMissing, [&digest.to_hex()])
}
