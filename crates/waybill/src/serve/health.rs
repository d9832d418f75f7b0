//! What machines ask about the process itself: is it alive, may it get requests, what did it do.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use storage::Store;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct Probed {
    store: Store,
    stop: CancellationToken,
}

/// Answers `/healthz` and `/readyz`; open to everybody, says nothing else.
pub fn router(store: Store, stop: CancellationToken) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(Probed { store, stop })
}

async fn ready(State(probed): State<Probed>) -> (StatusCode, &'static str) {
    if probed.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match probed.store.clusters().all().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(error = %error, "store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}
