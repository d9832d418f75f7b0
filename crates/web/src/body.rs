//! The body of a request as the ports read bytes.

use axum::body::Body;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError};
use futures_util::StreamExt;

/// Returns the bytes of `body` as they arrive; one that breaks off ends with an error.
pub(crate) fn stream(body: Body) -> ByteStream {
    Box::pin(body.into_data_stream().map(|piece| {
        piece.map_err(|error| {
            ConnectorError::new(ErrorKind::Unreachable, Stage::Read, "the request's body")
                .words(error.to_string())
        })
    }))
}
