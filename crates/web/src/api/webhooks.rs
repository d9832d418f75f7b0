//! Webhooks: who is called when a run fails or recovers, or a schedule falls silent. Administrators only.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::cluster::Secret;
use domain::id::{NodeId, TaskKey};
use domain::notice::NoticeKind;
use engine::webhooks::WebhookDraft;
use messages::text;
use serde::Serialize;
use storage::webhooks::{Delivery, Webhook};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, limit, ok, time};
use crate::app::App;
use crate::auth::Admin;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::params::{Params, Segments};

/// Rows of a page unless `limit` says otherwise, and at most.
const ROWS: usize = 50;
const MOST_ROWS: usize = 1_000;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(deliver))
}

/// A webhook, never its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookView {
    id: String,
    name: String,
    url: String,
    /// Key of the task it is told of; null: every task.
    task: Option<String>,
    /// Some of `run.failed`, `run.recovered` and `schedule.silent`.
    events: Vec<&'static str>,
    enabled: bool,
    created_by: String,
    created_at: String,
    modified_by: String,
    modified_at: String,
}

/// A webhook that was made.
#[derive(Serialize, ToSchema)]
struct WebhookMade {
    #[serde(flatten)]
    made: WebhookView,
    /// What its calls are signed with.
    secret: String,
}

