//! Lists of a registry: images, tags, and what is said about a manifest; page by page.

use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use domain::digest::Digest;
use domain::oci::OCI_INDEX;
use hosted::{ImagePlace, ManifestRow};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::Exchange;
use super::error::{Refusal, RegistryError, RegistryResult};
use super::name::{ImageName, digest_of};
use crate::artifacts::viewer;

/// Most rows of a page, and how many it has when nobody says.
const MOST_ROWS: u32 = 1000;
/// Referrers looked at in one go.
const REFERRERS: u32 = 100;
/// Longest page of referrers, in bytes: what clients take as a manifest.
const REFERRERS_BYTES: usize = 3 * 1024 * 1024;

const FILTERED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Lists the images the caller may pull.
pub(super) async fn images(exchange: &Exchange) -> RegistryResult<Response> {
    if exchange.caller.user().is_none() && !super::access::has_token(&exchange.parts.headers) {
        let asked = RegistryError::new(Refusal::Unauthorized, "log in first");
        return Err(asked.for_scope("registry:catalog:*".into()));
    }
    let limit = limit(exchange)?;
    let viewer = exchange.caller.user().map(viewer);
    let last = exchange.param("last").unwrap_or_default();
    let mut parts = last.splitn(3, '/').map(String::from);
    let mut part = || parts.next().unwrap_or_default();
    let after = ImagePlace {
        project: part(),
        repository: part(),
        image: part(),
    };
    let hosted = exchange.app.hosted();
    let mut found = hosted.images(viewer.as_ref(), &after, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let names = found
        .iter()
        .map(|found| format!("{}/{}/{}", found.project, found.repository, found.image));
    let names: Vec<String> = names.collect();
    let next = names
        .last()
        .filter(|_| more)
        .map(|last| next("/v2/_catalog", limit, last));
    page(&json!({ "repositories": names }), next)
}

/// Lists the tags of an image in byte order.
pub(super) async fn tags(exchange: &Exchange, name: &ImageName) -> RegistryResult<Response> {
    let image = exchange.readable(name).await?;
    let limit = limit(exchange)?;
    let last = exchange.param("last").unwrap_or_default();
    let mut tags = image.tags(&last, limit + 1).await?;
    if tags.is_empty() && !image.exists().await? {
        let words = format!("there is no image {name} here");
        return Err(RegistryError::new(Refusal::NameUnknown, words));
    }
    let more = tags.len() > limit as usize;
    tags.truncate(limit as usize);
    let path = format!("/v2/{name}/tags/list");
    let next = tags.last().filter(|_| more).map(|last| next(&path, limit, last));
    page(&json!({ "name": name.to_string(), "tags": tags }), next)
}

/// Lists the manifests that are about another one, as an index.
pub(super) async fn referrers(
    exchange: &Exchange,
    name: &ImageName,
    subject: &Digest,
) -> RegistryResult<Response> {
    let image = exchange.readable(name).await?;
    let wanted = exchange.param("artifactType");
    let mut after = exchange.param("last").map(|last| digest_of(&last)).transpose()?;
    let mut shown = Vec::new();
    let mut shown_bytes = 0;
    let more = loop {
        let rows = image.referrers(subject, after.as_ref(), REFERRERS).await?;
        let full = rows.len() == REFERRERS as usize;
        for row in rows {
            after = Some(row.digest);
            if wanted.is_none() || wanted == row.artifact_type {
                let descriptor = descriptor(row);
                shown_bytes += descriptor.to_string().len();
                shown.push(descriptor);
            }
        }
        if !full || shown_bytes > REFERRERS_BYTES {
            break full;
        }
    };
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": shown });
    let path = format!("/v2/{name}/referrers/{subject}");
    let next = after.filter(|_| more).map(|last| {
        let filter = wanted
            .as_ref()
            .map(|wanted| format!("&artifactType={}", encoded(wanted)));
        let last = encoded(&last.to_string());
        format!("<{path}?last={last}{}>; rel=\"next\"", filter.unwrap_or_default())
    });
    let mut response = page(&index, next)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(OCI_INDEX));
    if wanted.is_some() {
        headers.insert(FILTERED, HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}

fn descriptor(row: ManifestRow) -> Value {
    let mut shown = Map::new();
    shown.insert("mediaType".into(), row.media_type.into());
    shown.insert("digest".into(), row.digest.to_string().into());
    shown.insert("size".into(), row.size_bytes.into());
    if let Some(artifact_type) = row.artifact_type {
        shown.insert("artifactType".into(), artifact_type.into());
    }
    let annotations = row.annotations.and_then(|text| serde_json::from_str(&text).ok());
    if let Some(annotations) = annotations {
        shown.insert("annotations".into(), annotations);
    }
    Value::Object(shown)
}

fn limit(exchange: &Exchange) -> RegistryResult<u32> {
    let Some(given) = exchange.param("n") else {
        return Ok(MOST_ROWS);
    };
    let invalid = || RegistryError::new(Refusal::PaginationNumberInvalid, "`n` is no number of rows");
    let number: u32 = given.parse().map_err(|_| invalid())?;
    Ok(number.min(MOST_ROWS))
}

fn next(path: &str, limit: u32, last: &str) -> String {
    format!("<{path}?n={limit}&last={}>; rel=\"next\"", encoded(last))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn page(body: &Value, next: Option<String>) -> RegistryResult<Response> {
    let mut response = ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response();
    if let Some(next) = next {
        let link = HeaderValue::from_str(&next).map_err(RegistryError::internal)?;
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
