//! Clusters as the native API shows and changes them; secrets are only ever sent here.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::cluster::{Cluster, ClusterStatus, ClusterType, Credentials, Secret};
use engine::clusters::ClusterDraft;
use messages::{Render, text};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::{answer, limit, ok, time};
use crate::api::failure::FailureView;
use crate::app::App;
use crate::auth::Admin;
use crate::codes::Code;
use crate::contract::clusters::{ClusterBody, draft};
use crate::contract::names::{CLUSTER_TYPES, DETECT_TYPES, name_of};
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(check))
        .routes(routes!(checks))
}

/// A cluster; secrets have no member here.
#[derive(Serialize, ToSchema)]
#[schema(as = Cluster)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClusterView {
    id: String,
    name: String,
    /// `CENTER`, `EDGE`, `STANDALONE` or `REMOTE`.
    #[serde(rename = "type")]
    cluster_type: &'static str,
    url: String,
    /// `PING`: it is asked; `REPORT`: it reports by itself.
    detect_type: &'static str,
    healthy: bool,
    failure: Option<FailureView>,
    /// The failure in words.
    reason: Option<String>,
    /// When its health changed last.
    last_report_at: Option<String>,
    username: Option<String>,
    app_id: Option<String>,
    access_key: Option<String>,
    certificate: Option<String>,
    created_by: String,
    created_at: String,
    modified_by: String,
    modified_at: String,
}

