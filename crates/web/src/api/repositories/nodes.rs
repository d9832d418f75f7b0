//! Files and folders of a repository: what lies in a folder, and one of them with its properties.

use std::collections::BTreeMap;

use axum::extract::{FromRequest as _, Request, State};
use axum::response::Response;
use domain::path::FilePath;
use hosted::{HostedRepository, Node};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{MOST_ROWS, ROWS};
use crate::api::answer::{limit, ok, time};
use crate::app::App;
use crate::artifacts::{node_at, path_of, readable, writable};
use crate::auth::{Caller, MaybeCaller};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::params::{Params, Segments};

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(show, change))
}

/// A file or a folder.
#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeView {
    path: String,
    folder: bool,
    size_bytes: Option<u64>,
    sha256: Option<String>,
    md5: Option<String>,
    /// What travels along with it.
    properties: BTreeMap<String, String>,
    /// When it goes away by itself.
    expires_at: Option<String>,
    created_by: String,
    created_at: String,
    modified_by: String,
    modified_at: String,
}

impl NodeView {
    pub(super) fn of(node: Node) -> Self {
        let (size_bytes, sha256, md5) = match node.file {
            Some(file) => (Some(file.size_bytes), Some(file.digest.to_hex()), file.md5),
            None => (None, None, None),
        };
        Self {
            path: node.path.to_string(),
            folder: size_bytes.is_none(),
            size_bytes,
            sha256,
            md5,
            properties: node.metadata,
            expires_at: node.expires_ms.map(time),
            created_by: node.created_by,
            created_at: time(node.created_ms),
            modified_by: node.modified_by,
            modified_at: time(node.modified_ms),
        }
    }
}

/// A page of what lies in a folder.
#[derive(Serialize, ToSchema)]
struct Nodes {
    nodes: Vec<NodeView>,
    /// Where the next page begins; null after the last one.
    next: Option<String>,
}

/// Which folder.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct FolderParams {
    /// The folder; the root unless said otherwise.
    path: Option<String>,
    /// Most rows; 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Where a page begins: behind a folder, or a file.
struct Place {
    folders: bool,
    after: Option<FilePath>,
}

impl Place {
    fn of(params: &Params) -> ApiResult<Self> {
        let Some(text) = params.filled("cursor") else {
            let (folders, after) = (true, None);
            return Ok(Self { folders, after });
        };
        let (folders, after) = match text.split_once(':') {
            Some(("folder", after)) => (true, after.parse().ok()),
            Some(("file", after)) => (false, after.parse().ok()),
            _ => (true, None),
        };
        match after {
            Some(_) => Ok(Self { folders, after }),
            None => Err(ApiError::invalid("cursor", text)),
        }
    }

    fn behind(node: &Node) -> String {
        let kind = if node.file.is_some() { "file" } else { "folder" };
        format!("{kind}:{}", node.path)
    }
}

/// Returns at most `limit` nodes of `folder`: folders first, both by path.
async fn page(
    repository: &HostedRepository,
    folder: &FilePath,
    place: &Place,
    limit: u32,
) -> ApiResult<Vec<Node>> {
    let mut found = Vec::new();
    if place.folders {
        let after = place.after.as_ref();
        found = repository.children(folder, true, after, limit).await?;
    }
    let rest = limit - u32::try_from(found.len()).unwrap_or(limit).min(limit);
    if rest > 0 {
        let after = place.after.as_ref().filter(|_| !place.folders);
        found.extend(repository.children(folder, false, after, rest).await?);
    }
    Ok(found)
}

/// Lists what lies in a folder: folders first, both by name.
#[utoipa::path(get, path = "/api/v1/repositories/{project}/{repository}/nodes", params(FolderParams), responses((status = 200, body = Nodes)))]
async fn list(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let limit = limit(&params, ROWS, MOST_ROWS)?;
    let place = Place::of(&params)?;
    let repository = readable(&app, MaybeCaller::User(caller), &project, &name).await?;
    let folder = path_of(params.filled("path").unwrap_or("/"))?;
    if node_at(&repository, &folder).await?.file.is_some() {
        return Err(ApiError::new(Code::NodeConflict, [folder.as_str()]));
    }
    // It is at most 1,000.
    let found = page(&repository, &folder, &place, limit as u32).await?;
    let last = found.last().filter(|_| found.len() == limit);
    ok(Nodes {
        next: last.map(Place::behind),
        nodes: found.into_iter().map(NodeView::of).collect(),
    })
}

/// Answers a file or folder with its properties.
#[utoipa::path(get, path = "/api/v1/repositories/{project}/{repository}/node", params(("path" = String, Query, description = "Its path")), responses((status = 200, body = NodeView)))]
async fn show(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
) -> ApiResult<Response> {
    let repository = readable(&app, MaybeCaller::User(caller), &project, &name).await?;
    let path = path_of(params.required("path")?)?;
    ok(NodeView::of(node_at(&repository, &path).await?))
}

/// What becomes of properties.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct NodeChange {
    /// The properties that change, by name; null removes one, those that are not named stay.
    properties: BTreeMap<String, Option<String>>,
}

/// Changes properties of a file and answers the file; real-time tasks carry them like other changes.
#[utoipa::path(patch, path = "/api/v1/repositories/{project}/{repository}/node", params(("path" = String, Query, description = "Its path")), request_body = NodeChange, responses((status = 200, body = NodeView)))]
async fn change(
    caller: Caller,
    State(app): State<App>,
    Segments((project, name)): Segments<(String, String)>,
    params: Params,
    request: Request,
) -> ApiResult<Response> {
    let repository = writable(&app, &caller, &project, &name).await?;
    let path = path_of(params.required("path")?)?;
    let body = Members::from_request(request, &app).await?;
    let changes = body.texts_or_null("properties")?;
    let changes = changes.ok_or_else(|| unreadable_member("properties"))?;
    ok(NodeView::of(
        repository.change_properties(&path, changes, &caller.name).await?,
    ))
}
