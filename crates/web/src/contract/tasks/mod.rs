//! Task endpoints: `/replication/api/task`, administrators only.

pub(crate) mod body;
mod view;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{delete, get, post};
use domain::id::TaskKey;
use serde::Serialize;
use storage::PageRequest;
use storage::tasks::{TaskFilter, TaskSort};

use crate::app::App;
use crate::auth::Admin;
use crate::contract::names::{FLAGS, STATUSES};
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::page::{PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;
use body::Form;
use view::{ClusterNames, ObjectView, TaskView};

const SORTS: &[(&str, TaskSort)] = &[
    ("CREATED_TIME", TaskSort::Created),
    ("CREATE_TIME", TaskSort::Created),
    ("LAST_EXECUTION_TIME", TaskSort::LastRun),
    ("NEXT_EXECUTION_TIME", TaskSort::NextRun),
];

/// Returns the routes.
pub fn router() -> Router<App> {
    const BASE: &str = "/replication/api/task";
    Router::new()
        .route(&format!("{BASE}/create"), post(create))
        .route(&format!("{BASE}/update"), post(update))
        .route(&format!("{BASE}/copy"), post(copy))
        .route(&format!("{BASE}/info/{{key}}"), get(info))
        .route(&format!("{BASE}/detail/{{key}}"), get(detail))
        .route(&format!("{BASE}/page/{{project}}"), get(page))
        .route(&format!("{BASE}/delete/{{key}}"), delete(remove))
        .route(&format!("{BASE}/execute/{{key}}"), post(execute))
        .route(&format!("{BASE}/toggle/status/{{key}}"), post(toggle))
}

async fn cluster_names(app: &App) -> ApiResult<ClusterNames> {
    let clusters = app.engine().clusters(None, None).await?;
    Ok(clusters
        .into_iter()
        .map(|cluster| (cluster.id, cluster.name))
        .collect())
}

/// Makes a task.
async fn create(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let draft = body::task(&body, app.zone(), Form::Create)?;
    let task = app.engine().create_task(draft, admin.name()).await?;
    reader.ok(TaskView::of(&task, &cluster_names(&app).await?, &reader))
}

/// Replaces what a task does.
async fn update(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let key = TaskKey(body.required_text("key")?);
    let draft = body::task(&body, app.zone(), Form::Update)?;
    app.engine().update_task(&key, draft, admin.name()).await?;
    reader.done()
}

/// Makes a task like another one, switched off.
async fn copy(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let key = TaskKey(body.required_text("key")?);
    let name = body.required_text("name")?;
    let description = body.text("description")?;
    app.engine()
        .copy_task(&key, &name, description, admin.name())
        .await?;
    reader.done()
}

/// Answers a task.
async fn info(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    let task = app.engine().task(&key).await?;
    reader.ok(TaskView::of(&task, &cluster_names(&app).await?, &reader))
}

#[derive(Serialize)]
struct TaskDetail {
    task: TaskView,
    objects: Vec<ObjectView>,
}

/// Answers a task and what it replicates.
async fn detail(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    let task = app.engine().task(&key).await?;
    reader.ok(TaskDetail {
        objects: task.objects.iter().map(ObjectView::of).collect(),
        task: TaskView::of(&task, &cluster_names(&app).await?, &reader),
    })
}

/// Pages the tasks of a project.
async fn page(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(project): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let page = PageQuery::of(&params)?;
    let filter = TaskFilter {
        project: Some(project),
        name_prefix: params.text("name").filter(|name| !name.trim().is_empty()),
        last_status: params.filter("lastExecutionStatus", STATUSES)?,
        enabled: params.filter("enabled", FLAGS)?,
        sort: params.filter("sortType", SORTS)?.unwrap_or_default(),
        ascending: match params.filled("sortDirection") {
            None | Some("DESC") => false,
            Some("ASC") => true,
            Some(other) => return Err(ApiError::invalid("sortDirection", other)),
        },
    };
    let request = PageRequest::new(page.number, page.size);
    let tasks = app.engine().task_page(&filter, request).await?;
    let names = cluster_names(&app).await?;
    let rows = tasks.rows.iter().map(|task| TaskView::of(task, &names, &reader));
    reader.ok(PageView::new(page, tasks.total, rows.collect()))
}

/// Removes a task and its log; an unknown one is removed already.
async fn remove(
    admin: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    app.engine().delete_task(&key, admin.name()).await?;
    reader.done()
}

/// Switches a task on or off.
async fn toggle(
    admin: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    app.engine().toggle_task(&key, admin.name()).await?;
    reader.done()
}

/// Starts a run.
async fn execute(
    admin: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    app.engine().execute_task(&key, admin.name()).await?;
    reader.done()
}
