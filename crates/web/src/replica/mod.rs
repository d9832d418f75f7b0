//! What another bk-repo node calls on this one when it replicates to here: `/replication/replica`.
//!
//! A stock bk-repo that has this node as a STANDALONE cluster asks about files and blobs, sends blobs and then makes
//! files of them. Bytes are digested before they are taken; the caller must be an administrator or a replicator, and
//! knows only the blobs of its own projects. Calls that are not here answer as any unknown URL does: 404, 250130.

mod blobs;
mod form;
mod nodes;
mod repositories;
mod uploads;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use domain::digest::Digest;
use domain::repository::RepositoryRef;
use hosted::HostedRepository;

use crate::app::App;
use crate::artifacts;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::reader::Reader;

/// Returns the routes.
pub fn router() -> Router<App> {
    const BASE: &str = connectors::bkrepo::wire::REPLICA;
    Router::new()
        .route(&format!("{BASE}/ping"), get(ping))
        .route(&format!("{BASE}/version"), get(version))
        .route(
            &format!("{BASE}/project/create"),
            post(repositories::create_project),
        )
        .route(
            &format!("{BASE}/repo/create"),
            post(repositories::create_repository),
        )
        .route(
            &format!("{BASE}/permission/check"),
            post(repositories::check_permission),
        )
        .route(&format!("{BASE}/node/exist"), get(nodes::exist))
        .route(&format!("{BASE}/node/exist/list"), post(nodes::exist_list))
        .route(&format!("{BASE}/node/create"), post(nodes::create))
        .route(&format!("{BASE}/blob/check"), get(blobs::check))
        .route(&format!("{BASE}/blob/push"), post(blobs::push))
        .route(&format!("{BASE}/blob/pull"), post(blobs::pull))
        .merge(uploads::router())
}

/// Answers anybody who may log in.
async fn ping(reader: Reader, _caller: Caller) -> ApiResult<Response> {
    reader.done()
}

/// Says which version answers; callers only log it when it is not their own.
async fn version(reader: Reader, caller: Caller) -> ApiResult<Response> {
    need_replicator(&caller)?;
    reader.ok(env!("CARGO_PKG_VERSION"))
}

/// Refuses callers that may not replicate into any project: what names no project is open to all others.
fn need_replicator(caller: &Caller) -> ApiResult<()> {
    if caller.is_admin()
        || caller
            .projects()
            .iter()
            .any(|project| caller.may_replicate(project))
    {
        return Ok(());
    }
    caller.need_replicate("*")
}

fn digest_of(text: &str) -> ApiResult<Digest> {
    let digest = if text.len() == 64 {
        text.to_ascii_lowercase().parse().ok()
    } else {
        None
    };
    digest.ok_or_else(|| {
        ApiError::invalid("sha256", text).because("64 hexadecimal digits are needed", "应为64位十六进制数字")
    })
}

async fn repository(app: &App, caller: &Caller, project: &str, name: &str) -> ApiResult<HostedRepository> {
    caller.need_replicate(project)?;
    let found = app
        .hosted()
        .repository(&RepositoryRef::new(project, name))
        .await?;
    let files = found.filter(|found| found.info().repository_type.as_str() == "GENERIC");
    files.ok_or_else(|| artifacts::unknown(project, name))
}

/// What every handler here works on.
type Node = State<App>;
