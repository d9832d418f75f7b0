//! Blobs on their way in: mounted, whole in one request, or piece after piece.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hosted::{Image, Viewer};

use super::error::{Refusal, RegistryError, RegistryResult};
use super::name::{ImageName, digest_of};
use super::{Exchange, made};
use crate::body;

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// Opens an upload, unless the blob can be mounted or comes with the request.
pub(super) async fn open(exchange: &Exchange, name: &ImageName, body: Body) -> RegistryResult<Response> {
    let (image, viewer) = exchange.writable(name).await?;
    if let Some(mount) = exchange.param("mount") {
        let digest = digest_of(&mount)?;
        if image.mount(&digest, &viewer).await? {
            return made(format!("/v2/{name}/blobs/{digest}"), &digest);
        }
    }
    if let Some(digest) = exchange.param("digest") {
        let digest = digest_of(&digest)?;
        let size_bytes = announced(exchange);
        image
            .put_blob(&digest, size_bytes, body::stream(body), &viewer)
            .await?;
        return made(format!("/v2/{name}/blobs/{digest}"), &digest);
    }
    let session = image.open_upload(&viewer.user).await?;
    progress(StatusCode::ACCEPTED, name, &session.id, 0)
}

/// Answers how much of an upload is here.
pub(super) async fn status(exchange: &Exchange, name: &ImageName, id: &str) -> RegistryResult<Response> {
    let (_, viewer) = exchange.writable(name).await?;
    let session = exchange.app.hosted().append_session(&viewer.user, id).await?;
    progress(StatusCode::NO_CONTENT, name, id, session.arrived_bytes)
}

/// Takes the bytes that come next.
pub(super) async fn push(
    exchange: &Exchange,
    name: &ImageName,
    id: &str,
    body: Body,
) -> RegistryResult<Response> {
    let (image, viewer) = exchange.writable(name).await?;
    let arrived_bytes = next(exchange, name, id, (&image, &viewer), body).await?;
    progress(StatusCode::ACCEPTED, name, id, arrived_bytes)
}

/// Takes the bytes that are left and ends the upload.
pub(super) async fn finish(
    exchange: &Exchange,
    name: &ImageName,
    id: &str,
    body: Body,
) -> RegistryResult<Response> {
    let (image, viewer) = exchange.writable(name).await?;
    let wanted = exchange.param("digest");
    let wanted = wanted
        .ok_or_else(|| RegistryError::new(Refusal::DigestInvalid, "the parameter `digest` is absent"))?;
    let digest = digest_of(&wanted)?;
    let session = exchange.app.hosted().append_session(&viewer.user, id).await?;
    let whole = session.arrived_bytes == 0 && exchange.header(CONTENT_RANGE).is_none();
    if whole && announced(exchange).is_some_and(|length| length > 0) {
        // Everything comes with this request: it is digested while it is written.
        let bytes = body::stream(body);
        image
            .put_blob(&digest, announced(exchange), bytes, &viewer)
            .await?;
        image.give_up(&viewer.user, id).await?;
    } else {
        next(exchange, name, id, (&image, &viewer), body).await?;
        image.finish_push(&viewer.user, id, &digest, &viewer).await?;
    }
    made(format!("/v2/{name}/blobs/{digest}"), &digest)
}

/// Gives an upload up.
pub(super) async fn give_up(exchange: &Exchange, name: &ImageName, id: &str) -> RegistryResult<Response> {
    let (image, viewer) = exchange.writable(name).await?;
    image.give_up(&viewer.user, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes a piece, which has to begin where the last one ended.
async fn next(
    exchange: &Exchange,
    name: &ImageName,
    id: &str,
    (image, viewer): (&Image, &Viewer),
    body: Body,
) -> RegistryResult<u64> {
    let offset_bytes = exchange.header(CONTENT_RANGE).map(first_of).transpose()?;
    let pushed = image
        .push(&viewer.user, id, offset_bytes, body::stream(body))
        .await;
    match pushed {
        Err(hosted::HostedError::RangeOutside) => {
            let session = exchange.app.hosted().append_session(&viewer.user, id).await?;
            let words = format!(
                "the next byte of this upload is {}; ask where it stands and go on there",
                session.arrived_bytes
            );
            let headers = where_it_is(name, id, session.arrived_bytes)?;
            Err(RegistryError::new(Refusal::RangeInvalid, words).with_headers(headers))
        }
        other => Ok(other?),
    }
}

/// Returns the first byte of `<first>-<last>`; some clients write `bytes ` before it and a total behind.
fn first_of(range: &str) -> RegistryResult<u64> {
    let range = range.trim();
    let range = range
        .strip_prefix("bytes")
        .map_or(range, |rest| rest.trim_start_matches(['=', ' ']));
    let first = range
        .split_once('-')
        .and_then(|(first, _)| first.trim().parse().ok());
    let invalid = || RegistryError::new(Refusal::RangeInvalid, "`Content-Range` is not `<first>-<last>`");
    first.ok_or_else(invalid)
}

fn announced(exchange: &Exchange) -> Option<u64> {
    exchange.header(CONTENT_LENGTH)?.parse().ok()
}

fn progress(status: StatusCode, name: &ImageName, id: &str, arrived_bytes: u64) -> RegistryResult<Response> {
    let mut response = status.into_response();
    response
        .headers_mut()
        .extend(where_it_is(name, id, arrived_bytes)?);
    Ok(response)
}

fn where_it_is(name: &ImageName, id: &str, arrived_bytes: u64) -> RegistryResult<HeaderMap> {
    let text = |text: String| HeaderValue::from_str(&text).map_err(RegistryError::internal);
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, text(format!("/v2/{name}/blobs/uploads/{id}"))?);
    // The specification's form has no way to say that nothing is there.
    headers.insert(RANGE, text(format!("0-{}", arrived_bytes.saturating_sub(1)))?);
    headers.insert(UPLOAD_ID, text(id.to_owned())?);
    Ok(headers)
}
