//! Cluster endpoints: `/replication/api/cluster`, administrators only.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::cluster::{Cluster, ClusterType, Credentials, Secret};
use engine::clusters::ClusterDraft;
use messages::Render;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Admin;
use crate::codes::Code;
use crate::contract::names::{
    CLUSTER_STATUSES, CLUSTER_TYPES, ClusterStatusName, ClusterTypeName, DETECT_TYPES, DetectTypeName,
    name_of,
};
use crate::error::{ApiError, ApiResult};
use crate::json::{self, Members, unreadable_member};
use crate::page::{PageParams, PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

const BASE: &str = "/replication/api/cluster";

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(info_by_name))
        .routes(routes!(center))
        .routes(routes!(info))
        .routes(routes!(list))
        .routes(routes!(list_edges))
        .routes(routes!(page))
        .routes(routes!(exist))
        .routes(routes!(create))
        .routes(routes!(update))
        .routes(routes!(remove))
        .routes(routes!(try_connect))
}

/// A cluster as the contract shows it; secrets have no member here.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    id: String,
    name: String,
    #[schema(value_type = ClusterStatusName)]
    status: &'static str,
    error_reason: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = ClusterTypeName)]
    cluster_type: &'static str,
    url: String,
    username: Option<String>,
    certificate: Option<String>,
    app_id: Option<String>,
    access_key: Option<String>,
    udp_port: Option<i64>,
    created_by: String,
    #[schema(value_type = Option<String>)]
    extension: Option<()>,
    created_date: String,
    last_modified_by: String,
    last_modified_date: String,
    #[schema(value_type = DetectTypeName)]
    detect_type: &'static str,
    last_report_time: Option<String>,
}

impl ClusterView {
    /// Shows `cluster` to `reader`.
    pub fn of(cluster: Cluster, reader: &Reader) -> Self {
        Self {
            id: cluster.id.to_string(),
            name: cluster.name,
            status: name_of(CLUSTER_STATUSES, &cluster.status),
            error_reason: cluster
                .error_reason
                .map(|failure| failure.render(reader.language)),
            cluster_type: name_of(CLUSTER_TYPES, &cluster.cluster_type),
            url: cluster.url,
            username: cluster.credentials.username,
            certificate: cluster.credentials.certificate,
            app_id: cluster.credentials.app_id,
            access_key: cluster.credentials.access_key,
            udp_port: cluster.udp_port,
            created_by: cluster.audit.created_by,
            extension: None,
            created_date: reader.date(cluster.audit.created_ms),
            last_modified_by: cluster.audit.modified_by,
            last_modified_date: reader.date(cluster.audit.modified_ms),
            detect_type: name_of(DETECT_TYPES, &cluster.detect_type),
            last_report_time: cluster.last_report_ms.map(|ms| reader.date(ms)),
        }
    }
}

/// What lists of clusters are filtered by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct ClusterFilter {
    /// Beginning of the name.
    name: Option<String>,
    /// Type of the cluster.
    #[param(rename = "type", inline)]
    cluster_type: Option<ClusterTypeName>,
}

/// A cluster to be registered.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
pub(crate) struct ClusterBody {
    #[schema(min_length = 2, max_length = 256)]
    name: String,
    url: String,
    #[schema(rename = "type")]
    cluster_type: ClusterTypeName,
    certificate: Option<String>,
    username: Option<String>,
    password: Option<String>,
    app_id: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    udp_port: Option<i64>,
    /// Whether the connection is tested first; true unless said otherwise.
    ping: Option<bool>,
    detect_type: Option<DetectTypeName>,
}

/// A changed cluster: every credential is replaced by what is sent, by nothing when nothing is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct ClusterUpdateBody {
    name: String,
    url: String,
    certificate: Option<String>,
    username: Option<String>,
    password: Option<String>,
    app_id: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    udp_port: Option<i64>,
    detect_type: Option<DetectTypeName>,
}

fn shown(clusters: Vec<Cluster>, reader: &Reader) -> Vec<ClusterView> {
    clusters
        .into_iter()
        .map(|cluster| ClusterView::of(cluster, reader))
        .collect()
}

/// Answers the cluster with an id, or null.
#[utoipa::path(get, context_path = BASE, path = "/info/{id}", responses((status = 200, body = Option<ClusterView>)))]
async fn info(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let cluster = app.engine().cluster(&id).await?;
    reader.ok(cluster.map(|cluster| ClusterView::of(cluster, &reader)))
}

/// Answers the cluster with a name, or null.
#[utoipa::path(get, context_path = BASE, path = "/info", params(("name" = String, Query, description = "Name of the cluster")), responses((status = 200, body = Option<ClusterView>)))]
async fn info_by_name(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    params: Params,
) -> ApiResult<Response> {
    let cluster = app.engine().cluster_named(params.required("name")?).await?;
    reader.ok(cluster.map(|cluster| ClusterView::of(cluster, &reader)))
}

/// Answers the cluster that is this one.
#[utoipa::path(get, context_path = BASE, path = "/info/center", responses((status = 200, body = ClusterView)))]
async fn center(_: Admin, State(app): State<App>, reader: Reader) -> ApiResult<Response> {
    let cluster = app.engine().own_cluster().await?;
    let cluster = cluster.ok_or_else(|| ApiError::new(Code::TargetUnknown, ["CENTER"]))?;
    reader.ok(ClusterView::of(cluster, &reader))
}

