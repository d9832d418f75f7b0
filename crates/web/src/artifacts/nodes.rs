//! Nodes: `/repository/api/node`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete as delete_route, get};
use domain::path::FilePath;
use hosted::{HostedRepository, NodeFilter, NodeOrder};
use serde_json::json;

use super::{node_view, path_of, readable, writable};
use crate::app::App;
use crate::auth::{Caller, MaybeCaller};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::page::{PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Largest page size a client may name.
const MOST_NODES: u32 = 100_000;

/// Returns the routes; a path that is left out is the root.
pub(super) fn router() -> Router<App> {
    const BASE: &str = "/repository/api/node";
    let mut router = Router::new();
    for tail in [
        "{project}/{repository}/{*path}",
        "{project}/{repository}/",
        "{project}/{repository}",
    ] {
        router = router
            .route(&format!("{BASE}/detail/{tail}"), get(detail))
            .route(&format!("{BASE}/page/{tail}"), get(page))
            .route(&format!("{BASE}/size/{tail}"), get(size))
            .route(&format!("{BASE}/delete/{tail}"), delete_route(delete));
    }
    router
}

/// Where a node is: project, repository and path.
#[derive(Debug, serde::Deserialize)]
struct Place {
    project: String,
    repository: String,
    #[serde(default)]
    path: String,
}

impl Place {
    async fn readable(&self, app: &App, caller: MaybeCaller) -> ApiResult<(HostedRepository, FilePath)> {
        let repository = readable(app, caller, &self.project, &self.repository).await?;
        Ok((repository, path_of(&self.path)?))
    }
}

async fn detail(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments(place): Segments<Place>,
) -> ApiResult<Response> {
    let (repository, path) = place.readable(&app, caller).await?;
    let node = node_view::node_at(&repository, &path)
        .await
        .map_err(not_an_artifact)?;
    reader.ok(node_view::detail(&repository, &node, &reader)?)
}

/// Here an unknown node is a bad request, not an unknown URL.
fn not_an_artifact(error: ApiError) -> ApiError {
    if error.code() == Code::NodeUnknown {
        error.with_status(StatusCode::BAD_REQUEST)
    } else {
        error
    }
}

async fn page(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments(place): Segments<Place>,
    params: Params,
) -> ApiResult<Response> {
    let (repository, path) = place.readable(&app, caller).await?;
    check_size(&params)?;
    let query = PageQuery::of(&params)?;
    let filter = NodeFilter {
        folders: flag(&params, "includeFolder", true)?,
        deep: flag(&params, "deep", false)?,
        order: order(&params)?,
    };
    let metadata = flag(&params, "includeMetadata", false)?;
    let total = if flag(&params, "includeTotalRecords", true)? {
        repository.count(&path, &filter).await?
    } else {
        0
    };
    let nodes = repository
        .page(&path, &filter, query.rows_before(), u64::from(query.size))
        .await?;
    let views = nodes
        .iter()
        .map(|node| node_view::info(&repository, node, &reader, metadata))
        .collect();
    reader.ok(PageView::new(query, total, views))
}

fn check_size(params: &Params) -> ApiResult<()> {
    match params
        .get("pageSize")
        .map(|text| (text, text.trim().parse::<i64>()))
    {
        Some((text, Ok(size))) if !(0..=i64::from(MOST_NODES)).contains(&size) => {
            Err(ApiError::invalid("pageSize", text))
        }
        _ => Ok(()),
    }
}

fn flag(params: &Params, name: &str, otherwise: bool) -> ApiResult<bool> {
    let found = params.filter(name, &[("true", true), ("false", false)])?;
    Ok(found.unwrap_or(otherwise))
}

/// Reads the order: folders first when `sort` is set, then the properties in pairs with their directions.
fn order(params: &Params) -> ApiResult<Vec<(NodeOrder, bool)>> {
    let mut order = Vec::new();
    if flag(params, "sort", false)? {
        order.push((NodeOrder::Folder, false));
    }
    let directions: Vec<&str> = params.all("direction").flat_map(|all| all.split(',')).collect();
    let properties = params.all("sortProperty").flat_map(|all| all.split(','));
    for (index, property) in properties.filter(|property| !property.is_empty()).enumerate() {
        let by = match property {
            "folder" => NodeOrder::Folder,
            "path" | "name" | "fullPath" => NodeOrder::Path,
            "size" => NodeOrder::Size,
            "createdDate" => NodeOrder::Created,
            "lastModifiedDate" => NodeOrder::Modified,
            other => return Err(ApiError::invalid("sortProperty", other)),
        };
        let ascending = match directions.get(index).copied().unwrap_or("ASC") {
            "ASC" | "asc" | "" => true,
            "DESC" | "desc" => false,
            other => return Err(ApiError::invalid("direction", other)),
        };
        order.push((by, ascending));
    }
    Ok(order)
}

async fn size(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments(place): Segments<Place>,
) -> ApiResult<Response> {
    let (repository, path) = place.readable(&app, caller).await?;
    let node = node_view::node_at(&repository, &path)
        .await
        .map_err(not_an_artifact)?;
    let (nodes, files, bytes) = match &node.file {
        Some(file) => (0, 0, file.size_bytes),
        None => {
            let folder = repository.folder_size(&path).await?;
            (folder.nodes, folder.files, folder.size_bytes)
        }
    };
    reader.ok(json!({ "subNodeCount": nodes, "subNodeWithoutFolderCount": files, "size": bytes }))
}

/// Deletes a node and everything below it; one that is not there counts 0.
async fn delete(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
) -> ApiResult<Response> {
    let repository = writable(&app, &caller, &place.project, &place.repository).await?;
    let removed = repository.delete_tree(&path_of(&place.path)?).await?;
    reader.ok(json!({
        "deletedNumber": removed.nodes,
        "deletedSize": removed.size_bytes,
        "deletedTime": reader.date(app.clock().now_ms()),
    }))
}
