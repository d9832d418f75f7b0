//! Clears away, again and again, what nothing refers to any more.

use domain::clock::Clock;
use hosted::Hosted;
use tokio_util::sync::CancellationToken;

/// How long after one pass the next begins, in milliseconds.
const EVERY_MS: u64 = 15 * 60 * 1000;

/// Makes pass after pass until `stop`.
pub async fn run_until(hosted: &Hosted, clock: &dyn Clock, stop: CancellationToken) {
    while stop.run_until_cancelled(clock.sleep_ms(EVERY_MS)).await.is_some() {
        match stop.run_until_cancelled(hosted.collect()).await {
            Some(Ok(found)) if found.blobs + found.files > 0 => {
                tracing::info!(
                    blobs = found.blobs,
                    size_bytes = found.size_bytes,
                    files = found.files,
                    "blobs collected"
                );
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::error!(error = %error, "blobs not collected"),
            None => return,
        }
    }
}
