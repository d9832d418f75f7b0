//! Small drawings, made on the server: how a run ended, what ran when.
//!
//! Sizes are attributes and colours are classes, since the content policy allows no inline style. Each drawing
//! says in words what it shows.

use domain::counts::Counts;
use maud::{Markup, html};
use messages::{Text, text};

use super::look::Look;
use super::show::count;

/// Columns a chart has room for, however few there are.
const LEAST_PLACES: usize = 24;
/// Width of a bar, in its own units.
const WIDTH: u64 = 1000;

/// What the artifacts of a run ended as: class, name and number, without those that are none.
pub(super) fn outcomes(counts: &Counts) -> Vec<(&'static str, Text, u64)> {
    let all = [
        ("copied", text!("ui-copied"), counts.copied + counts.overwritten),
        ("unchanged", text!("ui-unchanged"), counts.unchanged),
        ("skipped", text!("ui-skipped"), counts.skipped_conflict),
        ("deleted", text!("ui-deleted"), counts.deleted),
        ("failed", text!("ui-failed-artifacts"), counts.failed),
    ];
    all.into_iter().filter(|(_, _, count)| *count > 0).collect()
}

/// Draws what the artifacts of a run ended as, out of `expected` in all where that is known.
pub(super) fn result(look: &Look, counts: &Counts, expected: Option<u64>, class: &str) -> Markup {
    let whole = expected.unwrap_or(0).max(counts.settled()).max(1);
    let parts = outcomes(counts);
    let said = parts
        .iter()
        .map(|(_, name, number)| format!("{} {}", count(*number), look.say(name.clone())))
        .collect::<Vec<_>>()
        .join(", ");
    let mut from = 0;
    let mut places = Vec::with_capacity(parts.len());
    for (class, _, number) in &parts {
        // What is there is seen, however little of the whole it is.
        let width = (u128::from(*number) * u128::from(WIDTH))
            .div_ceil(u128::from(whole))
            .max(8);
        places.push((*class, from, width));
        from += width;
    }
    html! {
        svg class=(format!("bar {class}")) viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" role="img"
            aria-label=(if said.is_empty() { look.say(text!("ui-nothing-yet")) } else { said.clone() }) {
            @if !said.is_empty() { title { (said) } }
            @for (class, from, width) in places {
                rect class=(class) x=(from) y="0" width=(width) height="10" {}
            }
        }
    }
}

/// Names the parts of [`result`], with their numbers.
pub(super) fn legend(look: &Look, counts: &Counts) -> Markup {
    html! {
        ul .legend {
            @for (class, name, number) in outcomes(counts) {
                li {
                    svg viewBox="0 0 9 9" aria-hidden="true" { rect class=(class) width="9" height="9" rx="2" {} }
                    b { (count(number)) } (look.say(name))
                }
            }
        }
    }
}

/// One column of a chart.
pub(super) struct Column {
    pub(super) value: u64,
    /// How much of the value is of another class, drawn below the rest.
    pub(super) part: Option<(u64, &'static str)>,
    pub(super) class: &'static str,
    /// What it says in words.
    pub(super) says: String,
    /// Where it leads, if it leads somewhere.
    pub(super) link: Option<String>,
}

/// Draws columns side by side, the highest one as high as the chart.
pub(super) fn columns(name: &str, class: &str, columns: &[Column]) -> Markup {
    let highest = columns
        .iter()
        .map(|column| column.value)
        .max()
        .unwrap_or(0)
        .max(1);
    // A few columns are not as broad as the page: they stand at the right, where time has come to.
    let places = columns.len().max(LEAST_PLACES);
    let step = WIDTH as f64 / places as f64;
    let first = places - columns.len();
    let high = |value: u64| (value as f64 / highest as f64 * 96.0).max(2.0);
    let bar = |index: usize, column: &Column| {
        let height = if column.value == 0 {
            1.0
        } else {
            high(column.value)
        };
        let class = if column.value == 0 { "none" } else { column.class };
        let rect = |class: &str, height: f64| {
            html! {
                rect class=(class) x=(format!("{:.1}", (first + index) as f64 * step + step * 0.12)) y=(format!("{:.1}", 100.0 - height))
                    width=(format!("{:.1}", step * 0.76)) height=(format!("{height:.1}")) { title { (column.says) } }
            }
        };
        html! {
            (rect(class, height))
            @if let Some((value, class)) = column.part.filter(|(value, _)| *value > 0) { (rect(class, high(value).max(6.0).min(height))) }
        }
    };
    html! {
        svg class=(format!("chart {class}")) viewBox=(format!("0 0 {WIDTH} 100")) preserveAspectRatio="none"
            role=(if columns.iter().any(|column| column.link.is_some()) { "group" } else { "img" }) aria-label=(name) {
            line x1="0" x2=(WIDTH) y1="100" y2="100" vector-effect="non-scaling-stroke" {}
            @for (index, column) in columns.iter().enumerate() {
                @if let Some(link) = &column.link {
                    a href=(link) aria-label=(column.says) { (bar(index, column)) }
                } @else { (bar(index, column)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_happen_is_not_named() {
        let counts = Counts {
            copied: 2,
            overwritten: 1,
            failed: 1,
            ..Counts::default()
        };

        let found: Vec<_> = outcomes(&counts)
            .into_iter()
            .map(|(class, _, number)| (class, number))
            .collect();

        assert_eq!(found, [("copied", 3), ("failed", 1)]);
    }
}
