//! Whether everything arrives: `GET /api/v1/overview`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use engine::freshness::Freshness;
use messages::text;
use serde::Serialize;
use storage::hours::HourTotal;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{ok, time};
use crate::api::records::RecordView;
use crate::api::tasks::TaskView;
use crate::app::App;
use crate::auth::Admin;
use crate::error::{ApiError, ApiResult};
use crate::params::Params;
use crate::reader::Reader;

/// Hours answered unless `hours` says otherwise, and at most.
const HOURS: u16 = 24;
const MOST_HOURS: u16 = 24 * 90;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(overview))
}

/// How everything stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Overview)]
struct OverviewView {
    /// How many tasks are `silent`, `failing`, `running`, `waiting`, `fresh` and `off`.
    tasks: BTreeMap<&'static str, usize>,
    /// Tasks that are silent or failing, the worst first; 50 at most.
    attention: Vec<TaskView>,
    /// Runs that go on or wait, newest first; 50 at most.
    open: Vec<RecordView>,
    clusters: ClusterHealth,
    /// What was settled in each hour, this one last.
    hours: Vec<HourView>,
}

/// Clusters by what they answered when they were asked last.
#[derive(Serialize, ToSchema)]
struct ClusterHealth {
    healthy: usize,
    unhealthy: usize,
}

/// What was settled in one hour.
#[derive(Serialize, ToSchema)]
#[schema(as = Hour)]
struct HourView {
    /// When it began.
    hour: String,
    /// Artifacts, whatever became of them.
    artifacts: u64,
    /// Those that failed.
    failed: u64,
    /// Bytes that really moved.
    bytes: u64,
}

impl HourView {
    fn of(hour: HourTotal) -> Self {
        Self {
            hour: time(hour.hour_ms),
            artifacts: hour.artifacts,
            failed: hour.failed,
            bytes: hour.bytes,
        }
    }
}

/// Answers how everything stands.
#[utoipa::path(get, path = "/api/v1/overview", params(("hours" = Option<u16>, Query, minimum = 1, maximum = 2160, description = "Hours to look back; 24 unless said otherwise")), responses((status = 200, body = OverviewView)))]
async fn overview(_: Admin, State(app): State<App>, reader: Reader, params: Params) -> ApiResult<Response> {
    let hours = params.parsed::<u16>("hours")?.unwrap_or(HOURS);
    if !(1..=MOST_HOURS).contains(&hours) {
        let error = ApiError::invalid("hours", &hours.to_string());
        return Err(error.because(text!("between", least = 1, most = MOST_HOURS)));
    }
    let found = app.engine().overview(hours).await?;
    let tasks = Freshness::ALL.map(|freshness| {
        let count = found.tasks.get(&freshness).copied().unwrap_or_default();
        (freshness.as_str(), count)
    });
    ok(OverviewView {
        tasks: tasks.into_iter().collect(),
        attention: found.attention.into_iter().map(TaskView::of).collect(),
        open: found
            .open
            .into_iter()
            .map(|record| RecordView::of(record, &app, &reader))
            .collect(),
        clusters: ClusterHealth {
            healthy: found.healthy_clusters,
            unhealthy: found.unhealthy_clusters,
        },
        hours: found.hours.into_iter().map(HourView::of).collect(),
    })
}
