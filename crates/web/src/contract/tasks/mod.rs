//! Task endpoints: `/replication/api/task`, administrators only.

pub(crate) mod body;
pub(crate) mod schema;
pub(crate) mod view;

use axum::extract::State;
use axum::response::Response;
use domain::id::TaskKey;
use engine::tasks::draft::ReplicaType;
use messages::text;
use serde::Serialize;
use storage::PageRequest;
use storage::tasks::{TaskFilter, TaskSort};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::{Admin, Caller};
use crate::contract::names::{FLAGS, STATUSES};
use crate::error::{ApiError, ApiResult};
use crate::json::Members;
use crate::page::{PageParams, PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;
use body::Form;
use schema::{TaskBody, TaskCopyBody, TaskPageParams, TaskUpdateBody};
use view::{ClusterNames, ObjectView, TaskView};

const SORTS: &[(&str, TaskSort)] = &[
    ("CREATED_TIME", TaskSort::Created),
    ("CREATE_TIME", TaskSort::Created),
    ("LAST_EXECUTION_TIME", TaskSort::LastRun),
    ("NEXT_EXECUTION_TIME", TaskSort::NextRun),
];

const BASE: &str = "/replication/api/task";

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create))
        .routes(routes!(update))
        .routes(routes!(copy))
        .routes(routes!(info))
        .routes(routes!(detail))
        .routes(routes!(page))
        .routes(routes!(remove))
        .routes(routes!(execute))
        .routes(routes!(toggle))
        .routes(routes!(edge_create))
}

async fn cluster_names(app: &App) -> ApiResult<ClusterNames> {
    let clusters = app.engine().clusters(None, None).await?;
    Ok(clusters
        .into_iter()
        .map(|cluster| (cluster.id, cluster.name))
        .collect())
}

/// Makes a task.
#[utoipa::path(post, context_path = BASE, path = "/create", request_body = TaskBody, responses((status = 200, body = TaskView)))]
async fn create(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let draft = body::task(&body, app.zone(), Form::Create)?;
    let task = app.engine().create_task(draft, admin.name()).await?;
    reader.ok(TaskView::of(&task, &cluster_names(&app).await?, &reader))
}

/// Replaces what a task does.
#[utoipa::path(post, context_path = BASE, path = "/update", request_body = TaskUpdateBody)]
async fn update(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let key = TaskKey(body.required_text("key")?);
    let draft = body::task(&body, app.zone(), Form::Update)?;
    app.engine().update_task(&key, draft, admin.name()).await?;
    reader.done()
}

/// Makes a task like another one, switched off.
#[utoipa::path(post, context_path = BASE, path = "/copy", request_body = TaskCopyBody)]
async fn copy(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let key = TaskKey(body.required_text("key")?);
    let name = body.required_text("name")?;
    let description = body.text("description")?;
    app.engine()
        .copy_task(&key, &name, description, admin.name())
        .await?;
    reader.done()
}

/// Refuses a task that an edge would pull by: this node keeps what it replicates, and pushes it.
#[utoipa::path(post, context_path = BASE, path = "/edge/create", request_body = TaskBody)]
async fn edge_create(caller: Caller, State(app): State<App>, body: Members) -> ApiResult<Response> {
    let draft = body::task(&body, app.zone(), Form::Create)?;
    caller.need_read(&draft.project)?;
    let found = draft.replica_type.as_str();
    Err(match draft.replica_type {
        ReplicaType::EdgePull => ApiError::invalid("replicaType", found).because(text!("not-supported")),
        _ => ApiError::invalid("replicaType", found).because(text!("only-edge-pull")),
    })
}

/// Answers a task.
#[utoipa::path(get, context_path = BASE, path = "/info/{key}", responses((status = 200, body = TaskView)))]
async fn info(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    let task = app.engine().task(&key).await?;
    reader.ok(TaskView::of(&task, &cluster_names(&app).await?, &reader))
}

#[derive(Serialize, ToSchema)]
struct TaskDetail {
    task: TaskView,
    objects: Vec<ObjectView>,
}

/// Answers a task and what it replicates.
#[utoipa::path(get, context_path = BASE, path = "/detail/{key}", responses((status = 200, body = TaskDetail)))]
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
#[utoipa::path(get, context_path = BASE, path = "/page/{projectId}", params(PageParams, TaskPageParams), responses((status = 200, body = PageView<TaskView>)))]
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
#[utoipa::path(delete, context_path = BASE, path = "/delete/{key}")]
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
#[utoipa::path(post, context_path = BASE, path = "/toggle/status/{key}")]
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
#[utoipa::path(post, context_path = BASE, path = "/execute/{key}")]
async fn execute(
    admin: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    app.engine().execute_task(&key, admin.name()).await?;
    reader.done()
}
