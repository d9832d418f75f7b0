//! One artifact across clusters and runs: where it is, and why it is not there yet.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::artifact::ArtifactKey;
use domain::detail::{DetailStatus, RecordDetail};
use domain::record::Record;
use domain::repository::RepositoryRef;
use engine::trace::{Presence, Side, Trace};
use maud::{Markup, html};
use messages::text;
use url::form_urlencoded::Serializer;

use super::look::{ForAdmin, Look};
use super::records::{outcome, reason};
use super::run;
use super::shell::{Page, Section, crumbs};
use super::show::{bytes, count, pill, when};
use crate::app::App;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Params;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new().route("/artifact", get(show))
}

/// Returns where the artifact `key` of a repository is shown.
pub(super) fn link(project: &str, repository: &str, key: &ArtifactKey) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("repository", &format!("{project}/{repository}"));
    query.append_pair("name", &key.name);
    if let Some(version) = &key.version {
        query.append_pair("version", version);
    }
    format!("/artifact?{}", query.finish())
}

/// Shows an artifact; every target is asked now.
async fn show(State(app): State<App>, ForAdmin(look): ForAdmin, params: Params) -> ApiResult<Response> {
    let named = params.required("repository")?;
    let (project, name) = named
        .split_once('/')
        .ok_or_else(|| ApiError::invalid("repository", named))?;
    let local = RepositoryRef::new(project, name);
    let key = ArtifactKey {
        name: params.required("name")?.into(),
        version: params.text("version"),
    };
    let trace = app.engine().trace(&local, &key).await?;
    if trace.artifact.is_none() && trace.sides.is_empty() && trace.attempts.is_empty() {
        return Err(ApiError::new(Code::NodeUnknown, [&key.name]));
    }
    let place = format!("/repositories/{project}/{name}");
    let body = html! {
        div .head {
            div {
                (crumbs(&look, &[(&look.say(text!("ui-repositories")), "/repositories".into()), (named, place)]))
                h1 .mono { (key) }
                p .sub { (here(&look, &trace)) }
            }
        }
        (sides(&look, &trace))
        (attempts(&look, &trace.attempts))
    };
    let title = key.to_string();
    Ok(Page {
        title,
        section: Section::Repositories,
        body,
    }
    .show(&look))
}

fn here(look: &Look, trace: &Trace) -> Markup {
    match &trace.artifact {
        None => html! { (pill("warn", &look.say(text!("ui-not-here")))) },
        Some(artifact) => html! {
            (bytes(artifact.size_bytes())) " (" (count(artifact.size_bytes())) " B)"
            @if let Some(digest) = &artifact.digest { " · " code { (digest.to_hex()) } }
        },
    }
}

fn sides(look: &Look, trace: &Trace) -> Markup {
    html! {
        section .panel aria-labelledby="sides" {
            header { h2 #sides { (look.say(text!("ui-where-it-is"))) } span .soft.small { (look.say(text!("ui-asked-now"))) } }
            @if trace.sides.is_empty() { p .empty { (look.say(text!("ui-no-task-carries-it"))) } }
            @else {
                div .scroll { table {
                    thead { tr {
                        th { (look.say(text!("ui-cluster"))) }
                        th { (look.say(text!("ui-state"))) }
                        th { "SHA-256" }
                        th { (look.say(text!("ui-task"))) }
                    } }
                    tbody { @for side in &trace.sides { (side_row(look, side, trace)) } }
                } }
            }
        }
    }
}

fn side_row(look: &Look, side: &Side, trace: &Trace) -> Markup {
    let (class, name) = match &side.presence {
        Presence::Same => ("ok", text!("ui-there")),
        Presence::Other => ("warn", text!("ui-other-there")),
        Presence::Unsure => ("", text!("ui-perhaps-there")),
        Presence::Absent => ("bad", text!("ui-not-there")),
        Presence::Unknown(_) => ("bad", text!("ui-no-answer")),
    };
    let digest = side.existing.as_ref().and_then(|existing| existing.digest);
    html! {
        tr {
            td { (side.cluster) div .why { (side.repository) } }
            td .grow { (pill(class, &look.say(name))) div .why { (why_not(look, side, trace)) } }
            td { @match digest { Some(digest) => code title=(digest.to_hex()) { (&digest.to_hex()[..12]) "…" }, None => "–" } }
            td { a href=(run::task_path(&side.task.key)) { (side.task.name) } }
        }
    }
}

/// Says why an artifact is not at a target yet; nothing when it is.
fn why_not(look: &Look, side: &Side, trace: &Trace) -> String {
    match &side.presence {
        Presence::Same | Presence::Unsure => return String::new(),
        Presence::Unknown(failure) => return look.say(&**failure),
        Presence::Other | Presence::Absent => {}
    }
    let tried = |(record, detail): &&(Record, RecordDetail)| {
        record.task_key == side.task.key && detail.remote_cluster == side.cluster
    };
    match trace.attempts.iter().find(tried) {
        Some((_, detail)) if detail.status() == DetailStatus::Failed => {
            reason(look, detail).unwrap_or_default()
        }
        Some((_, detail)) if detail.status() == DetailStatus::Running => look.say(text!("ui-on-its-way")),
        Some(_) => look.say(text!("ui-changed-since")),
        None if !side.task.enabled => look.say(text!("ui-task-is-off")),
        None if side.task.runs == 0 => look.say(text!("ui-task-never-ran")),
        None => look.say(text!("ui-not-tried")),
    }
}

fn attempts(look: &Look, attempts: &[(Record, RecordDetail)]) -> Markup {
    html! {
        section .panel aria-labelledby="attempts" {
            header { h2 #attempts { (look.say(text!("ui-every-attempt"))) } }
            @if attempts.is_empty() { p .empty { (look.say(text!("ui-not-tried"))) } }
            @else {
                div .scroll { table {
                    thead { tr {
                        th { (look.say(text!("ui-time"))) }
                        th { (look.say(text!("ui-cluster"))) }
                        th { (look.say(text!("ui-outcome"))) }
                        th { (look.say(text!("ui-why"))) }
                    } }
                    tbody { @for (record, detail) in attempts {
                        tr {
                            td { a href=(run::path(record)) { (when(look, detail.started_ms)) } }
                            td { (detail.remote_cluster) }
                            td { (outcome(look, detail)) }
                            td .grow { @if let Some(reason) = reason(look, detail) { div .why.bad { (reason) } } }
                        }
                    } }
                } }
            }
        }
    }
}
