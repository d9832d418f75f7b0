//! The list of clusters: those that do not answer first.

use axum::extract::State;
use axum::response::Response;
use domain::cluster::{Cluster, ClusterStatus, ClusterType};
use maud::{Markup, html};
use messages::text;
use storage::checks::Check;

use super::super::look::{ForAdmin, Look};
use super::super::shell::{Page, Section, live};
use super::super::show::when;
use super::health::{kind, status};
use crate::app::App;
use crate::error::ApiResult;

/// Lists the clusters.
pub(super) async fn list(State(app): State<App>, ForAdmin(look): ForAdmin) -> ApiResult<Response> {
    let mut clusters = app.engine().clusters(None, None).await?;
    clusters.sort_by_key(|cluster| (cluster.status == ClusterStatus::Healthy, cluster.name.clone()));
    let checks = app.engine().latest_checks().await?;
    let body = html! {
        div .head {
            div { h1 { (look.say(text!("ui-clusters"))) } p .sub { (look.say(text!("ui-clusters-says"))) } }
            div .actions { a .button.main href="/clusters/new" { (look.say(text!("ui-new-cluster"))) } }
        }
        section .panel {
            div .scroll { table {
                thead { tr {
                    th { (look.say(text!("ui-name"))) }
                    th { (look.say(text!("ui-state"))) }
                    th { (look.say(text!("ui-kind"))) }
                    th .wide { (look.say(text!("ui-address"))) }
                    th .num { (look.say(text!("ui-latency"))) }
                    th .num.wide { (look.say(text!("ui-looked-at"))) }
                } }
                tbody { @for cluster in &clusters {
                    (row(&look, cluster, checks.iter().find(|check| check.cluster == cluster.id)))
                } }
            } }
        }
    };
    let title = look.say(text!("ui-clusters"));
    Ok(Page {
        title,
        section: Section::Clusters,
        body: live(&look, "topics=clusters", |live| live(&body), None),
    }
    .show(&look))
}

fn row(look: &Look, cluster: &Cluster, check: Option<&Check>) -> Markup {
    let own = cluster.cluster_type == ClusterType::Center;
    html! {
        tr {
            td { a href=(format!("/clusters/{}", cluster.id)) { (cluster.name) } }
            td {
                @if own { span .tag { (look.say(text!("ui-this-node"))) } } @else { (status(look, cluster)) }
                @if let Some(failure) = &cluster.error_reason { div .why.bad { (look.say(failure)) } }
            }
            td { (look.say(kind(cluster.cluster_type))) }
            td .wide.break { span .mono { (cluster.url) } }
            td .num { @match check.filter(|check| check.class.is_none()) { Some(check) => (look.say(text!("ui-milliseconds", n = check.latency_ms))), None => "–" } }
            td .num.wide { @match check { Some(check) => (when(look, check.at_ms)), None => "–" } }
        }
    }
}
