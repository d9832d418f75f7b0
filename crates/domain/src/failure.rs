//! Failures are structure; words are rendered when somebody reads them.
//!
//! What is stored never holds a secret: remote words are cut, freed of control characters and of the
//! query part of URLs; the connectors mask what they logged in with before words get here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The step a failure happened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Listing the source.
    List,
    /// Asking what an artifact consists of, or what stands at the target.
    Describe,
    /// Reading bytes from the source.
    Read,
    /// Sending bytes to the target.
    Write,
    /// Comparing what arrived with what was sent.
    Verify,
    /// Publishing the artifact at the target.
    Commit,
}

impl Stage {
    /// Returns its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Describe => "describe",
            Self::Read => "read",
            Self::Write => "write",
            Self::Verify => "verify",
            Self::Commit => "commit",
        }
    }
}

/// What kind of failure it was; decides whether trying again can help and what to advise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// Nobody answered, the connection broke, or the answer did not come in time.
    Unreachable,
    /// The certificate is not trusted or does not fit.
    Tls,
    /// The login was refused or allows less than needed.
    Unauthorised,
    /// What was asked for is not there.
    NotFound,
    /// Other content stands there and the strategy forbids to replace it.
    Conflict,
    /// The other side asks to slow down, or a quota is used up.
    Limit,
    /// Bytes arrived that are not the ones announced.
    Corrupt,
    /// The source changed while it was read.
    Changed,
    /// A disk is full or refuses.
    Disk,
    /// The other side answered something its protocol does not allow.
    Protocol,
    /// Somebody stopped the run.
    Stopped,
}

impl ErrorKind {
    /// Says whether the same operation may succeed when tried again: the one place that decides.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Unreachable | Self::Limit | Self::Corrupt | Self::Protocol => true,
            Self::Tls
            | Self::Unauthorised
            | Self::NotFound
            | Self::Conflict
            | Self::Changed
            | Self::Disk
            | Self::Stopped => false,
        }
    }

    /// Returns its one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Unauthorised => "unauthorised",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::Limit => "limit",
            Self::Corrupt => "corrupt",
            Self::Changed => "changed",
            Self::Disk => "disk",
            Self::Protocol => "protocol",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest remote words that are kept, in characters.
pub const REMOTE_WORDS: usize = 300;

/// Why one artifact, or one target's part of a run, failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step it happened in.
    pub stage: Stage,
    /// What kind of failure it was.
    pub class: ErrorKind,
    /// The status the other side answered, where its protocol has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_status: Option<u16>,
    /// The words it answered, or the local error's words; at most [`REMOTE_WORDS`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// How often the operation was tried; at least 1.
    pub attempts: u32,
    /// Who failed: the cluster's name, or what the words are about.
    pub subject: String,
}

/// Returns `words` fit to be stored: no control characters, no URL queries or user parts, cut to [`REMOTE_WORDS`].
pub fn clean_words(words: &str) -> String {
    let single: String = words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let cleaned: Vec<String> = single.split_whitespace().map(without_url_secrets).collect();
    cleaned.join(" ").chars().take(REMOTE_WORDS).collect()
}

fn without_url_secrets(word: &str) -> String {
    let Some(scheme) = word.find("://") else {
        return word.into();
    };
    let word = match word.find('?') {
        Some(query) if query > scheme => &word[..query],
        _ => word,
    };
    let (scheme, rest) = word.split_at(scheme + 3);
    let authority_end = rest.find('/').unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        // A package with a scope, `npm://@scope/name`: nobody stands in front of it.
        Some(0) | None => word.into(),
        Some(at) => format!("{scheme}{}", &rest[at + 1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_words_hold_no_query_no_login_and_no_control_characters() {
        let words = clean_words("GET https://bob:pw@host/x?token=s3cret \u{1b}[31m\nfailed ");

        assert_eq!(words, "GET https://host/x [31m failed");
        assert_eq!(
            clean_words("npm://@scope/name https://a:b@c@d/e"),
            "npm://@scope/name https://d/e"
        );
    }
}
