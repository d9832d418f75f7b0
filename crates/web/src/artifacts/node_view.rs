//! Nodes as the contract shows them.

use domain::path::FilePath;
use domain::repository::RepositoryRef;
use hosted::{HostedError, HostedRepository, Node};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::{ApiError, ApiResult};
use crate::openapi::reshaped;
use crate::reader::Reader;

/// Properties of a node, as a list.
#[derive(Debug, Serialize, ToSchema)]
struct Property {
    key: String,
    value: String,
    system: bool,
    description: Option<String>,
    link: Option<String>,
    color: Option<String>,
}

/// A file or folder.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeView {
    id: String,
    created_by: String,
    created_date: String,
    last_modified_by: String,
    last_modified_date: String,
    last_access_date: Option<String>,
    folder: bool,
    path: String,
    name: String,
    full_path: String,
    size: u64,
    node_num: Option<u64>,
    sha256: Option<String>,
    md5: Option<String>,
    crc64ecma: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    node_metadata: Option<Vec<Property>>,
    project_id: String,
    repo_name: String,
    copy_from_credentials_key: Option<String>,
    copy_into_credentials_key: Option<String>,
    cluster_names: Option<Vec<String>>,
    archived: Option<bool>,
    compressed: Option<bool>,
    federated_source: Option<String>,
}

/// Shows a node of a list; its properties only when they were asked for.
pub(super) fn info(repository: &RepositoryRef, node: &Node, reader: &Reader, metadata: bool) -> NodeView {
    let file = node.file.as_ref();
    let parent = match node.path.parent() {
        Some(parent) if !parent.is_root() => format!("{parent}/"),
        _ => "/".into(),
    };
    let properties = node.metadata.iter();
    NodeView {
        id: node.id.to_string(),
        created_by: node.created_by.clone(),
        created_date: reader.date(node.created_ms),
        last_modified_by: node.modified_by.clone(),
        last_modified_date: reader.date(node.modified_ms),
        last_access_date: None,
        folder: file.is_none(),
        path: parent,
        name: node.path.name().into(),
        full_path: node.path.to_string(),
        size: file.map_or(0, |file| file.size_bytes),
        node_num: None,
        sha256: file.map(|file| file.digest.to_hex()),
        md5: file.and_then(|file| file.md5.clone()),
        crc64ecma: file.and_then(|file| file.crc64).map(|crc| crc.to_string()),
        metadata: metadata.then(|| {
            properties
                .clone()
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect()
        }),
        node_metadata: metadata.then(|| properties.map(|(key, value)| property(key, value)).collect()),
        project_id: repository.project.clone(),
        repo_name: repository.name.clone(),
        copy_from_credentials_key: None,
        copy_into_credentials_key: None,
        cluster_names: None,
        archived: None,
        compressed: None,
        federated_source: None,
    }
}

fn property(key: &str, value: &str) -> Property {
    Property {
        key: key.into(),
        value: value.into(),
        system: false,
        description: None,
        link: None,
        color: None,
    }
}

/// A file or folder that was found: the members that were selected, or all of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub(super) struct FoundView(Map<String, Value>);

/// Shows a node that was found with the members in `select`, or all of them.
pub(super) fn found(
    repository: &RepositoryRef,
    node: &Node,
    reader: &Reader,
    select: Option<&[String]>,
) -> ApiResult<FoundView> {
    let shown = serde_json::to_value(info(repository, node, reader, true)).map_err(ApiError::internal)?;
    let Value::Object(mut members) = shown else {
        return Err(ApiError::internal("a node is shown as an object"));
    };
    if let Some(select) = select {
        members.retain(|name, _| select.contains(name));
    }
    Ok(FoundView(members))
}

/// A file or folder in detail, in the document of the API.
pub(crate) enum NodeDetail {}

impl PartialSchema for NodeDetail {
    fn schema() -> RefOr<Schema> {
        let whole = Ref::from_schema_name(NodeView::name());
        reshaped::<NodeView>(
            &["id", "copyFromCredentialsKey", "copyIntoCredentialsKey"],
            [("nodeInfo", whole)],
        )
    }
}

impl ToSchema for NodeDetail {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NodeView::name().into(), NodeView::schema()));
        NodeView::schemas(schemas);
    }
}

/// Shows a node in detail: the whole object as `nodeInfo`, and its members again beside it.
pub(crate) fn detail(repository: &HostedRepository, node: &Node, reader: &Reader) -> ApiResult<Value> {
    let info = info(&repository.info().name, node, reader, true);
    let Value::Object(mut members) = serde_json::to_value(&info).map_err(ApiError::internal)? else {
        return Err(ApiError::internal("a node is shown as an object"));
    };
    let whole = Value::Object(members.clone());
    for inner in ["id", "copyFromCredentialsKey", "copyIntoCredentialsKey"] {
        members.remove(inner);
    }
    members.insert("nodeInfo".into(), whole);
    Ok(Value::Object(members))
}

/// Returns the node at `path`; the root is a folder even though nobody made it.
pub(crate) async fn node_at(repository: &HostedRepository, path: &FilePath) -> ApiResult<Node> {
    if path.is_root() {
        let info = repository.info();
        return Ok(Node {
            id: info.id,
            path: path.clone(),
            file: None,
            metadata: std::collections::BTreeMap::new(),
            expires_ms: None,
            created_by: info.created_by.clone(),
            created_ms: info.created_ms,
            modified_by: info.modified_by.clone(),
            modified_ms: info.modified_ms,
        });
    }
    let node = repository.node(path).await?;
    Ok(node.ok_or_else(|| HostedError::NodeUnknown(path.clone()))?)
}
