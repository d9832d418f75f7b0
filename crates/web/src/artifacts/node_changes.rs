//! Changing nodes: folders, names, places, expiry; and deleting them, alone or many at once.

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use domain::path::FilePath;
use domain::repository::RepositoryRef;
use hosted::{HostedError, HostedRepository, MoveKind};
use messages::text;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::nodes::not_an_artifact;
use super::place::{Place, outermost};
use super::upload::expiry_ms;
use super::{path_of, writable};
use crate::app::App;
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{self, Members, unreadable};
use crate::params::{Params, Segments};
use crate::reader::Reader;

const BASE: &str = "/repository/api/node";

/// Most paths of one call.
const MOST_PATHS: usize = 200;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(mkdir))
        .routes(routes!(update))
        .routes(routes!(rename))
        .routes(routes!(rename_by_body))
        .routes(routes!(move_nodes))
        .routes(routes!(copy))
        .routes(routes!(delete_batch, count_batch))
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodesDeleted {
    pub deleted_number: u64,
    pub deleted_size: u64,
    pub deleted_time: String,
}

/// When a file goes away by itself.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct NodeUpdateBody {
    /// Days from now; 0, or none, to keep it.
    #[schema(minimum = 0)]
    expires: Option<i64>,
}

/// A node and its new path.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct NodeRenameBody {
    project_id: String,
    repo_name: String,
    full_path: String,
    new_full_path: String,
}

/// A node and where it goes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct NodeMoveBody {
    src_project_id: String,
    src_repo_name: String,
    src_full_path: String,
    /// The project it is in unless said otherwise.
    dest_project_id: Option<String>,
    /// The repository it is in unless said otherwise.
    dest_repo_name: Option<String>,
    /// Its new path, or a folder that takes it in.
    dest_full_path: String,
    /// Whether files that stand there are replaced; false unless said otherwise.
    overwrite: Option<bool>,
}

/// What a batch counts.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct BatchParams {
    /// Whether to count folders instead of files.
    is_folder: Option<bool>,
}

/// Makes a folder, and those above it.
#[utoipa::path(post, context_path = BASE, path = "/mkdir/{projectId}/{repoName}/{*path}")]
async fn mkdir(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    repository.make_folder(&path, &caller.name).await?;
    reader.done()
}

/// Says when a file goes away by itself.
#[utoipa::path(post, context_path = BASE, path = "/update/{projectId}/{repoName}/{*path}", request_body = NodeUpdateBody)]
async fn update(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    request: Request,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    let body = Members::from_request(request, &app).await?;
    let days = body.number("expires")?.unwrap_or(0);
    if days < 0 {
        return Err(ApiError::invalid("expires", &days.to_string()));
    }
    let expires_ms = expiry_ms(days, app.clock());
    repository
        .set_expiry(&path, expires_ms, &caller.name)
        .await
        .map_err(refused)?;
    reader.done()
}

/// Gives a file or folder another path in its repository.
#[utoipa::path(post, context_path = BASE, path = "/rename/{projectId}/{repoName}/{*path}", params(("newFullPath" = String, Query, description = "The new path")))]
async fn rename(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    params: Params,
) -> ApiResult<Response> {
    let (repository, from) = place.writable(&app, &caller).await?;
    let to = path_of(params.required("newFullPath")?)?;
    rename_node(&repository, &from, &to, &caller).await?;
    reader.done()
}

/// Gives a file or folder another path in its repository, as older clients call it.
#[utoipa::path(post, context_path = BASE, path = "/rename", request_body = NodeRenameBody)]
async fn rename_by_body(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    body: Members,
) -> ApiResult<Response> {
    let place = Place {
        project: body.required_text("projectId")?,
        repository: body.required_text("repoName")?,
        path: body.required_text("fullPath")?,
    };
    let to = body.required_text("newFullPath")?;
    let (repository, from) = place.writable(&app, &caller).await?;
    rename_node(&repository, &from, &path_of(&to)?, &caller).await?;
    reader.done()
}

async fn rename_node(
    repository: &HostedRepository,
    from: &FilePath,
    to: &FilePath,
    caller: &Caller,
) -> ApiResult<()> {
    let renamed = repository
        .move_to(MoveKind::Rename, from, (repository, to), false, &caller.name)
        .await;
    renamed.map(|_| ()).map_err(refused)
}

