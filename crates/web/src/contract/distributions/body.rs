//! Distributions as they are sent, turned into drafts; whether they can be carried is the engine's business.

use domain::cluster::Secret;
use domain::task::ConflictStrategy;
use engine::distributions::{DistributionDraft, RegistryDraft, RemoteUser, TargetDraft};
use engine::tasks::draft::{PathDraft, ReplicaType};
use jiff::tz::TimeZone;
use messages::text;

use crate::contract::names::{REPLICA_TYPES, SCOPE_KINDS};
use crate::contract::tasks::body::{self as task_body, Form};
use crate::error::{ApiError, ApiResult};
use crate::json::Members;

/// Reads a distribution of the name `name`.
pub fn config(body: &Members, name: String, zone: &TimeZone) -> ApiResult<DistributionDraft> {
    let packages = body.objects("packageConstraints")?.unwrap_or_default();
    let keys = packages
        .iter()
        .map(|package| Ok(package.text("packageKey")?.unwrap_or_default()));
    let keys: Vec<String> = keys.collect::<ApiResult<_>>()?;
    let paths = body.objects("pathConstraints")?.unwrap_or_default();
    Ok(DistributionDraft {
        packages: (!packages.is_empty()).then(|| ("packageConstraints", keys.join(", "))),
        paths: paths.iter().map(task_body::path).collect::<ApiResult<_>>()?,
        ..draft(body, name, ReplicaType::RealTime, zone)?
    })
}

/// Reads a distribution that runs once for each time it is asked to.
pub fn run_once(body: &Members, zone: &TimeZone) -> ApiResult<DistributionDraft> {
    let name = body.required_text("name")?;
    let paths = body.texts("pathConstraints")?.unwrap_or_default();
    let path = |path| PathDraft {
        path: Some(path),
        ..PathDraft::default()
    };
    let mut draft = DistributionDraft {
        packages: packages(body)?,
        paths: paths.into_iter().map(path).collect(),
        ..draft(body, name, ReplicaType::RunOnce, zone)?
    };
    draft.settings.0.on_conflict = ConflictStrategy::Overwrite;
    Ok(draft)
}

fn packages(body: &Members) -> ApiResult<Option<(&'static str, String)>> {
    let package = filled(body, "packageName")?;
    let versions = body.texts("versions")?.unwrap_or_default();
    let renamed = body.texts("targetVersions")?.unwrap_or_default();
    let half = |member: &str| Err(ApiError::invalid(member, "").because(text!("packages-with-versions")));
    match package {
        Some(_) if versions.is_empty() => half("versions"),
        None if !versions.is_empty() => half("packageName"),
        Some(package) => Ok(Some(("packageName", package))),
        None if !renamed.is_empty() => Ok(Some(("targetVersions", renamed.join(", ")))),
        None => Ok(None),
    }
}

fn draft(
    body: &Members,
    name: String,
    replica_type: ReplicaType,
    zone: &TimeZone,
) -> ApiResult<DistributionDraft> {
    let setting = body.object("setting")?.unwrap_or_default();
    let remote_user = match (
        filled(body, "remoteUserUsername")?,
        filled(body, "remoteUserPassword")?,
    ) {
        (Some(name), Some(password)) => Some(RemoteUser {
            name,
            password: Secret::new(password),
        }),
        _ => None,
    };
    Ok(DistributionDraft {
        name,
        target: target(body)?,
        remote_user,
        remote_project: body.text("remoteProjectId")?,
        remote_repository: body.text("remoteRepoName")?,
        scope: body.choice("replicaObjectType", SCOPE_KINDS)?,
        packages: None,
        paths: Vec::new(),
        replica_type: body.choice("replicaType", REPLICA_TYPES)?.unwrap_or(replica_type),
        settings: (
            task_body::settings(&setting, Form::Create)?,
            task_body::plan(&setting, zone, Form::Create)?,
        ),
        description: body.text("description")?,
        enabled: body.flag("enable")?.unwrap_or(true),
    })
}

fn target(body: &Members) -> ApiResult<TargetDraft> {
    let registry = filled(body, "registry")?;
    match (filled(body, "clusterId")?, registry) {
        (Some(id), None) => Ok(TargetDraft::Cluster(id)),
        (Some(_), Some(registry)) => {
            Err(ApiError::invalid("registry", &registry).because(text!("cluster-or-registry")))
        }
        (None, registry) => Ok(TargetDraft::Registry(RegistryDraft {
            url: registry.unwrap_or_default(),
            username: filled(body, "username")?,
            password: filled(body, "password")?.map(Secret::new),
            certificate: filled(body, "certificate")?,
        })),
    }
}

fn filled(body: &Members, name: &str) -> ApiResult<Option<String>> {
    Ok(body.text(name)?.filter(|text| !text.trim().is_empty()))
}
