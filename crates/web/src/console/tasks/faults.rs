//! Why a draft was refused, said at the field of the form it is about.

use engine::error::EngineError;
use engine::tasks::draft::TaskDraft;
use messages::text;

use super::super::form::Typed;
use super::super::look::Look;
use super::objects::at;
use crate::error::{ApiError, ApiResult};
use crate::refusals::words;

/// Notes why the engine refused `draft`; what is no refusal of a draft is given back.
pub(super) fn of_draft(
    look: &Look,
    typed: &mut Typed,
    draft: &TaskDraft,
    error: EngineError,
) -> ApiResult<()> {
    let object = object_of(draft, &error);
    of_object(look, typed, object, error)
}

/// Notes why the engine refused repository `n` of a draft, or something that is about no repository.
pub(super) fn of_object(look: &Look, typed: &mut Typed, n: usize, error: EngineError) -> ApiResult<()> {
    let (field, says) = match error {
        EngineError::Store(_) | EngineError::TaskUnknown(_) | EngineError::TaskFrozen(_) => {
            return Err(error.into());
        }
        EngineError::Missing(member) | EngineError::Empty(member) => {
            (field_of(member, n), look.say(text!("ui-fault-empty")))
        }
        EngineError::Contradiction("versionFilter") => {
            (at("include", n), look.say(text!("ui-fault-versions-named")))
        }
        EngineError::Invalid { member, reason, .. } => (field_of(&member, n), look.say(words(reason))),
        EngineError::PathInvalid(path) => ("paths".into(), look.say(text!("ui-fault-path", path = path))),
        EngineError::TaskExists(_) => ("name".into(), look.say(text!("ui-fault-taken"))),
        EngineError::ClusterUnreachable { .. } | EngineError::ClusterUnknown(_) => {
            ("targets".into(), ApiError::from(error).message(look.language))
        }
        other => (String::new(), ApiError::from(other).message(look.language)),
    };
    typed.fault(&field, says);
    Ok(())
}

/// Returns which repository of `draft` an error is about, as far as its value tells.
fn object_of(draft: &TaskDraft, error: &EngineError) -> usize {
    let EngineError::Invalid { member, value, .. } = error else {
        return 0;
    };
    let project = |named: &Option<String>| named.clone().unwrap_or_else(|| draft.project.clone());
    let found = draft.objects.iter().rposition(|object| match member.as_str() {
        "repoType" => object.repository_type.as_str() == value,
        "remoteRepoName" => {
            let name = object
                .remote_repository
                .as_ref()
                .unwrap_or(&object.local_repository);
            *value == format!("{}/{name}", project(&object.remote_project))
        }
        _ => false,
    });
    found.unwrap_or(0)
}

/// Returns the field of the form that the engine's `member` of repository `n` comes from; `""` is the form as a whole.
fn field_of(member: &str, n: usize) -> String {
    let field = match member {
        "localProjectId" | "replicaTaskObjects" | "localRepoName" | "repoType" => return at("repository", n),
        "remoteProjectId" => return at("remote_project", n),
        "remoteRepoName" => return at("remote_repository", n),
        "versionFilter" => return at("include", n),
        "platforms" => return at("platforms", n),
        "name" => "name",
        "remoteClusterIds" => "targets",
        "pathConstraints" | "path" => "paths",
        "packageConstraints" | "packageKey" | "version" => "packages",
        "targetVersions" => "target_versions",
        "replicaObjectType" => "scope",
        "replicaType" => "trigger",
        "executeTime" => "at",
        "cronExpression" => "cron",
        "recordReserveDays" => "days",
        _ => "",
    };
    field.into()
}
