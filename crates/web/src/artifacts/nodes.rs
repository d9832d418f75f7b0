//! Nodes: `/repository/api/node`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete as delete_route, get};
use hosted::{NodeFilter, NodeOrder};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::node_changes::NodesDeleted;
use super::node_view::{self, NodeDetail, NodeView};
use super::place::Place;
use crate::app::App;
use crate::auth::{Caller, MaybeCaller};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::page::{PageParams, PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Largest page size a client may name.
const MOST_NODES: u32 = 100_000;

const BASE: &str = "/repository/api/node";

/// Returns the routes; a path that is left out is the root.
pub(super) fn router() -> OpenApiRouter<App> {
    let mut router = OpenApiRouter::default()
        .routes(routes!(detail))
        .routes(routes!(page))
        .routes(routes!(size))
        .routes(routes!(delete));
    for root in ["{projectId}/{repoName}/", "{projectId}/{repoName}"] {
        router = router
            .route(&format!("{BASE}/detail/{root}"), get(detail))
            .route(&format!("{BASE}/page/{root}"), get(page))
            .route(&format!("{BASE}/size/{root}"), get(size))
            .route(&format!("{BASE}/delete/{root}"), delete_route(delete));
    }
    router
}

/// What nodes are paged by.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct NodePageParams {
    /// Whether folders count; true unless said otherwise.
    include_folder: Option<bool>,
    /// Whether properties are shown; false unless said otherwise.
    include_metadata: Option<bool>,
    /// Whether to look into folders; false unless said otherwise.
    deep: Option<bool>,
    /// Whether folders come first; false unless said otherwise.
    sort: Option<bool>,
    /// What to order by: `folder`, `path`, `name`, `fullPath`, `size`, `createdDate`, `lastModifiedDate`.
    sort_property: Option<Vec<String>>,
    /// `ASC` or `DESC`, one for each property.
    direction: Option<Vec<String>>,
    /// Whether to count; true unless said otherwise.
    include_total_records: Option<bool>,
}

/// How much is below a folder.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NodeSize {
    sub_node_count: u64,
    sub_node_without_folder_count: u64,
    size: u64,
}

/// Answers a file or folder in detail.
#[utoipa::path(get, context_path = BASE, path = "/detail/{projectId}/{repoName}/{*path}", responses((status = 200, body = NodeDetail)), security(()))]
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
pub(super) fn not_an_artifact(error: ApiError) -> ApiError {
    if error.code() == Code::NodeUnknown {
        error.with_status(StatusCode::BAD_REQUEST)
    } else {
        error
    }
}

/// Pages what is below a folder.
#[utoipa::path(get, context_path = BASE, path = "/page/{projectId}/{repoName}/{*path}", params(PageParams, NodePageParams), responses((status = 200, body = PageView<NodeView>)), security(()))]
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
        .map(|node| node_view::info(&repository.info().name, node, &reader, metadata))
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
    // Clients write lists in three ways: `a=1&a=2`, `a[]=1&a[]=2` and `a=1,2`.
    let listed = |name: &'static str, brackets: &'static str| {
        let values = params.all(name).chain(params.all(brackets));
        values
            .flat_map(|all| all.split(','))
            .filter(|value| !value.is_empty())
    };
    let directions: Vec<&str> = listed("direction", "direction[]").collect();
    for (index, property) in listed("sortProperty", "sortProperty[]").enumerate() {
        let by = match property {
            "folder" => NodeOrder::Folder,
            "name" => NodeOrder::Name,
            "path" | "fullPath" => NodeOrder::Path,
            "size" => NodeOrder::Size,
            "createdDate" => NodeOrder::Created,
            "lastModifiedDate" => NodeOrder::Modified,
            other => return Err(ApiError::invalid("sortProperty", other)),
        };
        let ascending = match directions.get(index).copied().unwrap_or("ASC") {
            "ASC" | "asc" => true,
            "DESC" | "desc" => false,
            other => return Err(ApiError::invalid("direction", other)),
        };
        order.push((by, ascending));
    }
    Ok(order)
}

/// Answers how much is below a folder, or how large a file is.
#[utoipa::path(get, context_path = BASE, path = "/size/{projectId}/{repoName}/{*path}", responses((status = 200, body = NodeSize)), security(()))]
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
    reader.ok(NodeSize {
        sub_node_count: nodes,
        sub_node_without_folder_count: files,
        size: bytes,
    })
}

/// Deletes a node and everything below it; one that is not there counts 0.
#[utoipa::path(delete, context_path = BASE, path = "/delete/{projectId}/{repoName}/{*path}", responses((status = 200, body = NodesDeleted)))]
async fn delete(
    State(app): State<App>,
    reader: Reader,
    caller: Caller,
    Segments(place): Segments<Place>,
) -> ApiResult<Response> {
    let (repository, path) = place.writable(&app, &caller).await?;
    let removed = repository.delete_tree(&path).await?;
    reader.ok(NodesDeleted {
        deleted_number: removed.nodes,
        deleted_size: removed.size_bytes,
        deleted_time: reader.date(app.clock().now_ms()),
    })
}
