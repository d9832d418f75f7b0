//! Why artifacts of a record failed: what to mend, how many it cost, and what to do about it.

use domain::record::Record;
use maud::{Markup, html};
use messages::failures::advice;
use messages::text;
use storage::CauseRow;

use super::super::form::csrf_field;
use super::super::look::Look;
use super::super::run;
use super::super::show::{count, pill};
use super::filters;
use crate::params::Params;

/// Shows the root causes of a record's failures, the most frequent one first.
pub(super) fn section(look: &Look, record: &Record, causes: &[CauseRow], ungrouped: u64) -> Markup {
    if causes.is_empty() {
        return html! {};
    }
    html! {
        section .panel aria-labelledby="causes" {
            header { h2 #causes { (look.say(text!("ui-causes"))) } }
            div .scroll { table {
                thead { tr {
                    th .num { (look.say(text!("ui-failed"))) }
                    th { (look.say(text!("ui-class"))) }
                    th { (look.say(text!("ui-what-was-said"))) }
                    th { span .sr { (look.say(text!("ui-actions"))) } }
                } }
                tbody {
                    @for cause in causes { (row(look, record, cause)) }
                    @if ungrouped > 0 {
                        tr { td .num { (count(ungrouped)) } td colspan="3" .soft { (look.say(text!("ui-no-cause-known"))) } }
                    }
                }
            } }
        }
    }
}

fn row(look: &Look, record: &Record, cause: &CauseRow) -> Markup {
    let chosen = filters::link(record, &Params::default(), &[("cause", &cause.no.to_string())]);
    html! {
        tr {
            td .num { b { (count(cause.rows)) } }
            td {
                (pill("bad", cause.first.class.as_str()))
                @if let Some(cluster) = &cause.cluster { div .why { (cluster) } }
            }
            td .grow.break {
                @if let Some(words) = &cause.words { div .mono { (words) } }
                div .why { (look.say(advice(cause.first.class))) }
                div .why { (look.say(text!("ui-for-example"))) " " span .mono { (cause.artifact) } }
            }
            td {
                div .actions.level {
                    a .button href=(format!("{chosen}#details")) { (look.say(text!("ui-show"))) }
                    @if record.status.end().is_some() && record.plan.is_some() {
                        form method="post" action=(format!("{}/retry", run::path(record))) {
                            (csrf_field(look))
                            input type="hidden" name="cause" value=(cause.no);
                            button id=(format!("retry-cause-{}", cause.no)) type="submit" { (look.say(text!("ui-retry-these"))) }
                        }
                    }
                }
            }
        }
    }
}
