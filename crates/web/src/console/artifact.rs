//! One artifact across clusters and runs: where it is, and why it is not there yet.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::artifact::ArtifactKey;
use domain::detail::{DetailStatus, RecordDetail};
use domain::failure::ErrorKind;
use domain::repository::RepositoryRef;
use engine::trace::{Side, Trace, Verdict};
use maud::{Markup, html};
use messages::text;
use url::form_urlencoded::Serializer;

use super::look::{ForAdmin, Look};
use super::records::{note, outcome, reason};
use super::run;
use super::shell::{Page, Section, crumbs};
use super::show::{bytes_exactly, pill, when};
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
    let gone = trace.here.as_ref().err().map(|failure| failure.class) == Some(ErrorKind::NotFound);
    if gone && trace.sides.is_empty() && trace.attempts.is_empty() {
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
    match &trace.here {
        Err(failure) if failure.class == ErrorKind::NotFound => pill("warn", &look.say(text!("ui-not-here"))),
        Err(failure) => html! { (pill("bad", &look.say(text!("ui-no-answer")))) " " (look.say(failure)) },
        Ok(artifact) => html! {
            (bytes_exactly(artifact.size_bytes()))
            @if let Some(digest) = artifact.sha256() { " · " code { (digest.to_hex()) } }
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
            @if trace.unasked > 0 { p .empty { (look.say(text!("ui-more-targets", n = trace.unasked))) } }
        }
    }
}

fn side_row(look: &Look, side: &Side, trace: &Trace) -> Markup {
    let digest = side
        .there
        .as_ref()
        .ok()
        .and_then(|there| there.as_ref()?.sha256());
    html! {
        tr {
            td .break { (side.cluster) div .why { (side.repository) } }
            td .grow { (presence(look, side)) div .why { (why_not(look, side, trace)) } }
            td .flat { @match digest { Some(digest) => code title=(digest.to_hex()) { (&digest.to_hex()[..12]) "…" }, None => "–" } }
            td { a href=(run::task_path(&side.standing.task.key)) { (side.standing.task.name) } }
        }
    }
}

/// Says what a target holds, as a mark.
fn presence(look: &Look, side: &Side) -> Markup {
    let (class, name) = match (side.verdict, &side.there) {
        (Verdict::Same, _) => ("ok", text!("ui-there")),
        (_, Err(_)) => ("bad", text!("ui-no-answer")),
        (_, Ok(None)) => ("bad", text!("ui-not-there")),
        (Verdict::Uncompared | Verdict::Unknown, Ok(Some(_))) => ("", text!("ui-perhaps-there")),
        (_, Ok(Some(_))) => ("warn", text!("ui-other-there")),
    };
    pill(class, &look.say(name))
}

/// Says why an artifact is not at a target yet; when it is, what should be known of it there.
fn why_not(look: &Look, side: &Side, trace: &Trace) -> String {
    let waits = match side.verdict {
        Verdict::Same | Verdict::Uncompared => {
            let noted = side.latest.as_ref().and_then(|latest| note(look, latest));
            return noted.unwrap_or_default();
        }
        Verdict::Unknown => {
            let failure = side.there.as_ref().err().or(trace.here.as_ref().err());
            return failure.map(|failure| look.say(failure)).unwrap_or_default();
        }
        Verdict::Failed => {
            let failed = side.latest.as_ref().and_then(|latest| reason(look, latest));
            return failed.unwrap_or_default();
        }
        Verdict::NotHere => text!("ui-not-here"),
        Verdict::LeftAlone => text!("ui-left-alone"),
        Verdict::Running => text!("ui-on-its-way"),
        Verdict::Silent => text!("ui-did-not-start"),
        Verdict::Off => text!("ui-task-is-off"),
        Verdict::NextRun => text!("ui-next-run-carries-it"),
        Verdict::ByHand => text!("ui-start-it-by-hand"),
    };
    let arrived = side.latest.as_ref().map(RecordDetail::status) == Some(DetailStatus::Success);
    let changed = arrived && matches!(side.verdict, Verdict::NextRun | Verdict::ByHand);
    if changed {
        format!("{}; {}", look.say(text!("ui-changed-since")), look.say(waits))
    } else {
        look.say(waits)
    }
}

fn attempts(look: &Look, attempts: &[RecordDetail]) -> Markup {
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
                    tbody { @for detail in attempts {
                        tr {
                            td { a href=(format!("/records/{}", detail.record_id)) { (when(look, detail.started_ms)) } }
                            td { (detail.remote_cluster) }
                            td { (outcome(look, detail)) }
                            td .grow {
                                @if let Some(reason) = reason(look, detail) { div .why.bad { (reason) } }
                                @if let Some(note) = note(look, detail) { div .why { (note) } }
                            }
                        }
                    } }
                } }
            }
        }
    }
}
