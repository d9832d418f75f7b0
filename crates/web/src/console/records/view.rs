//! One record: overview, reasons, details.

use axum::extract::State;
use axum::response::Response;
use domain::detail::DetailStatus;
use domain::record::{Record, RetryOf};
use domain::task::Task;
use maud::{Markup, html};
use messages::{Text, text};

use super::super::chart;
use super::super::form::{button, csrf_field};
use super::super::links::keeping;
use super::super::look::{ForAdmin, Look};
use super::super::run;
use super::super::shell::{Page, Section, crumbs, live};
use super::super::show::{self, bytes, count, duration, exact, when};
use super::super::tasks::started_by;
use super::causes;
use super::details::Details;
use super::filters;
use crate::api::filter;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::{Params, Segments};

/// Runs that repeat a part of one, at most so many of which are named.
const RETRIES: usize = 5;

/// Shows a record with a page of its details.
pub(super) async fn view(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let (record, task) = app.engine().record_with_task(&id).await?;
    let details = Details::read(&app, &record, &params).await?;
    let usual = app
        .engine()
        .usual_artifacts(std::slice::from_ref(&task.key))
        .await?;
    let usual = usual
        .get(&task.key)
        .copied()
        .filter(|_| record.plan.as_ref().is_some_and(|plan| plan.retry_of.is_none()));
    let project = record.plan.as_ref().map_or(&task.project, |plan| &plan.project);
    let (found, ungrouped) = app.engine().causes(&id).await?;
    let retries = app.engine().retries_of(record.id, None, RETRIES).await?;
    let part = html! {
        (head(&look, &record, &task, &retries))
        (overview(&look, &record, usual))
        (reasons(&look, &record))
        (causes::section(&look, &record, &found, ungrouped))
    };
    let details = html! {
        section .panel aria-labelledby="details" {
            header { h2 #details { (look.say(text!("ui-details"))) } (on_selection(&look, &record, &params)) }
            (filters::form(&look, &record, &params))
            div #rows { (details.show(&look, &record, project, &params)) }
        }
    };
    // Also when it has ended: the page that watched it asks for the same parts.
    let about = format!("record={id}");
    let body = live(
        &look,
        &about,
        |live| html! { (live(&part)) (details) },
        Some("#rows"),
    );
    let title = format!("{} · {}", task.name, look.say(text!("ui-run")));
    Ok(Page {
        title,
        section: Section::Tasks,
        body,
    }
    .show(&look))
}

fn head(look: &Look, record: &Record, task: &Task, retries: &[Record]) -> Markup {
    let path = run::path(record);
    let started_ms = record.started_ms.unwrap_or(record.created_ms);
    let failed = record.counts.as_ref().is_some_and(|counts| counts.failed > 0)
        || record.status != domain::record::RecordStatus::Succeeded;
    html! {
        div .head {
            div {
                (crumbs(look, &[(&look.say(text!("ui-tasks")), "/tasks".into()), (&task.name, run::task_path(&task.key))]))
                h1 { (look.say(text!("ui-run-of", time = exact(started_ms, &look.zone)))) }
                @if let Some(RetryOf { parent, .. }) = record.plan.as_ref().and_then(|plan| plan.retry_of.as_ref()) {
                    p .sub { a href=(format!("/records/{parent}")) { (look.say(text!("ui-retry-of-run"))) } }
                }
                @if !retries.is_empty() {
                    p .sub {
                        (look.say(text!("ui-repeated-by")))
                        @for retry in retries { " " a href=(run::path(retry)) { (when(look, retry.created_ms)) } " " (show::status(look, retry.status)) }
                    }
                }
            }
            div .actions {
                @if record.status.end().is_none() {
                    (button(look, &format!("{path}/stop"), "danger", &text!("ui-stop"), None))
                } @else if failed && record.plan.is_some() {
                    (button(look, &format!("{path}/retry"), "main", &text!("ui-retry-failed"), None))
                }
            }
        }
    }
}

/// Shows how far the run came: the part of the page that is renewed while it goes on.
fn overview(look: &Look, record: &Record, usual: Option<u64>) -> Markup {
    let counts = record.counts.unwrap_or_default();
    let usual = usual.filter(|_| record.status.end().is_none());
    let tile = |number: String, name: Text, class: &str| show::tile(&number, &look.say(name), class, None);
    html! {
        section #overview .stack aria-label=(look.say(text!("ui-overview"))) {
            div .tiles {
                (tile(count(counts.copied + counts.overwritten), text!("ui-copied"), ""))
                (tile(count(counts.unchanged), text!("ui-unchanged"), ""))
                (tile(count(counts.skipped_conflict), text!("ui-skipped-short"), if counts.skipped_conflict > 0 { "warn" } else { "" }))
                (tile(count(counts.failed), text!("ui-failed-artifacts"), if counts.failed > 0 { "bad" } else { "" }))
                (tile(bytes(counts.bytes_moved), text!("ui-bytes-moved"), ""))
                (tile(look.say(duration(run::lasted_ms(record, look.now_ms))), text!("ui-duration"), ""))
            }
            div .panel {
                header {
                    div { (show::status(look, record.status)) " "
                        span .soft.small.tab {
                            (look.say(text!("ui-artifacts", n = count(counts.settled()), count = counts.settled())))
                            @if let Some(usual) = usual { " / ~" (count(usual)) }
                            @if counts.noted > 0 { " · " a href=(format!("{}?noted=true#details", run::path(record))) { (look.say(text!("ui-noted-artifacts", n = count(counts.noted)))) } }
                            @if let Some(speed) = run::speed(record, look.now_ms) { " · " (bytes(speed)) "/s" }
                            @if let Some(left) = run::left(record, usual, look.now_ms) { " · " (look.say(left)) }
                        }
                    }
                    span .soft.small { (started_by(look, record)) " · " (when(look, record.started_ms.unwrap_or(record.created_ms))) }
                }
                div .body.stack {
                    (chart::result(look, &counts, usual, "thick"))
                    (chart::legend(look, &counts))
                    @if record.counts.is_none() { p .soft { (look.say(text!("ui-historical"))) } }
                }
            }
        }
    }
}

fn reasons(look: &Look, record: &Record) -> Markup {
    if record.reason.is_empty() {
        return html! {};
    }
    html! {
        section .panel aria-labelledby="why" {
            header { h2 #why { (look.say(text!("ui-why-not"))) } }
            ul .reasons { @for line in &record.reason { li { (look.say(line)) } } }
        }
    }
}

/// Shows what can be done with the details that the filters select.
fn on_selection(look: &Look, record: &Record, params: &Params) -> Markup {
    let chosen = filter::of_query(params).unwrap_or_default();
    let worth = chosen.status == Some(DetailStatus::Failed)
        || chosen.outcome.is_some()
        || chosen.class.is_some()
        || chosen.cause.is_some()
        || chosen.words.is_some();
    html! {
        div .actions {
            a .button href=(export(record, params, "csv")) download { "CSV" }
            a .button href=(export(record, params, "jsonl")) download { "JSONL" }
            @if filters::is_any(params) && worth && record.status.end().is_some() && record.plan.is_some() {
                form method="post" action=(format!("{}/retry", run::path(record))) {
                    (csrf_field(look))
                    (filters::hidden(params))
                    button type="submit" { (look.say(text!("ui-retry-these"))) }
                }
            }
        }
    }
}

/// Returns where the selected details are answered as a file.
fn export(record: &Record, params: &Params, form: &str) -> String {
    keeping(
        &format!("{}/export", run::path(record)),
        params,
        &filters::NAMES,
        &[("as", form)],
    )
}
