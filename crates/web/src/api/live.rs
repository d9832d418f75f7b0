//! Live events: `GET /api/v1/events`, server-sent.
//!
//! `record`, `task` and `cluster` carry what the native API answers for them, as it is now; one that is gone
//! carries its name and `"gone": true`. `reset` says that everything has to be read again.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use engine::error::EngineError;
use serde::Serialize;
use serde_json::json;
use storage::live::Subject;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::clusters::ClusterView;
use crate::api::records::RecordView;
use crate::api::tasks::TaskView;
use crate::api::webhooks::WebhookView;
use crate::app::App;
use crate::auth::Admin;
use crate::error::{ApiError, ApiResult};
use crate::params::Params;
use crate::reader::Reader;
use crate::sse::{self, Event, Interest, Teller};

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(events))
}

/// What is told, and from where on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct EventParams {
    /// Only this record.
    record: Option<String>,
    /// Only the task with this key, and its records.
    task: Option<String>,
    /// Some of `records,tasks,clusters,webhooks`; all unless said otherwise.
    topics: Option<String>,
    /// Only what changed behind this event's id; `Last-Event-ID` counts before it.
    after: Option<String>,
}

/// Tells what changes, as it changes: server-sent events `record`, `task`, `cluster`, `webhook`, `ready` and `reset`.
#[utoipa::path(get, path = "/api/v1/events", params(EventParams), responses((status = 200, body = String, content_type = "text/event-stream")))]
async fn events(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    headers: HeaderMap,
    params: Params,
) -> ApiResult<Response> {
    let after = sse::begins_after(&headers, params.filled("after"));
    let teller = Json {
        app: app.clone(),
        reader,
    };
    sse::answer(&app, Interest::of(&params)?, after, Arc::new(teller))
}

/// Tells in JSON.
struct Json {
    app: App,
    reader: Reader,
}

#[async_trait]
impl Teller for Json {
    async fn tell(&self, subject: Subject) -> ApiResult<Vec<Event>> {
        let event = match subject {
            Subject::Record { id, .. } => match self.app.engine().record(&id.to_string()).await? {
                Some(record) => event("record", RecordView::of(record, &self.app, &self.reader)),
                None => event("record", json!({ "id": id.to_string(), "gone": true })),
            },
            Subject::Task(key) => match self.app.engine().standing(&key).await {
                Ok(standing) => event("task", TaskView::of(standing)),
                Err(EngineError::TaskUnknown(key)) => event("task", json!({ "key": key, "gone": true })),
                Err(error) => return Err(error.into()),
            },
            Subject::Cluster(id) => match self.app.engine().cluster(&id.to_string()).await? {
                Some(cluster) => event("cluster", ClusterView::of(cluster, &self.reader)),
                None => event("cluster", json!({ "id": id.to_string(), "gone": true })),
            },
            Subject::Webhook(id) => match self.app.engine().webhook(&id.to_string()).await {
                Ok(webhook) => event("webhook", WebhookView::of(webhook)),
                Err(EngineError::NotFound(_)) => {
                    event("webhook", json!({ "id": id.to_string(), "gone": true }))
                }
                Err(error) => return Err(error.into()),
            },
        };
        Ok(vec![event?])
    }
}

fn event(name: &str, view: impl Serialize) -> ApiResult<Event> {
    Ok(Event {
        name: name.into(),
        data: serde_json::to_string(&view).map_err(ApiError::internal)?,
    })
}
