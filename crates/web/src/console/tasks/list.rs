//! The list of tasks: filtered, ordered, and how the latest run of each ended.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use domain::detail::DetailStatus;
use domain::id::{ClusterId, TaskKey};
use domain::record::{Record, RecordEnd};
use domain::task::Task;
use maud::{Markup, html};
use messages::text;
use storage::PageRequest;
use storage::tasks::{TaskFilter, TaskSort};

use super::super::chart;
use super::super::links::keeping;
use super::super::look::{ForAdmin, Look};
use super::super::run;
use super::super::shell::{Page, Section};
use super::super::show::{self, bytes, count, pill};
use super::words;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Params;

const ROWS: u32 = 50;
const NAMES: [&str; 6] = ["name", "status", "enabled", "sort", "order", "page"];

const STATUSES: [(&str, DetailStatus); 3] = [
    ("failed", DetailStatus::Failed),
    ("running", DetailStatus::Running),
    ("succeeded", DetailStatus::Success),
];
const SORTS: [(&str, TaskSort); 3] = [
    ("created", TaskSort::Created),
    ("last", TaskSort::LastRun),
    ("next", TaskSort::NextRun),
];

fn filter(params: &Params) -> ApiResult<TaskFilter> {
    let by_next = params.get("sort") == Some("next");
    Ok(TaskFilter {
        project: None,
        name_prefix: params.text("name"),
        last_status: params.filter("status", &STATUSES)?,
        enabled: params.filter("enabled", &[("yes", true), ("no", false)])?,
        sort: params.filter("sort", &SORTS)?.unwrap_or_default(),
        ascending: params
            .filter("order", &[("asc", true), ("desc", false)])?
            .unwrap_or(by_next),
    })
}

/// Lists the tasks.
pub(super) async fn list(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    params: Params,
) -> ApiResult<Response> {
    let number = params.parsed::<u32>("page")?.unwrap_or(1).max(1);
    let page = app
        .engine()
        .task_page(&filter(&params)?, PageRequest::new(number, ROWS))
        .await?;
    let keys: Vec<TaskKey> = page.rows.iter().map(|task| task.key.clone()).collect();
    let latest = app.engine().latest_records(&keys).await?;
    let clusters = app.engine().clusters(None, None).await?;
    let clusters = clusters
        .into_iter()
        .map(|cluster| (cluster.id, cluster.name))
        .collect();
    let view = View {
        look: &look,
        params: &params,
        latest,
        clusters,
    };
    let body = html! {
        div .head {
            div { h1 { (look.say(text!("ui-tasks"))) } p .sub { (look.say(text!("ui-tasks-number", n = page.total))) } }
            div .actions { a .button.main href="/tasks/new" { (look.say(text!("ui-new-task"))) } }
        }
        section .panel {
            (view.filters())
            @if page.rows.is_empty() {
                p .empty {
                    @if page.total == 0 && params.pairs().is_empty() { (look.say(text!("ui-no-tasks-hint"))) }
                    @else { (look.say(text!("ui-nothing-found"))) }
                }
            } @else {
                div .scroll { (view.table(&page.rows)) }
                (view.pager(number, page.total))
            }
        }
    };
    let title = look.say(text!("ui-tasks"));
    Ok(Page {
        title,
        section: Section::Tasks,
        body,
    }
    .show(&look))
}

struct View<'a> {
    look: &'a Look,
    params: &'a Params,
    latest: HashMap<TaskKey, Record>,
    clusters: HashMap<ClusterId, String>,
}

