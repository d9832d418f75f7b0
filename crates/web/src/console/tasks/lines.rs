//! Packages and patterns as they are typed: one per line, or one after the other.

use domain::task::PackageSelection;
use engine::tasks::draft::PackageDraft;
use serde_json::Value;

/// Returns a line for each package: its key, then its versions unless all are meant.
pub(super) fn of_packages(packages: &[PackageSelection]) -> String {
    let lines = packages.iter().map(|package| {
        let all = std::iter::once(&package.key).chain(&package.versions);
        of_words(all)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads what [`of_packages`] returns.
pub(super) fn packages(text: &str) -> Vec<PackageDraft> {
    let packages = text.lines().filter_map(|line| {
        let mut words = words(line).into_iter();
        Some(PackageDraft {
            key: Some(words.next()?),
            versions: words.collect(),
            target_versions: Vec::new(),
            refused: None,
        })
    });
    packages.collect()
}

/// Returns `words` one after the other; one with a blank in it stands between quotation marks.
pub(super) fn of_words(words: impl Iterator<Item = impl AsRef<str>>) -> String {
    let quoted = words.map(|word| quoted(word.as_ref(), char::is_whitespace));
    quoted.collect::<Vec<_>>().join(" ")
}

/// Returns a line for each of `texts`; one that begins or ends with a blank stands between quotation marks.
pub(super) fn of_lines(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let quoted = texts.map(|text| {
        let text = text.as_ref();
        let is_trimmed = text.trim() == text;
        quoted(text, |c| c.is_control() || !is_trimmed)
    });
    quoted.collect::<Vec<_>>().join("\n")
}

/// Returns `text`, as JSON writes it if it has a character that is `odd` or would be read otherwise.
fn quoted(text: &str, odd: impl FnMut(char) -> bool) -> String {
    match text.starts_with('"') || text.contains(odd) {
        true => Value::from(text).to_string(),
        false => text.to_owned(),
    }
}

/// Reads what `text` begins with between quotation marks; returns it and the rest.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let begun = text.starts_with('"').then_some(text)?;
    let mut read = serde_json::Deserializer::from_str(begun).into_iter::<String>();
    let word = read.next()?.ok()?;
    Some((word, &text[read.byte_offset()..]))
}

/// Reads what [`of_words`] returns.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = unquoted(rest).unwrap_or_else(|| {
            let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
            (word.to_owned(), after)
        });
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// Reads what [`of_lines`] returns: the lines that say something.
pub(super) fn filled(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read = lines.map(|line| match unquoted(line) {
        Some((text, "")) => text,
        Some(_) | None => line.to_owned(),
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for typed in [
            vec!["a"],
            vec!["a b", "c"],
            vec!["docker://x/y", "1.0", "2 0 rc"],
            vec!["\"1.0\"", "a\"b", "\"open", "\\ \"", "c"],
            vec![],
        ] {
            assert_eq!(words(&of_words(typed.iter())), typed);
        }
        assert_eq!(words("  a\t b  "), ["a", "b"]);
        assert_eq!(words("\"open"), ["\"open"]);
        for typed in [
            vec!["/a b", "/c"],
            vec![" /a", "/b ", "/c"],
            vec!["regex: x ", "\"x\" y"],
        ] {
            assert_eq!(filled(&of_lines(typed.iter())), typed);
        }
        assert_eq!(filled("  /a \r\n\r\n/b"), ["/a", "/b"]);
    }
}
