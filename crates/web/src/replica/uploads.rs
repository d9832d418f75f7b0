//! Large blobs piece after piece: a session is opened, pieces follow in order, the last call checks the whole.
//!
//! A session belongs to its caller and blob, so opening it again goes on where it was, over restarts of either side.

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use connectors::bkrepo::wire::{REPLICA, SESSION, range_of};
use hosted::{Appended, HostedError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Node, digest_of, repository};
use crate::app::App;
use crate::artifacts::viewer;
use crate::auth::Caller;
use crate::body;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::openapi::FileBytes;
use crate::origin::Origin;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(start))
        .routes(routes!(append, finish))
        .route(
            &format!("{REPLICA}/{{projectId}}/{{repoName}}/blobs/uploads/"),
            post(start),
        )
}

/// Opens a session; its range says what is there of an earlier one.
#[utoipa::path(post, context_path = REPLICA, path = "/{projectId}/{repoName}/blobs/uploads", params(("sha256" = String, Query, description = "SHA-256 of the blob")), responses((status = 202, description = "Location and Push-Session-ID name the session, Range what is there")))]
async fn start(
    State(app): Node,
    caller: Caller,
    origin: Origin,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    repository(&app, &caller, &project, &name).await?;
    let digest = digest_of(params.required("sha256")?)?;
    let session = app.hosted().open_append(&caller.name, &digest).await?;
    let place = Place {
        origin,
        project,
        name,
    };
    Ok(place.answer(StatusCode::ACCEPTED, &session))
}

/// Takes the next piece; one that is there already is fine, one that leaves a gap is 416.
#[utoipa::path(patch, context_path = REPLICA, path = "/{projectId}/{repoName}/blobs/uploads/{uuid}", params(("sha256" = Option<String>, Query, description = "SHA-256 of the blob"), ("Content-Range" = String, Header, description = "First and last byte: `0-99`")), request_body(content = inline(FileBytes), content_type = "application/octet-stream"), responses((status = 202, description = "Range says what is there")))]
async fn append(
    State(app): Node,
    reader: Reader,
    caller: Caller,
    origin: Origin,
    Segments((project, name, id)): Segments<(String, String, String)>,
    request: Request,
) -> ApiResult<Response> {
    repository(&app, &caller, &project, &name).await?;
    let place = Place {
        origin,
        project,
        name,
    };
    let Some((offset_bytes, length_bytes)) = piece_of(request.headers()) else {
        let session = app.hosted().append_session(&caller.name, &id).await?;
        return Ok(place.out_of_range(&reader, &session));
    };
    let taken = app
        .hosted()
        .append(
            &caller.name,
            &id,
            offset_bytes,
            length_bytes,
            body::stream(request.into_body()),
        )
        .await;
    match taken {
        Ok(arrived_bytes) => Ok(place.answer(StatusCode::ACCEPTED, &Appended { id, arrived_bytes })),
        Err(HostedError::RangeOutside) => {
            let session = app.hosted().append_session(&caller.name, &id).await?;
            Ok(place.out_of_range(&reader, &session))
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes what is left in the body and checks the whole; from then on it can be made a file.
#[utoipa::path(put, context_path = REPLICA, path = "/{projectId}/{repoName}/blobs/uploads/{uuid}", params(("sha256" = String, Query, description = "SHA-256 of the blob"), ("size" = Option<u64>, Query, description = "Its size")), request_body(content = inline(FileBytes), content_type = "application/octet-stream"), responses((status = 201, description = "The blob is there")))]
async fn finish(
    State(app): Node,
    caller: Caller,
    origin: Origin,
    Segments((project, name, id)): Segments<(String, String, String)>,
    params: Params,
    request: Request,
) -> ApiResult<Response> {
    repository(&app, &caller, &project, &name).await?;
    let digest = digest_of(params.required("sha256")?)?;
    let size_bytes = params.parsed::<u64>("size")?;
    let finished = app
        .hosted()
        .finish_append(&caller.name, &id, size_bytes, body::stream(request.into_body()))
        .await;
    match finished {
        Ok(found) if found == digest => {}
        Ok(_) => return Err(HostedError::Mismatch("sha256").into()),
        // The answer to an earlier call may have been lost, or the same blob came another way.
        Err(HostedError::UploadUnknown(_))
            if app.hosted().present(&[digest], &viewer(&caller)).await? == [true] => {}
        Err(error) => return Err(error.into()),
    }
    let place = Place {
        origin,
        project,
        name,
    };
    let session = Appended { id, arrived_bytes: 0 };
    Ok(place.answer(StatusCode::CREATED, &session))
}

/// Returns where a piece begins and how long it is; `None` when its headers do not say so or contradict each other.
fn piece_of(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (first, last) = range_of(headers.get(CONTENT_RANGE)?.to_str().ok()?)?;
    let length_bytes = last - first + 1;
    let announced: Option<u64> = match headers.get(CONTENT_LENGTH) {
        Some(value) => Some(value.to_str().ok()?.parse().ok()?),
        None => None,
    };
    announced
        .is_none_or(|announced| announced == length_bytes)
        .then_some((first, length_bytes))
}

/// Where a session is reached.
struct Place {
    origin: Origin,
    project: String,
    name: String,
}

impl Place {
    /// Answers without a body. The location is whole, because clients take what has no host to be at the standard port.
    fn answer(&self, status: StatusCode, session: &Appended) -> Response {
        let mut response = status.into_response();
        self.describe(response.headers_mut(), session);
        response
    }

    fn out_of_range(&self, reader: &Reader, session: &Appended) -> Response {
        let mut response = reader.failed(&ApiError::new(Code::RangeInvalid, []));
        self.describe(response.headers_mut(), session);
        response
    }

    fn describe(&self, headers: &mut HeaderMap, session: &Appended) {
        let Self {
            origin,
            project,
            name,
        } = self;
        let location = format!("{origin}{REPLICA}/{project}/{name}/blobs/uploads/{}", session.id);
        let mut insert = |header: HeaderName, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(header, value);
            }
        };
        insert(LOCATION, &location);
        insert(HeaderName::from_static(SESSION), &session.id);
        if session.arrived_bytes > 0 {
            insert(RANGE, &format!("0-{}", session.arrived_bytes - 1));
        }
    }
}
