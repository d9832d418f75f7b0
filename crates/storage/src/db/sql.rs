//! Parts of statements that are put together, and the few texts that differ between databases.

use super::Value;

/// Most values one statement may bind.
const MOST_VALUES: usize = 32_000;

/// Returns `($1, $2), ($3, $4), ...` for `rows` rows of `columns` columns, counting from `first`.
pub fn placeholders(first: usize, columns: usize, rows: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 7);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            text.push('$');
            text.push_str(&(first + row * columns + column).to_string());
        }
        text.push(')');
    }
    text
}

/// Cuts `rows`, all of `columns` values each, into as few groups as one statement each can bind; returns the places of
/// each group's values (`(?,?),(?,?)`) and the values.
pub(super) fn grouped(columns: usize, rows: Vec<Vec<Value>>) -> impl Iterator<Item = (String, Vec<Value>)> {
    // Groups of 256, 128, 64, ... rows: few texts, so that the driver keeps every one prepared.
    let mut most = 256;
    while most > 1 && most * columns > MOST_VALUES {
        most /= 2;
    }
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        if rows.len() == 0 {
            return None;
        }
        while most > rows.len() {
            most /= 2;
        }
        let values = rows.by_ref().take(most).flatten().collect();
        Some((unnumbered(columns, most), values))
    })
}

/// Returns `(?,?),(?,?),...`: without numbers, which SQLite would look up one by one in a list.
fn unnumbered(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    vec![row; rows].join(",")
}

/// Returns `?, ?, ...`: `count` values in the order they are bound.
///
/// A statement has either these or `$n`, never both.
pub fn list_of(count: usize) -> String {
    vec!["?"; count].join(",")
}

/// Returns `column` in a form no index is used for: the plan is to come from the other conditions.
pub fn unindexed(column: &str) -> String {
    format!("+{column}")
}

/// Returns what follows a table's name so that rows are looked up by `index`, whatever the planner prefers.
pub fn by_index(index: &str) -> String {
    format!("INDEXED BY {index}")
}

/// Returns the member `key` of the JSON object in `column`, as a text or null; `key` is a bound value.
pub fn json_member(column: &str, key: &str) -> String {
    format!("(SELECT j.value FROM json_each({column}) j WHERE j.key = {key})")
}

/// Returns the bytes in `column` as lowercase hex digits.
pub fn hex_of(column: &str) -> String {
    format!("LOWER(HEX({column}))")
}

/// Returns the number that the text `expression` is; null when it is none.
pub fn number_of(expression: &str) -> String {
    format!(
        "CASE WHEN {expression} GLOB '[0-9]*' OR {expression} GLOB '-[0-9]*' \
         THEN CAST({expression} AS NUMERIC) END"
    )
}

/// Returns the condition that the regular expression `pattern`, a bound value, is found in `expression`.
pub fn found_in(expression: &str, pattern: &str) -> String {
    format!("{expression} REGEXP {pattern}")
}

/// Returns the end of the range of texts that begin with `prefix`: the first text past all of them.
///
/// `None` when there is no such text, because `prefix` is empty or holds nothing but the last character.
pub fn prefix_end(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_past_all_that_begin_with_it() {
        assert_eq!(prefix_end("/a"), Some("/b".into()));
        assert_eq!(prefix_end("a\u{10FFFF}"), Some("b".into()));
        assert_eq!(prefix_end(""), None);
        assert!(*"/a\u{10FFFF}z" < *prefix_end("/a").expect("it has an end"));
    }

    #[test]
    fn placeholders_count_on_from_row_to_row() {
        assert_eq!(placeholders(1, 2, 2), "($1,$2), ($3,$4)");
    }
}
