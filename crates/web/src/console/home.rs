//! The first page: does everything arrive? What fails or is silent comes first.

use std::collections::HashMap;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::cluster::{Cluster, ClusterStatus, ClusterType};
use domain::id::TaskKey;
use domain::record::Record;
use engine::freshness::{Freshness, Standing};
use engine::overview::Overview;
use maud::{Markup, html};
use messages::{Text, text};
use storage::hours::HourTotal;

use super::chart::{self, Column};
use super::look::{Look, Person};
use super::run;
use super::shell::{Page, Section, live};
use super::show::{self, bytes, count, duration, freshness, when};
use super::surround::see_other;
use crate::app::App;
use crate::error::ApiResult;

/// Rows of each list.
const ROWS: usize = 8;
/// Hours of the chart.
const HOURS: u16 = 24;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new().route("/", get(home))
}

/// What the page shows.
struct Glance {
    overview: Overview,
    /// The latest record of each task that needs somebody.
    latest: HashMap<TaskKey, Record>,
    usual: HashMap<TaskKey, u64>,
    recent: Vec<Record>,
    names: HashMap<TaskKey, String>,
    clusters: Vec<Cluster>,
}

impl Glance {
    async fn read(app: &App) -> ApiResult<Self> {
        let engine = app.engine();
        let overview = engine.overview(HOURS).await?;
        let recent = engine.recent_records(ROWS).await?;
        let in_trouble: Vec<TaskKey> = overview
            .attention
            .iter()
            .map(|standing| standing.task.key.clone())
            .collect();
        let named: Vec<TaskKey> = overview
            .open
            .iter()
            .chain(&recent)
            .map(|record| record.task_key.clone())
            .collect();
        let mut clusters = engine.clusters(None, None).await?;
        clusters.retain(|cluster| cluster.cluster_type != ClusterType::Center);
        clusters.sort_by_key(|cluster| (cluster.status == ClusterStatus::Healthy, cluster.name.clone()));
        Ok(Self {
            latest: engine.latest_records(&in_trouble).await?,
            usual: engine.usual_artifacts(&named).await?,
            names: engine.task_names(&named).await?,
            overview,
            recent,
            clusters,
        })
    }

    fn number(&self, freshness: Freshness) -> usize {
        self.overview.tasks.get(&freshness).copied().unwrap_or_default()
    }

    fn ill(&self) -> usize {
        let ill = |cluster: &&Cluster| cluster.status == ClusterStatus::Unhealthy;
        self.clusters.iter().filter(ill).count()
    }
}

async fn home(State(app): State<App>, Person { look, .. }: Person) -> ApiResult<Response> {
    if !look.is_admin() {
        return Ok(see_other("/repositories"));
    }
    let glance = Glance::read(&app).await?;
    let part = html! {
        div .head { div { h1 { (look.say(headline(&glance))) } } }
        (tiles(&look, &glance))
        (trouble(&look, &glance))
        (running(&look, &glance))
        (hours(&look, &glance.overview.hours))
        div .two { (recent(&look, &glance)) (clusters(&look, &glance)) }
    };
    let page = Page {
        title: look.say(text!("ui-home")),
        section: Section::Home,
        body: live(&look, "topics=records,tasks,clusters", |live| live(&part), None),
    };
    Ok(page.show(&look))
}

/// Says in one sentence whether everything arrives.
fn headline(glance: &Glance) -> Text {
    let troubled = glance.number(Freshness::Silent) + glance.number(Freshness::Failing);
    let tasks: usize = glance.overview.tasks.values().sum();
    match (tasks, troubled, glance.ill()) {
        (0, _, _) => text!("ui-no-tasks-yet"),
        (_, 0, 0) => text!("ui-all-arrives"),
        (_, 0, ill) => text!("ui-clusters-ill", n = ill),
        (_, troubled, _) => text!("ui-tasks-in-trouble", n = troubled),
    }
}

fn tiles(look: &Look, glance: &Glance) -> Markup {
    let tile = |path: &str, class: &str, number: String, name: Text| {
        show::tile(&number, &look.say(name), class, Some(path))
    };
    let of = |freshness: Freshness, class: &str, name| {
        let number = glance.number(freshness);
        let path = format!("/tasks?state={}", freshness.as_str());
        tile(
            &path,
            if number > 0 { class } else { "" },
            count(number as u64),
            name,
        )
    };
    let (all, ill) = (glance.clusters.len(), glance.ill());
    html! {
        div .tiles {
            (of(Freshness::Failing, "bad", text!("ui-tasks-failing")))
            (of(Freshness::Silent, "warn", text!("ui-tasks-silent")))
            (of(Freshness::Running, "", text!("ui-runs-going-on")))
            (of(Freshness::Fresh, "ok", text!("ui-tasks-fresh")))
            (tile("/clusters", if ill > 0 { "bad" } else { "" }, format!("{}/{all}", all - ill), text!("ui-clusters-healthy")))
        }
    }
}

