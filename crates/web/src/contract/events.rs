//! Event endpoints: `/replication/api/replica/event`, administrators only.
//!
//! An event is a change that has not arrived at one of the targets of a REAL_TIME task; it is gone once it has.

use axum::extract::State;
use axum::response::Response;
use domain::id::{EventId, TaskKey};
use engine::events::Events;
use serde::Serialize;
use serde_json::{Map, Value};
use storage::PageRequest;
use storage::undelivered::{EventFilter, Undelivered};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Admin;
use crate::contract::names::{FLAGS, one_of};
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::page::{PageParams, PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

const BASE: &str = "/replication/api/replica/event";

/// What every event here is; the contract's other kind belongs to federations.
const NORMAL: &str = "NORMAL";

/// What pages can be sorted by, and whether that is the latest change.
const SORTS: &[(&str, bool)] = &[("createdDate", false), ("lastModifiedDate", true)];

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(page))
        .routes(routes!(get))
        .routes(routes!(retry))
        .routes(routes!(remove))
}

/// A change that has not arrived at one target.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventRecordView {
    id: String,
    message_id: String,
    event_type: &'static str,
    event: EventView,
    task_key: String,
    /// Whether a run tried to carry it.
    task_completed: bool,
    /// Always false: what was carried is no more here.
    task_succeeded: bool,
    retry_count: u32,
    /// Whether a run tries again right now.
    retrying: bool,
    created_date: String,
    last_modified_date: String,
}

/// What changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventView {
    #[serde(rename = "type")]
    kind: &'static str,
    project_id: String,
    repo_name: String,
    /// Path of the file.
    resource_key: String,
    user_id: String,
    #[schema(value_type = Object)]
    data: Map<String, Value>,
    source: Option<String>,
    event_id: String,
    topic: Option<String>,
}

impl EventRecordView {
    fn of(event: Undelivered, reader: &Reader) -> Self {
        let id = event.id.to_string();
        Self {
            message_id: id.clone(),
            event_type: NORMAL,
            task_key: event.task_key.to_string(),
            task_completed: event.tries > 0 && !event.in_hand,
            task_succeeded: false,
            retry_count: event.tries,
            retrying: event.tries > 0 && event.in_hand,
            created_date: reader.date(event.created_ms),
            last_modified_date: reader.date(event.modified_ms),
            event: EventView {
                kind: "NODE_CREATED",
                project_id: event.project,
                repo_name: event.repository,
                resource_key: event.path,
                user_id: event.user,
                data: Map::new(),
                source: None,
                event_id: id.clone(),
                topic: None,
            },
            id,
        }
    }
}

/// What events are paged by.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct EventPageParams {
    /// `NORMAL`; there are no others here.
    event_type: Option<String>,
    /// Whether a run tried to carry it.
    task_completed: Option<bool>,
    /// Whether it arrived; none did.
    task_succeeded: Option<bool>,
    /// Key of the task.
    task_key: Option<String>,
    /// `createdDate` unless said otherwise.
    #[param(schema_with = sorts)]
    sort_field: Option<String>,
    /// `DESC` unless it is `ASC`, in any case.
    sort_direction: Option<String>,
}

fn sorts() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    one_of(SORTS.iter().map(|(name, _)| *name))
}

/// Which events something is done about; the id counts when both are given.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct EventsBody {
    /// Id of one event.
    event_id: Option<String>,
    /// Key of a task, for all its events.
    task_key: Option<String>,
}

/// Pages undelivered events, the latest first.
#[utoipa::path(get, context_path = BASE, path = "/page", params(PageParams, EventPageParams), responses((status = 200, body = PageView<EventRecordView>)))]
async fn page(_: Admin, State(app): State<App>, reader: Reader, params: Params) -> ApiResult<Response> {
    let page = PageQuery::of(&params)?;
    let filter = EventFilter {
        task: params.text("taskKey").map(TaskKey),
        tried: params.filter("taskCompleted", FLAGS)?,
        by_modified: match params.filled("sortField") {
            None => false,
            Some(name) => sort(name)?,
        },
        ascending: params
            .filled("sortDirection")
            .is_some_and(|direction| direction.eq_ignore_ascii_case("ASC")),
    };
    let arrived = params.filter("taskSucceeded", FLAGS)? == Some(true);
    let foreign = params.filled("eventType").is_some_and(|kind| kind != NORMAL);
    if arrived || foreign {
        return reader.ok(PageView::<EventRecordView>::new(page, 0, Vec::new()));
    }
    let request = PageRequest::new(page.number, page.size);
    let events = app.engine().event_page(&filter, request).await?;
    let rows = events.rows.into_iter();
    let rows = rows.map(|event| EventRecordView::of(event, &reader)).collect();
    reader.ok(PageView::new(page, events.total, rows))
}

fn sort(name: &str) -> ApiResult<bool> {
    let known = SORTS.iter().find(|(known, _)| *known == name);
    known
        .map(|(_, by_modified)| *by_modified)
        .ok_or_else(|| ApiError::invalid("sortField", name))
}

/// Answers an event, or null once it was carried.
#[utoipa::path(get, context_path = BASE, path = "/{eventId}", responses((status = 200, body = Option<EventRecordView>)))]
async fn get(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let event = match id.parse::<EventId>() {
        Ok(id) => app.engine().event(id).await?,
        Err(_) => None,
    };
    reader.ok(event.map(|event| EventRecordView::of(event, &reader)))
}

/// Which events a body names.
enum Named {
    These(Events),
    /// An id that no event can have.
    Unknown,
    Nothing,
}

fn named(body: &Members) -> ApiResult<Named> {
    let filled = |member: &str| Ok::<_, ApiError>(body.text(member)?.filter(|text| !text.is_empty()));
    let (event, task) = (filled("eventId")?, filled("taskKey")?);
    Ok(match (event, task) {
        (Some(id), _) => id
            .parse()
            .map_or(Named::Unknown, |id| Named::These(Events::One(id))),
        (None, Some(key)) => Named::These(Events::OfTask(TaskKey(key))),
        (None, None) => Named::Nothing,
    })
}

/// Lets one event, or all of a task, be carried now; answers whether there is something to carry.
#[utoipa::path(post, context_path = BASE, path = "/retry", request_body = EventsBody, responses((status = 200, body = bool)))]
async fn retry(_: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    reader.ok(match named(&body)? {
        Named::These(events) => app.engine().retry_events(&events).await?,
        Named::Unknown | Named::Nothing => false,
    })
}

/// Forgets one event, or all of a task; answers whether any was named, known or not.
#[utoipa::path(delete, context_path = BASE, path = "", request_body = EventsBody, responses((status = 200, body = bool)))]
async fn remove(_: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    reader.ok(match named(&body)? {
        Named::These(events) => {
            app.engine().remove_events(&events).await?;
            true
        }
        Named::Unknown => true,
        Named::Nothing => false,
    })
}