impl ClusterView {
    /// Shows `cluster` to `reader`.
    pub(crate) fn of(cluster: Cluster, reader: &Reader) -> Self {
        let failure = cluster.error_reason;
        Self {
            id: cluster.id.to_string(),
            name: cluster.name,
            cluster_type: name_of(CLUSTER_TYPES, &cluster.cluster_type),
            url: cluster.url,
            detect_type: name_of(DETECT_TYPES, &cluster.detect_type),
            healthy: cluster.status == ClusterStatus::Healthy,
            reason: failure.as_ref().map(|failure| failure.render(reader.language)),
            failure: failure.map(FailureView::from),
            last_report_at: cluster.last_report_ms.map(time),
            username: cluster.credentials.username,
            app_id: cluster.credentials.app_id,
            access_key: cluster.credentials.access_key,
            certificate: cluster.credentials.certificate,
            created_by: cluster.audit.created_by,
            created_at: time(cluster.audit.created_ms),
            modified_by: cluster.audit.modified_by,
            modified_at: time(cluster.audit.modified_ms),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Clusters {
    clusters: Vec<ClusterView>,
}

/// A cluster, and what replicates there.
#[derive(Serialize, ToSchema)]
struct ClusterAndTasks {
    #[serde(flatten)]
    cluster: ClusterView,
    /// Names of the tasks that write to it.
    tasks: Vec<String>,
}

/// What connecting found.
#[derive(Serialize, ToSchema)]
struct Checked {
    cluster: ClusterView,
}

async fn named(app: &App, name: &str) -> ApiResult<Cluster> {
    let cluster = app.engine().cluster_named(name).await?;
    cluster.ok_or_else(|| ApiError::new(Code::ClusterUnknown, [name]))
}

/// Lists every cluster, newest first.
#[utoipa::path(get, path = "/api/v1/clusters", responses((status = 200, body = Clusters)))]
async fn list(_: Admin, State(app): State<App>, reader: Reader) -> ApiResult<Response> {
    let found = app.engine().clusters(None, None).await?;
    ok(Clusters {
        clusters: found
            .into_iter()
            .map(|cluster| ClusterView::of(cluster, &reader))
            .collect(),
    })
}

/// Answers one cluster, and what replicates there.
#[utoipa::path(get, path = "/api/v1/clusters/{name}", responses((status = 200, body = ClusterAndTasks)))]
async fn show(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(name): Segments<String>,
) -> ApiResult<Response> {
    let cluster = named(&app, &name).await?;
    ok(ClusterAndTasks {
        tasks: app.store().tasks().using_cluster(cluster.id).await?,
        cluster: ClusterView::of(cluster, &reader),
    })
}

/// Registers a cluster, once it has answered unless `ping` is false.
#[utoipa::path(post, path = "/api/v1/clusters", request_body = ClusterBody, responses((status = 201, body = ClusterView)))]
async fn create(admin: Admin, State(app): State<App>, reader: Reader, body: Members) -> ApiResult<Response> {
    let cluster_type = body
        .choice("type", CLUSTER_TYPES)?
        .ok_or_else(|| unreadable_member("type"))?;
    let draft = draft(&body, body.text("url")?, cluster_type)?;
    let cluster = app.engine().create_cluster(draft, admin.name()).await?;
    answer(StatusCode::CREATED, ClusterView::of(cluster, &reader))
}

/// Changes a cluster: what is not sent stays, and an empty credential goes.
#[utoipa::path(put, path = "/api/v1/clusters/{name}", request_body = ClusterChange, responses((status = 200, body = ClusterView)))]
async fn change(
    admin: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(name): Segments<String>,
    body: Members,
) -> ApiResult<Response> {
    let known = named(&app, &name).await?;
    let cluster = app
        .engine()
        .update_cluster(changed(&body, known)?, admin.name())
        .await?;
    ok(ClusterView::of(cluster, &reader))
}

fn changed(body: &Members, known: Cluster) -> ApiResult<ClusterDraft> {
    let text = |name: &str, known: Option<String>| -> ApiResult<Option<String>> {
        Ok(match body.text(name)? {
            Some(sent) => Some(sent).filter(|sent| !sent.trim().is_empty()),
            None => known,
        })
    };
    let secret = |name: &str, known: Option<Secret>| -> ApiResult<Option<Secret>> {
        let known = known.map(|secret| secret.reveal().to_owned());
        Ok(text(name, known)?.map(Secret::new))
    };
    let known_login = known.credentials;
    Ok(ClusterDraft {
        name: known.name,
        url: text("url", Some(known.url))?,
        cluster_type: known.cluster_type,
        credentials: Credentials {
            username: text("username", known_login.username)?,
            password: secret("password", known_login.password)?,
            app_id: text("appId", known_login.app_id)?,
            access_key: text("accessKey", known_login.access_key)?,
            secret_key: secret("secretKey", known_login.secret_key)?,
            certificate: text("certificate", known_login.certificate)?,
        },
        udp_port: body.number("udpPort")?.or(known.udp_port),
        ping: true,
        detect_type: body.choice("detectType", DETECT_TYPES)?,
    })
}

/// Removes a cluster that no task writes to.
#[utoipa::path(delete, path = "/api/v1/clusters/{name}", responses((status = 204)))]
async fn remove(_: Admin, State(app): State<App>, Segments(name): Segments<String>) -> ApiResult<Response> {
    let known = named(&app, &name).await?;
    if known.cluster_type == ClusterType::Center {
        return Err(ApiError::invalid("name", &name).because(text!("own-cluster")));
    }
    let using = app.store().tasks().using_cluster(known.id).await?;
    if !using.is_empty() {
        let error = ApiError::invalid("name", &name).with_status(StatusCode::CONFLICT);
        return Err(error.because(text!("cluster-in-use", tasks = using.join(", "))));
    }
    app.engine().delete_cluster(&known.id.to_string()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Asks a cluster now whether it answers, and notes what was found.
#[utoipa::path(post, path = "/api/v1/clusters/{name}/check", responses((status = 200, body = Checked)))]
async fn check(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(name): Segments<String>,
) -> ApiResult<Response> {
    named(&app, &name).await?;
    match app.engine().try_connect(&name).await {
        Ok(()) | Err(engine::error::EngineError::ClusterUnreachable { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    ok(Checked {
        cluster: ClusterView::of(named(&app, &name).await?, &reader),
    })
}

/// One look at a cluster.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CheckView {
    at: String,
    healthy: bool,
    /// Class of the failure, when it was not well.
    class: Option<String>,
    /// Until it answered, or was known not to, in milliseconds.
    latency_ms: u64,
    /// Whether the look before found otherwise.
    turned: bool,
}

#[derive(Serialize, ToSchema)]
struct Checks {
    checks: Vec<CheckView>,
}

/// Lists what looks at a cluster found, the latest first: each of a day, and changes of health for longer.
#[utoipa::path(get, path = "/api/v1/clusters/{name}/checks", params(("limit" = Option<usize>, Query, minimum = 1, maximum = 10000, description = "Most looks; 1,500 unless said otherwise, which is about a day")), responses((status = 200, body = Checks)))]
async fn checks(
    _: Admin,
    State(app): State<App>,
    Segments(name): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let limit = limit(&params, 1_500, 10_000)?;
    let found = app.engine().cluster_checks(&name, 0, limit).await?;
    let shown = found.into_iter().map(|check| CheckView {
        at: time(check.at_ms),
        healthy: check.class.is_none(),
        class: check.class,
        latency_ms: check.latency_ms,
        turned: check.turned,
    });
    ok(Checks {
        checks: shown.collect(),
    })
}

/// A changed cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct ClusterChange {
    url: Option<String>,
    certificate: Option<String>,
    username: Option<String>,
    password: Option<String>,
    app_id: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    udp_port: Option<i64>,
    detect_type: Option<String>,
}
