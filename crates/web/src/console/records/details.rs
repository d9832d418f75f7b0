//! The details of a record: filtered, page by page behind a cursor, as quick in a million as in ten.

use domain::detail::{DetailState, DetailStatus, Outcome, RecordDetail};
use domain::record::Record;
use maud::{Markup, html};
use messages::notes::in_words;
use messages::text;
use storage::orders::{MOST_SORTED, Sorted};

use super::super::artifact;
use super::super::links::Sortable;
use super::super::look::Look;
use super::super::show::{bytes, count, pill, when};
use super::filters;
use crate::api::answer::{place, place_after};
use crate::api::details::{DIRECTIONS, SORTS};
use crate::api::filter;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Params;

/// Details of one page.
const ROWS: usize = 50;

/// One page of details.
pub(super) struct Details {
    rows: Vec<RecordDetail>,
    next: Option<String>,
    /// Whether they are too many for the order that was asked for.
    too_many: bool,
}

impl Details {
    /// Reads the page that `params` ask for.
    pub(super) async fn read(app: &App, record: &Record, params: &Params) -> ApiResult<Self> {
        let chosen = filter::of_query(params)?;
        let descending = params.filter("order", DIRECTIONS)?;
        let order = params
            .filter("sort", SORTS)?
            .map(|order| (order, descending.unwrap_or(false)));
        let id = record.id.to_string();
        let behind = place(params, "after")?;
        if let Some(order) = order {
            let sorted = |behind| app.engine().details_sorted(&id, &chosen, order, behind, ROWS + 1);
            let found = match sorted(behind).await? {
                // Where the page would begin nobody knows any more.
                Sorted::Gone => sorted(None).await?,
                found => found,
            };
            if let Sorted::Rows(rows) = found {
                return Ok(Self::of(rows));
            }
            let newest = app.engine().details_after(&id, &chosen, None, ROWS).await?;
            return Ok(Self {
                rows: newest,
                next: None,
                too_many: true,
            });
        }
        let rows = app.engine().details_after(&id, &chosen, behind, ROWS + 1).await?;
        Ok(Self::of(rows))
    }

    /// Cuts one more than a page to a page.
    fn of(mut rows: Vec<RecordDetail>) -> Self {
        let more = rows.len() > ROWS;
        rows.truncate(ROWS);
        Self {
            next: rows
                .last()
                .filter(|_| more)
                .map(|last| place_after(last.started_ms, last.id)),
            rows,
            too_many: false,
        }
    }

    /// Shows the page with its filters.
    pub(super) fn show(&self, look: &Look, record: &Record, project: &str, params: &Params) -> Markup {
        html! {
            @if self.too_many { p .note.warn .apart role="status" { (look.say(text!("ui-too-many-to-sort", n = count(MOST_SORTED)))) } }
            @if self.rows.is_empty() {
                p .empty { (look.say(if filters::is_any(params) { text!("ui-nothing-found") } else { text!("ui-nothing-yet") })) }
            } @else {
                div .scroll { table {
                    thead { (self.head(look, record, params)) }
                    tbody { @for row in &self.rows { (detail(look, project, row)) } }
                } }
                nav .pager aria-label=(look.say(text!("ui-pages"))) {
                    @if params.filled("after").is_some() { a href=(filters::link(record, params, &[])) { (look.say(text!("ui-first-page"))) } } @else { span {} }
                    @if let Some(next) = &self.next { a rel="next" href=(filters::link(record, params, &[("after", next)])) { (look.say(text!("ui-next"))) } } @else { span {} }
                }
            }
        }
    }

    fn head(&self, look: &Look, record: &Record, params: &Params) -> Markup {
        // What is not in the order that was asked for does not say that it is.
        let newest_first = Params::default();
        let chosen = if self.too_many { &newest_first } else { params };
        let sortable = |sort, largest_first, class, name| {
            let column = Sortable {
                sort,
                largest_first,
                class,
                name,
            };
            column.head(look, chosen, |changes| {
                format!("{}#details", filters::link(record, params, changes))
            })
        };
        html! {
            tr {
                (sortable("name", false, "", text!("ui-artifact")))
                th { (look.say(text!("ui-cluster"))) }
                th .wide { (look.say(text!("ui-repository"))) }
                th { (look.say(text!("ui-outcome"))) }
                (sortable("size", true, "num", text!("ui-size")))
                (sortable("attempts", true, "num wide", text!("ui-attempts")))
                (sortable("time", true, "num wide", text!("ui-time")))
            }
        }
    }
}

fn detail(look: &Look, project: &str, detail: &RecordDetail) -> Markup {
    html! {
        tr {
            td .grow.break {
                @match &detail.artifact {
                    Some(key) => a .mono href=(artifact::link(project, &detail.local_repository, key)) { (key) },
                    None => span .soft { (detail.local_repository) },
                }
                @if let Some(reason) = reason(look, detail) { div .why.bad { (reason) } }
                @if let Some(note) = note(look, detail) { div .why { (note) } }
            }
            td { (detail.remote_cluster) }
            td .wide { (detail.local_repository) }
            td { (outcome(look, detail)) }
            td .num { (detail.size_bytes.map_or_else(|| "–".into(), bytes)) }
            td .num.wide { (attempts(detail)) }
            td .num.wide { (when(look, detail.ended_ms.unwrap_or(detail.started_ms))) }
        }
    }
}

fn attempts(detail: &RecordDetail) -> String {
    match &detail.state {
        DetailState::Settled(settled) => settled.attempts.to_string(),
        DetailState::Running | DetailState::Imported { .. } => "–".into(),
    }
}

/// Says why a detail failed.
pub(in crate::console) fn reason(look: &Look, detail: &RecordDetail) -> Option<String> {
    if detail.status() != DetailStatus::Failed {
        return None;
    }
    match &detail.state {
        DetailState::Settled(settled) => settled.failure.as_ref().map(|failure| look.say(failure)),
        DetailState::Running | DetailState::Imported { .. } => {
            detail.historical.as_ref()?.error_reason.clone()
        }
    }
}

/// Says what should be known of a detail although it ended well.
pub(in crate::console) fn note(look: &Look, detail: &RecordDetail) -> Option<String> {
    match &detail.state {
        DetailState::Settled(settled) => in_words(&settled.notes, look.language),
        DetailState::Running | DetailState::Imported { .. } => None,
    }
}

/// Shows what became of an artifact.
pub(in crate::console) fn outcome(look: &Look, detail: &RecordDetail) -> Markup {
    let settled = match &detail.state {
        DetailState::Running => return pill("run", &look.say(text!("ui-running"))),
        DetailState::Imported { succeeded: true } => return pill("ok", &look.say(text!("ui-arrived"))),
        DetailState::Imported { succeeded: false } => return pill("bad", &look.say(text!("ui-failed"))),
        DetailState::Settled(settled) => settled,
    };
    let (class, name) = match settled.outcome {
        Outcome::Copied => ("ok", text!("ui-copied")),
        Outcome::Overwritten => ("ok", text!("ui-overwritten")),
        Outcome::Unchanged => ("", text!("ui-unchanged")),
        Outcome::SkippedConflict => ("warn", text!("ui-skipped-short")),
        Outcome::Failed => ("bad", text!("ui-failed")),
        Outcome::Deleted => ("", text!("ui-deleted")),
    };
    html! {
        (pill(class, &look.say(name)))
        @if settled.conflict && settled.outcome == Outcome::Failed { " " span .tag { (look.say(text!("ui-conflict"))) } }
    }
}
