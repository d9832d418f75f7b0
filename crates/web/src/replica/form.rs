//! A form with a file in it, read as it arrives: the file is never held in memory.

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError};
use futures_util::{StreamExt, stream};
use messages::{Text, text};
use multer::Multipart;

use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{unreadable, unreadable_member};

/// Longest text of a field, in bytes.
const TEXT_BYTES: usize = 1024;
/// Most fields of a form.
const MOST_PARTS: usize = 32;

/// One field.
pub(super) enum Part {
    /// The bytes of the field `file`.
    File(ByteStream),
    /// Name and text of another field.
    Text(String, String),
}

/// A form that arrives.
pub(super) struct Form {
    multipart: Multipart<'static>,
    parts: usize,
}

impl Form {
    /// Reads the form that `request` brings.
    pub(super) fn of(request: Request) -> ApiResult<Self> {
        let announced = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let boundary = multer::parse_boundary(announced.unwrap_or_default())
            .map_err(|_| ApiError::new(Code::MediaTypeUnsupported, []).because(text!("send-form")))?;
        let body = request.into_body().into_data_stream();
        Ok(Self {
            multipart: Multipart::new(body, boundary),
            parts: 0,
        })
    }

    /// Returns the next field; the file has to be read before the one after it is asked for.
    pub(super) async fn next(&mut self) -> ApiResult<Option<Part>> {
        let Some(mut field) = self.multipart.next_field().await.map_err(broken)? else {
            return Ok(None);
        };
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(unreadable().because(text!("too-many-fields", most = MOST_PARTS)));
        }
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            let pieces = stream::try_unfold(field, |mut field| async move {
                let piece = field.chunk().await.map_err(|error| {
                    ConnectorError::new(ErrorKind::Unreachable, Stage::Read, "the request's body")
                        .words(error.to_string())
                })?;
                Ok(piece.map(|piece| (piece, field)))
            });
            return Ok(Some(Part::File(pieces.boxed())));
        }
        let mut text = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            text.extend_from_slice(&piece);
            if text.len() > TEXT_BYTES {
                return Err(unreadable_member(&name));
            }
        }
        let text = String::from_utf8(text).map_err(|_| unreadable_member(&name))?;
        Ok(Some(Part::Text(name, text)))
    }
}

fn broken(error: multer::Error) -> ApiError {
    unreadable().because(Text::verbatim(error.to_string()))
}
