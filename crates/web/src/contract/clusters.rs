//! Cluster endpoints: `/replication/api/cluster`, administrators only.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use domain::cluster::{Cluster, ClusterType, Credentials, Secret};
use engine::clusters::ClusterDraft;
use messages::Render;
use serde::Serialize;

use crate::app::App;
use crate::auth::Admin;
use crate::codes::Code;
use crate::contract::names::{CLUSTER_STATUSES, CLUSTER_TYPES, DETECT_TYPES, name_of};
use crate::error::{ApiError, ApiResult};
use crate::json::{self, Members, unreadable_member};
use crate::page::{PageQuery, PageView};
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub fn router() -> Router<App> {
    const BASE: &str = "/replication/api/cluster";
    Router::new()
        .route(&format!("{BASE}/info"), get(info_by_name))
        .route(&format!("{BASE}/info/center"), get(center))
        .route(&format!("{BASE}/info/{{id}}"), get(info))
        .route(&format!("{BASE}/list"), get(list))
        .route(&format!("{BASE}/list/edge"), get(list_edges))
        .route(&format!("{BASE}/page"), get(page))
        .route(&format!("{BASE}/exist"), get(exist))
        .route(&format!("{BASE}/create"), post(create))
        .route(&format!("{BASE}/update"), post(update))
        .route(&format!("{BASE}/delete/{{id}}"), delete(remove))
        .route(&format!("{BASE}/tryConnect"), get(try_connect).post(try_connect))
}

/// A cluster as the contract shows it; secrets have no member here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    id: String,
    name: String,
    status: &'static str,
    error_reason: Option<String>,
    #[serde(rename = "type")]
    cluster_type: &'static str,
    url: String,
    username: Option<String>,
    certificate: Option<String>,
    app_id: Option<String>,
    access_key: Option<String>,
    udp_port: Option<i64>,
    created_by: String,
    extension: Option<()>,
    created_date: String,
    last_modified_by: String,
    last_modified_date: String,
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

fn shown(clusters: Vec<Cluster>, reader: &Reader) -> Vec<ClusterView> {
    clusters
        .into_iter()
        .map(|cluster| ClusterView::of(cluster, reader))
        .collect()
}

/// Answers the cluster with an id, or null.
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
async fn center(_: Admin, State(app): State<App>, reader: Reader) -> ApiResult<Response> {
    let cluster = app.engine().own_cluster().await?;
    let cluster = cluster.ok_or_else(|| ApiError::new(Code::TargetUnknown, ["CENTER"]))?;
    reader.ok(ClusterView::of(cluster, &reader))
}

/// Lists clusters by name prefix and type, newest first.
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
async fn list_edges(_: Admin, State(app): State<App>, reader: Reader) -> ApiResult<Response> {
    let edges = app.engine().clusters(None, Some(ClusterType::Edge)).await?;
    reader.ok(shown(edges, &reader))
}

/// Pages clusters by name prefix and type, newest first.
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
async fn exist(_: Admin, State(app): State<App>, reader: Reader, params: Params) -> ApiResult<Response> {
    let cluster = app.engine().cluster_named(params.required("name")?).await?;
    reader.ok(cluster.is_some())
}

/// Registers a cluster.
async fn create(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let url = body.required_text("url")?;
    let cluster_type = body.choice("type", CLUSTER_TYPES)?;
    let cluster_type = cluster_type.ok_or_else(|| unreadable_member("type"))?;
    let draft = draft(&body, Some(url), cluster_type)?;
    app.engine().create_cluster(draft, admin.name()).await?;
    reader.done()
}

/// Replaces everything but the name and type of a cluster.
async fn update(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let draft = draft(&body, body.text("url")?, ClusterType::Standalone)?;
    let cluster = app.engine().update_cluster(draft, admin.name()).await?;
    reader.ok(ClusterView::of(cluster, &reader))
}

fn draft(body: &Members, url: Option<String>, cluster_type: ClusterType) -> ApiResult<ClusterDraft> {
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
