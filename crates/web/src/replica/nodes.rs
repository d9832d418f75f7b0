//! Files a replicating node asks about and makes.

use axum::extract::State;
use axum::response::Response;
use connectors::bkrepo::wire::REPLICA;
use domain::artifact::Metadata;
use domain::path::FilePath;
use domain::repository::RepositoryRef;
use hosted::{HostedError, UploadOptions};
use utoipa::{IntoParams, ToSchema};

use super::{Node, Replicator, digest_of, repository};
use crate::app::App;
use crate::artifacts::{NodeDetail, expiry_ms, node_detail, path_of, viewer};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::params::Params;
use crate::reader::Reader;

/// Most paths one question may name.
const MOST_PATHS: usize = 10_000;

/// The file or folder asked about.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
pub(super) struct NodeExistParams {
    project_id: String,
    repo_name: String,
    full_path: String,
    /// Asks about a deleted one.
    deleted: Option<String>,
}

/// The files and folders asked about.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
pub(super) struct NodeExistListBody {
    project_id: String,
    repo_name: String,
    #[schema(max_items = 10_000)]
    full_path_list: Vec<String>,
}

/// A folder, or a file to be made of a blob that was sent before.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
pub(super) struct NodeCreateBody {
    project_id: String,
    repo_name: String,
    full_path: String,
    /// Whether it is a folder; false unless said otherwise.
    folder: Option<bool>,
    /// Whether it replaces a file that stands there; false unless said otherwise.
    overwrite: Option<bool>,
    /// Days until it goes away by itself; 0: never.
    expires: Option<i64>,
    #[schema(minimum = 0)]
    size: Option<i64>,
    /// Needed unless it is a folder.
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    sha256: Option<String>,
    node_metadata: Option<Vec<PropertyBody>>,
}

/// One property of a new file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct PropertyBody {
    key: String,
    value: Option<String>,
}

/// Says whether a file or folder is there; nothing deleted is remembered here.
#[utoipa::path(get, context_path = REPLICA, path = "/node/exist", params(NodeExistParams), responses((status = 200, body = bool)))]
pub(super) async fn exist(
    State(app): Node,
    reader: Reader,
    Replicator(caller): Replicator,
    params: Params,
) -> ApiResult<Response> {
    let project = params.required("projectId")?.to_owned();
    let name = params.required("repoName")?.to_owned();
    let path = path_of(params.required("fullPath")?)?;
    caller.need_replicate(&project)?;
    let wants_deleted = params.filled("deleted").is_some();
    let existing = existing(&app, &RepositoryRef::new(project, name), &[path]).await?;
    reader.ok(!wants_deleted && !existing.is_empty())
}

/// Says which of many files and folders are there.
#[utoipa::path(post, context_path = REPLICA, path = "/node/exist/list", request_body = NodeExistListBody, responses((status = 200, body = Vec<String>)))]
pub(super) async fn exist_list(
    State(app): Node,
    reader: Reader,
    Replicator(caller): Replicator,
    body: Members,
) -> ApiResult<Response> {
    let repository = RepositoryRef::new(body.required_text("projectId")?, body.required_text("repoName")?);
    caller.need_replicate(&repository.project)?;
    let paths = body
        .texts("fullPathList")?
        .ok_or_else(|| unreadable_member("fullPathList"))?;
    if paths.len() > MOST_PATHS {
        return Err(ApiError::new(
            Code::ListTooLarge,
            [&format!("fullPathList: {}", paths.len())],
        ));
    }
    let parsed = paths
        .iter()
        .map(|path| path_of(path))
        .collect::<ApiResult<Vec<FilePath>>>()?;
    reader.ok(existing(&app, &repository, &parsed).await?)
}

/// Returns those of `paths` under which something stands; in an unknown repository nothing does.
async fn existing(app: &App, name: &RepositoryRef, paths: &[FilePath]) -> ApiResult<Vec<String>> {
    let Some(repository) = app.hosted().repository(name).await? else {
        return Ok(Vec::new());
    };
    let texts: Vec<&str> = paths.iter().map(FilePath::as_str).collect();
    let found = repository.nodes(&texts).await?;
    let there = paths
        .iter()
        .zip(found)
        .filter(|(path, node)| path.is_root() || node.is_some());
    Ok(there.map(|(path, _)| path.to_string()).collect())
}

/// Makes a folder, or a file of a blob that is here; the answer shows what stands there now.
#[utoipa::path(post, context_path = REPLICA, path = "/node/create", request_body = NodeCreateBody, responses((status = 200, body = NodeDetail)))]
pub(super) async fn create(
    State(app): Node,
    reader: Reader,
    Replicator(caller): Replicator,
    body: Members,
) -> ApiResult<Response> {
    let project = body.required_text("projectId")?;
    let name = body.required_text("repoName")?;
    let repository = repository(&app, &caller, &project, &name).await?;
    let path = path_of(&body.required_text("fullPath")?)?;
    if body.flag("folder")?.unwrap_or(false) {
        let made = repository.make_folder(&path, &caller.name).await;
        let node = repository.node(&path).await?;
        let node = match (made, node) {
            // One that is there already is as good.
            (Ok(()) | Err(HostedError::NodeExists(_)), Some(node)) if node.file.is_none() => node,
            (Ok(()), _) => return Err(HostedError::NodeUnknown(path).into()),
            (Err(error), _) => return Err(error.into()),
        };
        return reader.ok(node_detail(&repository, &node, &reader)?);
    }
    let digest = digest_of(&body.required_text("sha256")?)?;
    let size_bytes = match body.number("size")? {
        None => None,
        Some(size) => {
            let size = u64::try_from(size);
            Some(size.map_err(|_| unreadable_member("size"))?)
        }
    };
    let expires_days = body.number("expires")?;
    let options = UploadOptions {
        overwrite: body.flag("overwrite")?.unwrap_or(false),
        expires_ms: expires_days.and_then(|days| expiry_ms(days, app.clock())),
        metadata: metadata(&body)?,
        size_bytes,
        ..UploadOptions::default()
    };
    if path.is_root() {
        return Err(HostedError::NodeConflict(path).into());
    }
    let node = repository
        .refer(&path, &digest, &options, &viewer(&caller))
        .await?;
    reader.ok(node_detail(&repository, &node, &reader)?)
}

/// Reads the properties: a list, or by name as older nodes send them.
fn metadata(body: &Members) -> ApiResult<Metadata> {
    let mut metadata = Metadata::new();
    if let Some(listed) = body.objects("nodeMetadata")? {
        for property in listed {
            let key = property.required_text("key")?;
            if let Some(value) = property.get("value") {
                metadata.insert(key, value_text(value));
            }
        }
    } else if let Some(named) = body.get("metadata") {
        let named = named.as_object().ok_or_else(|| unreadable_member("metadata"))?;
        let given = named.iter().filter(|(_, value)| !value.is_null());
        metadata.extend(given.map(|(key, value)| (key.clone(), value_text(value))));
    }
    Ok(metadata)
}

fn value_text(value: &serde_json::Value) -> String {
    match value.as_str() {
        Some(text) => text.into(),
        None => value.to_string(),
    }
}
