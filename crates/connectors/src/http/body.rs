//! Bytes as they are sent: piece by piece, with a sign of life for each.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use domain::ports::{ByteStream, ConnectorError};
use futures_util::{StreamExt, stream};
use reqwest::Body;

use super::activity::Activity;

/// Bytes of a request's body that are handed on at once.
const SLICE_BYTES: usize = 64 * 1024;

/// Where an error among the bytes of a body is put: it is the call's error, not the broken connection it leads to.
pub type Broken = Arc<OnceLock<ConnectorError>>;

/// Returns `bytes` as a request's body that passes `activity` as it is taken.
pub fn body(bytes: ByteStream, activity: Arc<Activity>) -> (Body, Broken) {
    let broken = Broken::default();
    let kept = Arc::clone(&broken);
    let slices = bytes.flat_map(move |piece| {
        let slices: Vec<std::io::Result<Bytes>> = match piece {
            Ok(mut piece) => std::iter::from_fn(|| {
                let slice = piece.split_to(piece.len().min(SLICE_BYTES));
                (!slice.is_empty()).then_some(Ok(slice))
            })
            .collect(),
            Err(error) => {
                // The first error ends the stream, so there is no second.
                let _ = kept.set(error);
                vec![Err(std::io::ErrorKind::BrokenPipe.into())]
            }
        };
        stream::iter(slices)
    });
    let passing = slices.then(move |slice| {
        let activity = Arc::clone(&activity);
        async move {
            activity.pass(slice.as_ref().map_or(0, Bytes::len)).await;
            slice
        }
    });
    (Body::wrap_stream(passing), broken)
}
