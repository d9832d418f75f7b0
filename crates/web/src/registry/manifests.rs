//! Manifests of an image: pulled and pushed by tag or digest, byte for byte.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::oci::MANIFEST_BYTES;
use hosted::Reference;

use super::error::{Refusal, RegistryError, RegistryResult};
use super::name::ImageName;
use super::{Exchange, described, made};
use crate::json::read;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// Sends a manifest.
pub(super) async fn get(
    exchange: &Exchange,
    name: &ImageName,
    reference: &Reference,
) -> RegistryResult<Response> {
    let image = exchange.readable(name).await?;
    let found = image
        .manifest(reference)
        .await?
        .ok_or_else(|| unknown(reference))?;
    let headers = described(&found.row.digest, &found.row.media_type, found.row.size_bytes)?;
    let mut response = if exchange.parts.method == Method::HEAD {
        Body::empty().into_response()
    } else {
        let stream = image.repository().read(&found.node, None).await?;
        Response::new(Body::from_stream(stream))
    };
    response.headers_mut().extend(headers);
    Ok(response)
}

/// Takes a manifest whose blobs are here.
pub(super) async fn put(
    exchange: &Exchange,
    name: &ImageName,
    reference: &Reference,
    body: Body,
) -> RegistryResult<Response> {
    let (image, viewer) = exchange.writable(name).await?;
    let media_type = exchange.header(CONTENT_TYPE);
    let media_type = media_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_owned());
    let most_bytes = usize::try_from(MANIFEST_BYTES).unwrap_or(usize::MAX);
    let bytes = read(body, most_bytes).await.map_err(|_| {
        let words = format!("the manifest is longer than {most_bytes} bytes, or did not arrive whole");
        RegistryError::new(Refusal::SizeInvalid, words).with_status(StatusCode::PAYLOAD_TOO_LARGE)
    })?;
    let media_type = media_type.filter(|text| !text.is_empty());
    let taken = image
        .put_manifest(reference, media_type.as_deref(), bytes, &viewer)
        .await?;
    let mut response = made(format!("/v2/{name}/manifests/{}", taken.digest), &taken.digest)?;
    if let Some(subject) = taken.subject {
        let subject = HeaderValue::from_str(&subject.to_string()).map_err(RegistryError::internal)?;
        response.headers_mut().insert(SUBJECT, subject);
    }
    Ok(response)
}

/// Removes a tag, or a manifest with the tags that lead to it.
pub(super) async fn delete(
    exchange: &Exchange,
    name: &ImageName,
    reference: &Reference,
) -> RegistryResult<Response> {
    let (image, _) = exchange.writable(name).await?;
    if image.remove_manifest(reference).await? {
        Ok((StatusCode::ACCEPTED, [(CONTENT_LENGTH, "0")]).into_response())
    } else {
        Err(unknown(reference))
    }
}

fn unknown(reference: &Reference) -> RegistryError {
    RegistryError::new(
        Refusal::ManifestUnknown,
        format!("there is no manifest {reference} in this image"),
    )
}
