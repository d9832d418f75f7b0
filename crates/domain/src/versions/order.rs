//! Which of two versions is newer, as people read them.

use std::cmp::Ordering;

/// A version cut into what is compared: numbers, then whether it is a release, then the rest piece by piece.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cut<'a> {
    numbers: Vec<u64>,
    is_release: bool,
    rest: Vec<Piece<'a>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Text(&'a str),
    Number(u64),
}

/// Compares two versions, the older one first: `1.9` before `1.10`, `2.0-rc.1` before `2.0`, `latest` before all of them.
///
/// Equal only for equal texts.
pub fn newer(left: &str, right: &str) -> Ordering {
    cut(left).cmp(&cut(right)).then_with(|| left.cmp(right))
}

/// Returns the numbers a version begins with and what follows them; a `v` before them is left out.
pub(super) fn numbers(version: &str) -> (Vec<u64>, &str) {
    let mut rest = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let mut numbers = Vec::new();
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let Ok(number) = rest[..end].parse() else {
            return if numbers.is_empty() {
                (numbers, version)
            } else {
                (numbers, rest)
            };
        };
        numbers.push(number);
        rest = &rest[end..];
        match rest.strip_prefix('.') {
            Some(after) if after.starts_with(|c: char| c.is_ascii_digit()) => rest = after,
            _ => return (numbers, rest),
        }
    }
}

fn cut(version: &str) -> Cut<'_> {
    let (mut numbers, rest) = numbers(version);
    // `1.0` and `1` are as new as each other; the text decides between them.
    while numbers.last() == Some(&0) && numbers.len() > 1 {
        numbers.pop();
    }
    Cut {
        is_release: rest.is_empty() || rest.starts_with('+'),
        rest: pieces(rest),
        numbers,
    }
}

fn pieces(mut rest: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest
            .find(|c: char| c.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let piece = &rest[..end];
        pieces.push(match piece.parse() {
            Ok(number) if digits => Piece::Number(number),
            _ => Piece::Text(piece),
        });
        rest = &rest[end..];
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_as_people_read_them() {
        let sorted = [
            "",
            "edge",
            "latest",
            "0.9",
            "1.0-alpha",
            "1.0-rc.2",
            "1.0-rc.10",
            "1",
            "1.0",
            "1.9.9",
            "v1.10",
            "2024.1.2",
            "99999999999999999999",
        ];
        let mut versions = sorted;
        versions.reverse();

        versions.sort_by(|left, right| newer(left, right));

        // A number too large to be one is a text.
        let mut expected = sorted.to_vec();
        expected.rotate_right(1);
        expected[..4].sort_by(|left, right| newer(left, right));
        assert_eq!(versions.to_vec(), expected);
    }
}
