//! The list of tasks: filtered, ordered, and how the latest run of each ended.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use domain::id::{ClusterId, TaskKey};
use domain::record::{Record, RecordEnd};
use domain::task::Task;
use engine::freshness::{Freshness, Standing, StandingFilter};
use maud::{Markup, html};
use messages::{Text, text};

use super::super::chart;
use super::super::links::{Sortable, keeping};
use super::super::look::{ForAdmin, Look};
use super::super::run;
use super::super::shell::{Page, Section, live};
use super::super::show::{self, bytes, count, freshness, pill};
use super::words;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Params;

const ROWS: usize = 50;
const NAMES: [&str; 5] = ["name", "state", "sort", "order", "page"];
const STATES: [(&str, Freshness); 6] = [
    ("silent", Freshness::Silent),
    ("failing", Freshness::Failing),
    ("running", Freshness::Running),
    ("waiting", Freshness::Waiting),
    ("fresh", Freshness::Fresh),
    ("off", Freshness::Off),
];

/// What the list can be ordered by; otherwise what needs somebody comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Name,
    Last,
    Next,
    Created,
}

const SORTS: [(&str, Sort); 4] = [
    ("name", Sort::Name),
    ("last", Sort::Last),
    ("next", Sort::Next),
    ("created", Sort::Created),
];

fn sorted(mut standings: Vec<Standing>, sort: Option<Sort>, descending: bool) -> Vec<Standing> {
    match sort {
        None => return standings,
        Some(Sort::Name) => standings.sort_by(|a, b| a.task.name.cmp(&b.task.name)),
        Some(Sort::Last) => standings.sort_by_key(|standing| standing.task.last_run_ms),
        // What never runs by itself comes last.
        Some(Sort::Next) => standings.sort_by_key(|standing| standing.task.next_run_ms.unwrap_or(i64::MAX)),
        Some(Sort::Created) => standings.sort_by_key(|standing| standing.task.audit.created_ms),
    }
    if descending {
        standings.reverse();
    }
    standings
}

/// Lists the tasks.
pub(super) async fn list(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    params: Params,
) -> ApiResult<Response> {
    let number = params.parsed::<usize>("page")?.unwrap_or(1).max(1);
    let filter = StandingFilter {
        freshness: params.filter("state", &STATES)?.into_iter().collect(),
        name: params.text("name"),
        project: None,
        ..StandingFilter::default()
    };
    let sort = params.filter("sort", &SORTS)?;
    let descending = params.filter("order", &[("asc", false), ("desc", true)])?;
    let found = app.engine().standings(&filter).await?;
    let total = found.len();
    let found = sorted(found, sort, descending.unwrap_or(false));
    let rows: Vec<Standing> = found
        .into_iter()
        .skip((number - 1).saturating_mul(ROWS))
        .take(ROWS)
        .collect();
    let keys: Vec<TaskKey> = rows.iter().map(|standing| standing.task.key.clone()).collect();
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
    let rows = html! {
        @if rows.is_empty() {
            p .empty {
                @if total == 0 && params.pairs().is_empty() { (look.say(text!("ui-no-tasks-hint"))) }
                @else { (look.say(text!("ui-nothing-found"))) }
            }
        } @else {
            div .scroll { (view.table(&rows)) }
            (view.pager(number, total))
        }
    };
    let body = html! {
        div .head {
            div { h1 { (look.say(text!("ui-tasks"))) } p .sub { (look.say(text!("ui-tasks-number", n = total))) } }
            div .actions { a .button.main href="/tasks/new" { (look.say(text!("ui-new-task"))) } }
        }
        section .panel { (view.filters()) (live(&look, "topics=records,tasks", |live| live(&rows), None)) }
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
                label { (look.say(text!("ui-name-contains")))
                    input type="search" name="name" value=(self.params.get("name").unwrap_or_default()) data-search; }
                label { (look.say(text!("ui-state")))
                    select name="state" {
                        (option("state", "", text!("ui-any")))
                        (option("state", "silent", text!("ui-silent")))
                        (option("state", "failing", text!("ui-failing")))
                        (option("state", "running", text!("ui-running")))
                        (option("state", "waiting", text!("ui-never-ran")))
                        (option("state", "fresh", text!("ui-fresh")))
                        (option("state", "off", text!("ui-disabled")))
                    }
                }
                @if let Some(sort) = self.params.filled("sort") { input type="hidden" name="sort" value=(sort); }
                @if let Some(order) = self.params.filled("order") { input type="hidden" name="order" value=(order); }
                button type="submit" data-plain { (look.say(text!("ui-filter"))) }
            }
        }
    }

    /// Shows the head of a column that the list can be ordered by; of times, the latest is asked for first.
    fn sortable(&self, sort: &str, class: &str, name: Text) -> Markup {
        let column = Sortable {
            sort,
            largest_first: matches!(sort, "last" | "created"),
            class,
            name,
        };
        column.head(self.look, self.params, |changes| {
            let changes = [changes, &[("page", "")]].concat();
            keeping("/tasks", self.params, &NAMES, &changes)
        })
    }

    fn table(&self, rows: &[Standing]) -> Markup {
        let look = self.look;
        html! {
            table {
                thead { tr {
                    (self.sortable("name", "", text!("ui-task")))
                    th .wide { (look.say(text!("ui-from-to"))) }
                    th { (look.say(text!("ui-state"))) }
                    th .wide { (look.say(text!("ui-result"))) }
                    (self.sortable("last", "num", text!("ui-started")))
                    (self.sortable("next", "num", text!("ui-next-run")))
                    (self.sortable("created", "num wide", text!("ui-created")))
                } }
                tbody { @for standing in rows { (self.row(standing)) } }
            }
        }
    }

    fn row(&self, standing: &Standing) -> Markup {
        let (look, task) = (self.look, &standing.task);
        let latest = self.latest.get(&task.key);
        let targets = task
            .targets
            .iter()
            .map(|id| self.clusters.get(id).cloned().unwrap_or_else(|| id.to_string()));
        html! {
            tr {
                td {
                    a .break href=(run::task_path(&task.key)) { (task.name) }
                }
                td .wide.break { span .soft { (words::repositories(task)) " → " (targets.collect::<Vec<_>>().join(", ")) } }
                td {
                    @match latest {
                        Some(record) => a href=(run::path(record)) { (freshness(look, standing.freshness)) },
                        None => (freshness(look, standing.freshness)),
                    }
                }
                td .wide {
                    @if let Some(counts) = latest.and_then(|record| record.counts.as_ref()) {
                        (chart::result(look, counts, None, ""))
                        div .small.soft.tab { (look.say(text!("ui-artifacts", n = count(counts.settled()), count = counts.settled()))) " · " (bytes(counts.bytes_moved)) }
                    }
                }
                td .num { (show::maybe_when(look, task.last_run_ms)) }
                td .num { (show::maybe_when(look, task.next_run_ms)) }
                td .num.wide { (show::when(look, task.audit.created_ms)) }
            }
        }
    }

    fn pager(&self, number: usize, total: usize) -> Markup {
        let pages = total.div_ceil(ROWS);
        if pages <= 1 {
            return html! {};
        }
        let to = |page: usize| keeping("/tasks", self.params, &NAMES, &[("page", &page.to_string())]);
        let here = number;
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
