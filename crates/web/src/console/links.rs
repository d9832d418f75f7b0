//! Links that keep what a page was asked with: filters, order, place in a list.

use url::form_urlencoded::Serializer;

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
