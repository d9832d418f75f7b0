//! Links that keep what a page was asked with: filters, order, place in a list.

use maud::{Markup, html};
use messages::Text;
use url::form_urlencoded::Serializer;

use super::look::Look;
use crate::params::Params;

/// Returns `path` with the parameters `names` of `params` that are filled, those of `changes` instead of them.
pub(super) fn keeping(path: &str, params: &Params, names: &[&str], changes: &[(&str, &str)]) -> String {
    let changed = |name: &str| changes.iter().find(|(found, _)| *found == name);
    let kept = names
        .iter()
        .filter(|name| changed(name).is_none())
        .filter_map(|name| Some((*name, params.filled(name)?)));
    let all: Vec<(&str, &str)> = kept
        .chain(changes.iter().copied())
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if all.is_empty() {
        return path.into();
    }
    let mut query = Serializer::new(String::new());
    query.extend_pairs(all);
    format!("{path}?{}", query.finish())
}

/// A column that a list can be ordered by.
pub(super) struct Sortable<'a> {
    /// What the query calls it.
    pub(super) sort: &'a str,
    /// Whether the largest come first when it is chosen.
    pub(super) largest_first: bool,
    pub(super) class: &'a str,
    pub(super) name: Text,
}

impl Sortable<'_> {
    /// Shows the head of the column, which leads to the list in its order; chosen already, the other way round. `to`
    /// returns where the list is with changed parameters.
    pub(super) fn head(
        &self,
        look: &Look,
        params: &Params,
        to: impl Fn(&[(&str, &str)]) -> String,
    ) -> Markup {
        let chosen = params.filled("sort") == Some(self.sort);
        let ascending = params.filled("order") != Some("desc");
        let descends = if chosen { ascending } else { self.largest_first };
        let order = if descends { "desc" } else { "asc" };
        let says = chosen.then_some(if ascending { "ascending" } else { "descending" });
        let link = to(&[("sort", self.sort), ("order", order)]);
        html! {
            th class=(self.class) aria-sort=[says] {
                a href=(link) { (look.say(&self.name)) @if chosen { span aria-hidden="true" { (if ascending { " ↑" } else { " ↓" }) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_replaces_what_is_kept_and_an_empty_change_removes_it() {
        let params = Params::of("status=failed&page=3&other=1");
        let names = ["status", "page"];

        assert_eq!(
            keeping("/tasks", &params, &names, &[("page", "")]),
            "/tasks?status=failed"
        );
        assert_eq!(
            keeping("/tasks", &params, &names, &[("page", "4")]),
            "/tasks?status=failed&page=4"
        );
        assert_eq!(keeping("/tasks", &Params::default(), &names, &[]), "/tasks");
    }
}
