//! The controls of forms: what each shows of what was typed and of what is wrong with it.

use maud::{Markup, html};
use messages::{Text, text};

use super::form::Typed;
use super::look::Look;

/// One field: its label, what explains it, and its control.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: String,
    pub(super) hint: Option<String>,
}

impl Field<'_> {
    /// Shows a field around the control that `control` makes of its attributes.
    pub(super) fn show(&self, typed: &Typed, control: impl FnOnce(Attributes<'_>) -> Markup) -> Markup {
        let wrong = typed.wrong(self.name);
        let described = format!("{}-says", self.name);
        let attributes = Attributes {
            name: self.name,
            value: typed.value(self.name),
            invalid: wrong.map(|_| "true"),
            described: (wrong.is_some() || self.hint.is_some()).then_some(described.as_str()),
        };
        html! {
            div .field {
                label for=(self.name) { (self.label) }
                (control(attributes))
                div id=(described) {
                    @if let Some(wrong) = wrong { p .wrong { (wrong) } }
                    @if let Some(hint) = &self.hint { p .hint { (hint) } }
                }
            }
        }
    }

    /// Shows a field of one line of text.
    pub(super) fn input(&self, typed: &Typed, kind: &str, required: bool) -> Markup {
        self.show(typed, |field| {
            html! {
                input id=(field.name) name=(field.name) type=(kind) value=(field.value) required[required]
                    aria-invalid=[field.invalid] aria-describedby=[field.described];
            }
        })
    }

    /// Shows a field of a secret, which is written and never shown again.
    pub(super) fn secret(&self, typed: &Typed, required: bool) -> Markup {
        self.show(&typed.without(self.name), |field| {
            html! {
                input id=(field.name) name=(field.name) type="password" required[required] autocomplete="new-password"
                    aria-invalid=[field.invalid] aria-describedby=[field.described];
            }
        })
    }

    /// Shows a field of several lines.
    pub(super) fn area(&self, typed: &Typed) -> Markup {
        self.show(typed, |field| {
            html! {
                textarea id=(field.name) name=(field.name) aria-invalid=[field.invalid]
                    aria-describedby=[field.described] { (field.value) }
            }
        })
    }

    /// Shows a choice among `options`: values with their names.
    pub(super) fn select(&self, typed: &Typed, options: &[(String, String)]) -> Markup {
        self.show(typed, |field| {
            html! {
                select id=(field.name) name=(field.name) aria-invalid=[field.invalid] aria-describedby=[field.described] {
                    @for (value, name) in options {
                        option value=(value) selected[value == field.value] { (name) }
                    }
                }
            }
        })
    }
}

/// What a control says of its field.
pub(super) struct Attributes<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) invalid: Option<&'static str>,
    pub(super) described: Option<&'a str>,
}

/// Shows one thing that is chosen or not, with a sentence of explanation.
pub(super) fn check(look: &Look, typed: &Typed, name: &str, label: Text, says: Text) -> Markup {
    html! {
        div .choice {
            input id=(name) type="checkbox" name=(name) value="on" checked[typed.is(name, "on")];
            label for=(name) { b { (look.say(label)) } span { (look.say(says)) } }
        }
    }
}

/// Shows a choice of one, each with a sentence of explanation.
pub(super) fn choices(
    look: &Look,
    typed: &Typed,
    name: &str,
    legend: Text,
    all: &[(&str, Text, Text)],
) -> Markup {
    html! {
        fieldset .field {
            legend { (look.say(legend)) }
            @for (value, label, says) in all {
                @let id = format!("{name}-{value}");
                div .choice {
                    input id=(id) type="radio" name=(name) value=(value) checked[typed.is(name, value)];
                    label for=(id) { b { (look.say(label)) } span { (look.say(says)) } }
                }
            }
            @if let Some(wrong) = typed.wrong(name) { p .wrong { (wrong) } }
        }
    }
}

/// Shows a secret that was just made, this once, with `note` below it.
pub(super) fn shown_once(look: &Look, title: &Text, secret: &str, note: &Text) -> Markup {
    html! {
        section .panel role="status" {
            header { h2 { (look.say(title)) } }
            div .body.stack {
                div .secret {
                    code #made { (secret) }
                    button type="button" data-copy="made" data-copied=(look.say(text!("ui-copied-text"))) { (look.say(text!("ui-copy-text"))) }
                }
                p .note.warn { (look.say(note)) }
            }
        }
    }
}
