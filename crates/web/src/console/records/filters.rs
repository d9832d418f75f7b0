//! The filters of a record's details: those of the native API, by the same names.

use domain::record::Record;
use maud::{Markup, html};
use messages::{Text, text};

use super::super::links::keeping;
use super::super::look::Look;
use crate::params::Params;

/// Names of the filters, as they stand in a query.
pub(super) const NAMES: [&str; 12] = [
    "status",
    "outcome",
    "class",
    "cluster",
    "repository",
    "path",
    "artifact",
    "package",
    "version",
    "cause",
    "words",
    "noted",
];

/// What the query says of the list besides its filters.
const ORDER: [&str; 2] = ["sort", "order"];

/// The words of [`domain::failure::ErrorKind`] that filters know.
const CLASSES: [&str; 11] = [
    "unreachable",
    "tls",
    "unauthorised",
    "not-found",
    "conflict",
    "limit",
    "corrupt",
    "changed",
    "disk",
    "protocol",
    "stopped",
];

/// Says whether anything is filtered.
pub(super) fn is_any(params: &Params) -> bool {
    NAMES.iter().any(|name| params.filled(name).is_some())
}

/// Shows the filters of `record` as they are set.
pub(super) fn form(look: &Look, record: &Record, params: &Params) -> Markup {
    let clusters: Vec<String> = record.plan.iter().flat_map(|plan| plan.targets.clone()).collect();
    let repositories: Vec<String> = record
        .plan
        .iter()
        .flat_map(|plan| &plan.objects)
        .map(|object| object.local_repository.clone())
        .collect();
    let path = format!("/records/{}", record.id);
    html! {
        form .filters method="get" action=(path) role="search" data-at-once {
            (select(look, params, "status", text!("ui-state"), &[
                ("failed", look.say(text!("ui-failed"))), ("success", look.say(text!("ui-arrived"))), ("running", look.say(text!("ui-running"))),
            ]))
            (select(look, params, "outcome", text!("ui-outcome"), &outcomes(look)))
            (select(look, params, "class", text!("ui-class"), &CLASSES.map(|class| (class, class.into()))))
            (select(look, params, "noted", text!("ui-notes"), &[("true", look.say(text!("ui-noted")))]))
            (names(look, params, "cluster", text!("ui-cluster"), &clusters))
            (names(look, params, "repository", text!("ui-repository"), &repositories))
            (input(look, params, "path", text!("ui-path-begins"), true))
            (input(look, params, "package", text!("ui-package-begins"), false))
            (input(look, params, "version", text!("ui-version"), false))
            (input(look, params, "words", text!("ui-words-contain"), false))
            @if let Some(cause) = params.filled("cause") { input type="hidden" name="cause" value=(cause); }
            @for name in ORDER { @if let Some(value) = params.filled(name) { input type="hidden" name=(name) value=(value); } }
            button type="submit" { (look.say(text!("ui-filter"))) }
            @if is_any(params) { a .button href=(path) { (look.say(text!("ui-no-filter"))) } }
        }
    }
}

fn outcomes(look: &Look) -> [(&'static str, String); 6] {
    [
        ("copied", look.say(text!("ui-copied"))),
        ("overwritten", look.say(text!("ui-overwritten"))),
        ("unchanged", look.say(text!("ui-unchanged"))),
        ("skipped_conflict", look.say(text!("ui-skipped"))),
        ("failed", look.say(text!("ui-failed-artifacts"))),
        ("deleted", look.say(text!("ui-deleted"))),
    ]
}

fn select(look: &Look, params: &Params, name: &str, label: Text, options: &[(&str, String)]) -> Markup {
    html! {
        label { (look.say(label))
            select name=(name) {
                option value="" { (look.say(text!("ui-any"))) }
                @for (value, says) in options { option value=(value) selected[params.get(name) == Some(*value)] { (says) } }
            }
        }
    }
}

/// Shows a choice among `names`; nothing where there is nothing to choose.
fn names(look: &Look, params: &Params, name: &str, label: Text, names: &[String]) -> Markup {
    if names.len() < 2 {
        return html! {};
    }
    let options: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), name.clone())).collect();
    select(look, params, name, label, &options)
}

fn input(look: &Look, params: &Params, name: &str, label: Text, search: bool) -> Markup {
    html! {
        label { (look.say(label))
            input type="search" name=(name) value=(params.get(name).unwrap_or_default()) autocomplete="off"
                spellcheck="false" data-search[search];
        }
    }
}

/// Returns the page of a record with its filters and order, those of `changes` instead.
pub(super) fn link(record: &Record, params: &Params, changes: &[(&str, &str)]) -> String {
    let names: Vec<&str> = NAMES.into_iter().chain(ORDER).collect();
    keeping(&format!("/records/{}", record.id), params, &names, changes)
}

/// Returns the filters as hidden fields of a form that acts on the selection.
pub(super) fn hidden(params: &Params) -> Markup {
    html! {
        @for name in NAMES {
            @if let Some(value) = params.filled(name) { input type="hidden" name=(name) value=(value); }
        }
    }
}
