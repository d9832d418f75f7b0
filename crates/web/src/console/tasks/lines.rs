//! Packages and patterns as they are typed: one per line, or one after the other.

use domain::task::PackageSelection;
use engine::tasks::draft::PackageDraft;

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
    let quoted = words.map(|word| {
        let word = word.as_ref();
        match word.contains(char::is_whitespace) {
            true => format!("\"{word}\""),
            false => word.to_owned(),
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Reads what [`of_words`] returns.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some(quoted) => quoted,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// Returns the lines of `text` that say something.
pub(super) fn filled(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
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
            vec![],
        ] {
            assert_eq!(words(&of_words(typed.iter())), typed);
        }
        assert_eq!(words("  a\t b  "), ["a", "b"]);
        assert_eq!(words("\"open"), ["\"open"]);
    }
}
