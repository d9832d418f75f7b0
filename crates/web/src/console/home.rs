//! The first page: does everything arrive? What fails or is silent comes first.

use std::collections::HashMap;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use domain::cluster::{Cluster, ClusterStatus, ClusterType};
use domain::detail::DetailStatus;
use domain::id::TaskKey;
use domain::record::Record;
use domain::task::Task;
use maud::{Markup, html};
use messages::text;
use storage::PageRequest;
use storage::tasks::{TaskFilter, TaskSort};

use super::chart;
use super::look::{Look, Person};
use super::run;
use super::shell::{Page, Section};
use super::show::{self, bytes, count, duration, pill, when};
use super::surround::see_other;
use crate::app::App;
use crate::error::ApiResult;

/// Rows of each list.
const ROWS: u32 = 8;
/// Runs going on that are shown.
const MOST_RUNNING: usize = 12;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new().route("/", get(home))
}

/// What the page shows.
struct Glance {
    tasks: u64,
    failing: Vec<Task>,
    failing_total: u64,
    silent: Vec<Task>,
    latest: HashMap<TaskKey, Record>,
    running: Vec<Record>,
    usual: HashMap<TaskKey, u64>,
    recent: Vec<Record>,
    names: HashMap<TaskKey, String>,
    clusters: Vec<Cluster>,
}

