//! Blobs by their digest: asked about, sent and fetched whole.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use connectors::bkrepo::wire::REPLICA;
use domain::digest::Digest;
use hosted::HostedError;
use utoipa::{IntoParams, ToSchema};

use super::form::{Form, Part};
use super::{Node, Replicator, digest_of};
use crate::artifacts::viewer;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::openapi::FileBytes;
use crate::params::Params;
use crate::reader::Reader;

/// The blob asked about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
pub(super) struct BlobParams {
    sha256: String,
}

/// A blob and what is said about it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Form reads")]
pub(super) struct BlobForm {
    #[schema(value_type = String, format = Binary)]
    file: FileBytes,
    sha256: String,
    size: Option<String>,
}

/// The blob asked for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
pub(super) struct BlobPullBody {
    sha256: String,
    /// The part of it; all of it unless said otherwise.
    range: Option<BlobRange>,
}

/// Part of a blob.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct BlobRange {
    /// First byte.
    #[schema(minimum = 0)]
    start: i64,
    /// Last byte.
    #[schema(minimum = 0)]
    end: i64,
}

/// Says whether the bytes with a digest need not be sent. Whatever is called present stays for an hour.
#[utoipa::path(get, context_path = REPLICA, path = "/blob/check", params(BlobParams), responses((status = 200, body = bool)))]
pub(super) async fn check(
    State(app): Node,
    reader: Reader,
    Replicator(caller): Replicator,
    params: Params,
) -> ApiResult<Response> {
    let digest = digest_of(params.required("sha256")?)?;
    let present = app.hosted().present(&[digest], &viewer(&caller)).await?;
    reader.ok(present == [true])
}

/// Takes a blob whole, as a form: `file`, `size`, `sha256`. It is digested before it counts.
#[utoipa::path(post, context_path = REPLICA, path = "/blob/push", request_body(content = BlobForm, content_type = "multipart/form-data"))]
pub(super) async fn push(
    State(app): Node,
    reader: Reader,
    Replicator(caller): Replicator,
    params: Params,
    request: Request,
) -> ApiResult<Response> {
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
#[utoipa::path(post, context_path = REPLICA, path = "/blob/pull", request_body = BlobPullBody, responses((status = 200, description = "The bytes", body = inline(FileBytes), content_type = "application/octet-stream")))]
pub(super) async fn pull(
    State(app): Node,
    Replicator(caller): Replicator,
    body: Members,
) -> ApiResult<Response> {
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
    let opened = match app.hosted().open_blob(&digest, &viewer(&caller), range).await {
        Err(HostedError::RangeOutside) => return Err(ApiError::invalid("range", "")),
        opened => opened?,
    };
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
