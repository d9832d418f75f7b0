//! Takes the sums of bytes as they pass, to compare them afterwards with what a server keeps.

use std::sync::{Arc, Mutex, PoisonError};

use domain::checksums::{Hasher, Sums};
use domain::ports::ByteStream;
use futures_util::TryStreamExt;

/// The sums of a stream that may still be on its way.
pub(crate) struct Summing(Arc<Mutex<Option<Hasher>>>);

impl Summing {
    /// Lets `bytes` pass through `hasher`.
    pub(crate) fn over(bytes: ByteStream, hasher: Hasher) -> (ByteStream, Self) {
        let summing = Arc::new(Mutex::new(Some(hasher)));
        let seen = summing.clone();
        let bytes = bytes.inspect_ok(move |piece| {
            if let Some(hasher) = &mut *seen.lock().unwrap_or_else(PoisonError::into_inner) {
                hasher.update(piece);
            }
        });
        (Box::pin(bytes), Self(summing))
    }

    /// Returns the sums of what has passed; `None` when they were asked for before.
    pub(crate) fn finish(&self) -> Option<Sums> {
        let hasher = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        hasher.map(Hasher::finish)
    }
}
