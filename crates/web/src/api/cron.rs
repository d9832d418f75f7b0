//! When a cron expression fires: `GET /api/v1/cron`.

use axum::extract::State;
use axum::response::Response;
use domain::cron::CronExpression;
use messages::{Text, text};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{limit, ok, time};
use crate::app::App;
use crate::auth::Caller;
use crate::dates;
use crate::error::{ApiError, ApiResult};
use crate::params::Params;

/// Firings that are told unless `limit` says otherwise, and at most.
const FIRINGS: usize = 5;
const MOST_FIRINGS: usize = 100;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(firings))
}

/// Which expression.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct CronParams {
    /// A Quartz expression: `0 30 2 * * ?`.
    expression: String,
    /// Most times; 5 unless said otherwise.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// When an expression fires next.
#[derive(Serialize, ToSchema)]
struct Firings {
    /// The zone it is read in: that of this node.
    zone: String,
    /// The next times, in UTC; none when it never fires again.
    firings: Vec<String>,
}

/// Answers when a task with this expression would start next.
#[utoipa::path(get, path = "/api/v1/cron", params(CronParams), responses((status = 200, body = Firings)))]
async fn firings(_: Caller, State(app): State<App>, params: Params) -> ApiResult<Response> {
    let text = params.required("expression")?;
    let limit = limit(&params, FIRINGS, MOST_FIRINGS)?;
    let expression = text.parse::<CronExpression>().map_err(|error| {
        let fault = Text::from(&error.reason);
        ApiError::invalid("expression", text).because(text!("not-cron", fault = fault))
    })?;
    let firings = app.engine().firings(&expression, limit);
    ok(Firings {
        zone: match app.zone().iana_name() {
            Some(name) => name.into(),
            None => dates::offset_text(app.zone(), app.clock()),
        },
        firings: firings.into_iter().map(time).collect(),
    })
}
