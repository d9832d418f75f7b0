//! The form of a task: what it guides through, in the order people think of it.

use domain::cluster::{Cluster, ClusterStatus};
use maud::{Markup, html};
use messages::{Text, text};

use super::super::controls::{Field, check, choices};
use super::super::form::{Typed, csrf_field};
use super::super::look::Look;
use super::sources;

/// What the form offers to choose from.
pub(super) struct Offers {
    pub(super) clusters: Vec<Cluster>,
    /// `project/repository` of repositories on this node, with what they hold.
    pub(super) repositories: Vec<(String, String)>,
}

/// Shows the form, sent to `action`.
pub(super) fn form(look: &Look, typed: &Typed, offers: &Offers, action: &str, key: Option<&str>) -> Markup {
    html! {
        (typed.summary(look))
        form .form method="post" action=(action) {
            (csrf_field(look))
            @if let Some(key) = key { input type="hidden" name="key" value=(key); }
            // Enter in a field saves, whatever button stands first below.
            button .sr type="submit" tabindex="-1" aria-hidden="true" {}
            (names(look, typed))
            (sources::show(look, typed, offers))
            (targets(look, typed, offers))
            (trigger(look, typed))
            (strategies(look, typed))
            (limits(look, typed))
            div .actions {
                button .main type="submit" { (look.say(if key.is_some() { text!("ui-save") } else { text!("ui-make-task") })) }
                button type="submit" formaction="/tasks/preview" { (look.say(text!("ui-preview"))) }
                a .button href=(key.map_or_else(|| "/tasks".into(), |key| format!("/tasks/{key}"))) { (look.say(text!("ui-cancel"))) }
            }
        }
    }
}

pub(super) fn field<'a>(look: &Look, name: &'a str, label: Text, hint: Option<Text>) -> Field<'a> {
    Field {
        name,
        label: look.say(label),
        hint: hint.map(|hint| look.say(hint)),
    }
}

fn names(look: &Look, typed: &Typed) -> Markup {
    html! {
        div .pair {
            (field(look, "name", text!("ui-name"), Some(text!("ui-name-hint"))).input(typed, "text", true))
            (field(look, "description", text!("ui-description"), Some(text!("ui-description-hint"))).input(typed, "text", false))
        }
    }
}

fn targets(look: &Look, typed: &Typed, offers: &Offers) -> Markup {
    html! {
        section .panel {
            header { h2 { (look.say(text!("ui-to"))) } }
            div .body.stack {
                fieldset .field aria-describedby="targets-says" {
                    legend { (look.say(text!("ui-clusters"))) }
                    @if offers.clusters.is_empty() {
                        p .hint { (look.say(text!("ui-no-clusters-yet"))) }
                    }
                    @for cluster in &offers.clusters {
                        @let id = cluster.id.to_string();
                        div .choice {
                            input id=(id) type="checkbox" name="targets" value=(id) checked[typed.is("targets", &id)];
                            label for=(id) {
                                b { (cluster.name) @if cluster.status == ClusterStatus::Unhealthy { " " span .tag { (look.say(text!("ui-unhealthy"))) } } }
                                span { (cluster.url) }
                            }
                        }
                    }
                    div #targets-says { @if let Some(wrong) = typed.wrong("targets") { p .wrong { (wrong) } } }
                }
                (check(look, typed, "create", text!("ui-create-there"), text!("ui-create-there-says")))
            }
        }
    }
}

fn trigger(look: &Look, typed: &Typed) -> Markup {
    let zone = look.zone.iana_name().unwrap_or("UTC").to_owned();
    html! {
        section .panel {
            header { h2 { (look.say(text!("ui-starts"))) } }
            div .body.stack {
                (choices(look, typed, "trigger", text!("ui-when"), &[
                    ("cron", text!("ui-trigger-cron"), text!("ui-trigger-cron-says")),
                    ("real_time", text!("ui-trigger-real-time"), text!("ui-trigger-real-time-says")),
                    ("now", text!("ui-trigger-now"), text!("ui-trigger-now-says")),
                    ("at", text!("ui-trigger-at"), text!("ui-trigger-at-says")),
                    ("manual", text!("ui-trigger-manual"), text!("ui-trigger-manual-says")),
                ]))
                div data-for="trigger=cron" {
                    (field(look, "cron", text!("ui-cron"), Some(text!("ui-cron-hint", zone = &zone))).show(typed, |field| html! {
                        input #cron .mono name="cron" value=(field.value) list="crons" autocomplete="off" spellcheck="false"
                            aria-invalid=[field.invalid] aria-describedby=[field.described]
                            hx-get="/tasks/cron" hx-trigger="load, input changed delay:250ms, change" hx-target="#firings" hx-swap="innerHTML";
                        datalist #crons {
                            @for (cron, says) in examples() { option value=(cron) { (look.say(says)) } }
                        }
                    }))
                    div #firings aria-live="polite" {}
                }
                div data-for="trigger=at" {
                    (field(look, "at", text!("ui-time"), Some(text!("ui-time-hint", zone = &zone))).input(typed, "datetime-local", false))
                }
                (check(look, typed, "enabled", text!("ui-enabled"), text!("ui-enabled-says")))
            }
        }
    }
}

fn examples() -> [(&'static str, Text); 4] {
    [
        ("0 0 * * * ?", text!("ui-cron-hourly")),
        ("0 30 2 * * ?", text!("ui-cron-nightly")),
        ("0 0 6 ? * MON-FRI", text!("ui-cron-weekdays")),
        ("0 0/15 * * * ?", text!("ui-cron-quarters")),
    ]
}

fn strategies(look: &Look, typed: &Typed) -> Markup {
    html! {
        section .panel {
            header { h2 { (look.say(text!("ui-when-it-differs"))) } }
            div .body.two {
                (choices(look, typed, "conflict", text!("ui-other-content"), &[
                    ("skip", text!("ui-conflict-skip"), text!("ui-conflict-skip-says")),
                    ("overwrite", text!("ui-conflict-overwrite"), text!("ui-conflict-overwrite-says")),
                    ("fail", text!("ui-conflict-fail"), text!("ui-conflict-fail-says")),
                ]))
                (choices(look, typed, "error", text!("ui-after-failure"), &[
                    ("continue", text!("ui-error-continue"), text!("ui-error-continue-says")),
                    ("stop", text!("ui-error-stop"), text!("ui-error-stop-says")),
                ]))
            }
        }
    }
}

fn limits(look: &Look, typed: &Typed) -> Markup {
    html! {
        section .panel {
            header { h2 { (look.say(text!("ui-limits-and-log"))) } }
            div .body.stack {
                div .pair {
                    (field(look, "rate", text!("ui-rate"), Some(text!("ui-rate-hint"))).show(typed, |field| html! {
                        input #rate name="rate" inputmode="decimal" value=(field.value) aria-invalid=[field.invalid] aria-describedby=[field.described];
                    }))
                    (field(look, "days", text!("ui-days"), Some(text!("ui-days-hint"))).show(typed, |field| html! {
                        input #days name="days" type="number" min="1" max="60" value=(field.value) aria-invalid=[field.invalid] aria-describedby=[field.described];
                    }))
                }
                (check(look, typed, "details", text!("ui-keep-details"), text!("ui-keep-details-says")))
                (check(look, typed, "metadata", text!("ui-metadata"), text!("ui-metadata-says")))
            }
        }
    }
}
