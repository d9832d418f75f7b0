//! Blobs of an image: pulled whole or in ranges, and removed while no manifest names them.

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::digest::Digest;
use hosted::BlobRemoved;

use super::error::{Refusal, RegistryError, RegistryResult};
use super::name::ImageName;
use super::{Exchange, described};
use crate::artifacts::range;

const BYTES: &str = "application/octet-stream";

/// Sends a blob, or one range of it.
pub(super) async fn get(exchange: &Exchange, name: &ImageName, digest: &Digest) -> RegistryResult<Response> {
    let image = exchange.readable(name).await?;
    let head = exchange.parts.method == Method::HEAD;
    // Whoever asks with HEAD is about to push: what is said to be here has to stay.
    let node = if head {
        image.blob_for_push(digest).await?
    } else {
        image.blob(digest).await?
    };
    let found = node.and_then(|node| node.file.clone().map(|file| (node, file.size_bytes)));
    let (node, size_bytes) = found.ok_or_else(|| unknown(digest))?;
    let asked = exchange.header(RANGE).map(|header| range::of(header, size_bytes));
    let unsatisfiable = |_| {
        RegistryError::new(
            Refusal::RangeInvalid,
            "the range is not one range within the blob",
        )
    };
    let asked = asked.transpose().map_err(unsatisfiable)?;
    let bytes = asked.clone().unwrap_or(0..size_bytes);
    let mut headers = described(digest, BYTES, bytes.end - bytes.start)?;
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let mut response = if head {
        Body::empty().into_response()
    } else {
        let stream = image.repository().read(&node, Some(bytes.clone())).await?;
        Response::new(Body::from_stream(stream))
    };
    if asked.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let shown = format!("bytes {}-{}/{size_bytes}", bytes.start, bytes.end - 1);
        let shown = HeaderValue::from_str(&shown).map_err(RegistryError::internal)?;
        headers.insert(CONTENT_RANGE, shown);
    }
    response.headers_mut().extend(headers);
    Ok(response)
}

/// Removes a blob that no manifest names.
pub(super) async fn delete(
    exchange: &Exchange,
    name: &ImageName,
    digest: &Digest,
) -> RegistryResult<Response> {
    let (image, _) = exchange.writable(name).await?;
    match image.remove_blob(digest).await? {
        BlobRemoved::Removed => Ok((StatusCode::ACCEPTED, [(CONTENT_LENGTH, "0")]).into_response()),
        BlobRemoved::Unknown => Err(unknown(digest)),
        BlobRemoved::Named => {
            let words = "a manifest names this blob: it goes away a while after the last of those";
            Err(RegistryError::new(Refusal::Unsupported, words).with_status(StatusCode::METHOD_NOT_ALLOWED))
        }
    }
}

fn unknown(digest: &Digest) -> RegistryError {
    RegistryError::new(
        Refusal::BlobUnknown,
        format!("there is no blob {digest} in this image"),
    )
}
