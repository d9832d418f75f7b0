//! Which of two Maven versions is the newer one: the order Maven itself documents ("Version Order Specification" of
//! its POM reference), as Maven 3.8.7 has it.
//!
//! A version is a list of numbers and qualifiers. `-`, and the border between digits and letters, begin a list within
//! the list. Trailing zeros and empty qualifiers say nothing, so `1`, `1.0` and `1.0.0.Final` are equal.

use std::cmp::Ordering;

/// Lists within lists that are looked into; what lies deeper is one qualifier.
const DEEPEST: usize = 64;

#[derive(Debug, PartialEq, Eq)]
enum Item {
    /// A number: its digits without leading zeros.
    Number(String),
    Qualifier(String),
    List(Vec<Item>),
}

/// Returns how `left` and `right` stand to each other in time.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    of_lists(&items(left), &items(right))
}

/// Compares two versions as [`compare`] does; equal only for equal texts.
pub(super) fn newer(left: &str, right: &str) -> Ordering {
    compare(left, right).then_with(|| left.cmp(right))
}

/// Returns the newest of `versions`.
pub(super) fn newest<'a>(versions: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    versions.into_iter().max_by(|left, right| compare(left, right))
}

fn items(version: &str) -> Vec<Item> {
    let lower = version.to_lowercase();
    let mut lists: Vec<Vec<Item>> = vec![Vec::new()];
    let mut token = String::new();
    for c in lower.chars() {
        let digits = token.bytes().next().map(|first| first.is_ascii_digit());
        match c {
            '.' | '-' => {
                end(&mut lists, &mut token, true, false);
                if c == '-' {
                    begin(&mut lists);
                }
            }
            _ => {
                if let Some(digits) = digits
                    && digits != c.is_ascii_digit()
                {
                    end(&mut lists, &mut token, false, !digits);
                    begin(&mut lists);
                }
                token.push(c);
            }
        }
    }
    if !token.is_empty() {
        end(&mut lists, &mut token, false, false);
    }
    while lists.len() > 1 {
        let inner = lists.pop().map(normalised).unwrap_or_default();
        if let Some(outer) = lists.last_mut() {
            outer.push(Item::List(inner));
        }
    }
    normalised(lists.pop().unwrap_or_default())
}

fn begin(lists: &mut Vec<Vec<Item>>) {
    if lists.len() < DEEPEST {
        lists.push(Vec::new());
    }
}

/// Ends a token. At a point or a dash (`at_sign`) an empty one is a zero; a qualifier that ends elsewhere stands in a
/// list of its own.
fn end(lists: &mut Vec<Vec<Item>>, token: &mut String, at_sign: bool, before_digit: bool) {
    let token = std::mem::take(token);
    let item = match token.bytes().next() {
        None if at_sign => Item::Number(String::new()),
        None => return,
        Some(first) if first.is_ascii_digit() => Item::Number(token.trim_start_matches('0').into()),
        Some(_) => {
            if !at_sign && lists.last().is_some_and(|list| !list.is_empty()) {
                begin(lists);
            }
            Item::Qualifier(meaning(&token, before_digit).into())
        }
    };
    if let Some(list) = lists.last_mut() {
        list.push(item);
    }
}

fn meaning(qualifier: &str, before_digit: bool) -> &str {
    match qualifier {
        "a" if before_digit => "alpha",
        "b" if before_digit => "beta",
        "m" if before_digit => "milestone",
        "ga" | "final" | "release" => "",
        "cr" => "rc",
        other => other,
    }
}

/// Drops what says nothing from the end, looking past lists.
fn normalised(mut items: Vec<Item>) -> Vec<Item> {
    for index in (0..items.len()).rev() {
        if items[index].says_nothing() {
            items.remove(index);
        } else if !matches!(items[index], Item::List(_)) {
            break;
        }
    }
    items
}

impl Item {
    fn says_nothing(&self) -> bool {
        match self {
            Self::Number(digits) => digits.is_empty(),
            Self::Qualifier(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
        }
    }
}

/// Places a qualifier: those before a release, the release itself, the service pack, then all others by name.
fn place(qualifier: &str) -> (usize, &str) {
    const KNOWN: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
    match KNOWN.iter().position(|known| *known == qualifier) {
        Some(place) => (place, ""),
        None => (KNOWN.len(), qualifier),
    }
}

fn of_lists(left: &[Item], right: &[Item]) -> Ordering {
    for index in 0..left.len().max(right.len()) {
        let order = match (left.get(index), right.get(index)) {
            (Some(left), Some(right)) => of_items(left, right),
            (Some(left), None) => against_nothing(left),
            (None, Some(right)) => against_nothing(right).reverse(),
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn of_items(left: &Item, right: &Item) -> Ordering {
    use Item::{List, Number, Qualifier};
    match (left, right) {
        (Number(left), Number(right)) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        (Qualifier(left), Qualifier(right)) => place(left).cmp(&place(right)),
        (List(left), List(right)) => of_lists(left, right),
        (Number(_), Qualifier(_) | List(_)) | (List(_), Qualifier(_)) => Ordering::Greater,
        (Qualifier(_), Number(_) | List(_)) | (List(_), Number(_)) => Ordering::Less,
    }
}

fn against_nothing(item: &Item) -> Ordering {
    match item {
        Item::Number(digits) => usize::from(!digits.is_empty()).cmp(&0),
        Item::Qualifier(text) => place(text).cmp(&place("")),
        Item::List(items) => of_lists(items, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_maven_puts_them_in() {
        // Each older than the next, by `ComparableVersion` of Maven 3.8.7.
        let older_first = [
            "1-alpha",
            "1a1",
            "1-beta-2",
            "1-m3",
            "1.0-rc2",
            "1-cr3",
            "1-SNAPSHOT",
            "1.0.0",
            "1-sp",
            "1-abc",
            "1x",
            "1-1",
            "1.0.1",
            "1.1-rc1",
            "1.1",
            "1.2",
            "1.10",
            "2-SNAPSHOT",
            "2.0.1.xyz",
            "20041231",
        ];
        for (index, older) in older_first.iter().enumerate() {
            for newer in &older_first[index + 1..] {
                assert_eq!(compare(older, newer), Ordering::Less, "{older} < {newer}");
                assert_eq!(compare(newer, older), Ordering::Greater, "{newer} > {older}");
            }
        }
        assert_eq!(newest(older_first), Some("20041231"));
    }

    #[test]
    fn what_says_nothing_makes_no_difference() {
        for same in [
            "1",
            "1.0",
            "1.0.0",
            "1-ga",
            "1.Final",
            "1-RELEASE",
            "01",
            "1-0",
            "1..0",
        ] {
            assert_eq!(compare("1", same), Ordering::Equal, "{same}");
        }
        assert_eq!(compare("1.0.x", "1-x"), Ordering::Equal);
    }

    #[test]
    fn hostile_versions_cost_no_more_than_their_length() {
        let deep = "1-a".repeat(20_000);

        assert_eq!(compare(&deep, &deep), Ordering::Equal);
        assert_eq!(compare("", ""), Ordering::Equal);
        assert_eq!(compare("9".repeat(500).as_str(), "1"), Ordering::Greater);
    }
}