/// Lists clusters by name prefix and type, newest first.
#[utoipa::path(get, context_path = BASE, path = "/list", params(ClusterFilter), responses((status = 200, body = Vec<ClusterView>)))]
async fn list(_: Admin, State(app): State<App>, reader: Reader, params: Params) -> ApiResult<Response> {
    let cluster_type = match params.filled("type") {
        None => None,
        Some(name) => {
            let known = CLUSTER_TYPES.iter().find(|(known, _)| *known == name);
            Some(known.ok_or_else(|| ApiError::invalid("type", name))?.1)
        }
    };
    let clusters = app.engine().clusters(params.filled("name"), cluster_type).await?;
    reader.ok(shown(clusters, &reader))
}

/// Lists edges, newest first.
#[utoipa::path(get, context_path = BASE, path = "/list/edge", responses((status = 200, body = Vec<ClusterView>)))]
async fn list_edges(_: Admin, State(app): State<App>, reader: Reader) -> ApiResult<Response> {
    let edges = app.engine().clusters(None, Some(ClusterType::Edge)).await?;
    reader.ok(shown(edges, &reader))
}

/// Pages clusters by name prefix and type, newest first.
#[utoipa::path(get, context_path = BASE, path = "/page", params(PageParams, ClusterFilter), responses((status = 200, body = PageView<ClusterView>)))]
async fn page(_: Admin, State(app): State<App>, reader: Reader, params: Params) -> ApiResult<Response> {
    let page = PageQuery::of(&params)?;
    let cluster_type = params.filter("type", CLUSTER_TYPES)?;
    let clusters = app.engine().clusters(params.filled("name"), cluster_type).await?;
    let total = clusters.len() as u64;
    let before = usize::try_from(page.rows_before()).unwrap_or(usize::MAX);
    let rows = clusters.into_iter().skip(before).take(page.size as usize);
    reader.ok(PageView::new(page, total, shown(rows.collect(), &reader)))
}

/// Says whether a name is taken.
#[utoipa::path(get, context_path = BASE, path = "/exist", params(("name" = String, Query, description = "Name of the cluster")), responses((status = 200, body = bool)))]
async fn exist(_: Admin, State(app): State<App>, reader: Reader, params: Params) -> ApiResult<Response> {
    let cluster = app.engine().cluster_named(params.required("name")?).await?;
    reader.ok(cluster.is_some())
}

/// Registers a cluster.
#[utoipa::path(post, context_path = BASE, path = "/create", request_body = ClusterBody)]
async fn create(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let url = body.required_text("url")?;
    let cluster_type = body.choice("type", CLUSTER_TYPES)?;
    let cluster_type = cluster_type.ok_or_else(|| unreadable_member("type"))?;
    let draft = draft(&body, Some(url), cluster_type)?;
    app.engine().create_cluster(draft, admin.name()).await?;
    reader.done()
}

/// Replaces everything but the name and type of a cluster.
#[utoipa::path(post, context_path = BASE, path = "/update", request_body = ClusterUpdateBody, responses((status = 200, body = ClusterView)))]
async fn update(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let draft = draft(&body, body.text("url")?, ClusterType::Standalone)?;
    let cluster = app.engine().update_cluster(draft, admin.name()).await?;
    reader.ok(ClusterView::of(cluster, &reader))
}

/// Reads a cluster that is to be.
pub(crate) fn draft(
    body: &Members,
    url: Option<String>,
    cluster_type: ClusterType,
) -> ApiResult<ClusterDraft> {
    let filled = |name: &str| -> ApiResult<Option<String>> {
        Ok(body.text(name)?.filter(|text| !text.trim().is_empty()))
    };
    Ok(ClusterDraft {
        name: body.required_text("name")?,
        url,
        cluster_type,
        credentials: Credentials {
            username: filled("username")?,
            password: filled("password")?.map(Secret::new),
            app_id: filled("appId")?,
            access_key: filled("accessKey")?,
            secret_key: filled("secretKey")?.map(Secret::new),
            certificate: filled("certificate")?,
        },
        udp_port: body.number("udpPort")?,
        ping: body.flag("ping")?.unwrap_or(true),
        detect_type: body.choice("detectType", DETECT_TYPES)?,
    })
}

/// Removes a cluster.
#[utoipa::path(delete, context_path = BASE, path = "/delete/{id}")]
async fn remove(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    app.engine().delete_cluster(&id).await?;
    reader.done()
}

/// Tests the connection to a cluster; its name comes in the query, a form or a JSON body.
#[utoipa::path(method(get, post), context_path = BASE, path = "/tryConnect", params(("name" = Option<String>, Query, description = "Name of the cluster; it may stand in a form or a JSON body instead")))]
async fn try_connect(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    params: Params,
    request: Request,
) -> ApiResult<Response> {
    let name = match params.text("name") {
        Some(name) => name,
        None => name_in_body(request).await?,
    };
    app.engine().try_connect(&name).await?;
    reader.done()
}

async fn name_in_body(request: Request) -> ApiResult<String> {
    let is_json = json::is_json(request.headers());
    let body = json::read(request.into_body(), json::BODY_BYTES).await?;
    let name = if is_json {
        Members::parse(&body)
            .ok()
            .and_then(|body| body.text("name").ok().flatten())
    } else {
        Params::of(&String::from_utf8_lossy(&body)).text("name")
    };
    name.ok_or_else(|| ApiError::missing("name"))
}
