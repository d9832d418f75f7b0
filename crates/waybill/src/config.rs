//! `waybill.toml`: what a node is told before it starts.
//!
//! Later wins: built-in default, file, `WAYBILL_*` environment, command line. A key the file has and we
//! do not is refused with its line, so that a misspelt limit is never silently no limit.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use connectors::http::{Budget, HostRule, InvalidHost, InvalidRange, IpRange};
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::cli::task::values::byte_count;
use crate::exit::{CliResult, refused};

/// The time zone of the contract's clients.
pub const DEFAULT_TIME_ZONE: &str = "Asia/Shanghai";

/// The file as it is written; every member may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Name of this node's own cluster.
    pub name: Option<String>,
    /// Address to listen on.
    pub listen: Option<SocketAddr>,
    /// Folder of the database and the blobs.
    pub data: Option<PathBuf>,
    /// IANA name of the zone that governs contract dates and cron.
    pub time_zone: Option<String>,
    /// File with the key that encrypts secrets; default `<data>/secret.key`.
    pub secret_key_file: Option<PathBuf>,
    /// Certificate and key; both or neither.
    pub tls: TlsFiles,
    /// What is logged and how.
    pub log: LogConfig,
    /// What one client can make this node hold, and how long others may be silent.
    pub limits: LimitsConfig,
    /// How runs are carried out.
    pub runs: RunsConfig,
    /// Where this node connects to.
    pub outgoing: OutgoingConfig,
}

/// `[tls]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsFiles {
    /// PEM file with the certificate chain.
    pub cert: Option<PathBuf>,
    /// PEM file with its private key.
    pub key: Option<PathBuf>,
}

/// `[log]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// One JSON object a line, or text.
    pub format: LogFormat,
    /// Least level, or filters such as `info,engine=debug`; default `info`.
    pub level: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For collectors.
    Json,
}

/// `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections at the same time; more wait unaccepted.
    pub connections: usize,
    /// Bytes of one request's head.
    pub header_bytes: usize,
    /// Seconds a client may take to send one request's head, or keep a connection without a request.
    pub header_timeout_s: u64,
    /// Seconds after which a connection over which nothing moves is cut.
    pub idle_timeout_s: u64,
    /// Seconds another node may be silent before it counts as unreachable.
    pub silence_s: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: 1024,
            header_bytes: 256 * 1024,
            header_timeout_s: 30,
            idle_timeout_s: 300,
            silence_s: 10,
        }
    }
}

/// `[outgoing]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutgoingConfig {
    /// Ranges of addresses never connected to, besides link-local ones, which always are refused.
    pub denied: Vec<Range>,
    /// Hosts that users who are no administrators may name as targets of distributions.
    pub user_hosts: Vec<Host>,
    /// Requests that one foreign registry gets at the same time, from all runs together [default: 128].
    pub requests_at_once: Option<NonZeroU32>,
    /// Requests that one foreign registry gets in a second, from all runs together [default: no limit].
    pub requests_per_second: Option<NonZeroU32>,
    /// Bytes that pass to and from one foreign registry in a second, for all runs together: `50MiB` [default: no limit].
    pub bytes_per_second: Option<Bytes>,
}

impl OutgoingConfig {
    /// Returns how many requests and bytes one foreign registry gets.
    pub fn budget(&self) -> Budget {
        let at_once = self
            .requests_at_once
            .and_then(|most| usize::try_from(most.get()).ok());
        Budget {
            at_once: at_once.unwrap_or(Budget::default().at_once),
            per_second: self.requests_per_second.map(NonZeroU32::get),
            bytes_per_second: self.bytes_per_second.map(|Bytes(bytes)| bytes.get()),
        }
    }
}

/// A number of bytes such as `500KiB` or `10MiB`; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bytes(pub NonZeroU64);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = NonZeroU64::new(byte_count(&text)?);
        bytes
            .map(Self)
            .ok_or_else(|| "leave it out for no limit".to_owned())
    }
}

/// A host such as `edge-1.example`, `edge-1:8080` or `*.corp.example`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Host(pub HostRule);

impl TryFrom<String> for Host {
    type Error = InvalidHost;

    fn try_from(text: String) -> Result<Self, InvalidHost> {
        text.parse().map(Self)
    }
}

/// A range of addresses such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Range(pub IpRange);

impl TryFrom<String> for Range {
    type Error = InvalidRange;

    fn try_from(text: String) -> Result<Self, InvalidRange> {
        text.parse().map(Self)
    }
}

