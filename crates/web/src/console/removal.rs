//! The page that says what goes with something before it is deleted.

use axum::response::Response;
use maud::{Markup, html};
use messages::{Text, text};

use super::form::csrf_field;
use super::look::Look;
use super::shell::{Page, Section, crumbs};

/// Something that may be deleted.
pub(super) struct Removal<'a> {
    pub(super) section: Section,
    /// What the list it is in is called, and where that is.
    pub(super) list: (Text, &'a str),
    pub(super) name: &'a str,
    /// Where it is shown; `/delete` below deletes it.
    pub(super) path: &'a str,
    /// The question.
    pub(super) asks: Text,
    /// What goes with it.
    pub(super) says: Text,
    /// What else there is to know.
    pub(super) more: Markup,
}

impl Removal<'_> {
    /// Asks whether it is meant.
    pub(super) fn ask(self, look: &Look) -> Response {
        let (list, at) = self.list;
        let body = html! {
            div .head { div {
                (crumbs(look, &[(&look.say(list), at.into()), (self.name, self.path.into())]))
                h1 { (look.say(self.asks)) }
            } }
            p .note.warn { (look.say(self.says)) }
            (self.more)
            form .actions method="post" action=(format!("{}/delete", self.path)) {
                (csrf_field(look))
                button .danger.main type="submit" { (look.say(text!("ui-delete"))) }
                a .button href=(self.path) { (look.say(text!("ui-cancel"))) }
            }
        };
        Page {
            title: look.say(text!("ui-delete")),
            section: self.section,
            body,
        }
        .show(look)
    }
}
