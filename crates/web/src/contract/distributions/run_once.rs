//! Distributions that run when somebody asks for it.

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schema::RunOnceBody;
use super::{BASE, asker, body, local, progress, readable, writable};
use crate::app::App;
use crate::auth::Caller;
use crate::contract::records::view::RecordView;
use crate::error::ApiResult;
use crate::json::Members;
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create_once))
        .routes(routes!(execute_once))
        .routes(routes!(status_once))
        .routes(routes!(remove_once))
}

/// Makes a distribution that runs when it is executed, or replaces the one with its name; it does not run yet.
#[utoipa::path(post, context_path = BASE, path = "/create/runOnceTask/{projectId}/{repoName}", request_body = RunOnceBody)]
async fn create_once(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, name)): Segments<(String, String)>,
    request: Request,
) -> ApiResult<Response> {
    let local = writable(&app, &caller, &project, &name).await?;
    let body = Members::from_request(request, &app).await?;
    let draft = body::run_once(&body, app.zone())?;
    app.engine()
        .save_distributions(&local, vec![draft], asker(&caller))
        .await?;
    reader.done()
}

/// Starts a run; it goes on by itself.
#[utoipa::path(post, context_path = BASE, path = "/execute/runOnceTask/{projectId}/{repoName}", params(("name" = String, Query, description = "Name of the distribution")))]
async fn execute_once(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, repository)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let local = writable(&app, &caller, &project, &repository).await?;
    let name = params.required("name")?;
    app.engine()
        .execute_distribution(&local, name, &caller.name)
        .await?;
    reader.done()
}

/// Answers the latest record with the bytes it has moved so far, or null when there is none.
///
/// Each run has its own record and the record alone says how it stands, whatever became of the task since.
#[utoipa::path(get, context_path = BASE, path = "/get/runOnceTaskStatus/{projectId}/{repoName}", params(("name" = String, Query, description = "Name of the distribution")), responses((status = 200, body = Option<RecordView>)))]
async fn status_once(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, repository)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let repository = readable(&app, &caller, &project, &repository).await?;
    let name = params.required("name")?;
    let latest = app.engine().latest_run(&local(&repository), name).await?;
    let Some((record, task)) = latest else {
        return reader.ok(None::<RecordView>);
    };
    let (moved, total) = progress::bytes(&app, &repository, &record, &task).await?;
    reader.ok(Some(RecordView::of(&record, &reader).with_bytes(moved, total)))
}

/// Removes a distribution that does not run; an unknown one is removed already.
#[utoipa::path(delete, context_path = BASE, path = "/delete/runOnceTask/{projectId}/{repoName}", params(("name" = String, Query, description = "Name of the distribution")))]
async fn remove_once(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, repository)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let local = writable(&app, &caller, &project, &repository).await?;
    app.engine()
        .delete_run_once(&local, params.required("name")?)
        .await?;
    reader.done()
}
