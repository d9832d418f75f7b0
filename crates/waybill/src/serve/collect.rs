//! Clears away, again and again, what nothing refers to any more.

use domain::clock::Clock;
use hosted::Hosted;
use tokio_util::sync::CancellationToken;

/// How often files and uploads whose time is over are removed, in milliseconds.
const EXPIRE_EVERY_MS: u64 = 60 * 1000;
/// How many of those passes it is to one that collects.
const COLLECT_EVERY: u32 = 15;

/// Makes pass after pass until `stop`.
pub async fn run_until(hosted: &Hosted, clock: &dyn Clock, stop: CancellationToken) {
    let mut passes = 0;
    while stop
        .run_until_cancelled(clock.sleep_ms(EXPIRE_EVERY_MS))
        .await
        .is_some()
    {
        passes += 1;
        if passes < COLLECT_EVERY {
            if let Some(Err(error)) = stop.run_until_cancelled(hosted.expire()).await {
                tracing::error!(error = %error, "expired files not removed");
            }
            continue;
        }
        passes = 0;
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