impl View<'_> {
    fn filters(&self) -> Markup {
        let look = self.look;
        let option = |name: &str, value: &str, says| {
            html! { option value=(value) selected[self.params.get(name) == Some(value)] { (look.say(says)) } }
        };
        html! {
            form .filters method="get" action="/tasks" data-at-once role="search" {
                label { (look.say(text!("ui-name-begins")))
                    input type="search" name="name" value=(self.params.get("name").unwrap_or_default()) data-search; }
                label { (look.say(text!("ui-last-run")))
                    select name="status" {
                        (option("status", "", text!("ui-any")))
                        (option("status", "failed", text!("ui-failed")))
                        (option("status", "running", text!("ui-running")))
                        (option("status", "succeeded", text!("ui-succeeded")))
                    }
                }
                label { (look.say(text!("ui-schedule")))
                    select name="enabled" {
                        (option("enabled", "", text!("ui-any")))
                        (option("enabled", "yes", text!("ui-enabled")))
                        (option("enabled", "no", text!("ui-disabled")))
                    }
                }
                @if let Some(sort) = self.params.filled("sort") { input type="hidden" name="sort" value=(sort); }
                @if let Some(order) = self.params.filled("order") { input type="hidden" name="order" value=(order); }
                button type="submit" data-plain { (look.say(text!("ui-filter"))) }
            }
        }
    }

    /// Shows the head of a column that the list can be ordered by.
    fn sortable(&self, sort: &'static str, class: &str, name: messages::Text) -> Markup {
        let chosen = self.params.filled("sort").unwrap_or("created") == sort;
        let ascending = self
            .params
            .filled("order")
            .unwrap_or(if sort == "next" { "asc" } else { "desc" })
            == "asc";
        let order = match (chosen, ascending) {
            (true, true) => "desc",
            (true, false) => "asc",
            (false, _) => "",
        };
        let link = keeping(
            "/tasks",
            self.params,
            &NAMES,
            &[("sort", sort), ("order", order), ("page", "")],
        );
        let says = chosen.then_some(if ascending { "ascending" } else { "descending" });
        html! {
            th class=(class) aria-sort=[says] {
                a href=(link) { (self.look.say(name)) @if chosen { span aria-hidden="true" { (if ascending { " ↑" } else { " ↓" }) } } }
            }
        }
    }

    fn table(&self, tasks: &[Task]) -> Markup {
        let look = self.look;
        html! {
            table {
                thead { tr {
                    th { (look.say(text!("ui-task"))) }
                    th .wide { (look.say(text!("ui-from-to"))) }
                    th { (look.say(text!("ui-last-run"))) }
                    th .wide { (look.say(text!("ui-result"))) }
                    (self.sortable("last", "num", text!("ui-started")))
                    (self.sortable("next", "num", text!("ui-next-run")))
                    (self.sortable("created", "num wide", text!("ui-created")))
                } }
                tbody { @for task in tasks { (self.row(task)) } }
            }
        }
    }

    fn row(&self, task: &Task) -> Markup {
        let look = self.look;
        let latest = self.latest.get(&task.key);
        let targets = task
            .targets
            .iter()
            .map(|id| self.clusters.get(id).cloned().unwrap_or_else(|| id.to_string()));
        html! {
            tr {
                td {
                    a .break href=(run::task_path(&task.key)) { (task.name) }
                    @if !task.enabled { " " span .tag { (look.say(text!("ui-disabled"))) } }
                }
                td .wide.break { span .soft { (words::repositories(task)) " → " (targets.collect::<Vec<_>>().join(", ")) } }
                td { @match latest {
                    Some(record) => a href=(run::path(record)) { (show::status(look, record.status)) },
                    None => (pill("", &look.say(text!("ui-never-ran")))),
                } }
                td .wide {
                    @if let Some(counts) = latest.and_then(|record| record.counts.as_ref()) {
                        (chart::result(look, counts, None, ""))
                        div .small.soft.tab { (count(counts.settled())) " · " (bytes(counts.bytes_moved)) }
                    }
                }
                td .num { (show::maybe_when(look, task.last_run_ms)) }
                td .num { (show::maybe_when(look, task.next_run_ms)) }
                td .num.wide { (show::when(look, task.audit.created_ms)) }
            }
        }
    }

    fn pager(&self, number: u32, total: u64) -> Markup {
        let pages = total.div_ceil(u64::from(ROWS));
        if pages <= 1 {
            return html! {};
        }
        let to = |page: u64| keeping("/tasks", self.params, &NAMES, &[("page", &page.to_string())]);
        let here = u64::from(number);
        html! {
            nav .pager aria-label=(self.look.say(text!("ui-pages"))) {
                @if here > 1 { a rel="prev" href=(to(here - 1)) { (self.look.say(text!("ui-previous"))) } } @else { span {} }
                span .tab { (here) " / " (pages) }
                @if here < pages { a rel="next" href=(to(here + 1)) { (self.look.say(text!("ui-next"))) } } @else { span {} }
            }
        }
    }
}

/// Shows how the latest run of a task stands.
pub(in crate::console) fn last_end(look: &Look, task: &Task) -> Markup {
    match task.last_end {
        None => pill("", &look.say(text!("ui-never-ran"))),
        Some(None) => pill("run", &look.say(text!("ui-running"))),
        Some(Some(RecordEnd::Succeeded)) => pill("ok", &look.say(text!("ui-succeeded"))),
        Some(Some(RecordEnd::Failed)) => pill("bad", &look.say(text!("ui-failed"))),
        Some(Some(RecordEnd::Stopped)) => pill("warn", &look.say(text!("ui-stopped"))),
    }
}
