//! The contract's envelope: every JSON answer is `{code, message, data, traceId}`, nulls included.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;

use crate::error::{ApiError, ApiResult};
use crate::reader::Reader;

const JSON: &str = "application/json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a, T: Serialize> {
    code: u32,
    message: Option<&'a str>,
    data: Option<T>,
    trace_id: &'a str,
}

impl Reader {
    /// Answers `data` in a success envelope.
    pub fn ok(&self, data: impl Serialize) -> ApiResult<Response> {
        let members = Members {
            code: 0,
            message: None,
            data: Some(data),
            trace_id: &self.trace_id,
        };
        let text = serde_json::to_vec(&members).map_err(ApiError::internal)?;
        Ok(json(StatusCode::OK, text))
    }

    /// Answers null in a success envelope.
    pub fn done(&self) -> ApiResult<Response> {
        self.ok(())
    }

    /// Answers an array in a success envelope, item by item: bounded in memory, never in length.
    ///
    /// Each piece of `pages` is written as it comes. An error before the first is an error; a later one
    /// cuts the body short, so that nobody takes half a list for a whole one.
    pub async fn ok_streamed<T, S>(&self, pages: S) -> ApiResult<Response>
    where
        T: Serialize + Send + 'static,
        S: Stream<Item = ApiResult<Vec<T>>> + Send + 'static,
    {
        let mut pages = Box::pin(pages);
        let first_page = pages.next().await.transpose()?.unwrap_or_default();
        let pages = stream::once(async { Ok(first_page) }).chain(pages);
        let head = Bytes::from_static(br#"{"code":0,"message":null,"data":["#);
        let tail = Bytes::from(format!(r#"],"traceId":"{}"}}"#, self.trace_id));
        let mut first = true;
        let rows = pages.map(move |page| {
            let mut piece = Vec::new();
            for row in page? {
                if !first {
                    piece.push(b',');
                }
                first = false;
                serde_json::to_writer(&mut piece, &row).map_err(ApiError::internal)?;
            }
            Ok::<Bytes, ApiError>(Bytes::from(piece))
        });
        let body = stream::once(async { Ok(head) })
            .chain(rows)
            .chain(stream::once(async { Ok(tail) }));
        Ok(([(CONTENT_TYPE, JSON)], Body::from_stream(body)).into_response())
    }

    /// Answers an error in an envelope.
    pub(crate) fn failed(&self, error: &ApiError) -> Response {
        let message = error.message(self.language);
        let members = Members::<()> {
            code: error.code().number(),
            message: Some(&message),
            data: None,
            trace_id: &self.trace_id,
        };
        json(error.status(), serde_json::to_vec(&members).unwrap_or_default())
    }
}

fn json(status: StatusCode, text: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, JSON)], text).into_response()
}
