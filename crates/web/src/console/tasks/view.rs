//! One task: what it does, how its runs went, and what can be done with it.

use axum::extract::State;
use axum::response::Response;
use domain::id::TaskKey;
use domain::record::{Record, RecordStatus};
use domain::task::Task;
use maud::{Markup, html};
use messages::text;

use super::super::chart::{self, Column};
use super::super::form::button;
use super::super::look::{ForAdmin, Look};
use super::super::run;
use super::super::shell::{Page, Section, crumbs, live};
use super::super::show::{self, bytes, count, duration, pill, when};
use super::list::last_end;
use super::words;
use crate::api::answer::{place, place_after};
use crate::app::App;
use crate::error::ApiResult;
use crate::params::{Params, Segments};

/// Records of one page.
const ROWS: usize = 30;

/// Shows a task and a page of its records.
pub(super) async fn view(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
    params: Params,
) -> ApiResult<Response> {
    let task = app.engine().task(&key).await?;
    let behind = place(&params, "after")?;
    let records = app.engine().records_after(&key, behind, ROWS + 1).await?;
    let targets = targets(&app, &task).await?;
    let more = records.len() > ROWS;
    let records = &records[..records.len().min(ROWS)];
    let usual = app.engine().usual_artifacts(std::slice::from_ref(&key)).await?;
    let open = records.iter().find(|record| record.status.end().is_none());
    let body = html! {
        (head(&look, &task, open))
        @if let Some(record) = open {
            section .panel { div .body { (run::progress(&look, record, Some(&task.name), usual.get(&key).copied())) } }
        }
        div .two {
            section .panel aria-labelledby="does" {
                header { h2 #does { (look.say(text!("ui-what-it-does"))) } }
                div .body { (facts(&look, &task, &targets)) }
            }
            section .panel aria-labelledby="trend" {
                header { h2 #trend { (look.say(text!("ui-trend"))) } }
                @if records.is_empty() { p .empty { (look.say(text!("ui-no-runs-yet"))) } }
                @else { (trend(&look, records)) }
            }
        }
        section .panel aria-labelledby="runs" {
            header { h2 #runs { (look.say(text!("ui-runs"))) } span .soft.small.tab { (look.say(text!("ui-runs-number", n = task.runs))) } }
            @if records.is_empty() { p .empty { (look.say(text!("ui-no-runs-yet"))) } }
            @else { div .scroll { (table(&look, records)) } }
            @if let Some(last) = records.last().filter(|_| more) {
                div .pager { span {} a rel="next" href=(older(&task, last)) { (look.say(text!("ui-older"))) } }
            }
        }
    };
    let body = live(&look, &format!("task={key}"), |live| live(&body), None);
    let title = task.name.clone();
    Ok(Page {
        title,
        section: Section::Tasks,
        body,
    }
    .show(&look))
}

async fn targets(app: &App, task: &Task) -> ApiResult<Vec<String>> {
    let clusters = app.engine().clusters(None, None).await?;
    let name = |id| {
        clusters
            .iter()
            .find(|cluster| cluster.id == id)
            .map(|cluster| cluster.name.clone())
    };
    Ok(task
        .targets
        .iter()
        .map(|id| name(*id).unwrap_or_else(|| id.to_string()))
        .collect())
}

fn older(task: &Task, last: &Record) -> String {
    let start_ms = last.started_ms.unwrap_or(last.created_ms);
    format!(
        "{}?after={}",
        run::task_path(&task.key),
        place_after(start_ms, last.id)
    )
}

fn head(look: &Look, task: &Task, open: Option<&Record>) -> Markup {
    let path = run::task_path(&task.key);
    let to = |what: &str| format!("{path}/{what}");
    let toggle = if task.enabled {
        text!("ui-disable")
    } else {
        text!("ui-enable")
    };
    html! {
        div .head {
            div {
                (crumbs(look, &[(&look.say(text!("ui-tasks")), "/tasks".into())]))
                h1 { (task.name) }
                p .sub {
                    (last_end(look, task)) " "
                    @if !task.enabled { (pill("", &look.say(text!("ui-disabled")))) " " }
                    @if let Some(next_ms) = task.next_run_ms { (look.say(text!("ui-next-run"))) ": " (when(look, next_ms)) }
                }
            }
            div .actions {
                @if open.is_some() {
                    (button(look, &to("stop"), "danger", &text!("ui-stop"), None))
                } @else if task.enabled {
                    (button(look, &to("run"), "main", &text!("ui-run-now"), None))
                }
                (button(look, &to("toggle"), "", &toggle, None))
                a .button href=(to("edit")) { (look.say(text!("ui-edit"))) }
                a .button href=(to("copy")) { (look.say(text!("ui-copy"))) }
                a .button.danger href=(to("delete")) { (look.say(text!("ui-delete"))) }
            }
        }
        @if let Some(description) = task.description.as_deref().filter(|text| !text.is_empty()) { p .break { (description) } }
    }
}

fn facts(look: &Look, task: &Task, targets: &[String]) -> Markup {
    let settings = &task.settings;
    html! {
        dl .facts {
            dt { (look.say(text!("ui-from"))) }
            dd { @for object in &task.objects {
                div { a href=(format!("/repositories/{}/{}", task.project, object.local_repository)) { (task.project) "/" (object.local_repository) }
                    " " span .soft { (look.say(words::scope(object))) }
                    @for chosen in words::chosen(object) { div .soft.small { (look.say(chosen)) } } }
            } }
            dt { (look.say(text!("ui-to"))) }
            dd { (targets.join(", "))
                @for object in &task.objects {
                    @let remote = object.remote(&task.project);
                    @if remote.project != task.project || remote.name != object.local_repository { div .soft { "→ " (remote) } }
                }
            }
            dt { (look.say(text!("ui-starts"))) }
            dd { (look.say(words::trigger(look, &settings.trigger))) }
            dt { (look.say(text!("ui-other-content"))) }
            dd { (look.say(words::on_conflict(settings.on_conflict))) }
            dt { (look.say(text!("ui-after-failure"))) }
            dd { (look.say(words::on_error(settings.on_error))) }
            dt { (look.say(text!("ui-rate"))) }
            dd { @match settings.rate_limit_bytes_per_s {
                0 => (look.say(text!("ui-no-limit"))),
                rate => { (bytes(rate)) "/s" },
            } }
            dt { (look.say(text!("ui-log"))) }
            dd { (look.say(if task.keeps_details { text!("ui-keeps-all", n = task.reserve_days) } else { text!("ui-keeps-failures", n = task.reserve_days) })) }
            dt { (look.say(text!("ui-key"))) }
            dd { code { (task.key) } }
            dt { (look.say(text!("ui-made-by"))) }
            dd { (task.audit.created_by) ", " (when(look, task.audit.created_ms)) }
        }
    }
}

fn trend(look: &Look, records: &[Record]) -> Markup {
    let class = |record: &Record| match record.status {
        RecordStatus::Failed => "failed",
        RecordStatus::Stopped => "stopped",
        _ => "copied",
    };
    let column = |record: &Record, value: u64, says: String| Column {
        value,
        part: None,
        class: class(record),
        says: format!(
            "{}: {says}",
            show::exact(record.started_ms.unwrap_or(record.created_ms), &look.zone)
        ),
        link: Some(run::path(record)),
    };
    // The oldest one first: time goes to the right.
    let times: Vec<Column> = records
        .iter()
        .rev()
        .map(|record| {
            let lasted_ms = run::lasted_ms(record, look.now_ms);
            column(record, lasted_ms.unsigned_abs(), look.say(duration(lasted_ms)))
        })
        .collect();
    let volumes: Vec<Column> = records
        .iter()
        .rev()
        .map(|record| {
            let moved = record.counts.as_ref().map_or(0, |counts| counts.bytes_moved);
            column(record, moved, bytes(moved))
        })
        .collect();
    let highest = |columns: &[Column]| columns.iter().map(|column| column.value).max().unwrap_or(0);
    let longest_ms = i64::try_from(highest(&times)).unwrap_or(i64::MAX);
    let drawn = |name: &str, most: &str, columns: &[Column]| {
        html! {
            div .body {
                div .axis { h3 { (name) } span .tab { (look.say(text!("ui-at-most", value = most))) } }
                (chart::columns(name, "low", columns))
            }
        }
    };
    html! {
        (drawn(&look.say(text!("ui-duration")), &look.say(duration(longest_ms)), &times))
        (drawn(&look.say(text!("ui-bytes-moved-head")), &bytes(highest(&volumes)), &volumes))
    }
}

fn table(look: &Look, records: &[Record]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (look.say(text!("ui-started"))) }
                th { (look.say(text!("ui-state"))) }
                th { (look.say(text!("ui-result"))) }
                th .num { (look.say(text!("ui-artifacts-head"))) }
                th .num { (look.say(text!("ui-failed"))) }
                th .num.wide { (look.say(text!("ui-bytes"))) }
                th .num.wide { (look.say(text!("ui-duration"))) }
                th .wide { (look.say(text!("ui-started-by"))) }
            } }
            tbody { @for record in records { (row(look, record)) } }
        }
    }
}

fn row(look: &Look, record: &Record) -> Markup {
    let counts = record.counts.unwrap_or_default();
    html! {
        tr {
            td { a href=(run::path(record)) { (when(look, record.started_ms.unwrap_or(record.created_ms))) } }
            td { (show::status(look, record.status)) }
            td .grow {
                @if record.counts.is_some() { (chart::result(look, &counts, None, "")) }
                @for line in record.reason.iter().take(1) { div .why { (look.say(line)) } }
            }
            td .num { (count(counts.settled())) }
            td .num { (count(counts.failed)) }
            td .num.wide { (bytes(counts.bytes_moved)) }
            td .num.wide { (look.say(duration(run::lasted_ms(record, look.now_ms)))) }
            td .wide { (started_by(look, record)) }
        }
    }
}

/// Says who or what started a record.
pub(in crate::console) fn started_by(look: &Look, record: &Record) -> String {
    match record.triggered_by.as_str() {
        "schedule" => look.say(text!("ui-by-schedule")),
        "event" => look.say(text!("ui-by-change")),
        user => user.into(),
    }
}