impl Glance {
    async fn read(app: &App) -> ApiResult<Self> {
        let engine = app.engine();
        let failing = TaskFilter {
            last_status: Some(DetailStatus::Failed),
            sort: TaskSort::LastRun,
            ..TaskFilter::default()
        };
        let failing = engine.task_page(&failing, PageRequest::new(1, ROWS)).await?;
        let silent = engine.silent_tasks(ROWS as usize).await?;
        let all = engine
            .task_page(&TaskFilter::default(), PageRequest::new(1, 1))
            .await?;
        let running = engine.open_records(MOST_RUNNING).await?;
        let recent = engine.recent_records(ROWS as usize).await?;
        let in_trouble: Vec<TaskKey> = failing.rows.iter().map(|task| task.key.clone()).collect();
        let on_the_way: Vec<TaskKey> = running.iter().map(|record| record.task_key.clone()).collect();
        let named: Vec<TaskKey> = running
            .iter()
            .chain(&recent)
            .map(|record| record.task_key.clone())
            .collect();
        let mut clusters = engine.clusters(None, None).await?;
        clusters.retain(|cluster| cluster.cluster_type != ClusterType::Center);
        clusters.sort_by_key(|cluster| (cluster.status == ClusterStatus::Healthy, cluster.name.clone()));
        Ok(Self {
            tasks: all.total,
            failing_total: failing.total,
            failing: failing.rows,
            silent,
            latest: engine.latest_records(&in_trouble).await?,
            usual: engine.usual_artifacts(&on_the_way).await?,
            names: engine.task_names(&named).await?,
            running,
            recent,
            clusters,
        })
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
    let page = Page {
        title: look.say(text!("ui-home")),
        section: Section::Home,
        body: html! {
            div .head { div { h1 { (look.say(headline(&glance))) } } }
            (tiles(&look, &glance))
            (trouble(&look, &glance))
            (running(&look, &glance))
            div .two { (recent(&look, &glance)) (clusters(&look, &glance)) }
        },
    };
    Ok(page.show(&look))
}

/// Says in one sentence whether everything arrives.
fn headline(glance: &Glance) -> messages::Text {
    let troubled = glance.failing_total + glance.silent.len() as u64;
    match (glance.tasks, troubled, glance.ill()) {
        (0, _, _) => text!("ui-no-tasks-yet"),
        (_, 0, 0) => text!("ui-all-arrives"),
        (_, 0, ill) => text!("ui-clusters-ill", n = ill),
        (_, troubled, _) => text!("ui-tasks-in-trouble", n = troubled),
    }
}

fn tiles(look: &Look, glance: &Glance) -> Markup {
    let tile = |path: &str, class: &str, number: String, name| {
        html! { a class=(format!("tile {class}")) href=(path) { b { (number) } span { (look.say(name)) } } }
    };
    let silent = glance.silent.len() as u64;
    let class = |number: u64, class: &'static str| if number > 0 { class } else { "" };
    let healthy = glance.clusters.len() - glance.ill();
    html! {
        div .tiles {
            (tile("/tasks", "", count(glance.tasks), text!("ui-tasks")))
            (tile("/tasks?status=failed", class(glance.failing_total, "bad"), count(glance.failing_total), text!("ui-tasks-failing")))
            (tile("/tasks?sort=next", class(silent, "warn"), count(silent), text!("ui-tasks-silent")))
            (tile("/tasks?status=running", "", count(glance.running.len() as u64), text!("ui-runs-going-on")))
            (tile("/clusters", class(glance.ill() as u64, "bad"), format!("{healthy}/{}", glance.clusters.len()), text!("ui-clusters-healthy")))
        }
    }
}

fn trouble(look: &Look, glance: &Glance) -> Markup {
    if glance.failing.is_empty() && glance.silent.is_empty() {
        return html! {};
    }
    html! {
        section .panel aria-labelledby="trouble" {
            header {
                h2 #trouble { (look.say(text!("ui-needs-attention"))) }
                @if glance.failing_total > u64::from(ROWS) {
                    a href="/tasks?status=failed" { (look.say(text!("ui-all-of", n = glance.failing_total))) }
                }
            }
            div .scroll {
                table {
                    thead { tr {
                        th { (look.say(text!("ui-task"))) }
                        th { (look.say(text!("ui-state"))) }
                        th { (look.say(text!("ui-why"))) }
                        th .num { (look.say(text!("ui-since"))) }
                    } }
                    tbody {
                        @for task in &glance.silent {
                            tr {
                                td { a href=(run::task_path(&task.key)) { (task.name) } }
                                td { (pill("warn", &look.say(text!("ui-silent")))) }
                                td .grow { (look.say(text!("ui-should-have-run"))) }
                                td .num { (show::maybe_when(look, task.next_run_ms)) }
                            }
                        }
                        @for task in &glance.failing { (failing(look, task, glance.latest.get(&task.key))) }
                    }
                }
            }
        }
    }
}

fn failing(look: &Look, task: &Task, latest: Option<&Record>) -> Markup {
    html! {
        tr {
            td { a href=(run::task_path(&task.key)) { (task.name) } }
            td { @if let Some(record) = latest { a href=(run::path(record)) { (show::status(look, record.status)) } } }
            td .grow {
                @for line in latest.map_or(&[][..], |record| &record.reason).iter().take(2) {
                    div .why.bad { (look.say(line)) }
                }
            }
            td .num { (show::maybe_when(look, task.last_run_ms)) }
        }
    }
}

fn running(look: &Look, glance: &Glance) -> Markup {
    if glance.running.is_empty() {
        return html! {};
    }
    html! {
        section .panel aria-labelledby="running" {
            header { h2 #running { (look.say(text!("ui-runs-going-on"))) } }
            @for record in &glance.running {
                div .body { (run::progress(look, record, glance.names.get(&record.task_key), glance.usual.get(&record.task_key).copied())) }
            }
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
                        th .wide { (look.say(text!("ui-address"))) }
                    } }
                    tbody {
                        @for cluster in &glance.clusters {
                            tr {
                                td { a href=(format!("/clusters/{}", cluster.id)) { (cluster.name) } }
                                td {
                                    (super::clusters::status(look, cluster))
                                    @if let Some(failure) = &cluster.error_reason { div .why.bad { (look.say(failure)) } }
                                }
                                td .grow.wide.break { span .mono { (cluster.url) } }
                            }
                        }
                    }
                } }
            }
        }
    }
}
