//! Uploading files through a form: streamed, in whatever size, after the form showed that it is ours.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError};
use futures_util::StreamExt;
use hosted::{HostedRepository, UploadOptions};
use messages::text;
use multer::{Field, Multipart};

use super::super::form::{CSRF, check_csrf};
use super::super::look::Person;
use super::super::surround::see_other;
use super::folder::{Place, link};
use crate::app::App;
use crate::artifacts::{path_of, viewer};
use crate::auth::{Caller, refuse_other_sites};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::unreadable;
use crate::params::Segments;

/// Longest text field of the form, in bytes.
const FIELD_BYTES: usize = 4096;

/// Stores every file of the form in a folder and shows the folder.
pub(super) async fn upload(State(app): State<App>, request: Request) -> ApiResult<Response> {
    let (mut parts, body) = request.into_parts();
    let Person { look, caller } = Person::from_request_parts(&mut parts, &app).await?;
    let Segments(place) = Segments::<Place>::from_request_parts(&mut parts, &app).await?;
    refuse_other_sites(&parts.method, &parts.headers)?;
    caller.need_write(&place.project)?;
    let (repository, folder) = place.find(&app, &caller).await?;
    if repository.info().repository_type.as_str() != "GENERIC" {
        return Err(ApiError::new(Code::MethodNotAllowed, ["POST"]));
    }
    let media = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = media.and_then(|media| multer::parse_boundary(media).ok());
    let boundary = boundary.ok_or_else(|| ApiError::about(Code::ContentInvalid, text!("send-form")))?;
    let mut form = Multipart::new(body.into_data_stream(), boundary);
    let (mut ours, mut overwrite) = (false, false);
    while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
        match field.name() {
            Some(CSRF) => {
                check_csrf(&look, Some(&short(field).await?))?;
                ours = true;
            }
            Some("overwrite") => overwrite = short(field).await? == "yes",
            Some("file") => {
                if !ours {
                    check_csrf(&look, None)?;
                }
                store(&repository, &folder, field, overwrite, &caller).await?;
            }
            _ => {}
        }
    }
    Ok(see_other(&link(
        "/repositories",
        &repository.info().name,
        &folder,
    )))
}

/// Reads a text field, which cannot be long.
async fn short(mut field: Field<'_>) -> ApiResult<String> {
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| unreadable())? {
        if text.len() + piece.len() > FIELD_BYTES {
            return Err(unreadable());
        }
        text.extend_from_slice(&piece);
    }
    String::from_utf8(text).map_err(|_| unreadable())
}

async fn store(
    repository: &HostedRepository,
    folder: &FilePath,
    field: Field<'static>,
    overwrite: bool,
    caller: &Caller,
) -> ApiResult<()> {
    let sent = field.file_name().unwrap_or_default().to_owned();
    // Some browsers send a path; the name is its end.
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() {
        return Err(ApiError::missing("file"));
    }
    let path = path_of(&format!("{}/{name}", folder.as_str().trim_end_matches('/')))?;
    let options = UploadOptions {
        overwrite,
        ..UploadOptions::default()
    };
    let bytes: ByteStream = Box::pin(field.map(|piece| {
        piece.map_err(|error| {
            ConnectorError::new(ErrorKind::Unreachable, Stage::Read, "the form's file")
                .words(error.to_string())
        })
    }));
    repository.upload(&path, bytes, options, &viewer(caller)).await?;
    Ok(())
}
