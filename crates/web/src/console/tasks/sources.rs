//! What a task replicates, in its form: its repositories, what of them, and which versions.

use maud::{Markup, html};
use messages::text;

use super::super::controls::choices;
use super::super::form::Typed;
use super::super::look::Look;
use super::fields::{Offers, field};
use super::objects::{at, number};

/// Shows the repositories of a task and what of them it takes.
pub(super) fn show(look: &Look, typed: &Typed, offers: &Offers) -> Markup {
    let several = number(&typed.values);
    html! {
        section #sources .panel {
            header { h2 { (look.say(text!("ui-from"))) } }
            @for n in 0..several { div .body.stack.tight { (repository(look, typed, n, several)) } }
            datalist #offered { @for (name, held) in &offers.repositories { option value=(name) { (held) } } }
            div .body data-for="scope=repository" {
                button type="submit" formaction="/tasks/form" formnovalidate name="repositories" value="more"
                    hx-post="/tasks/form" hx-select="#sources" hx-target="#sources" hx-swap="outerHTML" { (look.say(text!("ui-one-more-repository"))) }
            }
            div .body.stack {
                (choices(look, typed, "scope", text!("ui-what"), &[
                    ("repository", text!("ui-scope-repository"), text!("ui-scope-repository-says")),
                    ("paths", text!("ui-scope-paths"), text!("ui-scope-paths-says")),
                    ("packages", text!("ui-scope-packages"), text!("ui-scope-packages-says")),
                ]))
                div .stack data-for="scope=packages" {
                    (field(look, "packages", text!("ui-packages"), Some(text!("ui-packages-hint"))).area(typed))
                    (field(look, "target_versions", text!("ui-target-versions"), Some(text!("ui-target-versions-hint"))).input(typed, "text", false))
                }
                div data-for="scope=paths" { (field(look, "paths", text!("ui-paths"), Some(text!("ui-paths-hint"))).area(typed)) }
            }
        }
    }
}

/// Shows repository `n` of `several`.
fn repository(look: &Look, typed: &Typed, n: usize, several: usize) -> Markup {
    let name = at("repository", n);
    let number = n + 1;
    // What was just asked for is where somebody goes on.
    let new = n > 0 && number == several && typed.value(&name).is_empty();
    let label = match several {
        1 => text!("ui-repository"),
        _ => text!("ui-repository-number", n = number),
    };
    let hint = (n == 0).then(|| text!("ui-repository-hint"));
    html! {
        div .leading {
            (field(look, &name, label, hint).show(typed, |field| html! {
                input id=(field.name) name=(field.name) list="offered" value=(field.value) required autocomplete="off" autofocus[new]
                    aria-invalid=[field.invalid] aria-describedby=[field.described];
            }))
            @if several > 1 {
                button type="submit" formaction="/tasks/form" formnovalidate name="repositories" value=(format!("without-{n}"))
                    hx-post="/tasks/form" hx-select="#sources" hx-target="#sources" hx-swap="outerHTML" {
                    (look.say(text!("ui-remove"))) span .sr { " " (look.say(text!("ui-repository-number", n = number))) }
                }
            }
        }
        (elsewhere(look, typed, n))
        (versions(look, typed, n))
    }
}

/// Shows what a repository is called at the targets.
fn elsewhere(look: &Look, typed: &Typed, n: usize) -> Markup {
    let names = ["remote_project", "remote_repository"].map(|name| at(name, n));
    html! {
        details open[is_open(typed, &names)] {
            summary { (look.say(text!("ui-other-name-there"))) }
            div .pair {
                (field(look, &names[0], text!("ui-remote-project"), Some(text!("ui-same-name-hint"))).input(typed, "text", false))
                (field(look, &names[1], text!("ui-remote-repository"), Some(text!("ui-same-name-hint"))).input(typed, "text", false))
            }
        }
    }
}

/// Shows which versions of a repository's packages are wanted.
fn versions(look: &Look, typed: &Typed, n: usize) -> Markup {
    let names = ["include", "exclude", "newest", "platforms"].map(|name| at(name, n));
    html! {
        details data-for="scope=repository|packages" open[is_open(typed, &names)] {
            summary { (look.say(text!("ui-some-versions"))) }
            div .stack {
                p .hint.soft.small { (look.say(text!("ui-some-versions-says"))) }
                div .pair {
                    (field(look, &names[0], text!("ui-include"), Some(text!("ui-include-hint"))).area(typed))
                    (field(look, &names[1], text!("ui-exclude"), Some(text!("ui-exclude-hint"))).area(typed))
                }
                div .pair {
                    (field(look, &names[2], text!("ui-newest"), Some(text!("ui-newest-hint"))).show(typed, |field| html! {
                        input id=(field.name) name=(field.name) type="number" min="1" value=(field.value)
                            aria-invalid=[field.invalid] aria-describedby=[field.described];
                    }))
                    (field(look, &names[3], text!("ui-platforms"), Some(text!("ui-platforms-hint"))).input(typed, "text", false))
                }
            }
        }
    }
}

/// Says whether something was typed into one of these fields, or is wrong there.
fn is_open(typed: &Typed, names: &[String]) -> bool {
    let told = |name: &String| !typed.value(name).is_empty() || typed.wrong(name).is_some();
    names.iter().any(told)
}
