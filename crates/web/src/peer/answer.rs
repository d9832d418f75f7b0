//! Answers as frames; one that takes long says so while it does.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use connectors::peer::frame::{BODY_BYTES, put_body_head, put_frame, still_working};
use connectors::peer::wire::{Answer, FRAMES, Trouble};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::{Stream, StreamExt, stream};

use super::incoming::Arriving;

/// How long an asker waits without a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// About what the head of a frame takes.
const HEAD_BYTES: usize = 64;

type Work = Pin<Box<dyn Future<Output = ConnectorResult<Vec<Answer>>> + Send>>;

/// Answers with what `work` returns. Signs of life are given while it works on the whole request, or more of
/// the request arrives; an asker whose bytes got stuck on the way gets none and notices.
pub(super) async fn once(
    arriving: Arc<Arriving>,
    work: impl Future<Output = ConnectorResult<Vec<Answer>>> + Send + 'static,
) -> Response {
    let mut work: Work = Box::pin(work);
    loop {
        match tokio::time::timeout(SIGN_OF_LIFE, &mut work).await {
            Ok(done) => return response(Body::from(encoded(done))),
            Err(_) if arriving.goes_on() => break,
            Err(_) => {}
        }
    }
    let going_on = Some((work, arriving));
    let frames = stream::unfold(going_on, |going_on| async move {
        let (mut work, arriving) = going_on?;
        loop {
            match tokio::time::timeout(SIGN_OF_LIFE, &mut work).await {
                Ok(done) => return Some((Ok::<_, Infallible>(encoded(done)), None)),
                Err(_) if arriving.goes_on() => return Some((Ok(still_working()), Some((work, arriving)))),
                Err(_) => {}
            }
        }
    });
    response(Body::from_stream(frames))
}

/// Answers that nothing of the request was done.
pub(super) fn refused(error: &ConnectorError) -> Response {
    response(Body::from(encoded(Err(error.again()))))
}

fn encoded(answers: ConnectorResult<Vec<Answer>>) -> Bytes {
    let mut out = BytesMut::new();
    match answers {
        Ok(answers) => {
            for answer in &answers {
                put_frame(&mut out, answer, b"");
            }
            put_frame(&mut out, &Answer::End(answers.len() as u64), b"");
        }
        Err(error) => put_frame(&mut out, &Answer::Refused(Trouble::from(&error)), b""),
    }
    out.freeze()
}

fn response(body: Body) -> Response {
    ([(CONTENT_TYPE, FRAMES)], body).into_response()
}

/// Answers with one frame per blob, its bytes in it; `groups` hold `count` of them.
pub(super) fn blobs(
    groups: impl Stream<Item = Vec<ConnectorResult<Bytes>>> + Send + 'static,
    count: u64,
) -> Response {
    let frames = groups.map(|group| {
        let bytes = group.iter().flatten().map(|bytes| bytes.len() + HEAD_BYTES);
        let mut out = BytesMut::with_capacity(bytes.sum());
        for blob in group {
            match blob {
                Ok(bytes) => put_frame(&mut out, &Answer::Blob(None), &bytes),
                Err(error) => put_frame(&mut out, &Answer::Blob(Some(Trouble::from(&error))), b""),
            }
        }
        out.freeze()
    });
    let frames = frames.chain(stream::iter([end(count)]));
    response(Body::from_stream(frames.map(Ok::<_, Infallible>)))
}

/// Answers with the bytes of `content`, at most `length_bytes`, as frames without header.
pub(super) fn raw(content: ByteStream, length_bytes: u64) -> Response {
    let state = Some((content, length_bytes, 0_u64));
    let frames = stream::unfold(state, |state| async move {
        let (mut content, left_bytes, frames) = state?;
        let piece = if left_bytes == 0 {
            None
        } else {
            content.next().await
        };
        Some(match piece {
            Some(Ok(mut piece)) => {
                piece.truncate(usize::try_from(left_bytes).unwrap_or(usize::MAX).min(piece.len()));
                let left_bytes = left_bytes - piece.len() as u64;
                let (pieces, count) = raw_frames(piece);
                (pieces, Some((content, left_bytes, frames + count)))
            }
            Some(Err(error)) => (vec![encoded(Err(error))], None),
            None => (vec![end(frames)], None),
        })
    });
    response(Body::from_stream(
        frames.flat_map(stream::iter).map(Ok::<_, Infallible>),
    ))
}

/// Cuts bytes into frames: heads and bodies in turn, and how many frames they are.
fn raw_frames(mut bytes: Bytes) -> (Vec<Bytes>, u64) {
    let mut pieces = Vec::with_capacity(2);
    while !bytes.is_empty() {
        let body = bytes.split_to(bytes.len().min(BODY_BYTES));
        let mut head = BytesMut::new();
        put_body_head(&mut head, &body);
        pieces.extend([head.freeze(), body]);
    }
    let frames = pieces.len() as u64 / 2;
    (pieces, frames)
}

fn end(frames: u64) -> Bytes {
    let mut out = BytesMut::new();
    put_frame(&mut out, &Answer::End(frames), b"");
    out.freeze()
}
