//! `/metrics`: what this process did since it started, in the format of Prometheus.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::Engine;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Measured {
    engine: Engine,
    registry: Arc<Registry>,
    active_runs: Gauge,
    resident_bytes: Gauge,
}

/// Answers `/metrics`, open to everybody: names of clusters, numbers, no artifact.
pub fn router(engine: Engine) -> Router {
    let mut registry = Registry::default();
    let (active_runs, resident_bytes) = (Gauge::default(), Gauge::default());
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let info = Info::new([
        ("cluster", engine.cluster_name().to_owned()),
        ("version", version),
    ]);
    registry.register("waybill", "This node", info);
    registry.register(
        "waybill_active_runs",
        "Runs this process carries out now",
        active_runs.clone(),
    );
    registry.register(
        "process_resident_memory_bytes",
        "Resident memory",
        resident_bytes.clone(),
    );
    engine.metrics().register(&mut registry);
    let measured = Measured {
        engine,
        registry: Arc::new(registry),
        active_runs,
        resident_bytes,
    };
    Router::new().route("/metrics", get(metrics)).with_state(measured)
}

async fn metrics(State(measured): State<Measured>) -> Response {
    measured
        .active_runs
        .set(i64::try_from(measured.engine.active_runs()).unwrap_or(i64::MAX));
    measured.resident_bytes.set(resident_bytes().unwrap_or_default());
    let mut text = String::new();
    match encode(&mut text, &measured.registry) {
        Ok(()) => ([(CONTENT_TYPE, FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "metrics not encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Reads the process's resident memory from the kernel; `None` where there is no such file.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}
