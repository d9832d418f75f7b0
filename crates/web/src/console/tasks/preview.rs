//! What a task would do, shown before it is saved.

use axum::extract::State;
use axum::response::Response;
use domain::decide::Action;
use engine::{DryBounds, DryItem, DryRun};
use maud::{Markup, html};
use messages::{Text, text};

use super::super::form::{Form, Typed};
use super::super::look::{ForAdmin, Look};
use super::super::show::{bytes, count, pill, tile};
use super::draft::read;
use super::edit::page;
use super::faults;
use crate::app::App;
use crate::error::ApiResult;

/// Shows the form again, above it what its task would do.
pub(super) async fn preview(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::of(form);
    let mut shown = html! {};
    if let Some(draft) = read(&app, &look, &mut typed).await? {
        match app
            .engine()
            .preview_task(draft.clone(), look.user(), &DryBounds::PREVIEW)
            .await
        {
            Ok(dry) => shown = plan(&look, &dry),
            Err(error) => faults::of_draft(&look, &mut typed, &draft, error)?,
        }
    }
    page(&app, &look, &typed, shown).await
}

fn plan(look: &Look, dry: &DryRun) -> Markup {
    let counts = &dry.counts;
    let tile = |number: String, name: Text, class: &str| tile(&number, &look.say(name), class, None);
    let conflicts = counts.overwrite + counts.skip_conflict + counts.refuse;
    html! {
        section .panel #preview aria-labelledby="would" {
            header { h2 #would { (look.say(text!("ui-would-do"))) } }
            @if dry.more { div .body { p .note.warn { (look.say(text!("ui-would-more"))) } } }
            @for problem in &dry.problems { div .body { p .note.bad { (problem) } } }
            @let untold = dry.problem_count - dry.problems.len() as u64;
            @if untold > 0 { div .body { p .note.bad { (look.say(text!("ui-more-problems", n = count(untold)))) } } }
            div .body.tiles {
                (tile(count(counts.copy), text!("ui-would-copy"), ""))
                (tile(bytes(counts.bytes), text!("ui-would-move"), ""))
                (tile(count(counts.keep), text!("ui-would-keep"), ""))
                (tile(count(conflicts), text!("ui-would-conflict"), if conflicts > 0 { "warn" } else { "" }))
            }
            @if dry.items.is_empty() { p .empty { (look.say(text!("ui-would-nothing"))) } }
            @else { div .scroll.short tabindex="0" role="region" aria-labelledby="would" { (table(look, &dry.items)) } }
            @if counts.copy + conflicts > dry.items.len() as u64 {
                p .empty { (look.say(text!("ui-first-named", n = dry.items.len()))) }
            }
        }
    }
}

fn table(look: &Look, items: &[DryItem]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (look.say(text!("ui-artifact"))) }
                th { (look.say(text!("ui-cluster"))) }
                th { (look.say(text!("ui-would"))) }
                th .num { (look.say(text!("ui-size"))) }
            } }
            tbody { @for item in items {
                tr {
                    td .grow.break { span .mono { (item.artifact) } }
                    td { (item.cluster) }
                    td { (action(look, item.action)) }
                    td .num { (bytes(item.size_bytes)) }
                }
            } }
        }
    }
}

fn action(look: &Look, action: Action) -> Markup {
    let (class, name) = match action {
        Action::Copy => ("ok", text!("ui-action-copy")),
        Action::Overwrite => ("warn", text!("ui-action-overwrite")),
        Action::OverwriteMetadata => ("ok", text!("ui-action-metadata")),
        Action::Keep => ("", text!("ui-action-keep")),
        Action::SkipConflict => ("warn", text!("ui-action-skip")),
        Action::Refuse => ("bad", text!("ui-action-refuse")),
    };
    pill(class, &look.say(name))
}
