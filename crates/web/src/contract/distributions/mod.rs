//! Remote distribution: `/replication/api/remote/distribution`, for whoever may write the repository.
//!
//! Reading what is there takes READ, everything else WRITE. Callers are asked before the repository is
//! looked up, so that nobody learns of repositories of other projects.

mod body;
mod progress;
mod run_once;
mod schema;
mod view;

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use domain::repository::RepositoryRef;
use engine::distributions::{Asker, Local};
use hosted::HostedRepository;
use messages::text;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::params::{Params, Segments};
use crate::reader::Reader;
use schema::{DistributionUpdateBody, DistributionsBody};
use view::DistributionView;

const BASE: &str = "/replication/api/remote/distribution";

/// Most distributions of one request: each target is asked whether it answers.
const MOST: usize = 50;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create))
        .routes(routes!(update))
        .routes(routes!(info_of_all))
        .routes(routes!(info))
        .routes(routes!(toggle))
        .routes(routes!(remove))
        .routes(routes!(push))
        .merge(run_once::router())
}

/// A repository that the caller may write.
async fn writable(app: &App, caller: &Caller, project: &str, name: &str) -> ApiResult<Local> {
    caller.need_write(project)?;
    find(app, project, name).await.map(|found| local(&found))
}

/// A repository that the caller may read.
async fn readable(app: &App, caller: &Caller, project: &str, name: &str) -> ApiResult<HostedRepository> {
    caller.need_read(project)?;
    find(app, project, name).await
}

async fn find(app: &App, project: &str, name: &str) -> ApiResult<HostedRepository> {
    let found = app
        .hosted()
        .repository(&RepositoryRef::new(project, name))
        .await?;
    found.ok_or_else(|| ApiError::new(Code::RepositoryUnknown, [&format!("{project}/{name}")]))
}

fn local(repository: &HostedRepository) -> Local {
    Local {
        repository: repository.info().name.clone(),
        repository_type: repository.info().repository_type.clone(),
    }
}

fn asker(caller: &Caller) -> Asker<'_> {
    Asker {
        user: &caller.name,
        any_host: caller.is_admin(),
    }
}

/// Makes distributions, or replaces those with their names; all of them or none.
#[utoipa::path(post, context_path = BASE, path = "/create/{projectId}/{repoName}", request_body = DistributionsBody)]
async fn create(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, name)): Segments<(String, String)>,
    request: Request,
) -> ApiResult<Response> {
    let local = writable(&app, &caller, &project, &name).await?;
    let body = Members::from_request(request, &app).await?;
    let configs = body.objects("configs")?;
    let configs = configs.ok_or_else(|| unreadable_member("configs"))?;
    if configs.is_empty() {
        return Err(ApiError::new(Code::ParameterEmpty, ["configs"]));
    }
    if configs.len() > MOST {
        let sent = configs.len().to_string();
        return Err(ApiError::invalid("configs", &sent).because(text!("between", least = 1, most = MOST)));
    }
    let drafts = configs
        .iter()
        .map(|config| body::config(config, config.required_text("name")?, app.zone()))
        .collect::<ApiResult<_>>()?;
    app.engine()
        .save_distributions(&local, drafts, asker(&caller))
        .await?;
    reader.done()
}

/// Replaces a distribution.
#[utoipa::path(post, context_path = BASE, path = "/update/{projectId}/{repoName}/{name}", request_body = DistributionUpdateBody)]
async fn update(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, repository, name)): Segments<(String, String, String)>,
    request: Request,
) -> ApiResult<Response> {
    let local = writable(&app, &caller, &project, &repository).await?;
    let body = Members::from_request(request, &app).await?;
    let draft = body::config(&body, name, app.zone())?;
    app.engine()
        .update_distribution(&local, draft, asker(&caller))
        .await?;
    reader.done()
}

/// Answers the distributions that name their target by its address, the oldest first.
#[utoipa::path(get, context_path = BASE, path = "/info/{projectId}/{repoName}", responses((status = 200, body = Vec<DistributionView>)))]
async fn info_of_all(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, name)): Segments<(String, String)>,
) -> ApiResult<Response> {
    let repository = readable(&app, &caller, &project, &name).await?;
    shown(&app, &reader, &local(&repository), None).await
}

/// Answers the distribution with a name, if it names its target by its address: one, or none.
#[utoipa::path(get, context_path = BASE, path = "/info/{projectId}/{repoName}/{name}", responses((status = 200, body = Vec<DistributionView>)))]
async fn info(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, repository, name)): Segments<(String, String, String)>,
) -> ApiResult<Response> {
    let repository = readable(&app, &caller, &project, &repository).await?;
    shown(&app, &reader, &local(&repository), Some(&name)).await
}

async fn shown(app: &App, reader: &Reader, local: &Local, name: Option<&str>) -> ApiResult<Response> {
    let found = app.engine().registry_distributions(local, name).await?;
    let views = found
        .into_iter()
        .map(|(task, cluster)| DistributionView::of(local, task, cluster, reader));
    reader.ok(views.collect::<Vec<_>>())
}

/// Switches a distribution on or off.
#[utoipa::path(post, context_path = BASE, path = "/toggle/status/{projectId}/{repoName}/{name}")]
async fn toggle(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, repository, name)): Segments<(String, String, String)>,
) -> ApiResult<Response> {
    let local = writable(&app, &caller, &project, &repository).await?;
    app.engine()
        .toggle_distribution(&local, &name, &caller.name)
        .await?;
    reader.done()
}

/// Removes a distribution, its log and the cluster made for it.
#[utoipa::path(delete, context_path = BASE, path = "/delete/{projectId}/{repoName}/{name}")]
async fn remove(
    caller: Caller,
    State(app): State<App>,
    reader: Reader,
    Segments((project, repository, name)): Segments<(String, String, String)>,
) -> ApiResult<Response> {
    let local = writable(&app, &caller, &project, &repository).await?;
    app.engine()
        .delete_distribution(&local, &name, &caller.name)
        .await?;
    reader.done()
}

/// Refuses to push one package version: the repositories kept here hold files.
#[utoipa::path(post, context_path = BASE, path = "/push/{projectId}/{repoName}/{name}", params(("packageName" = String, Query, description = "Name of the package"), ("version" = String, Query, description = "Its version")))]
async fn push(
    caller: Caller,
    State(app): State<App>,
    Segments((project, repository, name)): Segments<(String, String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let local = writable(&app, &caller, &project, &repository).await?;
    let package = params.required("packageName")?;
    params.required("version")?;
    app.engine().known_distribution(&local, &name).await?;
    Err(ApiError::invalid("packageName", package).because(text!("push-files")))
}
