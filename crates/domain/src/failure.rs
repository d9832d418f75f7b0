//! Failures are structure; words are rendered when somebody reads them.
//!
//! What is stored never holds a secret: remote words are cut, freed of control characters and of the
//! query part of URLs, and known secrets are masked before they get here.

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
        Some(at) => format!("{scheme}{}", &rest[at + 1..]),
        None => word.into(),
    }
}

/// A language that texts are rendered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English, also for everything unknown.
    #[default]
    English,
    /// Simplified Chinese.
    SimplifiedChinese,
}

impl Failure {
    /// Renders `stage/class: what happened; what to do` in the reader's language.
    pub fn render(&self, language: Language) -> String {
        let said = self.said(language);
        let advice = advice(self.class, language);
        let (tries, join) = match language {
            Language::English if self.attempts > 1 => (format!(" after {} tries", self.attempts), "; "),
            Language::English => (String::new(), "; "),
            Language::SimplifiedChinese if self.attempts > 1 => {
                (format!("（已尝试{}次）", self.attempts), "；")
            }
            Language::SimplifiedChinese => (String::new(), "；"),
        };
        format!(
            "{}/{}: {said}{tries}{join}{advice}",
            self.stage.as_str(),
            self.class
        )
    }

    fn said(&self, language: Language) -> String {
        let subject = &self.subject;
        match (language, self.remote_status, &self.words) {
            (Language::English, Some(status), Some(words)) => {
                format!("{subject} answered {status} \"{words}\"")
            }
            (Language::English, Some(status), None) => format!("{subject} answered {status}"),
            (Language::SimplifiedChinese, Some(status), Some(words)) => {
                format!("{subject} 返回 {status} \"{words}\"")
            }
            (Language::SimplifiedChinese, Some(status), None) => format!("{subject} 返回 {status}"),
            (_, None, Some(words)) => format!("{subject}: {words}"),
            (Language::English, None, None) => format!("{subject} failed"),
            (Language::SimplifiedChinese, None, None) => format!("{subject} 失败"),
        }
    }
}

fn advice(class: ErrorKind, language: Language) -> &'static str {
    match (language, class) {
        (Language::English, ErrorKind::Unreachable) => {
            "check the network and that the cluster runs, then retry"
        }
        (Language::English, ErrorKind::Tls) => "check the certificate, or give the cluster's CA certificate",
        (Language::English, ErrorKind::Unauthorised) => "check the cluster's user, password and role",
        (Language::English, ErrorKind::NotFound) => "check that it exists and the name is right",
        (Language::English, ErrorKind::Conflict) => "choose SKIP or OVERWRITE, or remove the other content",
        (Language::English, ErrorKind::Limit) => "lower the task's rate or retry later",
        (Language::English, ErrorKind::Corrupt) => "check proxies and disks on the way, then retry",
        (Language::English, ErrorKind::Changed) => "it changed while it was read; run again",
        (Language::English, ErrorKind::Disk) => "free space or mend the disk, then retry",
        (Language::English, ErrorKind::Protocol) => "check that the address is the right service, then retry",
        (Language::English, ErrorKind::Stopped) => "retry the record to carry what is left",
        (Language::SimplifiedChinese, ErrorKind::Unreachable) => "请检查网络及集群是否运行，然后重试",
        (Language::SimplifiedChinese, ErrorKind::Tls) => "请检查证书，或配置集群的CA证书",
        (Language::SimplifiedChinese, ErrorKind::Unauthorised) => "请检查集群的用户、密码和角色",
        (Language::SimplifiedChinese, ErrorKind::NotFound) => "请确认其存在且名称正确",
        (Language::SimplifiedChinese, ErrorKind::Conflict) => "请选择SKIP或OVERWRITE，或移除已有内容",
        (Language::SimplifiedChinese, ErrorKind::Limit) => "请降低任务速率或稍后重试",
        (Language::SimplifiedChinese, ErrorKind::Corrupt) => "请检查途中的代理和磁盘，然后重试",
        (Language::SimplifiedChinese, ErrorKind::Changed) => "读取期间内容发生变化，请重新执行",
        (Language::SimplifiedChinese, ErrorKind::Disk) => "请释放空间或修复磁盘，然后重试",
        (Language::SimplifiedChinese, ErrorKind::Protocol) => "请确认地址指向正确的服务，然后重试",
        (Language::SimplifiedChinese, ErrorKind::Stopped) => "请重试该记录以传输剩余内容",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure {
            stage: Stage::Write,
            class: ErrorKind::Limit,
            remote_status: Some(429),
            words: Some("slow down".into()),
            attempts: 5,
            subject: "edge-1".into(),
        }
    }

    #[test]
    fn a_failure_says_step_class_words_tries_and_what_to_do() {
        assert_eq!(
            failure().render(Language::English),
            "write/limit: edge-1 answered 429 \"slow down\" after 5 tries; lower the task's rate or retry later"
        );
        assert_eq!(
            failure().render(Language::SimplifiedChinese),
            "write/limit: edge-1 返回 429 \"slow down\"（已尝试5次）；请降低任务速率或稍后重试"
        );
    }

    #[test]
    fn stored_words_hold_no_query_no_login_and_no_control_characters() {
        let words = clean_words("GET https://bob:pw@host/x?token=s3cret \u{1b}[31m\nfailed ");

        assert_eq!(words, "GET https://host/x [31m failed");
    }
}