impl WebhookView {
    pub(super) fn of(webhook: Webhook) -> Self {
        Self {
            id: webhook.id.to_string(),
            name: webhook.name,
            url: webhook.url,
            task: webhook.task.map(|key| key.to_string()),
            events: webhook.events.into_iter().map(NoticeKind::as_str).collect(),
            enabled: webhook.enabled,
            created_by: webhook.audit.created_by,
            created_at: time(webhook.audit.created_ms),
            modified_by: webhook.audit.modified_by,
            modified_at: time(webhook.audit.modified_ms),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Webhooks {
    webhooks: Vec<WebhookView>,
}

/// A webhook that is to be, or what replaces one.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct WebhookBody {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// `http` or `https`, without a login.
    url: String,
    /// Key of the only task it is told of; every task unless said otherwise.
    task: Option<String>,
    /// Some of `run.failed`, `run.recovered` and `schedule.silent`; all unless said otherwise.
    events: Option<Vec<String>>,
    /// What its calls are signed with; one is made, or the one it has stays, unless said otherwise.
    #[schema(min_length = 16, max_length = 256)]
    secret: Option<String>,
    /// Whether it is called; true unless said otherwise.
    enabled: Option<bool>,
}

/// One thing told to one webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
#[serde(rename_all = "camelCase")]
struct DeliveryView {
    id: String,
    /// What happened: `run.failed`, `run.recovered`, `schedule.silent` or `test`.
    event: &'static str,
    /// Key and name of the task; null for a test.
    task: Option<String>,
    task_name: Option<String>,
    /// Id of the record; null where there is none.
    record: Option<String>,
    /// `waiting`, `delivered` or `given_up`.
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried again.
    due_at: Option<String>,
    created_at: String,
    /// When it was tried last.
    answered_at: Option<String>,
    /// Status of the last answer.
    status: Option<u16>,
    /// Words of the last refusal or failure.
    words: Option<String>,
}

impl DeliveryView {
    fn of(delivery: Delivery) -> Self {
        let (task, task_name) = match delivery.notice.task {
            Some(task) => (Some(task.key.to_string()), Some(task.name)),
            None => (None, None),
        };
        Self {
            id: delivery.id.to_string(),
            event: delivery.notice.kind.as_str(),
            task,
            task_name,
            record: delivery.notice.run.map(|run| run.record),
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            due_at: delivery.due_ms.map(time),
            created_at: time(delivery.created_ms),
            answered_at: delivery.answered_ms.map(time),
            status: delivery.status,
            words: delivery.words,
        }
    }
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
struct Deliveries {
    deliveries: Vec<DeliveryView>,
    /// Where the next page begins; null after the last one.
    next: Option<String>,
}

/// Which page of deliveries is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct DeliveryParams {
    /// Most rows; 50 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

fn draft(body: &Members) -> ApiResult<WebhookDraft> {
    body.only(&["name", "url", "task", "events", "secret", "enabled"])?;
    let mut events = Vec::new();
    for named in body.texts("events")?.unwrap_or_default() {
        let known = NoticeKind::TOLD.into_iter().find(|kind| kind.as_str() == named);
        events.push(known.ok_or_else(|| {
            let choices = NoticeKind::TOLD.map(NoticeKind::as_str).join(", ");
            ApiError::invalid("events", &named).because(text!("choose-among", choices = choices))
        })?);
    }
    let filled =
        |name: &str| -> ApiResult<Option<String>> { Ok(body.text(name)?.filter(|text| !text.is_empty())) };
    Ok(WebhookDraft {
        name: body.required_text("name")?,
        url: body.required_text("url")?,
        task: filled("task")?.map(TaskKey),
        events,
        secret: filled("secret")?.map(Secret::new),
        enabled: body.flag("enabled")?.unwrap_or(true),
    })
}

/// Lists every webhook, by name; never their secrets.
#[utoipa::path(get, path = "/api/v1/webhooks", responses((status = 200, body = Webhooks)))]
async fn list(_: Admin, State(app): State<App>) -> ApiResult<Response> {
    let found = app.store().webhooks().all().await?;
    ok(Webhooks {
        webhooks: found.into_iter().map(WebhookView::of).collect(),
    })
}

/// Makes a webhook; its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/webhooks", request_body = WebhookBody, responses((status = 201, body = WebhookMade)))]
async fn create(admin: Admin, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let webhook = app.engine().create_webhook(draft(&body)?, admin.name()).await?;
    let secret = webhook.secret.reveal().to_owned();
    let made = WebhookView::of(webhook);
    answer(StatusCode::CREATED, WebhookMade { made, secret })
}

/// Answers one webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", responses((status = 200, body = WebhookView)))]
async fn show(_: Admin, State(app): State<App>, Segments(id): Segments<String>) -> ApiResult<Response> {
    ok(WebhookView::of(app.engine().webhook(&id).await?))
}

/// Replaces what a webhook says; its secret stays unless another one is sent.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}", request_body = WebhookBody, responses((status = 200, body = WebhookView)))]
async fn change(
    admin: Admin,
    State(app): State<App>,
    Segments(id): Segments<String>,
    body: Members,
) -> ApiResult<Response> {
    let changed = app.engine().update_webhook(&id, draft(&body)?, admin.name());
    ok(WebhookView::of(changed.await?))
}

/// Removes a webhook and the log of its deliveries.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", responses((status = 204)))]
async fn remove(_: Admin, State(app): State<App>, Segments(id): Segments<String>) -> ApiResult<Response> {
    let known = app.engine().webhook(&id).await?;
    app.store().webhooks().delete(known.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Calls a webhook now, once, as a test, and answers what came of it.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", responses((status = 200, body = DeliveryView)))]
async fn test(_: Admin, State(app): State<App>, Segments(id): Segments<String>) -> ApiResult<Response> {
    ok(DeliveryView::of(app.engine().test_webhook(&id).await?))
}

/// Lists what a webhook was told, and what is still to be told, the latest first.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", params(DeliveryParams), responses((status = 200, body = Deliveries)))]
async fn deliveries(
    _: Admin,
    State(app): State<App>,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let limit = limit(&params, ROWS, MOST_ROWS)?;
    let before = params.parsed::<i64>("cursor")?;
    let webhook = app.engine().webhook(&id).await?;
    let found = app
        .store()
        .webhooks()
        .deliveries(webhook.id, before, limit)
        .await?;
    let next = found.last().filter(|_| found.len() == limit);
    let next = next.map(|last| last.no.to_string());
    ok(Deliveries {
        deliveries: found.into_iter().map(DeliveryView::of).collect(),
        next,
    })
}

/// Lets a delivery be tried from the beginning.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery}/deliver", responses((status = 202, body = DeliveryView)))]
async fn deliver(
    _: Admin,
    State(app): State<App>,
    Segments((id, delivery)): Segments<(String, String)>,
) -> ApiResult<Response> {
    app.engine().deliver_again(&id, &delivery).await?;
    let webhook = app.engine().webhook(&id).await?;
    let unknown = || ApiError::new(Code::NotFound, [&delivery]);
    let known = delivery.parse::<NodeId>().map_err(|_| unknown())?;
    let known = app.store().webhooks().delivery(webhook.id, known).await?;
    answer(StatusCode::ACCEPTED, DeliveryView::of(known.ok_or_else(unknown)?))
}
