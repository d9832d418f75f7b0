//! Values of arguments: conflicts, errors, moments, numbers of bytes, packages.

use clap::ValueEnum;
use serde_json::{Value, json};

/// What to do where other content stands at the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Conflict {
    /// Leave it alone.
    Skip,
    /// Replace it.
    Overwrite,
    /// Leave it alone and fail that artifact.
    Fail,
}

impl Conflict {
    /// Returns the contract's name of it.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Skip => "SKIP",
            Self::Overwrite => "OVERWRITE",
            Self::Fail => "FAST_FAIL",
        }
    }
}

/// What to do after an artifact failed.
#[derive(Clone, Copy, ValueEnum)]
pub enum OnError {
    /// Go on with the rest.
    Continue,
    /// Stop planning for that target.
    Stop,
}

impl OnError {
    /// Returns the contract's name of it.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Stop => "FAST_FAIL",
        }
    }
}

/// A package, and which of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageArg {
    key: String,
    /// Its versions by name; none: as many as are chosen.
    pub versions: Vec<String>,
}

impl PackageArg {
    /// Reads `KEY` or `KEY=VERSION,VERSION`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (key, versions) = match text.split_once('=') {
            None => (text, Vec::new()),
            Some((key, versions)) => (key, versions.split(',').map(str::to_owned).collect()),
        };
        if !key.contains("://") {
            return Err("a key is wanted, such as npm://left-pad or docker://team/app".into());
        }
        if versions.iter().any(String::is_empty) {
            return Err("a version is empty".into());
        }
        let key = key.to_owned();
        Ok(Self { key, versions })
    }

    /// Returns it as a task names it; the only version may be called `target_versions` at the target.
    pub fn wire(&self, target_versions: &[String]) -> Value {
        json!({
            "packageKey": self.key,
            "versions": self.versions,
            "targetVersions": target_versions,
        })
    }
}

/// Reads a moment: with an offset an instant, without one a time on the server's clocks.
pub fn moment(text: &str) -> Result<String, String> {
    let instant = text.parse::<jiff::Timestamp>().map(|instant| instant.to_string());
    let local = text
        .parse::<jiff::civil::DateTime>()
        .map(|local| local.to_string());
    instant
        .or(local)
        .map_err(|_| "a time such as 2027-03-01T02:30 or 2027-03-01T02:30+01:00 is wanted".to_owned())
}

/// Reads a number of bytes: `1048576`, `500KiB`, `10MiB`, `2GB`.
pub fn byte_count(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        unit => return Err(format!("`{unit}` is not a unit: KiB, MiB, GiB, KB, MB, GB")),
    };
    let number: u64 = digits
        .trim()
        .parse()
        .map_err(|_| format!("`{digits}` is not a whole number"))?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "that is too much".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_counts_take_both_kinds_of_units() {
        assert_eq!(
            (byte_count("10MiB"), byte_count("2kb"), byte_count("7")),
            (Ok(10 << 20), Ok(2000), Ok(7))
        );
    }

    #[test]
    fn a_moment_with_an_offset_is_an_instant_and_one_without_is_not() {
        assert_eq!(
            moment("2027-03-01T02:30+01:00"),
            Ok("2027-03-01T01:30:00Z".into())
        );
        assert_eq!(moment("2027-03-01T02:30"), Ok("2027-03-01T02:30:00".into()));
        assert!(moment("tomorrow").is_err());
    }

    #[test]
    fn a_byte_count_that_is_none_is_refused_and_never_wraps() {
        assert!(byte_count("").is_err() && byte_count("-1").is_err() && byte_count("5 furlongs").is_err());
        assert!(byte_count("18446744073709551615GiB").is_err());
    }

    #[test]
    fn a_package_is_a_key_and_perhaps_versions_whatever_else_stands_in_them() {
        let of = |text| PackageArg::parse(text).map(|package| package.wire(&[]));

        assert_eq!(
            of("npm://@scope/name=1.0.0,2.0.0-rc.1+b"),
            Ok(
                json!({ "packageKey": "npm://@scope/name", "versions": ["1.0.0", "2.0.0-rc.1+b"], "targetVersions": [] })
            )
        );
        assert_eq!(
            of("gav://org.example:app").map(|package| package["versions"].clone()),
            Ok(json!([]))
        );
        assert!(of("left-pad").is_err() && of("npm://a=").is_err() && of("npm://a=1,,2").is_err());
    }
}
