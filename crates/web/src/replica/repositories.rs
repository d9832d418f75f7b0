//! Projects and repositories a replicating node asks for, and whom it asks about.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Extension, State};
use axum::response::Response;
use domain::cluster::Secret;
use domain::repository::RepositoryRef;
use hosted::HostedError;

use super::{Node, need_replicator};
use crate::artifacts::{self, project_view, repository_detail};
use crate::auth::{Caller, Credentials};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::reader::Reader;

/// Makes a project, or answers the one that is there.
pub(super) async fn create_project(
    State(app): Node,
    reader: Reader,
    caller: Caller,
    body: Members,
) -> ApiResult<Response> {
    let name = body.required_text("name")?;
    caller.need_replicate(&name)?;
    let display_name = body.text("displayName")?.filter(|text| text.chars().count() >= 2);
    let description = body.text("description")?.unwrap_or_default();
    let made = app
        .hosted()
        .create_project(
            &name,
            display_name.as_deref().unwrap_or(&name),
            &description,
            &caller.name,
        )
        .await;
    match made {
        Ok(()) | Err(HostedError::ProjectExists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let project = app.hosted().project(&name).await?;
    let project = project.ok_or_else(|| ApiError::new(Code::ProjectUnknown, [&name]))?;
    reader.ok(project_view(project, &reader))
}

/// Makes a repository, or answers the one that is there, whatever it holds: the caller looks at its type.
pub(super) async fn create_repository(
    State(app): Node,
    reader: Reader,
    caller: Caller,
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
pub(super) async fn check_permission(
    State(app): Node,
    reader: Reader,
    caller: Caller,
    address: Option<Extension<ConnectInfo<SocketAddr>>>,
    body: Members,
) -> ApiResult<Response> {
    need_replicator(&caller)?;
    let project = body.required_text("projectId")?;
    let action = body.required_text("action")?;
    let credentials = Credentials::Basic {
        user: body.required_text("username")?,
        secret: Secret::new(body.required_text("password")?),
    };
    let address = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |found| found.0.0.ip());
    let asked = match app.logins().recognise(credentials, address).await {
        Ok(asked) => asked,
        Err(error) if error.code() == Code::Unauthenticated => return reader.ok(false),
        Err(error) => return Err(error),
    };
    let allowed = match action.as_str() {
        "READ" | "VIEW" | "DOWNLOAD" => asked.may_read(&project),
        "WRITE" | "UPDATE" | "DELETE" => asked.may_write(&project),
        "MANAGE" => asked.is_admin(),
        _ => return Err(unreadable_member("action")),
    };
    reader.ok(allowed)
}
