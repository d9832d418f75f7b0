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

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use connectors::bkrepo::wire::REPLICA;
use domain::digest::Digest;
use domain::repository::RepositoryRef;
use hosted::HostedRepository;
use messages::text;
use storage::users::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::artifacts;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::reader::Reader;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(ping))
        .routes(routes!(version))
        .routes(routes!(repositories::create_project))
        .routes(routes!(repositories::create_repository))
        .routes(routes!(repositories::check_permission))
        .routes(routes!(nodes::exist))
        .routes(routes!(nodes::exist_list))
        .routes(routes!(nodes::create))
        .routes(routes!(blobs::check))
        .routes(routes!(blobs::push))
        .routes(routes!(blobs::pull))
        .merge(uploads::router())
}

/// Answers anybody who may log in.
#[utoipa::path(get, context_path = REPLICA, path = "/ping")]
async fn ping(reader: Reader, _caller: Caller) -> ApiResult<Response> {
    reader.done()
}

/// Says which version answers; callers only log it when it is not their own.
#[utoipa::path(get, context_path = REPLICA, path = "/version", responses((status = 200, body = String)))]
async fn version(reader: Reader, _: Replicator) -> ApiResult<Response> {
    reader.ok(env!("CARGO_PKG_VERSION"))
}

/// A caller that may replicate into some project; into which one is asked when the project is known.
struct Replicator(Caller);

impl FromRequestParts<App> for Replicator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match &caller.role {
            Role::Admin | Role::Replicator { .. } => {}
            Role::None => caller.need_replicate("*")?,
        }
        Ok(Self(caller))
    }
}

fn digest_of(text: &str) -> ApiResult<Digest> {
    let digest = if text.len() == 64 {
        text.to_ascii_lowercase().parse().ok()
    } else {
        None
    };
    digest.ok_or_else(|| ApiError::invalid("sha256", text).because(text!("sha256-form")))
}

async fn repository(app: &App, caller: &Caller, project: &str, name: &str) -> ApiResult<HostedRepository> {
    caller.need_replicate(project)?;
    let found = app
        .hosted()
        .repository(&RepositoryRef::new(project, name))
        .await?;
    let files = found.filter(|found| {
        let info = found.info();
        info.repository_type.as_str() == "GENERIC" && !info.is_foreign()
    });
    files.ok_or_else(|| artifacts::unknown(project, name))
}

/// What every handler here works on.
type Node = State<App>;
