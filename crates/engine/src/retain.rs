//! Clears away what is kept no longer, in batches small enough that nobody waits for them.

use storage::db::StoreResult;
use tokio_util::sync::CancellationToken;

use crate::Engine;

/// How often old records are looked for, in milliseconds.
const LOOK_EVERY_MS: u64 = 60_000;

/// Rows removed by one transaction.
const BATCH_ROWS: usize = 1_000;

/// Pause between two such transactions, so that others write too, in milliseconds.
const PAUSE_MS: u64 = 20;

/// Removes records past their task's days, and what deleted tasks left behind.
pub async fn tick(engine: &Engine) -> StoreResult<()> {
    let inner = &engine.inner;
    let store = &inner.store;
    loop {
        let expired = store.records().expired(inner.clock.now_ms(), 100).await?;
        if expired.is_empty() {
            break;
        }
        for no in expired {
            while store.records().purge(no, BATCH_ROWS).await? {
                inner.clock.sleep_ms(PAUSE_MS).await;
            }
        }
    }
    let now_ms = inner.clock.now_ms();
    store.hours().forget(now_ms).await?;
    store.clusters().forget_checks(now_ms).await?;
    store.webhooks().forget(now_ms).await?;
    while store.tasks().purge_hidden(BATCH_ROWS).await? {
        inner.clock.sleep_ms(PAUSE_MS).await;
    }
    Ok(())
}

/// Clears away until `shutdown`.
pub(crate) async fn run_until(engine: &Engine, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            result = tick(engine) => {
                if let Err(error) = result {
                    tracing::error!(%error, "old records could not be cleared away");
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = engine.inner.nudge.notified() => {}
            () = engine.inner.clock.sleep_ms(LOOK_EVERY_MS) => {}
        }
    }
}
