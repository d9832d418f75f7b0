//! One pattern a version can have.

use std::fmt;
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;
use regex::Regex;
use semver::{Prerelease, Version, VersionReq};

use super::order::numbers;

/// A pattern, as it is written: a glob (`1.2.*`, `*` any text, `?` any one character), `regex:` and a regular
/// expression that must match the whole, `semver:` and a range (`semver:>=1.2, <2`), or `pep440:` and a range as Python
/// writes it (`pep440:~=1.2, !=1.2.3`).
///
/// As always with such ranges, `semver:` takes a version with a suffix (`1.3.0-rc.1`) only if it names one with the same
/// three numbers, and `pep440:` takes what comes before a release (`1.3rc1`) only if it names such a version.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    test: Test,
}

#[derive(Clone)]
enum Test {
    Text(Regex),
    Range(VersionReq),
    Specifiers(VersionSpecifiers),
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a pattern of versions: {why}")]
pub struct InvalidPattern {
    /// The text, shortened.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |why: String| InvalidPattern {
            text: text.chars().take(100).collect(),
            why,
        };
        let whole = |pattern: &str| {
            let compiled = Regex::new(&format!("^(?:{pattern})$"));
            compiled.map_err(|_| invalid("the regular expression cannot be read".into()))
        };
        let test = match text.split_once(':') {
            Some(("regex", pattern)) => Test::Text(whole(pattern)?),
            Some(("semver", range)) => {
                let range = VersionReq::parse(range);
                Test::Range(range.map_err(|error| invalid(error.to_string()))?)
            }
            Some(("pep440", range)) => {
                let range = VersionSpecifiers::from_str(range);
                let range = range.map_err(|error| invalid(first_line(&error.to_string())))?;
                if range.is_empty() {
                    return Err(invalid("it names no range".into()));
                }
                Test::Specifiers(range)
            }
            _ if text.is_empty() => return Err(invalid("it is empty".into())),
            _ => Test::Text(whole(&glob(text))?),
        };
        Ok(Self {
            text: text.into(),
            test,
        })
    }
}

fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches(':')
        .into()
}

/// Returns the regular expression a glob stands for.
fn glob(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '*' => ".*".into(),
            '?' => ".".into(),
            c => regex::escape(&c.to_string()),
        })
        .collect()
}

impl Pattern {
    /// Says whether `version` has this pattern.
    pub fn fits(&self, version: &str) -> bool {
        match &self.test {
            Test::Text(regex) => regex.is_match(version),
            Test::Range(range) => semantic(version).is_some_and(|version| range.matches(&version)),
            Test::Specifiers(range) => specified(range, version),
        }
    }
}

/// Says whether `range` takes `version`, as Python's installers do.
fn specified(range: &VersionSpecifiers, version: &str) -> bool {
    let Ok(version) = pep440_rs::Version::from_str(version) else {
        return false;
    };
    let names_early = || range.iter().any(|part| part.version().any_prerelease());
    range.contains(&version) && (!version.any_prerelease() || names_early())
}

/// Reads a version as a semantic one: a `v` before it and missing numbers are forgiven.
fn semantic(version: &str) -> Option<Version> {
    let (found, rest) = numbers(version);
    let (major, minor, patch) = match found[..] {
        [major] => (major, 0, 0),
        [major, minor] => (major, minor, 0),
        [major, minor, patch] => (major, minor, patch),
        _ => return None,
    };
    let mut read = Version::new(major, minor, patch);
    let before_build = rest.split('+').next().unwrap_or_default();
    read.pre = match before_build.strip_prefix('-') {
        Some(suffix) => Prerelease::new(suffix).ok()?,
        None if before_build.is_empty() => Prerelease::EMPTY,
        None => return None,
    };
    Some(read)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl serde::Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitting<'a>(pattern: &str, versions: &[&'a str]) -> Vec<&'a str> {
        let pattern: Pattern = pattern.parse().expect("a pattern");
        let fitting = versions.iter().filter(|version| pattern.fits(version));
        fitting.copied().collect()
    }

    #[test]
    fn a_glob_is_literal_but_for_its_signs() {
        let versions = ["1.2", "1x2", "1.20", "1.2.3-rc", "a(b"];

        assert_eq!(fitting("1.2", &versions), ["1.2"]);
        assert_eq!(fitting("1.2*", &versions), ["1.2", "1.20", "1.2.3-rc"]);
        assert_eq!(fitting("1?2", &versions), ["1.2", "1x2"]);
        assert_eq!(fitting("a(b", &versions), ["a(b"]);
    }

    #[test]
    fn a_regular_expression_matches_the_whole() {
        assert_eq!(
            fitting("regex:v?1|2", &["1", "v1", "2", "12", "x2"]),
            ["1", "v1", "2"]
        );
    }

    #[test]
    fn a_range_takes_versions_as_registries_write_them() {
        let versions = [
            "1.1.9",
            "v1.2",
            "1.5.0",
            "1.5.0-rc.1",
            "2",
            "2.0.0+build",
            "1.2.3.4",
            "latest",
        ];

        assert_eq!(fitting("semver:>=1.2, <2", &versions), ["v1.2", "1.5.0"]);
        assert_eq!(fitting("semver:^2", &versions), ["2", "2.0.0+build"]);
        assert_eq!(
            fitting("semver:>=1.5.0-rc.0", &versions),
            ["1.5.0", "1.5.0-rc.1", "2", "2.0.0+build"]
        );
    }

    #[test]
    fn a_range_of_pythons_takes_versions_as_its_installers_do() {
        let versions = [
            "1.1.9",
            "v1.2",
            "1.2.post1",
            "1.3rc1",
            "1!1.2",
            "2.0",
            "2.0.dev1",
            "latest",
        ];

        assert_eq!(fitting("pep440:>=1.2, <2, !=1.2.post1", &versions), ["v1.2"]);
        assert_eq!(fitting("pep440:~=1.2", &versions), ["v1.2", "1.2.post1"]);
        assert_eq!(fitting("pep440:>1.2rc1, <1.4", &versions), ["v1.2", "1.3rc1"]);
        assert_eq!(fitting("pep440:==1!1.*", &versions), ["1!1.2"]);
    }

    #[test]
    fn half_a_pattern_is_refused_with_the_reason() {
        for text in [
            "",
            "regex:(",
            "semver:one",
            "pep440:",
            "pep440:1.2",
            "pep440:>=one",
        ] {
            let refused = text.parse::<Pattern>().expect_err(text);
            assert!(
                !refused.why.is_empty() && !refused.why.contains('\n'),
                "{refused}"
            );
        }
    }
}