/// Moves a file or folder, as `mv` does; a folder of more than 1,000 nodes goes in batches.
#[utoipa::path(post, context_path = BASE, path = "/move", request_body = NodeMoveBody)]
async fn move_nodes(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    body: Members,
) -> ApiResult<Response> {
    go(&app, &caller, &body, MoveKind::Move).await?;
    reader.done()
}

/// Copies a file or folder, as `cp` does; no bytes are copied.
#[utoipa::path(post, context_path = BASE, path = "/copy", request_body = NodeMoveBody)]
async fn copy(State(app): State<App>, reader: Reader, caller: Caller, body: Members) -> ApiResult<Response> {
    go(&app, &caller, &body, MoveKind::Copy).await?;
    reader.done()
}

async fn go(app: &App, caller: &Caller, body: &Members, kind: MoveKind) -> ApiResult<()> {
    let source = RepositoryRef::new(
        body.required_text("srcProjectId")?,
        body.required_text("srcRepoName")?,
    );
    let (from, to) = (
        body.required_text("srcFullPath")?,
        body.required_text("destFullPath")?,
    );
    let overwrite = body.flag("overwrite")?.unwrap_or(false);
    let target = RepositoryRef::new(
        body.text("destProjectId")?
            .unwrap_or_else(|| source.project.clone()),
        body.text("destRepoName")?.unwrap_or_else(|| source.name.clone()),
    );
    // Both need the right to write, a copy too: the contract has it so.
    let here = writable(app, caller, &source.project, &source.name).await?;
    let there = writable(app, caller, &target.project, &target.name).await?;
    let (from, to) = (path_of(&from)?, path_of(&to)?);
    here.move_to(kind, &from, (&there, &to), overwrite, &caller.name)
        .await
        .map_err(refused)?;
    Ok(())
}

/// Deletes files, and folders with all below them; what is not there counts 0.
#[utoipa::path(delete, context_path = BASE, path = "/batch/{projectId}/{repoName}", request_body = Vec<String>, responses((status = 200, body = NodesDeleted)))]
async fn delete_batch(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    request: Request,
) -> ApiResult<Response> {
    let (repository, _) = place.writable(&app, &caller).await?;
    let (mut nodes, mut size_bytes) = (0, 0);
    for path in paths(request).await? {
        let removed = repository.delete_tree(&path).await?;
        nodes += removed.nodes;
        size_bytes += removed.size_bytes;
    }
    reader.ok(NodesDeleted {
        deleted_number: nodes,
        deleted_size: size_bytes,
        deleted_time: reader.date(app.clock().now_ms()),
    })
}

/// Counts the files, or the folders, that deleting these paths would delete.
#[utoipa::path(post, context_path = BASE, path = "/batch/{projectId}/{repoName}", params(BatchParams), request_body = Vec<String>, responses((status = 200, body = u64)))]
async fn count_batch(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
    params: Params,
    request: Request,
) -> ApiResult<Response> {
    let (repository, _) = place.writable(&app, &caller).await?;
    let folders: bool = params.parsed("isFolder")?.unwrap_or(false);
    let paths = paths(request).await?;
    let texts: Vec<&str> = paths.iter().map(FilePath::as_str).collect();
    let mut count = 0;
    for node in repository.nodes(&texts).await?.into_iter().flatten() {
        if node.file.is_some() {
            count += u64::from(!folders);
        } else {
            let below = repository.folder_size(&node.path).await?;
            count += if folders {
                below.nodes - below.files + 1
            } else {
                below.files
            };
        }
    }
    reader.ok(count)
}

/// Reads the paths of a batch: each once, none within another, and never the root.
async fn paths(request: Request) -> ApiResult<Vec<FilePath>> {
    if !json::is_json(request.headers()) {
        return Err(ApiError::new(Code::MediaTypeUnsupported, []));
    }
    let body = json::read(request.into_body(), json::BODY_BYTES).await?;
    let named: Vec<Value> = serde_json::from_slice(&body).map_err(|_| unreadable())?;
    if named.len() > MOST_PATHS {
        let count = named.len().to_string();
        return Err(
            ApiError::new(Code::ListTooLarge, [&count]).because(text!("paths-at-once", most = MOST_PATHS))
        );
    }
    let paths = named
        .iter()
        .map(|path| path_of(path.as_str().ok_or_else(unreadable)?))
        .collect::<ApiResult<Vec<FilePath>>>()?;
    if paths.iter().any(FilePath::is_root) {
        return Err(HostedError::RootDeleted.into());
    }
    Ok(outermost(paths))
}

fn refused(error: HostedError) -> ApiError {
    not_an_artifact(error.into())
}
