//! Root causes: failures that are one failure to whoever has to do something about it.
//!
//! A thousand artifacts refused by one full disk fail in a thousand words: each names its artifact, its
//! digest, its size. What differs so is left out, and what remains is the cause. Pure and stable: the same
//! failure has the same cause in every run and every version.

use crate::artifact::ArtifactKey;
use crate::failure::{ErrorKind, Failure, Stage};

/// Stands where something was left out.
const LEFT_OUT: &str = "\u{2026}";
/// Stands where a number was left out.
const NUMBER: &str = "#";
/// Shorter names are left where they are: they may be part of any word.
const SHORTEST_NAME: usize = 3;
/// Shorter numbers are left where they are: versions of protocols, counts of tries.
const SHORTEST_NUMBER: usize = 3;
/// From here on hex digits are a digest or an id.
const SHORTEST_HEX: usize = 12;
/// From here on letters and digits together are an id.
const SHORTEST_ID: usize = 20;

/// Why artifacts failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// Target cluster, by name.
    pub cluster: String,
    /// The step it happened in.
    pub stage: &'static str,
    /// What kind of failure it was.
    pub class: &'static str,
    /// The status the other side answered.
    pub remote_status: Option<u16>,
    /// The words, without what differs from artifact to artifact.
    pub words: Option<String>,
}

impl Cause {
    /// Returns the cause of `failure`, met while `artifact` was carried to `cluster`.
    pub fn of(failure: &Failure, cluster: &str, artifact: &ArtifactKey) -> Self {
        Self {
            cluster: cluster.into(),
            stage: Stage::as_str(failure.stage),
            class: ErrorKind::as_str(failure.class),
            remote_status: failure.remote_status,
            words: failure
                .words
                .as_deref()
                .map(|words| in_common(&without_names(words, artifact))),
        }
    }
}

/// Returns `words` without the names of `artifact`.
fn without_names(words: &str, artifact: &ArtifactKey) -> String {
    let last = artifact.name.rsplit('/').next().unwrap_or_default();
    let bare = artifact.name.trim_start_matches('/');
    let names = [
        Some(artifact.name.as_str()),
        Some(bare),
        Some(last),
        artifact.version.as_deref(),
    ];
    names
        .into_iter()
        .flatten()
        .filter(|name| name.chars().count() >= SHORTEST_NAME)
        .fold(words.to_owned(), |words, name| words.replace(name, LEFT_OUT))
}

/// Returns `words` without numbers, digests and ids: what many failures have in common.
pub fn in_common(words: &str) -> String {
    let mut common = String::with_capacity(words.len());
    let mut token = String::new();
    for c in words.chars() {
        if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
            token.push(c);
        } else {
            common.push_str(kept(&token));
            token.clear();
            common.push(c);
        }
    }
    common.push_str(kept(&token));
    common
}

fn kept(token: &str) -> &str {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let letters = token.bytes().filter(u8::is_ascii_alphabetic).count();
    let hex = token.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if digits == token.len() && digits >= SHORTEST_NUMBER {
        NUMBER
    } else if (hex && digits > 0 && token.len() >= SHORTEST_HEX)
        || (digits > 0 && letters > 0 && token.len() >= SHORTEST_ID)
    {
        LEFT_OUT
    } else {
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &str, name: &str, version: Option<&str>) -> Option<String> {
        let failure = Failure {
            stage: Stage::Write,
            class: ErrorKind::Disk,
            remote_status: Some(507),
            words: Some(words.into()),
            attempts: 1,
            subject: "edge-1".into(),
        };
        let key = ArtifactKey {
            name: name.into(),
            version: version.map(String::from),
        };
        Cause::of(&failure, "edge-1", &key).words
    }

    #[test]
    fn what_differs_from_artifact_to_artifact_is_left_out() {
        let one = words("/img/a.png: 20480 bytes do not fit on disk-1", "/img/a.png", None);
        let other = words("/doc/b.txt: 77 bytes do not fit on disk-1", "/doc/b.txt", None);
        let digest = format!("blob sha256:{} is not known", "0a".repeat(32));
        let uuid = "upload 550e8400-e29b-41d4-a716-446655440000 is gone";

        assert_eq!(one.as_deref(), Some("\u{2026}: # bytes do not fit on disk-1"));
        assert_eq!(other.as_deref(), Some("\u{2026}: 77 bytes do not fit on disk-1"));
        assert_eq!(
            words(&digest, "/x", None).as_deref(),
            Some("blob sha256:\u{2026} is not known")
        );
        assert_eq!(
            words(uuid, "/x", None).as_deref(),
            Some("upload \u{2026} is gone")
        );
        assert_eq!(
            words("left-pad 1.3.0 is there", "npm://left-pad", Some("1.3.0")).as_deref(),
            Some("\u{2026} \u{2026} is there")
        );
    }

    #[test]
    fn names_of_machines_protocols_and_short_names_stay() {
        for said in ["edge-1 speaks HTTP/1.1", "tls: bad certificate", "a/b: no", ""] {
            assert_eq!(words(said, "/a", None).as_deref(), Some(said));
        }
    }
}
