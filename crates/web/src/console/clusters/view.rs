//! One cluster: how it is, how it was, what replicates there.

use axum::extract::State;
use axum::response::Response;
use domain::cluster::{Cluster, ClusterType};
use domain::task::Task;
use maud::{Markup, html};
use messages::text;
use storage::checks::Check;

use super::super::form::button;
use super::super::look::{ForAdmin, Look, or_dash};
use super::super::run;
use super::super::shell::{Page, Section, crumbs, live};
use super::super::show::{maybe_when, when};
use super::super::tasks::{last_end, repositories};
use super::health::{DRAWN_MS, history, kind, latencies, status};
use crate::app::App;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Segments;

/// Looks that are read: more than a day has, with some by hand.
const MOST_CHECKS: usize = 3_000;

/// Returns the cluster with this id, or the refusal of an unknown one.
pub(super) async fn cluster(app: &App, id: &str) -> ApiResult<Cluster> {
    let found = app.engine().cluster(id).await?;
    found.ok_or_else(|| ApiError::new(Code::NotFound, [id]))
}

/// Shows a cluster.
pub(super) async fn view(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let cluster = cluster(&app, &id).await?;
    let tasks = app.engine().tasks_to(cluster.id).await?;
    let since_ms = look.now_ms - DRAWN_MS;
    let checks = app
        .engine()
        .cluster_checks(&cluster.name, since_ms, MOST_CHECKS)
        .await?;
    let own = cluster.cluster_type == ClusterType::Center;
    let body = html! {
        (head(&look, &cluster))
        @if let Some(failure) = &cluster.error_reason { p .note.bad { (look.say(failure)) } }
        div .two {
            section .panel aria-labelledby="is" {
                header { h2 #is { (look.say(text!("ui-connection"))) } }
                div .body { (facts(&look, &cluster)) }
            }
            @if !own {
                section .panel aria-labelledby="health" {
                    header { h2 #health { (look.say(text!("ui-health"))) } }
                    div .body.stack { (health(&look, &checks)) }
                }
            }
        }
        @if !own { (replicated(&look, &tasks)) }
    };
    let title = cluster.name.clone();
    Ok(Page {
        title,
        section: Section::Clusters,
        body: live(&look, "topics=clusters,tasks", |live| live(&body), None),
    }
    .show(&look))
}

fn head(look: &Look, cluster: &Cluster) -> Markup {
    let path = format!("/clusters/{}", cluster.id);
    html! {
        div .head {
            div {
                (crumbs(look, &[(&look.say(text!("ui-clusters")), "/clusters".into())]))
                h1 { (cluster.name) }
                p .sub { @if cluster.cluster_type != ClusterType::Center { (status(look, cluster)) " " } (look.say(kind(cluster.cluster_type))) }
            }
            @if cluster.cluster_type != ClusterType::Center {
                div .actions {
                    (button(look, &format!("{path}/check"), "main", &text!("ui-check-now"), None))
                    a .button href=(format!("{path}/edit")) { (look.say(text!("ui-edit"))) }
                    a .button.danger href=(format!("{path}/delete")) { (look.say(text!("ui-delete"))) }
                }
            }
        }
    }
}

fn facts(look: &Look, cluster: &Cluster) -> Markup {
    let credentials = &cluster.credentials;
    let secret = |there: bool| if there { "••••••" } else { "–" };
    html! {
        dl .facts {
            dt { (look.say(text!("ui-address"))) }
            dd { span .mono { (cluster.url) } }
            dt { (look.say(text!("ui-user"))) }
            dd { (or_dash(credentials.username.as_deref())) }
            dt { (look.say(text!("ui-password"))) }
            dd { (secret(credentials.password.is_some())) }
            @if credentials.access_key.is_some() || credentials.secret_key.is_some() {
                dt { (look.say(text!("ui-access-key"))) }
                dd { (or_dash(credentials.access_key.as_deref())) " / " (secret(credentials.secret_key.is_some())) }
            }
            dt { (look.say(text!("ui-certificate"))) }
            dd { (look.say(if credentials.certificate.is_some() { text!("ui-own-certificate") } else { text!("ui-public-certificates") })) }
            dt { (look.say(text!("ui-made-by"))) }
            dd { (cluster.audit.created_by) ", " (when(look, cluster.audit.created_ms)) }
        }
    }
}

fn health(look: &Look, checks: &[Check]) -> Markup {
    html! {
        (history(look, checks))
        dl .facts {
            dt { (look.say(text!("ui-looked-at"))) }
            dd { (maybe_when(look, checks.first().map(|check| check.at_ms))) }
            @if let Some((usual, most)) = latencies(checks) {
                dt { (look.say(text!("ui-latency"))) }
                dd .tab { (look.say(text!("ui-latencies", usual = usual, most = most))) }
            }
        }
    }
}

fn replicated(look: &Look, tasks: &[Task]) -> Markup {
    html! {
        section .panel aria-labelledby="replicated" {
            header { h2 #replicated { (look.say(text!("ui-replicates-there"))) } }
            @if tasks.is_empty() { p .empty { (look.say(text!("ui-nothing-replicates"))) } }
            @else { (task_table(look, tasks)) }
        }
    }
}

/// Shows tasks with how their latest run stands.
pub(in crate::console) fn task_table(look: &Look, tasks: &[Task]) -> Markup {
    html! {
        div .scroll { table {
            thead { tr {
                th { (look.say(text!("ui-task"))) }
                th { (look.say(text!("ui-from"))) }
                th { (look.say(text!("ui-last-run"))) }
                th .num { (look.say(text!("ui-started"))) }
                th .num.wide { (look.say(text!("ui-next-run"))) }
            } }
            tbody { @for task in tasks {
                tr {
                    td .grow { a href=(run::task_path(&task.key)) { (task.name) } }
                    td .break { (repositories(task)) }
                    td { (last_end(look, task)) }
                    td .num { (maybe_when(look, task.last_run_ms)) }
                    td .num.wide { (maybe_when(look, task.next_run_ms)) }
                }
            } }
        } }
    }
}
