//! The body of a request as the exchange reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError};
use futures_util::{StreamExt, stream};

/// Longest silence of a sender, who gives a sign of life every two seconds.
const SILENCE: Duration = Duration::from_secs(30);
/// Most bytes that are read of a request that was refused before its end.
const DRAINED_BYTES: usize = 32 * 1024 * 1024;

/// How much of a request has arrived.
#[derive(Default)]
pub(super) struct Arriving {
    pieces: AtomicU64,
    seen: AtomicU64,
    whole: AtomicBool,
}

impl Arriving {
    /// Says whether the request is whole, or more of it came since this was asked last.
    pub(super) fn goes_on(&self) -> bool {
        let pieces = self.pieces.load(Ordering::Relaxed);
        let moved = self.seen.swap(pieces, Ordering::Relaxed) != pieces;
        self.whole.load(Ordering::Relaxed) || moved
    }
}

/// Returns the pieces of `body`; silence and broken connections are errors. `arriving` is told of each.
pub(super) fn pieces(body: Body, arriving: Arc<Arriving>) -> ByteStream {
    let state = (Draining(Some(body.into_data_stream())), arriving);
    Box::pin(stream::try_unfold(state, |(mut draining, arriving)| async move {
        let Some(body) = draining.0.as_mut() else {
            return Ok(None);
        };
        let broken =
            |words: String| ConnectorError::new(ErrorKind::Unreachable, Stage::Write, "request").words(words);
        match tokio::time::timeout(SILENCE, body.next()).await {
            Ok(Some(Ok(piece))) => {
                arriving.pieces.fetch_add(1, Ordering::Relaxed);
                Ok(Some((piece, (draining, arriving))))
            }
            Ok(Some(Err(error))) => {
                draining.ended();
                Err(broken(error.to_string()))
            }
            Ok(None) => {
                draining.ended();
                arriving.whole.store(true, Ordering::Relaxed);
                Ok(None)
            }
            Err(_) => Err(broken("the sender fell silent".into())),
        }
    }))
}

/// A body that is read on for a while when nobody wants it any more.
///
/// Closing a connection somebody still sends on would lose them the answer that says why they were refused.
struct Draining(Option<BodyDataStream>);

impl Draining {
    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        let Some(mut body) = self.0.take() else { return };
        tokio::spawn(tokio::time::timeout(SILENCE, async move {
            let mut drained_bytes = 0;
            while let Some(Ok(piece)) = body.next().await {
                drained_bytes += piece.len();
                if drained_bytes > DRAINED_BYTES {
                    return;
                }
            }
        }));
    }
}