fn trouble(look: &Look, glance: &Glance) -> Markup {
    let attention = &glance.overview.attention;
    if attention.is_empty() {
        return html! {};
    }
    html! {
        section .panel aria-labelledby="trouble" {
            header { h2 #trouble { (look.say(text!("ui-needs-attention"))) } }
            div .scroll {
                table {
                    thead { tr {
                        th { (look.say(text!("ui-task"))) }
                        th { (look.say(text!("ui-state"))) }
                        th { (look.say(text!("ui-why"))) }
                        th .num { (look.say(text!("ui-since"))) }
                    } }
                    tbody { @for standing in attention { (troubled(look, standing, glance.latest.get(&standing.task.key))) } }
                }
            }
        }
    }
}

fn troubled(look: &Look, standing: &Standing, latest: Option<&Record>) -> Markup {
    let task = &standing.task;
    let silent = standing.freshness == Freshness::Silent;
    html! {
        tr {
            td { a .break href=(run::task_path(&task.key)) { (task.name) } }
            td {
                @match latest.filter(|_| !silent) {
                    Some(record) => a href=(run::path(record)) { (freshness(look, standing.freshness)) },
                    None => (freshness(look, standing.freshness)),
                }
            }
            td .grow {
                @if silent { (look.say(text!("ui-should-have-run"))) }
                @else {
                    @for line in latest.map_or(&[][..], |record| &record.reason).iter().take(2) {
                        div .why.bad { (look.say(line)) }
                    }
                    @if standing.open_failures > 0 { div .why { (look.say(text!("ui-not-arrived", n = standing.open_failures))) } }
                }
            }
            td .num { (show::maybe_when(look, standing.silent_since_ms.or(task.last_run_ms))) }
        }
    }
}

fn running(look: &Look, glance: &Glance) -> Markup {
    if glance.overview.open.is_empty() {
        return html! {};
    }
    html! {
        section .panel aria-labelledby="running" {
            header { h2 #running { (look.say(text!("ui-runs-going-on"))) } }
            @for record in &glance.overview.open {
                div .body { (run::progress(look, record, glance.names.get(&record.task_key), glance.usual.get(&record.task_key).copied())) }
            }
        }
    }
}

/// Draws what each of the latest hours carried.
fn hours(look: &Look, hours: &[HourTotal]) -> Markup {
    let column = |hour: &HourTotal, value: u64, part| {
        let begun = show::exact(hour.hour_ms, &look.zone);
        Column {
            value,
            part,
            class: "copied",
            says: look.say(text!(
                "ui-hour",
                time = begun,
                n = count(hour.artifacts),
                failed = count(hour.failed),
                bytes = bytes(hour.bytes)
            )),
            link: None,
        }
    };
    let volumes: Vec<Column> = hours.iter().map(|hour| column(hour, hour.bytes, None)).collect();
    let artifacts: Vec<Column> = hours
        .iter()
        .map(|hour| column(hour, hour.artifacts, Some((hour.failed, "failed"))))
        .collect();
    let all = hours.iter().map(|hour| hour.bytes).sum();
    let settled = hours.iter().map(|hour| hour.artifacts).sum();
    html! {
        section .panel aria-labelledby="hours" {
            header { h2 #hours { (look.say(text!("ui-hours"))) } }
            div .body.two {
                (hour_chart(look, &look.say(text!("ui-bytes-moved-head")), &bytes(all), &volumes))
                (hour_chart(look, &look.say(text!("ui-artifacts-head")), &count(settled), &artifacts))
            }
        }
    }
}

fn hour_chart(look: &Look, name: &str, all: &str, columns: &[Column]) -> Markup {
    html! {
        div {
            div .axis { h3 { (name) } b .tab { (all) } }
            (chart::columns(name, "low", columns))
            div .axis { span { (look.say(text!("ui-ago-hours", n = HOURS))) } span { (look.say(text!("ui-now"))) } }
        }
    }
}

fn recent(look: &Look, glance: &Glance) -> Markup {
    html! {
        section .panel aria-labelledby="recent" {
            header { h2 #recent { (look.say(text!("ui-recent-runs"))) } }
            @if glance.recent.is_empty() {
                p .empty { (look.say(text!("ui-no-runs-yet"))) }
            } @else {
                div .scroll { table {
                    thead { tr {
                        th { (look.say(text!("ui-task"))) }
                        th { (look.say(text!("ui-result"))) }
                        th .num.wide { (look.say(text!("ui-bytes"))) }
                        th .num.wide { (look.say(text!("ui-duration"))) }
                        th .num { (look.say(text!("ui-started"))) }
                    } }
                    tbody { @for record in &glance.recent { (recent_row(look, record, &glance.names)) } }
                } }
            }
        }
    }
}

fn recent_row(look: &Look, record: &Record, names: &HashMap<TaskKey, String>) -> Markup {
    let name = names.get(&record.task_key).map_or("", String::as_str);
    html! {
        tr {
            td .grow {
                a href=(run::path(record)) { (name) }
                @if let Some(counts) = &record.counts { (chart::result(look, counts, None, "")) }
            }
            td { (show::status(look, record.status)) }
            td .num.wide { (record.counts.as_ref().map_or_else(|| "–".into(), |counts| bytes(counts.bytes_moved))) }
            td .num.wide { (look.say(duration(run::lasted_ms(record, look.now_ms)))) }
            td .num { (when(look, record.started_ms.unwrap_or(record.created_ms))) }
        }
    }
}

fn clusters(look: &Look, glance: &Glance) -> Markup {
    html! {
        section .panel aria-labelledby="clusters" {
            header { h2 #clusters { (look.say(text!("ui-clusters"))) } }
            @if glance.clusters.is_empty() {
                p .empty { (look.say(text!("ui-no-clusters-yet"))) }
            } @else {
                div .scroll { table {
                    thead { tr {
                        th { (look.say(text!("ui-name"))) }
                        th { (look.say(text!("ui-state"))) }
                    } }
                    tbody {
                        @for cluster in &glance.clusters {
                            tr {
                                td { a .break href=(format!("/clusters/{}", cluster.id)) { (cluster.name) } }
                                td .grow {
                                    (super::clusters::status(look, cluster))
                                    @if let Some(failure) = &cluster.error_reason { div .why.bad { (look.say(failure)) } }
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}
