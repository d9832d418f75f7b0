//! Projects and repositories a replicating node asks for, and whom it asks about.

use axum::extract::State;
use axum::response::Response;
use connectors::bkrepo::wire::REPLICA;
use domain::cluster::Secret;
use domain::repository::RepositoryRef;
use hosted::{HostedError, NewProject};
use utoipa::ToSchema;

use super::{Node, Replicator};
use crate::artifacts::{
    self, ProjectView, RepositoryBody, RepositoryDetail, project_view, repository_detail,
};
use crate::auth::Address;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::reader::Reader;

/// A project to be made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
pub(super) struct ReplicaProjectBody {
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_-]{1,99}$")]
    name: String,
    /// The name unless said otherwise.
    #[schema(max_length = 100)]
    display_name: Option<String>,
    description: Option<String>,
}

/// Who is asked about, and what they want to do.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
pub(super) struct PermissionCheckBody {
    username: String,
    password: String,
    project_id: String,
    /// `READ`, `VIEW`, `DOWNLOAD`, `WRITE`, `UPDATE`, `DELETE` or `MANAGE`.
    action: String,
}

/// Makes a project, or answers the one that is there.
#[utoipa::path(post, context_path = REPLICA, path = "/project/create", request_body = ReplicaProjectBody, responses((status = 200, body = ProjectView)))]
pub(super) async fn create_project(
    State(app): Node,
    reader: Reader,
    Replicator(caller): Replicator,
    body: Members,
) -> ApiResult<Response> {
    let name = body.required_text("name")?;
    caller.need_replicate(&name)?;
    let display_name = body.text("displayName")?.filter(|text| text.chars().count() >= 2);
    let new = NewProject {
        display_name: display_name.unwrap_or_else(|| name.clone()),
        description: body.text("description")?.unwrap_or_default(),
        // To replicate into a project is less than to manage it.
        managed: false,
        ..NewProject::named(&name)
    };
    let made = app.hosted().create_project(&new, &caller.name).await;
    match made {
        Ok(()) | Err(HostedError::ProjectExists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let project = app.hosted().project(&name).await?;
    let project = project.ok_or_else(|| ApiError::new(Code::ProjectUnknown, [&name]))?;
    reader.ok(project_view(project, &reader))
}

/// Makes a repository, or answers the one that is there, whatever it holds: the caller looks at its type.
#[utoipa::path(post, context_path = REPLICA, path = "/repo/create", request_body = RepositoryBody, responses((status = 200, body = RepositoryDetail)))]
pub(super) async fn create_repository(
    State(app): Node,
    reader: Reader,
    Replicator(caller): Replicator,
    body: Members,
) -> ApiResult<Response> {
    let name = RepositoryRef::new(body.required_text("projectId")?, body.required_text("name")?);
    caller.need_replicate(&name.project)?;
    for _ in 0..2 {
        if let Some(found) = app.hosted().repository(&name).await? {
            return reader.ok(repository_detail(found.info(), &reader)?);
        }
        let new = artifacts::new_repository(&body)?;
        match app.hosted().create_repository(&new, &caller.name).await {
            Ok(made) => return reader.ok(repository_detail(&made, &reader)?),
            Err(HostedError::RepositoryExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(artifacts::unknown(&name.project, &name.name))
}

/// Says whether somebody else, whose password is given, may do something here.
#[utoipa::path(post, context_path = REPLICA, path = "/permission/check", request_body = PermissionCheckBody, responses((status = 200, body = bool)))]
pub(super) async fn check_permission(
    State(app): Node,
    reader: Reader,
    _: Replicator,
    Address(address): Address,
    body: Members,
) -> ApiResult<Response> {
    let project = body.required_text("projectId")?;
    let action = body.required_text("action")?;
    let user = body.required_text("username")?;
    let password = Secret::new(body.required_text("password")?);
    let asked = match app.logins().with_password(&user, &password, address).await {
        Ok(asked) => asked,
        Err(error) if error.code() == Code::Unauthenticated => return reader.ok(false),
        Err(error) => return Err(error),
    };
    let allowed = match action.as_str() {
        "READ" | "VIEW" | "DOWNLOAD" => asked.may_read(&project),
        "WRITE" | "UPDATE" | "DELETE" => asked.may_write(&project),
        "MANAGE" => asked.may_manage(&project),
        _ => return Err(unreadable_member("action")),
    };
    reader.ok(allowed)
}