/// `[runs]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunsConfig {
    /// Runs at the same time.
    pub parallel: usize,
    /// Exchanges with one target at the same time, summed over all runs.
    pub exchanges: usize,
    /// Seconds a target may answer nothing before its part of a run ends.
    pub patience_s: u32,
    /// Seconds a lease lasts without a heartbeat.
    pub lease_s: u32,
}

impl Default for RunsConfig {
    fn default() -> Self {
        Self {
            parallel: 8,
            exchanges: 4,
            patience_s: 30,
            lease_s: 15,
        }
    }
}

impl ConfigFile {
    /// Reads `path`.
    ///
    /// Fails with the line and the reason for what it does not understand.
    pub fn read(path: &Path) -> CliResult<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| refused(format!("cannot read configuration {}: {error}", path.display())))?;
        Self::parse(&text).map_err(|reason| refused(format!("{}: {reason}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| describe(text, &error))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if self.tls.cert.is_some() != self.tls.key.is_some() {
            return Err("`tls` needs both `cert` and `key`".into());
        }
        let limits = &self.limits;
        // A node at work gives a sign of life every two seconds.
        if limits.silence_s < 3 {
            return Err("`limits.silence_s` must be at least 3".into());
        }
        if limits.connections == 0 || limits.header_timeout_s == 0 || limits.idle_timeout_s == 0 {
            return Err("numbers in `limits` must be at least 1".into());
        }
        if limits.header_bytes < 8192 {
            return Err("`limits.header_bytes` must be at least 8192".into());
        }
        let runs = &self.runs;
        if runs.parallel == 0 || runs.exchanges == 0 || runs.patience_s == 0 || runs.lease_s < 3 {
            return Err("numbers in `runs` must be at least 1, `lease_s` at least 3".into());
        }
        match &self.time_zone {
            Some(name) => time_zone(name).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// Finds the time zone called `name`.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        format!("`{name}` is not a time zone: an IANA name such as Asia/Shanghai or Europe/Berlin is wanted")
    })
}

fn describe(text: &str, error: &toml::de::Error) -> String {
    let reason = error.message();
    match error.span() {
        Some(span) => {
            let line = text.as_bytes()[..span.start.min(text.len())]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
                + 1;
            format!("line {line}: {reason}")
        }
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_and_its_line_named() {
        let reason = ConfigFile::parse("name = \"hq\"\n\n[limits]\nconections = 5\n").expect_err("misspelt");

        assert!(
            reason.starts_with("line 4: unknown field `conections`"),
            "{reason}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_and_its_line_named() {
        let reason = ConfigFile::parse("name = \"hq\"\nlisten = \"everywhere\"\n").expect_err("no address");

        assert!(reason.starts_with("line 2: "), "{reason}");
    }

    #[test]
    fn a_budget_of_bytes_is_written_as_people_write_it_and_is_never_nothing() {
        let parsed = ConfigFile::parse("[outgoing]\nbytes_per_second = \"20MiB\"\n").expect("a budget");
        assert_eq!(parsed.outgoing.budget().bytes_per_second, Some(20 << 20));
        for text in ["0", "fast", "-1"] {
            let reason = ConfigFile::parse(&format!("[outgoing]\nbytes_per_second = \"{text}\"\n"));
            let reason = reason.expect_err(text);
            assert!(reason.starts_with("line 2: "), "{reason}");
        }
    }

    #[test]
    fn a_range_that_is_none_is_refused_and_its_line_named() {
        let reason = ConfigFile::parse("[outgoing]\ndenied = [\"10.0.0.0/33\"]\n").expect_err("no range");

        assert!(
            reason.starts_with("line 2: ") && reason.contains("10.0.0.0/33"),
            "{reason}"
        );
    }

    #[test]
    fn a_host_that_is_none_is_refused_and_its_line_named() {
        let reason = ConfigFile::parse("[outgoing]\nuser_hosts = [\"http://x\"]\n").expect_err("no host");

        assert!(
            reason.starts_with("line 2: ") && reason.contains("http://x"),
            "{reason}"
        );
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(ConfigFile::parse("").expect("valid"), ConfigFile::default());
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let reason = ConfigFile::parse("[tls]\ncert = \"a.pem\"\n").expect_err("half");

        assert!(reason.contains("both"), "{reason}");
    }

    #[test]
    fn a_time_zone_nobody_knows_is_refused() {
        assert!(ConfigFile::parse("time_zone = \"Mars/Olympus\"").is_err());
    }
}
